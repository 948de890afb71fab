//! What becomes of a label set that asks for a series.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use model::labels::METRIC_NAME;
use model::{Labels, Matcher, SeriesRef};

use super::counts::Target;
use super::kinds::Additive;
use super::members::MOST_GROUPS;
use super::rule::{Refused, Rule, Why};
use super::{Cardinality, Config, State, fold};

/// Label sets of one call that are looked at to find the label that brings most values.
const MOST_LOOKED_AT: usize = 20_000;
/// Refused series that are remembered, by hash.
const MOST_REFUSED: usize = 1 << 18;
/// Decisions at one time.
const MOST_RULES: usize = 10_000;
/// How long it holds who is to blame, ms.
const BLAMED_MS: i64 = 5_000;
/// How long it holds that nobody is, ms.
const NOBODY_MS: i64 = 1_000;
/// What is left above a budget for metrics that are not to blame: a tenth of it.
const OTHERS_SHARE: u64 = 10;
/// Which alerts there are, and since when: they carry a target's labels and are not what it brings. Without them, an
/// alert about the target with too many series would begin anew after a restart.
const OF_RULES: [&str; 2] = ["ALERTS", "ALERTS_FOR_STATE"];
/// Label sets that ask between two looks at memory, which cost some microseconds.
const LOOK_EVERY: u64 = 4_096;
/// When memory is short, a metric with fewer series made within the hour is not to blame.
const MEMORY_GROWTH: u64 = 1_000;

/// What becomes of a label set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes to the store.
    Store,
    /// It is a member of a folded series.
    Member(SeriesRef),
    /// It gets no series.
    Refused,
}

impl Cardinality {
    /// Decides about label sets. `None`: all go to the store.
    pub(crate) fn judge(&self, labels: &[Labels]) -> Option<Vec<Verdict>> {
        self.look_at_memory(labels.len() as u64);
        if !self.watching.load(Ordering::Acquire) {
            return None;
        }
        let known = self.around.census.known(labels);
        let new: Vec<usize> = (0..labels.len()).filter(|at| known.get(*at) == Some(&false)).collect();
        if new.is_empty() {
            return None;
        }
        let (now, config) = (self.around.clock.now_ms(), self.config.read().clone());
        let mut state = self.state.lock();
        let mut verdicts: Option<Vec<Verdict>> = None;
        let mut judging =
            Judging { cardinality: self, config: &config, labels, new: &new, now, blamed: HashMap::new() };
        for at in &new {
            let verdict = judging.one(&mut state, &labels[*at]);
            if verdict == Verdict::Store {
                state.counts.created(&labels[*at], config.has_targets(), now);
            } else {
                verdicts.get_or_insert_with(|| vec![Verdict::Store; labels.len()])[*at] = verdict;
            }
        }
        if verdicts.is_some() {
            self.show(&state);
        }
        verdicts
    }
}

impl Cardinality {
    /// Decides about label sets that the store has no room for, which says more than any share of the memory limit.
    pub(crate) fn judge_without_room(&self, labels: &[Labels]) -> Option<Vec<Verdict>> {
        let limit = self.config.read().memory_percent;
        if limit == 0 {
            return None;
        }
        let percent = (self.around.memory_percent)();
        let mut state = self.state.lock();
        state.no_room_ms = Some(self.around.clock.now_ms());
        self.press(&mut state, percent, limit);
        drop(state);
        self.judge(labels)
    }

    /// Series may come faster than anybody looks: whenever so many have asked, memory is looked at.
    fn look_at_memory(&self, asking: u64) {
        let before = self.asked.fetch_add(asking, Ordering::Relaxed);
        if before / LOOK_EVERY == before.wrapping_add(asking) / LOOK_EVERY {
            return;
        }
        let limit = self.config.read().memory_percent;
        let percent = (self.around.memory_percent)();
        if limit > 0 && percent >= limit as f64 {
            self.press(&mut self.state.lock(), percent, limit);
        }
    }

