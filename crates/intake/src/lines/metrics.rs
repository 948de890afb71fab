//! What became of lines, in numbers.

use std::collections::HashSet;

use model::Labels;
use model::records::Refusal;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// How many streams have counters of their own; the others share one.
const STREAMS: usize = 100;
/// Bytes of a stream's name in a counter.
const NAME: usize = 160;

/// Labels of the counter of refused records.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Refused {
    reason: &'static str,
    stream: String,
}

/// The label of the counter of masked secrets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Masked {
    kind: String,
}

/// Figures of the log pipeline.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    /// Records stored.
    pub accepted: Counter,
    /// Bytes of messages that were passed on, as they came.
    pub bytes: Counter,
    /// Records that were not stored.
    pub refused: Family<Refused, Counter>,
    /// The same by reason alone: streams that share a counter do not blur it.
    pub refused_by_reason: crate::metrics::ByReason,
    /// Secrets that were replaced.
    pub masked: Family<Masked, Counter>,
    streams: std::sync::Arc<Mutex<HashSet<String>>>,
}

impl Metrics {
    /// Makes the counters visible under `bonghwa_logs_*`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("bonghwa_logs");
        registry.register("accepted_records", "Log records stored", self.accepted.clone());
        registry.register(
            "passed_bytes",
            "Bytes of messages of log records that were passed to the store, before masking",
            self.bytes.clone(),
        );
        registry.register(
            "refused_records",
            "Log records that were not stored, by reason",
            self.refused_by_reason.clone(),
        );
        registry.register(
            "refused_stream_records",
            "Log records that were not stored, by reason and stream; streams over a hundred share one name",
            self.refused.clone(),
        );
        registry.register(
            "masked_secrets",
            "Secrets that were replaced before anything was stored, by kind",
            self.masked.clone(),
        );
    }

    pub(super) fn refuse(&self, labels: &Labels, why: Refusal, records: u64) {
        let reason = why.as_str();
        self.refused_by_reason.get_or_create(&crate::metrics::Reason { reason }).inc_by(records);
        let stream = self.name(labels);
        self.refused.get_or_create(&Refused { reason, stream }).inc_by(records);
    }

    pub(super) fn mask(&self, kind: &str) {
        self.masked.get_or_create(&Masked { kind: kind.to_owned() }).inc();
    }

    /// A stream's name in a counter. There are only so many names.
    fn name(&self, labels: &Labels) -> String {
        let named = ["container", "service_name", "service", "job", "app", "host"];
        let label = named.iter().find_map(|name| labels.get(name));
        let mut name = match label {
            Some(value) => value.to_owned(),
            None => labels.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(","),
        };
        let cut = (0..=NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
        name.truncate(cut.unwrap_or(0));
        let mut streams = self.streams.lock();
        if streams.contains(&name) {
            return name;
        }
        if streams.len() >= STREAMS {
            return "(others)".to_owned();
        }
        streams.insert(name.clone());
        name
    }
}
