//! From batches of records to the writer.

use std::sync::Arc;
use std::time::Duration;

use model::records::{Records, Written};
use model::{Clock, Error, ErrorKind, EventKind, RecordWriter, Result, Tenant};
use tokio_util::sync::CancellationToken;
use wire::logs::{Limits, Report, Rows};

use super::metrics::{InputLabels, Metrics, add};

/// Between two tries.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What all receivers of logs hold.
pub(crate) struct Door {
    writer: Option<Arc<dyn RecordWriter>>,
    clock: Arc<dyn Clock>,
    limits: parking_lot::RwLock<Limits>,
    pub(crate) metrics: Metrics,
}

/// Records on their way, with what was not kept of them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Records,
    pub(crate) report: Report,
}

impl Batch {
    /// Empties it; it keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.report = Report::default();
    }
}

impl Door {
    pub(crate) fn new(
        writer: Option<Arc<dyn RecordWriter>>,
        clock: Arc<dyn Clock>,
        limits: Limits,
        metrics: Metrics,
    ) -> Self {
        Self { writer, clock, limits: limits.into(), metrics }
    }

    /// Whether there is a store for logs.
    pub(crate) fn is_open(&self) -> bool {
        self.writer.is_some()
    }

    pub(crate) fn now_ns(&self) -> i64 {
        self.clock.now_ms().saturating_mul(1_000_000)
    }

    /// Takes other bounds for the records that come.
    pub(crate) fn bound(&self, limits: Limits) {
        *self.limits.write() = limits;
    }

    /// Adds to a batch.
    pub(crate) fn fill<T>(&self, batch: &mut Batch, work: impl FnOnce(&mut Rows<'_>) -> T) -> T {
        let mut rows = Rows::new(&mut batch.records, *self.limits.read(), self.now_ns());
        let done = work(&mut rows);
        let report = rows.report;
        batch.report.cut_lines += report.cut_lines;
        batch.report.cut_fields += report.cut_fields;
        batch.report.no_room += report.no_room;
        done
    }

    /// Writes a batch; call it where a thread may wait. When it returns, what was taken is durable.
    pub(crate) fn write(&self, input: &'static str, batch: &Batch) -> Result<Written> {
        let none = || Error::unavailable("logs are not kept here");
        let writer = self.writer.as_ref().ok_or_else(none)?;
        let Batch { records, report } = batch;
        let written = if records.is_empty() {
            Written::default()
        } else {
            writer.write(&Tenant::default(), EventKind::Log, records, &[])?
        };
        let metrics = &self.metrics;
        metrics.records.get_or_create(&InputLabels { input }).inc_by(written.accepted as u64);
        metrics.bytes.get_or_create(&InputLabels { input }).inc_by(records.text_bytes() as u64);
        add(&metrics.cut, input, "line", report.cut_lines);
        add(&metrics.cut, input, "field", report.cut_fields);
        add(&metrics.refused, input, "no_room", report.no_room);
        for (_, why) in &written.refused {
            add(&metrics.refused, input, why.as_str(), 1);
        }
        Ok(written)
    }

    /// Writes a batch, again and again while the store cannot take it. `false`: the server stops, and it was not
    /// written.
    pub(crate) async fn deliver(
        self: &Arc<Self>,
        input: &'static str,
        batch: Batch,
        stop: &CancellationToken,
    ) -> bool {
        let batch = Arc::new(batch);
        let count = batch.records.len() as u64;
        let mut pause = FIRST_PAUSE;
        loop {
            let (door, records) = (self.clone(), batch.clone());
            let written = tokio::task::spawn_blocking(move || door.write(input, &records)).await;
            let error = match written {
                Ok(Ok(_)) => return true,
                Ok(Err(error)) => error,
                Err(panic) => Error::internal("a write of logs ended unexpectedly").with_detail(panic),
            };
            if matches!(error.kind, ErrorKind::Invalid | ErrorKind::TooLarge) {
                // The same would be said of it again.
                add(&self.metrics.refused, input, "invalid", count);
                tracing::warn!(input, %error, detail = error.detail, "received records were refused");
                return true;
            }
            self.metrics.retries.get_or_create(&InputLabels { input }).inc();
            if pause == FIRST_PAUSE {
                tracing::warn!(input, %error, detail = error.detail, "received records wait for the store");
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
                () = stop.cancelled() => {
                    self.metrics.dropped(input, "stopping", count);
                    return false;
                }
            }
        }
    }
}
