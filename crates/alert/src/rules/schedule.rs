//! When a group is evaluated: at its own place in the interval, so that groups spread over it.

use std::sync::Arc;
use std::time::Duration;

use model::{Clock, Labels};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::group::{Group, Surroundings};

/// The longest sleep without a look at the clock, which somebody may set.
const LOOK: Duration = Duration::from_secs(5);

/// The place of a group before `now` (ms): multiples of the interval, shifted by a hash of file and name.
pub(super) fn slot(group: &Group, now: i64) -> i64 {
    let identity = Labels::from_pairs([("file", group.file.as_str()), ("name", group.name())]);
    let interval = group.interval_ms;
    // Both are positive, and the remainder is smaller than the interval.
    let offset = (identity.hash128() % (interval as u128)) as i64;
    let shifted = now - offset;
    shifted - shifted.rem_euclid(interval) + offset
}

/// The next evaluation after one for `last`, seen at `now`: its time, and how many were missed.
pub(super) fn next(last: i64, now: i64, interval: i64) -> (i64, i64) {
    let missed = ((now - last).div_euclid(interval) - 1).max(0);
    (last + (missed + 1) * interval, missed)
}

/// When to evaluate, planned for `at` and seen at `now`: a clock that stepped back is followed.
fn planned(group: &Group, at: i64, now: i64) -> i64 {
    if at - now > 2 * group.interval_ms { slot(group, now) + group.interval_ms } else { at }
}

/// Sleeps until the evaluation planned for `at` (ms) and returns its time. `None`: it was stopped before.
async fn sleep_until(group: &Group, clock: &dyn Clock, mut at: i64, stop: &CancellationToken) -> Option<i64> {
    loop {
        let now = clock.now_ms();
        at = planned(group, at, now);
        let rest = at - now;
        if rest <= 0 {
            return (!stop.is_cancelled()).then_some(at);
        }
        let nap = Duration::from_millis(u64::try_from(rest).unwrap_or(0)).min(LOOK);
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// Evaluates a group at its times until it is stopped.
pub(super) async fn run(
    group: Arc<Group>,
    around: Arc<Surroundings>,
    places: Arc<Semaphore>,
    stop: CancellationToken,
) {
    let mut at = slot(&group, around.clock.now_ms()) + group.interval_ms;
    let mut rounds = 0u64;
    loop {
        match sleep_until(&group, &*around.clock, at, &stop).await {
            Some(planned) => at = planned,
            None => return,
        }
        around.metrics.iterations.get_or_create(&group.labels).inc();
        let permit = tokio::select! {
            () = stop.cancelled() => return,
            permit = places.clone().acquire_owned() => permit,
        };
        // The semaphore is never closed.
        let Ok(permit) = permit else { return };
        rounds += 1;
        let (evaluated, around_it) = (group.clone(), around.clone());
        let work = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            evaluated.evaluate(&around_it, at);
            // Not after the first round: recording rules that alerts depend on may not have given anything then.
            if rounds == 2 && !evaluated.is_restored() {
                evaluated.restore(&around_it, around_it.clock.now_ms());
            }
        });
        if let Err(error) = work.await {
            tracing::error!(%error, group = group.name(), "the evaluation of a group ended unexpectedly");
        }
        let (following, missed) = next(at, around.clock.now_ms(), group.interval_ms);
        if missed > 0 {
            let missed = u64::try_from(missed).unwrap_or(0);
            around.metrics.missed.get_or_create(&group.labels).inc_by(missed);
            around.metrics.iterations.get_or_create(&group.labels).inc_by(missed);
        }
        at = following;
    }
}

#[cfg(test)]
mod tests {
    use model::rule::RuleLanguage;

    use super::*;
    use crate::rules::file::GroupDefinition;

    fn group(name: &str) -> Group {
        let definition = GroupDefinition {
            name: name.to_owned(),
            language: RuleLanguage::Promql,
            interval_ms: Some(60_000),
            query_offset_ms: None,
            limit: 0,
            rules: Vec::new(),
        };
        Group::new("f.yml", definition, 1000, true)
    }

    #[test]
    fn a_clock_that_steps_back_is_followed() {
        let (group, now) = (group("g"), 1_700_000_000_000);
        let at = slot(&group, now) + group.interval_ms;
        assert_eq!(planned(&group, at, now), at);
        let (year, back) = (at + 365 * 86_400_000, planned(&group, at + 365 * 86_400_000, now));
        assert!(back > now && back <= now + group.interval_ms, "{back}");
        assert_eq!(planned(&group, year, year + 1), year, "late is no step");
    }

    #[test]
    fn groups_keep_their_places_and_spread_over_the_interval() {
        let mut offsets: Vec<i64> =
            (0..20).map(|n| slot(&group(&n.to_string()), 1_700_000_000_000) % 60_000).collect();
        offsets.sort_unstable();
        offsets.dedup();
        assert!(offsets.len() >= 18 && offsets[offsets.len() - 1] - offsets[0] > 30_000, "{offsets:?}");
        let one = group("a");
        for now in [1_700_000_000_000, 1_700_000_012_345] {
            let at = slot(&one, now);
            assert!(at <= now && now - at < 60_000);
            assert_eq!(at % 60_000, slot(&one, 1_700_000_000_000) % 60_000);
        }
    }

    #[test]
    fn what_was_missed_is_counted_and_not_made_up_for() {
        assert_eq!(next(0, 10, 1000), (1000, 0));
        assert_eq!(next(0, 1500, 1000), (1000, 0), "late, but not a whole interval");
        assert_eq!(next(0, 3500, 1000), (3000, 2));
    }
}
