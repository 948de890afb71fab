//! What is counted of logs on their way in.

use model::{Error, ErrorKind};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// By protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct InputLabels {
    pub(crate) input: &'static str,
}

/// By protocol and reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct WhyLabels {
    pub(crate) input: &'static str,
    pub(crate) reason: &'static str,
}

/// By port.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct PortLabels {
    pub(crate) port: u16,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    pub(crate) records: Family<InputLabels, Counter>,
    pub(crate) bytes: Family<InputLabels, Counter>,
    pub(crate) refused: Family<WhyLabels, Counter>,
    pub(crate) malformed: Family<WhyLabels, Counter>,
    pub(crate) cut: Family<WhyLabels, Counter>,
    pub(crate) dropped: Family<WhyLabels, Counter>,
    pub(crate) retries: Family<InputLabels, Counter>,
    pub(crate) connections: Family<InputLabels, Gauge>,
    pub(crate) kernel_drops: Family<PortLabels, Gauge>,
}

impl Metrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let mut add = |name: &str, help: &str, of: &Family<InputLabels, Counter>| {
            registry.register(name, help, of.clone());
        };
        add("bonghwa_logs_received_records", "Records received and taken by the store", &self.records);
        add("bonghwa_logs_received_bytes", "Bytes of their messages and fields", &self.bytes);
        add(
            "bonghwa_logs_write_retries",
            "Writes of received records that had to be repeated",
            &self.retries,
        );
        let mut add = |name: &str, help: &str, of: &Family<WhyLabels, Counter>| {
            registry.register(name, help, of.clone());
        };
        add("bonghwa_logs_received_refused", "Records received and refused, by reason", &self.refused);
        add("bonghwa_logs_received_malformed", "Frames and records that cannot be read", &self.malformed);
        add("bonghwa_logs_received_cut", "Messages and fields that were cut", &self.cut);
        add(
            "bonghwa_logs_received_dropped",
            "Datagrams and records that were lost, by reason",
            &self.dropped,
        );
        registry.register(
            "bonghwa_logs_receive_connections",
            "Open connections of log protocols",
            self.connections.clone(),
        );
        registry.register(
            "bonghwa_logs_udp_kernel_drops",
            "Datagrams that the kernel dropped since the port was opened",
            self.kernel_drops.clone(),
        );
    }

    pub(crate) fn malformed(&self, input: &'static str, reason: &'static str, count: u64) {
        add(&self.malformed, input, reason, count);
    }

    /// Counts a request that is not what it should be, or larger than is allowed.
    pub(crate) fn refused_request(&self, input: &'static str, error: &Error) {
        match error.kind {
            ErrorKind::Invalid => self.malformed(input, "request", 1),
            ErrorKind::TooLarge => self.malformed(input, "too_large", 1),
            _ => {}
        }
    }

    pub(crate) fn dropped(&self, input: &'static str, reason: &'static str, count: u64) {
        add(&self.dropped, input, reason, count);
    }
}

pub(crate) fn add(
    family: &Family<WhyLabels, Counter>,
    input: &'static str,
    reason: &'static str,
    count: u64,
) {
    if count > 0 {
        family.get_or_create(&WhyLabels { input, reason }).inc_by(count);
    }
}
