//! One notification: a group of alerts, on its way to one receiver.

use model::Labels;
use model::alerts::Alert;

/// A group of alerts that one receiver is told of.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// Name of the receiver.
    pub receiver: String,
    /// What names the group for good: the path of its route and the labels it is grouped by. Services that can, know
    /// repeated notifications of one group by it.
    pub group_key: String,
    /// The labels it is grouped by.
    pub group_labels: Labels,
    /// Labels that the route gives to its notifications.
    pub route_labels: Labels,
    /// Why it is sent, in Alertmanager's words: `first notification`, `new alerts added`, `some alerts resolved`,
    /// `all alerts resolved`, `repeat interval elapsed`, `unknown`.
    pub reason: &'static str,
    /// Its alerts, firing ones first, in the order they are shown.
    pub alerts: Vec<Alert>,
    /// Address under which this server is reached, without a slash at its end.
    pub external_url: String,
    /// When it was made, ms; an alert that ended by then is resolved.
    pub now_ms: i64,
}
