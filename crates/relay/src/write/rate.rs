//! How many requests at once are wanted: Prometheus' calculation, so that its dashboards mean the same here.

use std::time::Duration;

/// How often the number of shards is calculated anew.
pub(super) const INTERVAL: Duration = Duration::from_secs(10);
/// Weight of the newest interval in a rate.
const WEIGHT: f64 = 0.2;
/// So much more or less than there are is no reason to change the number.
const TOLERANCE: f64 = 0.3;
/// The part of what waits that is to be caught up with in a second.
const CATCH_UP: f64 = 0.05;

/// A rate per second as an exponentially weighted moving average over intervals.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rate {
    last_total: f64,
    rate: f64,
    begun: bool,
}

impl Rate {
    /// An interval of `seconds` is over; `total` is what was counted since the beginning.
    pub(super) fn tick(&mut self, total: f64, seconds: f64) -> f64 {
        let now = if seconds > 0.0 { (total - self.last_total).max(0.0) / seconds } else { 0.0 };
        self.last_total = total;
        if self.begun {
            self.rate += WEIGHT * (now - self.rate);
        } else if now > 0.0 {
            self.begun = true;
            self.rate = now;
        }
        self.rate
    }
}

/// What the calculation is made from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    /// Samples stored per second.
    pub(super) stored: f64,
    /// Samples delivered per second.
    pub(super) delivered: f64,
    /// Samples dropped per second.
    pub(super) dropped: f64,
    /// Seconds spent sending per second, all shards together.
    pub(super) sending: f64,
    /// How far what was delivered is behind what was stored, in seconds.
    pub(super) delay: f64,
    /// Shards now.
    pub(super) shards: usize,
}

/// The number of shards that would keep up, a fraction where it is: what the gauge `shards_desired` shows. `None`:
/// nothing was delivered yet.
pub(super) fn desired(f: &Figures) -> Option<f64> {
    if f.delivered <= 0.0 {
        return None;
    }
    let kept = f.delivered / (f.dropped + f.delivered);
    let waiting = f.delay.max(0.0) * f.stored * kept;
    let seconds_per_sample = f.sending / f.delivered;
    let wanted = seconds_per_sample * (f.stored * kept + CATCH_UP * waiting);
    wanted.is_finite().then_some(wanted)
}

/// The number of shards to run, within `least` and `most`.
pub(super) fn shards(f: &Figures, wanted: f64, least: usize, most: usize) -> usize {
    let now = f.shards as f64;
    let whole = wanted.ceil();
    if now * (1.0 - TOLERANCE) <= whole && whole <= now * (1.0 + TOLERANCE) {
        return f.shards;
    }
    // A number that is out of range saturates.
    (whole as usize).clamp(least.max(1), most.max(least).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_follows_slowly() {
        let mut rate = Rate::default();
        assert_eq!(rate.tick(0.0, 10.0), 0.0);
        assert_eq!(rate.tick(1_000.0, 10.0), 100.0);
        assert_eq!(rate.tick(1_000.0, 10.0), 80.0);
    }

    #[test]
    fn shards_follow_the_time_that_sending_takes() {
        // 10 000 samples a second, each request of 1 000 takes a second: ten at once.
        let mut f =
            Figures { stored: 10_000.0, delivered: 2_000.0, sending: 2.0, shards: 2, ..Figures::default() };
        assert_eq!(desired(&f), Some(10.0));
        assert_eq!(shards(&f, 10.0, 1, 50), 10);
        assert_eq!(shards(&f, 10.0, 1, 5), 5);
        // What waits is caught up with.
        f.delay = 20.0;
        assert_eq!(desired(&f), Some(20.0));
        // Half is dropped by relabelling.
        (f.delay, f.dropped) = (0.0, 2_000.0);
        assert_eq!(desired(&f), Some(5.0));
        f.delivered = 0.0;
        assert_eq!(desired(&f), None);
    }

    #[test]
    fn small_differences_change_nothing() {
        let f = Figures { shards: 10, ..Figures::default() };
        assert_eq!(shards(&f, 12.9, 1, 50), 10);
        assert_eq!(shards(&f, 6.5, 1, 50), 10);
        assert_eq!(shards(&f, 6.0, 1, 50), 6);
        assert_eq!(shards(&f, 0.0, 1, 50), 1);
    }
}
