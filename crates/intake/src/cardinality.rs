//! Budgets of series, and what is done with more than they allow.
//!
//! Over a budget, or when memory is short, the label of a metric that brings most new values folds: from then on, series
//! that are not there yet become members of one series whose label has the value [`FOLDED_VALUE`]. What is there keeps
//! its series. Counters add up exactly under `sum(rate())` ([`group`]); what does not add up is refused, counted and
//! named. docs/decisions/cardinality.md says why it is done so, docs/cardinality.md what a user sees.
//!
//! ```text
//! resolve: labels --judge--> known | new | member of a group (a reference with the FOLDED bit) | refused
//! append:  samples --fold--> members' steps are added up, the group's own series gets one sample a moment
//! ```

mod config;
mod counts;
mod fold;
mod group;
mod judge;
mod keep;
mod kinds;
mod last_hour;
mod members;
mod metrics;
mod release;
mod report;
mod rule;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::metrics::{Family, SeriesCensus};
use model::{Clock, Labels, SeriesRef};
use parking_lot::{Mutex, RwLock};
use xxhash_rust::xxh3::xxh3_64_with_seed;

pub use config::Config;
pub use counts::Target;
pub(crate) use fold::{Point, group_of};
pub(crate) use judge::Verdict;
pub use keep::Keep;
pub use metrics::Metrics;
pub use report::{Budgets, Fold, MetricCount, Report, SourceCount, TargetCount};
pub use rule::{FOLDED_VALUE, Why};

use counts::Counts;
use group::Group;
use kinds::Kinds;
use members::Members;
use rule::Rule;

/// How long a member that was not heard of is remembered at least, ms; at most twice as long.
const TURN_MS: i64 = 3_600_000;

/// How long memory is short after the store had no room for a series, ms.
const NO_ROOM_MS: i64 = 60_000;

/// What is above a share of the memory limit begins to fold; it goes on until this many percent points below it.
const RELIEF_PERCENT: f64 = 10.0;

/// The parts that `app` hands in.
pub struct Surroundings {
    /// The store's view of its series.
    pub census: Arc<dyn SeriesCensus>,
    /// Where decisions outlive the process.
    pub keep: Option<Arc<dyn Keep>>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Percent of the memory limit that are in use.
    pub memory_percent: Box<dyn Fn() -> f64 + Send + Sync>,
}

/// See the module.
pub struct Cardinality {
    around: Surroundings,
    config: RwLock<Arc<Config>>,
    state: Mutex<State>,
    /// Whether any series folds: otherwise appending costs one look at this.
    folding: AtomicBool,
    /// Whether a budget is at stake: otherwise resolving costs one look at this.
    watching: AtomicBool,
    metrics: Metrics,
    /// Label sets that were judged.
    asked: AtomicU64,
    seed: u64,
}

impl std::fmt::Debug for Cardinality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cardinality").field("folding", &self.folding).finish_non_exhaustive()
    }
}

/// What is known and decided.
#[derive(Debug, Default)]
struct State {
    counts: Counts,
    kinds: Kinds,
    /// By metric name.
    rules: HashMap<String, Vec<Rule>>,
    /// By number.
    groups: Vec<Group>,
    by_labels: HashMap<Labels, u32>,
    members: Members,
    /// Series that were refused since the last turn, as hashes.
    refused: HashSet<u64>,
    /// Closed groups whose series are not marked as ended yet.
    closing: Vec<u32>,
    /// Whether memory is short.
    pressed: bool,
    /// When the store had no room for a series last, ms.
    no_room_ms: Option<i64>,
    turned_ms: i64,
    /// Who is to blame where a budget of several metrics is exceeded, and when that was found.
    blamed: HashMap<Option<Target>, (i64, Option<String>)>,
}

