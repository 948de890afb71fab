//! Telling those who follow logs that there are new lines.

use std::sync::Arc;

use model::records::Written;
use model::{EventKind, Position, RecordWriter, Records, Result, Tenant};
use tokio::sync::watch;

/// A [`RecordWriter`] around the one that all lines pass, which says when it has written some. What was written has been
/// masked and can be read: whoever hears of it reads it from the store, so nothing waits here for a slow reader.
pub struct Announced {
    inner: Arc<dyn RecordWriter>,
    written: watch::Sender<u64>,
}

impl Announced {
    /// Announces what `inner` writes.
    pub fn new(inner: Arc<dyn RecordWriter>) -> Self {
        Self { inner, written: watch::Sender::new(0) }
    }

    /// Changes whenever lines were written.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }
}

impl RecordWriter for Announced {
    fn write(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        let written = self.inner.write(tenant, kind, records, positions)?;
        if written.accepted > 0 && kind == EventKind::Log && self.written.receiver_count() > 0 {
            self.written.send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(written)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.inner.position(source)
    }
}

#[cfg(test)]
mod tests {
    use model::Labels;

    use super::*;

    #[test]
    fn lines_that_were_written_are_news() {
        let announced = Announced::new(Arc::new(testkit::MemoryRecords::new()));
        let mut news = announced.news();
        news.mark_unchanged();
        let mut records = Records::new();
        announced.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
        assert!(!news.has_changed().unwrap(), "nothing was written");
        let stream = records.stream(&Labels::from_pairs([("app", "a")]));
        records.push(stream, 1, "line");
        announced.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
        assert!(news.has_changed().unwrap());
    }
}
