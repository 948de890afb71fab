//! One alert and its states: pending, firing, resolved.

use model::Labels;
use model::rule::{AlertState, AlertStatus, Texts};

/// How long a resolved alert is kept and sent again, ms.
const RESOLVED_RETENTION_MS: i64 = 15 * 60 * 1000;

/// An element of the result of an alerting rule, from the first time it is there. Times are ms; `None`: not yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Inactive, pending or firing; inactive once resolved.
    pub state: AlertState,
    /// Labels, `alertname` included.
    pub labels: Labels,
    /// Annotations, expanded at the last evaluation.
    pub annotations: Texts,
    /// The value at the last evaluation; that of a histogram is 0.
    pub value: f64,
    /// Since when the expression holds.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// When it was resolved.
    pub resolved_at_ms: Option<i64>,
    /// When it was last sent.
    pub last_sent_ms: Option<i64>,
    /// Until when a receiver may believe that it fires without hearing of it again.
    pub valid_until_ms: i64,
    /// Since when it fires only because it is kept firing.
    pub keep_firing_since_ms: Option<i64>,
}

/// How long conditions of an alert take, ms.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Holds {
    pub(super) for_ms: i64,
    pub(super) keep_firing_for_ms: i64,
}

/// What becomes of an alert at an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is there: pending or firing.
    Active,
    /// It is resolved and kept for a while.
    Resolved,
    /// It is forgotten.
    Forgotten,
}

impl Alert {
    /// An alert that is there for the first time.
    pub(super) fn new(labels: Labels, annotations: Texts, value: f64, now: i64) -> Self {
        Self {
            state: AlertState::Pending,
            labels,
            annotations,
            value,
            active_at_ms: now,
            fired_at_ms: None,
            resolved_at_ms: None,
            last_sent_ms: None,
            valid_until_ms: 0,
            keep_firing_since_ms: None,
        }
    }

    /// Moves on to the state at `now`; `holds` says whether the expression has the element.
    pub(super) fn advance(&mut self, now: i64, there: bool, holds: Holds) -> Fate {
        if there {
            self.keep_firing_since_ms = None;
        } else if !self.kept_firing(now, holds) {
            let old = self.resolved_at_ms.is_some_and(|at| now - at > RESOLVED_RETENTION_MS);
            if self.state == AlertState::Pending || old {
                return Fate::Forgotten;
            }
            if self.state != AlertState::Inactive {
                self.state = AlertState::Inactive;
                self.resolved_at_ms = Some(now);
            }
            return Fate::Resolved;
        }
        // What began later than now was seen by a clock that has stepped back: what fires goes on firing.
        if self.active_at_ms > now {
            self.active_at_ms = if self.state == AlertState::Firing { now - holds.for_ms } else { now };
        }
        self.last_sent_ms = self.last_sent_ms.map(|sent| sent.min(now));
        let held = now - self.active_at_ms >= holds.for_ms;
        match self.state {
            AlertState::Pending if held => {
                self.state = AlertState::Firing;
                self.fired_at_ms = Some(now);
            }
            // A restored or longer hold makes it wait again.
            AlertState::Firing if !held => {
                self.state = AlertState::Pending;
                self.fired_at_ms = None;
                self.last_sent_ms = None;
                self.keep_firing_since_ms = None;
            }
            _ => {}
        }
        Fate::Active
    }

    fn kept_firing(&mut self, now: i64, holds: Holds) -> bool {
        if self.state != AlertState::Firing || holds.keep_firing_for_ms <= 0 {
            return false;
        }
        let since = self.keep_firing_since_ms.map_or(now, |since| since.min(now));
        self.keep_firing_since_ms = Some(since);
        now - since < holds.keep_firing_for_ms
    }

    /// Whether receivers must hear of it now.
    pub(super) fn needs_sending(&self, now: i64, resend_delay_ms: i64) -> bool {
        if self.state == AlertState::Pending {
            return false;
        }
        match (self.last_sent_ms, self.resolved_at_ms) {
            (None, _) => true,
            (Some(sent), Some(resolved)) if resolved > sent => true,
            (Some(sent), _) => sent + resend_delay_ms < now,
        }
    }