impl Cardinality {
    /// Budgets before a store. Decisions of before are taken up again.
    pub fn new(around: Surroundings, config: Config) -> Self {
        use std::hash::{BuildHasher, Hasher, RandomState};
        let this = Self {
            config: RwLock::new(Arc::new(config)),
            state: Mutex::default(),
            folding: AtomicBool::new(false),
            watching: AtomicBool::new(true),
            metrics: Metrics::default(),
            asked: AtomicU64::new(0),
            seed: RandomState::new().build_hasher().finish(),
            around,
        };
        this.restore();
        this.refresh();
        this
    }

    /// Its metrics, to register.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Takes another configuration.
    pub fn configure(&self, config: Config) {
        *self.config.write() = Arc::new(config);
        self.show(&self.state.lock());
    }

    /// Learns types of metrics.
    pub fn learn(&self, families: &[Family]) {
        self.state.lock().kinds.learn(families);
    }

    /// Whether any series folds.
    #[inline]
    pub fn is_folding(&self) -> bool {
        self.folding.load(Ordering::Acquire)
    }

    /// Looks at store and memory; call it every few seconds.
    pub fn refresh(&self) {
        let (now, config) = (self.around.clock.now_ms(), self.config.read().clone());
        let percent = (self.around.memory_percent)();
        let limit = config.memory_percent as f64;
        let mut state = self.state.lock();
        state.counts.refresh(&*self.around.census, config.has_targets(), now);
        let enough = if state.pressed { limit - RELIEF_PERCENT } else { limit };
        let no_room = state.no_room_ms.is_some_and(|at| now.saturating_sub(at) < NO_ROOM_MS);
        let pressed = config.memory_percent > 0 && (percent >= enough || no_room);
        if pressed != state.pressed {
            tracing_pressure(pressed, percent, limit);
            state.pressed = pressed;
        }
        state.turn(now);
        let calm = state.calm_rules(&config, now);
        self.show(&state);
        drop(state);
        for (metric, target) in calm {
            self.release(&metric, target.as_ref());
        }
    }

    /// Whether memory is short: what is refused now may be taken later.
    pub fn is_short_of_memory(&self) -> bool {
        self.state.lock().pressed
    }

    fn hash(&self, labels: &Labels) -> u64 {
        xxh3_64_with_seed(labels.canonical().as_bytes(), self.seed)
    }

    fn show(&self, state: &State) {
        let rules: usize = state.rules.values().map(Vec::len).sum();
        self.folding.store(!state.groups.is_empty(), Ordering::Release);
        let watching = rules > 0 || state.pressed || self.config.read().has_budgets();
        self.watching.store(watching, Ordering::Release);
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.metrics.rules.set(gauge(rules));
        self.metrics.groups.set(gauge(state.by_labels.len()));
        self.metrics.members.set(gauge(state.members.len()));
        self.metrics.pressed.set(i64::from(state.pressed));
    }

    /// The series that a member's exemplars belong to.
    pub(crate) fn series_of(&self, member: SeriesRef) -> Option<SeriesRef> {
        let (group, _) = fold::split(member);
        self.state.lock().groups.get(group as usize).and_then(|group| group.series)
    }
}

fn tracing_pressure(pressed: bool, percent: f64, limit: f64) {
    if pressed {
        tracing::warn!(percent, limit, "memory is short: labels of metrics that grow fast are folded");
    } else {
        tracing::info!(percent, limit, "memory is no longer short");
    }
}

impl State {
    /// Forgets members that were silent for long.
    fn turn(&mut self, now_ms: i64) {
        if now_ms.saturating_sub(self.turned_ms) < TURN_MS {
            return;
        }
        self.turned_ms = now_ms;
        self.refused.clear();
        let groups = &mut self.groups;
        self.members.turn(|key, last| {
            if last.live
                && let Some(group) = groups.get_mut(members::group_of(key) as usize)
            {
                group.live = group.live.saturating_sub(1);
            }
        });
    }

    fn rule_of(&mut self, labels: &Labels) -> Option<&mut Rule> {
        self.rules.get_mut(labels.metric_name())?.iter_mut().find(|rule| rule.covers(labels))
    }
}
