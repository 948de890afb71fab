//! After a start: alerts go on waiting where they stood, as `ALERTS_FOR_STATE` says.

use std::collections::HashMap;

use model::labels::METRIC_NAME;
use model::{Labels, MatchOp, Matcher, SelectHints, Selected, SeriesData, TimeRange, is_stale_nan};

use super::group::{Group, Surroundings, context};
use super::rule::{ALERT_NAME, ALERTS_FOR_STATE, Rule};

/// When a series was last written, ms, and what it says: since when the alert is active, ms.
type Before = HashMap<Labels, (i64, i64)>;

impl Group {
    /// Looks for the state of before and lets alerts be written from now on.
    pub(super) fn restore(&self, around: &Surroundings, now: i64) {
        let begun = around.clock.now_ns();
        for rule in &self.rules {
            if let Some(holds) = rule.holds()
                && holds.for_ms >= around.grace_period_ms
            {
                match self.before(around, rule, now) {
                    Ok(before) => rule.go_on(&before, now, around.grace_period_ms),
                    Err(error) => {
                        tracing::error!(%error, alert = rule.name(), "how long an alert had waited cannot be read");
                    }
                }
            }
            rule.set_restored();
        }
        self.set_restored();
        let seconds = (around.clock.now_ns() - begun) as f64 / 1e9;
        around.metrics.last_restore.get_or_create(&self.labels).set(seconds);
    }

    fn before(&self, around: &Surroundings, rule: &Rule, now: i64) -> model::Result<Before> {
        let equal = |name: &str, value: &str| Matcher::new(name, MatchOp::Equal, value);
        let mut matchers = vec![equal(METRIC_NAME, ALERTS_FOR_STATE)?, equal(ALERT_NAME, rule.name())?];
        // Labels that are templates have another value in every series.
        for (name, value) in
            rule.definition.labels.iter().filter(|(n, v)| *n != ALERT_NAME && !v.contains("{{"))
        {
            matchers.push(equal(name, value)?);
        }
        let ctx = context(around, &self.cancel);
        let range = TimeRange::new(now - around.outage_tolerance_ms, now);
        let selection = around.reader.select(&ctx, &matchers, range, &SelectHints::default())?;
        let mut before = Before::new();
        let Selected::Series(partitions) = selection.data else { return Ok(before) };
        let mut series = SeriesData::default();
        for mut partition in partitions {
            while partition.next(&mut series)? {
                ctx.check()?;
                if let (Some(t), Some(v)) = (series.t.last(), series.v.last())
                    && !is_stale_nan(*v)
                {
                    before.insert(series.labels.without_name(), (*t, (*v as i64).saturating_mul(1000)));
                }
            }
        }
        Ok(before)
    }
}

impl Rule {
    /// Moves the beginning of alerts back to where it was, shifted by the outage.
    fn go_on(&self, before: &Before, now: i64, grace_period_ms: i64) {
        let hold = self.holds().unwrap_or_default().for_ms;
        for (labels, alert) in &mut self.state.lock().alerts {
            let Some((last_seen, active_at)) = before.get(labels).copied() else { continue };
            let down_at = last_seen.div_euclid(1000) * 1000;
            let remaining = hold - (down_at - active_at);
            alert.active_at_ms = if remaining <= 0 {
                // It fired already.
                active_at
            } else if remaining < grace_period_ms {
                now + grace_period_ms - hold
            } else {
                active_at + (now - down_at)
            };
        }
    }
}