    fn press(&self, state: &mut State, percent: f64, limit: u64) {
        if !std::mem::replace(&mut state.pressed, true) {
            super::tracing_pressure(true, percent, limit as f64);
            self.show(state);
        }
    }
}

/// One call.
struct Judging<'a> {
    cardinality: &'a Cardinality,
    config: &'a Config,
    labels: &'a [Labels],
    /// Places of those that the store does not know.
    new: &'a [usize],
    now: i64,
    /// Who is to blame, once it was asked in this call.
    blamed: HashMap<Option<Target>, Option<String>>,
}

impl Judging<'_> {
    fn one(&mut self, state: &mut State, labels: &Labels) -> Verdict {
        if state.rule_of(labels).is_some() {
            return self.join(state, labels);
        }
        let Some((why, budget)) = self.over(state, labels) else { return Verdict::Store };
        let target = Target::of(labels);
        let name = labels.metric_name();
        let scope = (why == Why::Target).then(|| target.clone());
        if why == Why::Metric {
            self.begin(state, name, scope, why, budget);
            return self.join(state, labels);
        }
        let blamed = self.blame(state, scope.as_ref(), why);
        match blamed {
            Some(blamed) if blamed == name => {
                self.begin(state, name, scope, why, budget);
                self.join(state, labels)
            }
            Some(blamed) => {
                let known = state.rules.get(&blamed);
                let covered = known.is_some_and(|rules| {
                    rules.iter().any(|rule| rule.target.is_none() || rule.target == scope)
                });
                if !covered {
                    self.begin(state, &blamed, scope.clone(), why, budget);
                }
                if why == Why::Memory || !self.far_over(state, &target, why, budget) {
                    return Verdict::Store;
                }
                self.begin(state, name, scope, why, budget);
                self.join(state, labels)
            }
            None => Verdict::Store,
        }
    }

    /// The budget that one more series would exceed.
    fn over(&self, state: &State, labels: &Labels) -> Option<(Why, u64)> {
        let exceeded = |count: u64, budget: u64| budget > 0 && count >= budget;
        let (name, config) = (labels.metric_name(), self.config);
        let budget = config.of_metric(name);
        if exceeded(state.counts.of_metric(name), budget) {
            return Some((Why::Metric, budget));
        }
        if config.has_targets() && !OF_RULES.contains(&name) {
            let target = Target::of(labels);
            let budget = config.of_target(&target.job);
            if exceeded(state.counts.targets.get(&target).copied().unwrap_or(0), budget) {
                return Some((Why::Target, budget));
            }
        }
        if exceeded(state.counts.total, config.series) {
            return Some((Why::Total, config.series));
        }
        state.pressed.then_some((Why::Memory, config.memory_percent))
    }

    fn far_over(&self, state: &State, target: &Target, why: Why, budget: u64) -> bool {
        let count = match why {
            Why::Target => state.counts.targets.get(target).copied().unwrap_or(0),
            _ => state.counts.total,
        };
        count >= budget.saturating_add(budget / OTHERS_SHARE)
    }

    /// The metric that grew most where a budget of several is exceeded.
    fn blame(&mut self, state: &mut State, scope: Option<&Target>, why: Why) -> Option<String> {
        let key = scope.cloned();
        if let Some(blamed) = self.blamed.get(&key) {
            return blamed.clone();
        }
        let known = state.blamed.get(&key).filter(|(found, blamed)| {
            let holds = if blamed.is_some() { BLAMED_MS } else { NOBODY_MS };
            // Many newcomers at once are looked at whatever was found before.
            let few = blamed.is_some() || (self.new.len() as u64) < MEMORY_GROWTH;
            few && self.now.saturating_sub(*found) < holds
        });
        let blamed = match known {
            Some((_, blamed)) => blamed.clone(),
            None => {
                let blamed = self.worst_metric(state, scope, why);
                if state.blamed.len() >= 1_000 {
                    state.blamed.clear();
                }
                state.blamed.insert(key.clone(), (self.now, blamed.clone()));
                blamed
            }
        };
        self.blamed.insert(key, blamed.clone());
        blamed
    }

    fn worst_metric(&self, state: &State, scope: Option<&Target>, why: Why) -> Option<String> {
        let mut scores: HashMap<&str, u64> = HashMap::new();
        for at in self.new {
            let labels = &self.labels[*at];
            if scope.is_none_or(|target| target.owns(labels)) {
                *scores.entry(labels.metric_name()).or_default() += 1;
            }
        }
        let stored: Vec<(String, u64)> = match scope {
            Some(target) => {
                self.cardinality.around.census.metrics_of(&matchers(None, Some(target))).unwrap_or_default()
            }
            None => {
                let metrics = state.counts.metrics.iter();
                metrics.map(|(name, metric)| (name.clone(), metric.created.sum(self.now))).collect()
            }
        };
        for (name, series) in &stored {
            *scores.entry(name).or_default() += series;
        }
        let worst = scores.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0)))?;
        (why != Why::Memory || worst.1 >= MEMORY_GROWTH).then(|| worst.0.to_owned())
    }

    /// Decides that series of a metric fold.
    fn begin(&self, state: &mut State, metric: &str, target: Option<Target>, why: Why, budget: u64) {
        if state.rules.values().map(Vec::len).sum::<usize>() >= MOST_RULES {
            return; // what is too much is refused
        }
        let mut rule = Rule::new(metric, target, why, budget, self.now);
        rule.labels.extend(self.worst(&rule));
        let (label, source) = (rule.labels.first().cloned().unwrap_or_default(), source(&rule));
        tracing::warn!(
            metric,
            label,
            source,
            budget = why.as_str(),
            limit = budget,
            "too many series: a label folds"
        );
        self.cardinality.metrics.folds.inc();
        self.cardinality.keep(&rule);
        state.rules.entry(metric.to_owned()).or_default().push(rule);
    }

    /// The label, of those that may fold and do not yet, whose values grow most: most distinct values among the
    /// newcomers, then among what is stored.
    fn worst(&self, rule: &Rule) -> Option<String> {
        let mut new: HashMap<&str, HashSet<&str>> = HashMap::new();
        let covered = self.new.iter().map(|at| &self.labels[*at]);
        let covered = covered.filter(|l| l.metric_name() == rule.metric && rule.covers(l));
        for labels in covered.take(MOST_LOOKED_AT) {
            for (name, value) in labels {
                new.entry(name).or_default().insert(value);
            }
        }
        let matchers = matchers(Some(&rule.metric), rule.target.as_ref());
        let stored = self.cardinality.around.census.shape(&matchers).unwrap_or_default();
        let mut scores: HashMap<&str, (usize, u64)> = HashMap::new();
        for (name, values) in &new {
            scores.entry(name).or_default().0 = values.len();
        }
        for (name, values) in &stored {
            scores.entry(name).or_default().1 = *values;
        }
        let may = |name: &str| !self.config.keeps(name) && !rule.labels.iter().any(|folded| folded == name);
        let candidates = scores.into_iter().filter(|(name, _)| may(name));
        let worst = candidates.max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(a.0)))?;
        Some(worst.0.to_owned())
    }

    /// Makes a series a member of the folded series that its rule says, or refuses it.
    fn join(&mut self, state: &mut State, labels: &Labels) -> Verdict {
        match self.member(state, labels) {
            Ok(member) => Verdict::Member(member),
            Err(why) => {
                self.cardinality.metrics.refuse(why);
                // Who is refused asks again and again; it is one series.
                let new = state.is_new_refusal(self.cardinality.hash(labels));
                let now = self.now;
                if let Some(rule) = state.rule_of(labels) {
                    rule.refuse(why);
                    if new {
                        rule.growth.add(now, 1);
                        rule.note_source(labels);
                    }
                }
                Verdict::Refused
            }
        }
    }

    fn member(&self, state: &mut State, labels: &Labels) -> Result<SeriesRef, Refused> {
        match state.kinds.additive(labels) {
            Additive::Yes => {}
            Additive::No => return Err(Refused::NotAdditive),
            Additive::Unknown => return Err(Refused::UnknownType),
        }
        let hash = self.cardinality.hash(labels);
        let number = self.group(state, labels)?;
        let key = super::members::key(number, hash);
        if state.members.get(key).is_none() {
            if state.members.len() >= self.config.folded_members {
                return Err(Refused::Members);
            }
            let now = self.now;
            if let Some(rule) = state.rule_of(labels) {
                rule.joined += 1;
                rule.growth.add(now, 1);
                rule.note_source(labels);
            }
        }
        Ok(fold::reference(number, hash))
    }

    /// The group of a series, made where it is new.
    fn group(&self, state: &mut State, labels: &Labels) -> Result<u32, Refused> {
        let most = self.config.folded_series;
        loop {
            let rule = state.rule_of(labels).ok_or(Refused::Groups)?;
            let folded = rule.fold(labels);
            let (groups, restored) = (rule.groups, rule.restored);
            if let Some(number) = folded.as_ref().and_then(|folded| state.by_labels.get(folded)) {
                return Ok(*number);
            }
            if let Some(folded) = folded
                && (groups < most || !self.widen(state, labels))
            {
                // Only labels that tell series of one target or bucket apart are left: there may be some more.
                let many = groups >= most.saturating_mul(8) || state.groups.len() >= MOST_GROUPS;
                if many {
                    return Err(Refused::Groups);
                }
                return Ok(state.open(folded, labels, !restored));
            } else if rule_has_none(state, labels) && !self.widen(state, labels) {
                return Err(Refused::NoLabel);
            }
        }
    }

    /// Lets the next worst label that this series has fold, too; whether there was one.
    fn widen(&self, state: &mut State, labels: &Labels) -> bool {
        let Some(rule) = state.rule_of(labels) else { return false };
        let may = |name: &str| !self.config.keeps(name) && !rule.labels.iter().any(|folded| folded == name);
        // Looking for the worst one looks at every series of the metric.
        let Some(first) = labels.iter().map(|(name, _)| name).find(|name| may(name)) else { return false };
        let worst = self.worst(rule).filter(|label| labels.get(label).is_some());
        let next = worst.unwrap_or_else(|| first.to_owned());
        tracing::warn!(metric = rule.metric, label = next, "one more label folds");
        rule.labels.push(next);
        self.cardinality.keep(rule);
        true
    }
}

