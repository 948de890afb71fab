//! What the door lets through.

/// Limits on series and events. They are far above what honest sources send: sources have their own, tighter ones.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Labels a series may have, its name included.
    pub label_limit: usize,
    /// Bytes a label name may have.
    pub label_name_length_limit: usize,
    /// Bytes a label value may have.
    pub label_value_length_limit: usize,
    /// Buckets a native histogram may have.
    pub histogram_bucket_limit: usize,
    /// Characters that names and values of an exemplar's labels may have together.
    pub exemplar_label_limit: usize,
    /// Bytes the message of an event may have; a longer event is refused.
    pub event_body_limit: usize,
    /// Fields an event may have beside its stream labels.
    pub event_field_limit: usize,
    /// Bytes all text fields of one event may have together.
    pub event_field_bytes_limit: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            label_limit: 128,
            label_name_length_limit: 1 << 10,
            label_value_length_limit: 64 << 10,
            histogram_bucket_limit: 10_000,
            exemplar_label_limit: 128,
            event_body_limit: 1 << 20,
            event_field_limit: 512,
            event_field_bytes_limit: 1 << 20,
        }
    }
}
