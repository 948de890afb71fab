//! Which time ages are held against: the clock, unless it has just stepped far forward. A clock that is wrong for a
//! while must not cost history.

/// A step forward of less than this is none.
const STEP_MS: i64 = 3_600_000;
/// A step is believed after a tenth of the retention, but after this time at the earliest and at the latest.
const BELIEVED_MS: std::ops::RangeInclusive<i64> = 3_600_000..=86_400_000;

/// A look at the clock from time to time.
#[derive(Debug)]
pub struct Steady {
    seen: i64,
    /// The clock before the step that is not believed yet, and right after it.
    step: Option<(i64, i64)>,
    patience: i64,
}

impl Steady {
    /// With the newest time that is known from before; none where nothing is.
    pub fn since(known: Option<i64>, now: i64, retention_ms: i64) -> Self {
        let patience = (retention_ms / 10).clamp(*BELIEVED_MS.start(), *BELIEVED_MS.end());
        let mut steady = Self { seen: known.unwrap_or(now), step: None, patience };
        steady.look(now);
        steady
    }

    /// The clock shows `now`: the time that ages are held against.
    pub fn look(&mut self, now: i64) -> i64 {
        match self.step {
            None if now.saturating_sub(self.seen) > STEP_MS => self.step = Some((self.seen, now)),
            // It went back, or has stayed for long.
            Some((_, after)) if now < after || now.saturating_sub(after) >= self.patience => self.step = None,
            _ => {}
        }
        self.seen = now;
        self.step.map_or(now, |(before, _)| before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const YEAR: i64 = 365 * 24 * HOUR;

    #[test]
    fn a_step_forward_is_believed_late_and_one_back_at_once() {
        let mut steady = Steady::since(None, 0, 15 * 24 * HOUR);
        assert_eq!(steady.look(HOUR), HOUR, "time passes");
        assert_eq!(steady.look(YEAR), HOUR);
        assert_eq!(steady.look(YEAR + 23 * HOUR), HOUR);
        assert_eq!(steady.look(2 * HOUR), 2 * HOUR, "it was wrong");
        assert_eq!(steady.look(YEAR), 2 * HOUR);
        assert_eq!(steady.look(YEAR + 24 * HOUR), YEAR + 24 * HOUR, "it is right");
        assert_eq!(steady.look(YEAR + 25 * HOUR), YEAR + 25 * HOUR);
    }

    #[test]
    fn what_is_stored_tells_the_time_from_before() {
        let mut steady = Steady::since(Some(HOUR), YEAR, HOUR);
        assert_eq!(steady.look(YEAR + 1), HOUR);
        assert_eq!(steady.look(YEAR + HOUR), YEAR + HOUR);
        assert_eq!(Steady::since(Some(YEAR), HOUR, HOUR).look(HOUR), HOUR);
    }
}