/// Whether no label of the series folds yet.
fn rule_has_none(state: &mut State, labels: &Labels) -> bool {
    state.rule_of(labels).is_none_or(|rule| rule.fold(labels).is_none())
}

impl State {
    fn is_new_refusal(&mut self, hash: u64) -> bool {
        if self.refused.len() >= MOST_REFUSED {
            self.refused.clear();
        }
        self.refused.insert(hash)
    }

    fn open(&mut self, folded: Labels, labels: &Labels, begins: bool) -> u32 {
        let group = super::Group::new(folded.clone(), begins);
        self.groups.push(group);
        // There are at most MOST_GROUPS.
        let number = (self.groups.len() - 1) as u32;
        self.by_labels.insert(folded, number);
        if let Some(rule) = self.rule_of(labels) {
            rule.groups += 1;
        }
        number
    }
}

/// Whose series a rule folds, for the log.
fn source(rule: &Rule) -> String {
    let target = |target: &Target| format!("job={:?} instance={:?}", target.job, target.instance);
    rule.target.as_ref().map_or_else(|| "all".to_owned(), target)
}

/// Matchers of a metric's or a target's series.
pub(super) fn matchers(metric: Option<&str>, target: Option<&Target>) -> Vec<Matcher> {
    let name = metric.map(|metric| Matcher::equal(METRIC_NAME, metric));
    let whose = target.into_iter().flat_map(|target| {
        [Matcher::equal("job", &target.job), Matcher::equal("instance", &target.instance)]
    });
    name.into_iter().chain(whose).collect()
}
