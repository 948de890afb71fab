//! How often something happened within the last hour, in 32 bytes.

/// Steps of ten minutes, the oldest forgotten as a whole.
const STEPS: i64 = 6;
const STEP_MS: i64 = 600_000;

/// Counts of the last hour.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LastHour {
    counts: [u32; STEPS as usize],
    /// Number of the newest step since the epoch.
    newest: i64,
}

impl LastHour {
    fn advance(&mut self, now_ms: i64) {
        let step = now_ms.div_euclid(STEP_MS);
        if step <= self.newest {
            return; // the clock may step back: what comes then counts as now
        }
        for passed in (self.newest + 1).max(step - STEPS + 1)..=step {
            self.counts[passed.rem_euclid(STEPS) as usize] = 0;
        }
        self.newest = step;
    }

    pub(super) fn add(&mut self, now_ms: i64, times: u64) {
        self.advance(now_ms);
        let count = &mut self.counts[self.newest.rem_euclid(STEPS) as usize];
        *count = count.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
    }

    pub(super) fn sum(mut self, now_ms: i64) -> u64 {
        self.advance(now_ms);
        self.counts.iter().map(|count| u64::from(*count)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_hour_old_no_longer_counts() {
        let (mut hour, start) = (LastHour::default(), 1_700_000_000_000);
        hour.add(start, 3);
        hour.add(start + STEP_MS, 4);
        hour.add(start - STEP_MS, 1);
        assert_eq!(hour.sum(start + STEP_MS), 8, "the step back counts as now");
        assert_eq!(hour.sum(start + 6 * STEP_MS), 5);
        assert_eq!(hour.sum(start + 100 * STEP_MS), 0);
    }
}
