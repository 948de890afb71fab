//! What receivers and readers of the server need of the configuration.

use std::sync::Arc;

use model::Labels;
use server::{OtlpFlags, Settings};

use crate::config::Written;
use crate::flags::Flags;

/// The settings that `written` and `flags` make together.
pub(crate) fn of(written: &Written, flags: &Flags) -> Arc<Settings> {
    let features = flags.features();
    let external = written.global.external_labels.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let otlp = OtlpFlags {
        keep_deltas: features.on("otlp-native-delta-ingestion"),
        type_and_unit: features.on("type-and-unit-labels"),
        lookback_ms: i64::try_from(flags.query.lookback_delta.as_millis()).unwrap_or(i64::MAX),
    };
    Arc::new(Settings::new(Labels::from_pairs(external), &written.otlp, otlp))
}
