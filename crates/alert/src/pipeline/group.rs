//! Alerts that are told together, and where telling them stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::notify::Notification;
use model::Labels;
use model::alerts::{Alert, Fingerprint};

use super::told::Reason;

/// Alerts of one route with the same values of its labels.
pub(super) struct Group {
    /// Number of the route.
    pub(super) route: usize,
    /// What names it.
    pub(super) key: Arc<str>,
    /// The labels that its alerts share.
    pub(super) labels: Labels,
    /// Those that fire, and those whose end was not told yet.
    pub(super) alerts: BTreeMap<Fingerprint, Arc<Alert>>,
    /// When it is looked at next, ms.
    pub(super) next_ms: i64,
    /// The place in the schedule that it has.
    pub(super) due_ms: Option<i64>,
    /// What is being told.
    pub(super) flight: Option<Flight>,
    /// Names of the time intervals that kept it quiet when it was looked at last.
    pub(super) muted_by: Vec<String>,
}

/// A notification on its way to every integration of a receiver.
pub(super) struct Flight {
    /// When trying ends, ms.
    pub(super) deadline_ms: i64,
    /// Alerts that had ended at the flush, with the time of the report.
    pub(super) resolved: Vec<(Fingerprint, i64)>,
    /// One for each integration that is told.
    pub(super) deliveries: Vec<Delivery>,
    /// Whether one has failed for good.
    pub(super) failed: bool,
}

/// Where telling one integration stands.
pub(super) struct Delivery {
    /// What is told.
    pub(super) notice: Arc<Notice>,
    /// Attempts that have begun.
    pub(super) attempts: u32,
    /// What happens next.
    pub(super) state: State,
}

/// What happens next with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// An attempt begins at this time, ms.
    Waiting(i64),
    /// An attempt is under way since this time, ms.
    Under(i64),
    /// Nothing.
    Done,
}

/// One notification for one integration, and what it says in numbers.
pub(super) struct Notice {
    /// Under which name it is remembered.
    pub(super) told_key: String,
    /// Its place in the receiver.
    pub(super) index: usize,
    /// What kind of way it is.
    pub(super) kind: &'static str,
    /// Why it is told.
    pub(super) reason: Reason,
    /// Which alerts fire.
    pub(super) firing: Vec<u64>,
    /// Which are resolved.
    pub(super) resolved: Vec<u64>,
    /// Until when it is remembered, ms.
    pub(super) until_ms: i64,
    /// What is sent.
    pub(super) notification: Arc<Notification>,
}

impl Group {
    /// When it wants to be looked at: with attempts under way only, not before an answer.
    pub(super) fn wants_ms(&self) -> Option<i64> {
        let Some(flight) = &self.flight else { return Some(self.next_ms) };
        let waiting = |d: &Delivery| if let State::Waiting(at) = d.state { Some(at) } else { None };
        flight.deliveries.iter().filter_map(waiting).min()
    }
}

/// The order in which alerts are shown: by job, instance, how many labels, and the labels.
pub(super) fn shown_before(a: &Alert, b: &Alert) -> std::cmp::Ordering {
    let key = |alert: &Alert, name: &str| {
        let value = alert.labels.get(name).map(str::to_owned);
        // Without the label comes last.
        (value.is_none(), value)
    };
    key(a, "job")
        .cmp(&key(b, "job"))
        .then_with(|| key(a, "instance").cmp(&key(b, "instance")))
        .then_with(|| a.labels.len().cmp(&b.labels.len()))
        .then_with(|| labels_before(&a.labels, &b.labels))
}

/// Of two sets of the same size the one comes first that has a name, or a smaller value, earlier.
fn labels_before(a: &Labels, b: &Labels) -> std::cmp::Ordering {
    for ((name, value), (other_name, other_value)) in a.iter().zip(b.iter()) {
        let order = match name.cmp(other_name) {
            // The set that lacks the smaller name comes first.
            std::cmp::Ordering::Less => std::cmp::Ordering::Greater,
            std::cmp::Ordering::Greater => std::cmp::Ordering::Less,
            std::cmp::Ordering::Equal => value.cmp(other_value),
        };
        if order.is_ne() {
            return order;
        }
    }
    std::cmp::Ordering::Equal
}