    /// As pages show it.
    pub(super) fn status(&self) -> AlertStatus {
        AlertStatus {
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            state: self.state,
            active_at_ms: self.active_at_ms,
            keep_firing_since_ms: self.keep_firing_since_ms.unwrap_or(0),
            value: self.value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_steps_back_neither_ends_nor_delays_an_alert() {
        let holds = Holds { for_ms: 2 * MINUTE, keep_firing_for_ms: 0 };
        let year = 365 * 24 * 60 * MINUTE;
        let mut alert = Alert::new(Labels::default(), Texts::default(), 1.0, year);
        alert.advance(year, true, holds);
        alert.advance(0, true, holds);
        assert_eq!((alert.state, alert.active_at_ms), (AlertState::Pending, 0));
        alert.advance(2 * MINUTE, true, holds);
        assert_eq!(alert.state, AlertState::Firing);
        alert.last_sent_ms = Some(2 * MINUTE);
        alert.advance(-year, true, holds);
        assert_eq!(alert.state, AlertState::Firing);
        assert!(alert.needs_sending(MINUTE - year, MINUTE / 2), "it is sent again as always");
    }

    const MINUTE: i64 = 60_000;

    #[test]
    fn pending_then_firing_then_resolved_then_forgotten() {
        let holds = Holds { for_ms: 2 * MINUTE, keep_firing_for_ms: 0 };
        let mut alert = Alert::new(Labels::empty(), Texts::new(), 1.0, 0);
        assert_eq!((alert.advance(MINUTE, true, holds), alert.state), (Fate::Active, AlertState::Pending));
        assert!(!alert.needs_sending(MINUTE, MINUTE));
        assert_eq!((alert.advance(2 * MINUTE, true, holds), alert.state), (Fate::Active, AlertState::Firing));
        assert!(alert.needs_sending(2 * MINUTE, MINUTE));
        alert.last_sent_ms = Some(2 * MINUTE);
        assert!(!alert.needs_sending(3 * MINUTE, MINUTE) && alert.needs_sending(3 * MINUTE + 1, MINUTE));
        assert_eq!(alert.advance(3 * MINUTE, false, holds), Fate::Resolved);
        assert_eq!((alert.state, alert.resolved_at_ms), (AlertState::Inactive, Some(3 * MINUTE)));
        assert!(alert.needs_sending(3 * MINUTE, 100 * MINUTE), "that it is resolved is sent at once");
        assert_eq!(alert.advance(18 * MINUTE, false, holds), Fate::Resolved);
        assert_eq!(alert.resolved_at_ms, Some(3 * MINUTE));
        assert_eq!(alert.advance(18 * MINUTE + 1, false, holds), Fate::Forgotten);
    }

    #[test]
    fn a_pending_alert_that_goes_is_forgotten_at_once() {
        let mut alert = Alert::new(Labels::empty(), Texts::new(), 1.0, 0);
        assert_eq!(alert.advance(1, false, Holds { for_ms: 10, keep_firing_for_ms: 10 }), Fate::Forgotten);
    }

    #[test]
    fn kept_firing_until_the_time_is_over() {
        let holds = Holds { for_ms: 0, keep_firing_for_ms: 5 * MINUTE };
        let mut alert = Alert::new(Labels::empty(), Texts::new(), 1.0, 0);
        alert.advance(0, true, holds);
        for at in [MINUTE, 5 * MINUTE] {
            assert_eq!((alert.advance(at, false, holds), alert.state), (Fate::Active, AlertState::Firing));
        }
        assert_eq!(alert.keep_firing_since_ms, Some(MINUTE));
        alert.advance(5 * MINUTE + 1, true, holds);
        assert_eq!(alert.keep_firing_since_ms, None, "it is there again");
        alert.advance(6 * MINUTE, false, holds);
        assert_eq!(alert.advance(11 * MINUTE, false, holds), Fate::Resolved);
    }

    #[test]
    fn a_longer_hold_makes_a_firing_alert_wait_again() {
        let mut alert = Alert::new(Labels::empty(), Texts::new(), 1.0, 0);
        alert.advance(0, true, Holds::default());
        assert_eq!(alert.state, AlertState::Firing);
        alert.advance(1, true, Holds { for_ms: MINUTE, keep_firing_for_ms: 0 });
        assert_eq!((alert.state, alert.fired_at_ms), (AlertState::Pending, None));
    }
}
