//! `--rules.*` and `--alertmanager.*`.

use std::time::Duration;

use clap::Args;

use super::values::duration;

/// Flags of rules and of sending alerts.
#[derive(Debug, Clone, Args)]
pub struct RulesFlags {
    /// After an outage of at most this, alerts go on waiting where they had stood.
    #[arg(long = "rules.alert.for-outage-tolerance", value_name = "DURATION", default_value = "1h",
          value_parser = duration)]
    pub for_outage_tolerance: Duration,
    /// The least time between a restored alert and its firing.
    #[arg(long = "rules.alert.for-grace-period", value_name = "DURATION", default_value = "10m",
          value_parser = duration)]
    pub for_grace_period: Duration,
    /// How long to wait before an alert is sent again.
    #[arg(long = "rules.alert.resend-delay", value_name = "DURATION", default_value = "1m",
          value_parser = duration)]
    pub resend_delay: Duration,
    /// Rules that may be evaluated beside others of their group, over all groups, with `--enable-feature=concurrent-rule-eval`.
    #[arg(long = "rules.max-concurrent-evals", value_name = "N", default_value_t = 4)]
    pub max_concurrent_evals: usize,
    /// Alerts that may wait for an Alertmanager.
    #[arg(long = "alertmanager.notification-queue-capacity", value_name = "N", default_value_t = 10_000)]
    pub queue_capacity: usize,
    /// Alerts that are sent in one request.
    #[arg(long = "alertmanager.notification-batch-size", value_name = "N", default_value_t = 256)]
    pub batch_size: usize,
    /// Sends what waits before the program ends.
    #[arg(long = "alertmanager.drain-notification-queue-on-shutdown", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "true", default_missing_value = "true")]
    pub drain_on_shutdown: bool,
}
