//! The local store and the remotes as one reader.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use model::metrics::Family;
use model::{
    Ctx, Error, Listing, Matcher, MetricReader, Result, SelectHints, Selected, Selection, TimeRange, Version,
};
use outbound::{ClientOptions, Clients};
use parking_lot::RwLock;
use tokio::runtime::Handle;

use super::answer::Answer;
use super::join::Remotes;
use super::metrics::{Metrics, RemoteLabels};
use super::remote::Remote;
use crate::config::RemoteReadConfig;

/// How often a query that waits for a remote looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// From which time on the local store has everything, ms; `None`: it has nothing.
pub type LocalStart = Arc<dyn Fn() -> Option<i64> + Send + Sync>;

/// Reads the local store, and beside it the servers of `remote_read`.
pub struct Combined {
    local: Arc<dyn MetricReader>,
    local_start: LocalStart,
    remotes: RwLock<Arc<Vec<Arc<Remote>>>>,
    clients: Clients,
    metrics: Metrics,
    runtime: Handle,
}

impl Combined {
    /// A reader that asks nobody before [`Self::apply`]. Call it within a Tokio runtime.
    pub fn new(local: Arc<dyn MetricReader>, local_start: LocalStart) -> Self {
        Self {
            local,
            local_start,
            remotes: RwLock::default(),
            clients: Clients::default(),
            metrics: Metrics::default(),
            runtime: Handle::current(),
        }
    }

    /// Metrics of all remotes.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether these servers can be asked.
    pub fn check(&self, configs: &[RemoteReadConfig]) -> Result<()> {
        self.prepare(configs, &BTreeMap::new()).map(|_| ())
    }

    /// From here on these servers are asked. An error leaves everything as it was.
    pub fn apply(
        &self,
        configs: &[RemoteReadConfig],
        external_labels: &BTreeMap<String, String>,
    ) -> Result<()> {
        *self.remotes.write() = Arc::new(self.prepare(configs, external_labels)?);
        Ok(())
    }

    fn prepare(
        &self,
        configs: &[RemoteReadConfig],
        external_labels: &BTreeMap<String, String>,
    ) -> Result<Vec<Arc<Remote>>> {
        crate::config::check_names("remote read", configs.iter().map(|c| c.name.as_str()))
            .map_err(Error::invalid)?;
        let mut remotes = Vec::new();
        for config in configs {
            let invalid = |why: String| Error::invalid(format_args!("remote_read {}: {why}", config.url));
            let url = config.url.parse().map_err(invalid)?;
            // Bodies are compressed as the protocol says, not as HTTP does.
            let options = ClientOptions { raw_bodies: true, ..ClientOptions::default() };
            let client = self.clients.get(&config.http, &options).map_err(invalid)?;
            let labels = RemoteLabels { remote_name: name_of(config), url: crate::shown_url(&config.url) };
            remotes.push(Arc::new(Remote {
                config: config.clone(),
                client,
                url,
                external: external_labels.clone(),
                metrics: self.metrics.clone(),
                labels,
            }));
        }
        Ok(remotes)
    }

    /// The remotes that a selection concerns, with the times they are asked for.
    fn concerned(&self, matchers: &[Matcher], range: TimeRange) -> Vec<(Arc<Remote>, TimeRange)> {
        let remotes = Arc::clone(&self.remotes.read());
        if remotes.is_empty() {
            return Vec::new();
        }
        let start = (self.local_start)();
        let concerned = |r: &Arc<Remote>| Some((Arc::clone(r), r.range(matchers, range, start)?));
        remotes.iter().filter_map(concerned).collect()
    }

    /// What remotes answer to listings, as in Prometheus: that they cannot.
    fn warn(&self, matchers: &[Matcher], range: TimeRange, listing: &mut Listing) {
        for _ in self.concerned(matchers, range) {
            let warning = "not implemented".to_owned();
            if !listing.warnings.contains(&warning) {
                listing.warnings.push(warning);
            }
        }
    }
}

/// Answers of the remotes in their order, as they come.
type Answers = Receiver<(usize, Result<Answer>)>;

fn wait(ctx: &Ctx, answers: &Answers, count: usize) -> Result<Vec<Option<Result<Answer>>>> {
    let mut all: Vec<Option<Result<Answer>>> = (0..count).map(|_| None).collect();
    let mut missing = count;
    while missing > 0 {
        match answers.recv_timeout(LOOK) {
            Ok((at, answer)) => {
                if let Some(place) = all.get_mut(at) {
                    *place = Some(answer);
                }
                missing -= 1;
            }
            Err(RecvTimeoutError::Timeout) => ctx.check()?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    Ok(all)
}

impl MetricReader for Combined {
    fn select(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        hints: &SelectHints,
    ) -> Result<Selection> {
        let concerned = self.concerned(matchers, range);
        if concerned.is_empty() {
            return self.local.select(ctx, matchers, range, hints);
        }
        let (give, answers) = channel();
        let count = concerned.len();
        let mut tasks = Vec::new();
        let mut urls = Vec::new();
        for (at, (remote, range)) in concerned.into_iter().enumerate() {
            urls.push(remote.labels.url.clone());
            let question = remote.question(matchers, range, hints);
            let (give, ctx) = (give.clone(), ctx.clone());
            tasks.push(AbortOnDrop(self.runtime.spawn(async move {
                let answer = remote.ask(&ctx, question).await;
                // Nobody waits any more where the query was given up.
                let _ = give.send((at, answer));
            })));
        }
        drop(give);
        // Neither a grid nor summaries could be merged with samples.
        let hints = &SelectHints { function: None, summary: None, ..hints.clone() };
        let local = self.local.select(ctx, matchers, range, hints)?;
        let mut warnings = local.warnings;
        let mut remotes = Remotes::default();
        for (answer, url) in wait(ctx, &answers, count)?.into_iter().zip(urls) {
            match answer {
                Some(Ok(answer)) => remotes.add(answer.series, answer.held),
                Some(Err(error)) => warnings.push(format!("remote_read: {error}")),
                None => warnings.push(format!("remote_read: no answer from {url}")),
            }
        }
        let data = match local.data {
            Selected::Series(partitions) if !remotes.is_empty() => Selected::Series(remotes.join(partitions)),
            data => data,
        };
        Ok(Selection { data, warnings, ..local })
    }

    fn label_names(
        &self,
        ctx: &Ctx,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        let mut listing = self.local.label_names(ctx, matchers, range, limit)?;
        self.warn(matchers, range, &mut listing);
        Ok(listing)
    }

    fn label_values(
        &self,
        ctx: &Ctx,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
        limit: usize,
    ) -> Result<Listing> {
        let mut listing = self.local.label_values(ctx, name, matchers, range, limit)?;
        self.warn(matchers, range, &mut listing);
        Ok(listing)
    }

    fn is_little(&self, matchers: &[Matcher], range: TimeRange) -> bool {
        self.remotes.read().is_empty() && self.local.is_little(matchers, range)
    }

    /// Of what remotes have nothing is known.
    fn version(&self, range: TimeRange) -> Option<Version> {
        if self.remotes.read().is_empty() { self.local.version(range) } else { None }
    }

    fn families(&self, ctx: &Ctx, name: Option<&str>) -> Result<Vec<Family>> {
        self.local.families(ctx, name)
    }
}

/// A request that nobody waits for is broken off.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn name_of(config: &RemoteReadConfig) -> String {
    if config.name.is_empty() { crate::short_hash(&format!("{config:?}")) } else { config.name.clone() }
}
