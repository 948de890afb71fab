//! Writing the groups to the store, as a scrape of a Pushgateway would.

use std::collections::HashSet;
use std::time::Duration;

use intake::Collected;
use model::{Labels, Tenant};
use wire::pushgateway::Family;
use wire::remote_write::Point;

use crate::receive::count_rejected;
use crate::state::{Shared, State};

/// The least time between two rounds.
const LEAST: Duration = Duration::from_secs(1);
/// Series that are handed to the store together.
const BATCH: usize = 4096;

/// Writes a round at every interval, and soon after something changed, until the server stops.
pub(crate) async fn run(state: Shared) {
    let mut before: HashSet<Labels> = HashSet::new();
    loop {
        tokio::select! {
            () = state.stopping.cancelled() => return,
            () = state.pushed.changed.notified() => {}
            () = tokio::time::sleep(state.limits.push_interval) => {}
        }
        if !state.pushed.is_empty() || !before.is_empty() {
            let worker = state.clone();
            let last = std::mem::take(&mut before);
            match tokio::task::spawn_blocking(move || round(&worker, last)).await {
                Ok(seen) => before = seen,
                Err(error) => tracing::error!(%error, "pushed metrics were not written"),
            }
        }
        tokio::select! {
            () = state.stopping.cancelled() => return,
            () = tokio::time::sleep(LEAST) => {}
        }
    }
}

/// Writes every series, and a stale marker for those that were there `before`. Returns those that are there.
fn round(state: &State, before: HashSet<Labels>) -> HashSet<Labels> {
    let merged = match state.pushed.merged() {
        Ok(merged) => merged,
        Err(error) => {
            tracing::error!(%error, "pushed metrics contradict each other");
            return before;
        }
    };
    let t = state.now_ms();
    let families: Vec<model::metrics::Family> = merged.values().map(Family::metadata).collect();
    let mut series: Vec<Collected> = merged.values().flat_map(|family| family.to_series(t)).collect();
    let seen: HashSet<Labels> = series.iter().map(|s| s.labels.clone()).collect();
    let gone = before.into_iter().filter(|labels| !seen.contains(labels));
    series.extend(gone.map(|labels| Collected {
        labels,
        points: vec![Point { t, v: model::stale_nan() }],
        ..Collected::default()
    }));
    let mut families = families.as_slice();
    for batch in series.chunks(BATCH) {
        match state.receiver.write_collected(&Tenant::default(), batch, std::mem::take(&mut families)) {
            Ok(outcome) => {
                state.metrics.received("pushgateway", outcome.accepted + outcome.histograms);
                count_rejected(&state.metrics.received_rejected, "not_accepted", outcome.rejected);
            }
            Err(error) => tracing::error!(%error, detail = error.detail, "pushed metrics were not written"),
        }
    }
    seen
}
