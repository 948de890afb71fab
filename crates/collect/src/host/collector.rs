//! One round: every source in turn, each with its outcome, into one set of samples.

use std::time::Instant;

use model::Result;
use model::container::Obstacle;

use super::config::Config;
use super::paths::HostPaths;
use super::read::SourceError;
use super::samples::{Metric, Samples};
use super::source::{Source, all};

static SUCCESS: Metric = Metric::gauge(
    "node_scrape_collector_success",
    &["collector"],
    "Whether a collector gave what it should in the last round.",
);
static DURATION: Metric = Metric::gauge(
    "node_scrape_collector_duration_seconds",
    &["collector"],
    "Seconds that a collector took in the last round.",
);

/// The `job` label of host series, as the field's dashboards expect it.
pub(crate) const JOB: &str = "node-exporter";

/// Reads the host.
pub(crate) struct Collector {
    sources: Vec<Watched>,
    samples: Samples,
}

struct Watched {
    source: Box<dyn Source>,
    failure: Option<Obstacle>,
}

impl Collector {
    /// All sources that are not disabled; their series carry `instance`.
    pub(crate) fn new(config: &Config, paths: &HostPaths, instance: &str) -> Result<Self> {
        let sources =
            all(config, paths)?.into_iter().map(|source| Watched { source, failure: None }).collect();
        let common = vec![("instance", instance.to_owned()), ("job", JOB.to_owned())];
        Ok(Self { sources, samples: Samples::new(common) })
    }

    /// Reads every source. A failing one costs its own samples only.
    pub(crate) fn collect(&mut self, now_ms: i64) -> &Samples {
        let Self { sources, samples } = self;
        samples.clear();
        for watched in sources {
            let name = watched.source.name();
            let begin = Instant::now();
            let outcome = watched.source.collect(now_ms, samples);
            samples.push(&DURATION, &[name], begin.elapsed().as_secs_f64());
            samples.push(&SUCCESS, &[name], f64::from(u8::from(outcome.is_ok())));
            watched.note(name, outcome.err());
        }
        samples
    }

    /// What the last round could not read.
    pub(crate) fn failures(&self) -> Vec<Obstacle> {
        self.sources.iter().filter_map(|w| w.failure.clone()).collect()
    }
}

impl Watched {
    /// Logs when a source begins or ceases to fail, not in between.
    fn note(&mut self, name: &str, error: Option<SourceError>) {
        match (&self.failure, &error) {
            (None, Some(SourceError::NoData { reason, .. })) => {
                tracing::debug!(collector = name, %reason, "host collector has no data");
            }
            (None, Some(error)) => tracing::warn!(collector = name, %error, "host collector fails"),
            (Some(_), None) => tracing::info!(collector = name, "host collector works again"),
            _ => {}
        }
        self.failure = error.map(|error| obstacle(name, &error));
    }
}

fn obstacle(name: &str, error: &SourceError) -> Obstacle {
    let costs = format!("The charts that need the host's `{name}` figures stay empty.");
    match error {
        SourceError::NoData { reason, remedy } => Obstacle {
            code: format!("host_{name}_absent"),
            missing: format!("The kernel does not offer `{name}`: {reason}."),
            costs,
            remedy: (*remedy).to_owned(),
        },
        error => Obstacle {
            code: format!("host_{name}_failed"),
            missing: format!("The host's `{name}` figures cannot be read: {error}."),
            costs,
            remedy: "See that the file is mounted and readable by this user.".into(),
        },
    }
}
