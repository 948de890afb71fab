//! The loop of sources that are asked at an interval.

use std::time::{Duration, Instant};

use super::{Found, Report};

/// A source that is asked as a whole.
pub(super) trait Refresh: Sync {
    /// What errors begin with, e.g. `docker at unix:///var/run/docker.sock`.
    fn name(&self) -> String;

    /// The wait after an answer, and the longest that a round may take.
    fn pace(&self) -> (Duration, Duration);

    /// Asks once.
    fn refresh(&self) -> impl Future<Output = Result<Vec<Found>, String>> + Send;
}

/// Asks `source` for ever. A round that fails leaves the targets as they are.
pub(super) async fn watch(source: impl Refresh, report: Report) {
    let (interval, limit) = source.pace();
    loop {
        let started = Instant::now();
        let answer = tokio::time::timeout(limit, source.refresh()).await;
        report.took(started.elapsed());
        match answer {
            Ok(Ok(found)) => report.found(found),
            Ok(Err(error)) => report.failed(format!("{}: {error}", source.name())),
            Err(_) => report.failed(format!("{} does not answer", source.name())),
        }
        tokio::time::sleep(interval).await;
    }
}
