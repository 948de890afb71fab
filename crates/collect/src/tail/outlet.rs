//! From events to records of one stream: gaps are told of, and our own log is held to a rate.

use model::records::{FieldRef, Origin};
use model::{Labels, Records};

use super::assemble::Event;
use super::gap::Gap;
use super::metrics::Metrics;
use super::own::{Limit, container_id};

/// Where the events of a log go.
#[derive(Debug, Clone)]
pub struct Outlet {
    /// The stream.
    pub labels: Labels,
    streams: bool,
    metrics: Metrics,
    gap: Option<Gap>,
    limit: Option<Limit>,
    left_out: u64,
}

impl Outlet {
    /// For a stream; with `streams`, each event says which of two outputs it is of.
    pub fn new(labels: Labels, streams: bool, metrics: Metrics) -> Self {
        let own = container_id().is_some_and(|id| labels.get("container_id") == Some(id));
        let limit = own.then(Limit::default);
        Self { labels, streams, metrics, gap: None, limit, left_out: 0 }
    }

    /// Something is missing before the next event.
    pub fn note(&mut self, gap: Gap) {
        self.metrics.gaps.inc();
        self.gap = Some(gap);
    }

    /// Adds an event.
    pub fn put(&mut self, out: &mut Records, now_ms: i64, event: Event<'_>) {
        if let Some(limit) = &mut self.limit
            && !limit.take(now_ms, event.text.len())
        {
            self.metrics.own_dropped.inc();
            self.left_out += 1;
            return;
        }
        if self.left_out > 0 {
            let what =
                format!("{} lines, more than our own log may have", std::mem::take(&mut self.left_out));
            Gap { what, kind: "rate", bytes: None }.put(out, &self.labels, event.time_ns);
        }
        if let Some(gap) = self.gap.take() {
            gap.put(out, &self.labels, event.time_ns);
        }
        let stream = out.stream(&self.labels);
        out.push(stream, event.time_ns, event.text);
        if self.streams {
            let name = if event.stderr { "stderr" } else { "stdout" };
            out.field("stream", Origin::Sent, FieldRef::Text(name));
        }
        self.metrics.events.inc();
    }
}
