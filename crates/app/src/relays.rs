//! Remote write and remote read: what the configuration says about them, and what runs of it.

use std::sync::Arc;
use std::time::Duration;

use model::passing::{QueueState, Queues};
use model::{Budget, Clock, MetricReader, Result};
use prometheus_client::registry::Registry;
use relay::config::RemoteReadConfig;
use relay::read::Combined;
use relay::write::{Doors, Plan, Senders};

use crate::config::Written;

/// For so long after its oldest sample the local store is not taken for complete.
const LOCAL_MARGIN_MS: i64 = 4 * 3_600_000;

/// What passes samples on, and what asks others for theirs.
pub(crate) struct Relays {
    senders: Arc<Senders>,
    reader: Arc<Combined>,
}

/// What was read and checked.
pub(crate) struct Planned {
    write: Plan,
    read: Vec<RemoteReadConfig>,
}

impl Relays {
    /// Starts with what is written. Call it within a Tokio runtime.
    pub(crate) fn start(
        store: &Arc<tsdb::Store>,
        clock: Arc<dyn Clock>,
        budget: &Budget,
        flush_deadline: Duration,
        written: &Written,
        registry: &mut Registry,
    ) -> Result<Arc<Self>> {
        let oldest = Arc::clone(store);
        let local_start = move || oldest.oldest().map(|t| t.saturating_add(LOCAL_MARGIN_MS));
        let reader = Arc::new(Combined::new(store.clone(), Arc::new(local_start)));
        // Samples on their way may take a quarter; what does not fit stays in the log.
        let budget = budget.child("remote write", budget.limit() / 4);
        let doors = Doors { feed: store.clone(), reader: store.clone(), clock, budget, flush_deadline };
        let relays = Arc::new(Self { senders: Senders::new(doors), reader });
        relays.senders.metrics().register(registry);
        relays.reader.metrics().register(registry);
        let stored = store.metrics();
        for (name, help, counter) in [
            ("samples_in", "Samples stored, to be compared with those sent", stored.floats_appended()),
            (
                "histograms_in",
                "Histograms stored, to be compared with those sent",
                stored.histograms_appended(),
            ),
            (
                "exemplars_in",
                "Exemplars stored, to be compared with those sent",
                stored.exemplars_appended.clone(),
            ),
        ] {
            registry.register(format!("prometheus_remote_storage_{name}"), help, counter);
        }
        relays.apply(&relays.plan(written)?)?;
        Ok(relays)
    }

    /// Reads what is written and checks it; nothing changes.
    pub(crate) fn plan(&self, written: &Written) -> Result<Planned> {
        let write = Plan {
            receivers: written.remote_write.clone(),
            external_labels: written.global.external_labels.clone(),
            log_cap: written.relay.log_cap.0,
        };
        self.senders.check(&write)?;
        self.reader.check(&written.remote_read)?;
        Ok(Planned { write, read: written.remote_read.clone() })
    }

    /// From here on this is done.
    pub(crate) fn apply(&self, planned: &Planned) -> Result<()> {
        self.senders.apply(&planned.write)?;
        self.reader.apply(&planned.read, &planned.write.external_labels)
    }

    /// The local store, and beside it the remotes.
    pub(crate) fn reader(&self) -> Arc<dyn MetricReader> {
        self.reader.clone()
    }

    /// Delivers what is stored, within `deadline`.
    pub(crate) async fn stop(&self, deadline: Duration) {
        self.senders.stop(deadline).await;
    }
}

impl Queues for Relays {
    fn queues(&self) -> Vec<QueueState> {
        self.senders.queues()
    }
}
