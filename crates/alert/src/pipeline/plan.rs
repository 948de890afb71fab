//! What the configuration says, as the pipeline asks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::notify::{Integration, Notification};
use model::{Labels, Matcher};

use crate::alertmanager::{GroupBy, InhibitRule};

/// What one route does with its alerts. Times are ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The path of matchers that leads to it; the beginning of its groups' keys.
    pub key: String,
    /// Who is told.
    pub receiver: String,
    /// By which labels.
    pub group_by: GroupBy,
    /// How long a new group waits for more alerts.
    pub group_wait_ms: i64,
    /// How long after a notification changes of the group are told.
    pub group_interval_ms: i64,
    /// How long after a notification it is repeated.
    pub repeat_interval_ms: i64,
    /// Names of the intervals in which nobody is told.
    pub mute: Vec<String>,
    /// Names of the intervals outside of which nobody is told; none means always.
    pub active: Vec<String>,
}

/// Routes and time intervals. Implemented over `alertmanager.yml`, and by tests.
pub trait Routing: Send + Sync {
    /// Numbers of the routes that an alert takes, in order.
    fn find(&self, labels: &Labels) -> Vec<usize>;

    /// A route that [`Routing::find`] named.
    fn way(&self, route: usize) -> Option<&Way>;

    /// Whether a time lies in the interval of this name.
    fn is_in(&self, interval: &str, at_ms: i64) -> bool;

    /// The labels that a route gives to a notification.
    fn labels(&self, _route: usize, _notification: &Notification) -> Labels {
        Labels::empty()
    }
}

/// A configuration, ready for use.
#[derive(Clone)]
pub struct Plan {
    /// Routes and time intervals.
    pub routing: Arc<dyn Routing>,
    /// Who can be told, by name, and how, in the order of the configuration.
    pub receivers: BTreeMap<String, Vec<Arc<dyn Integration>>>,
    /// Which alerts keep others quiet.
    pub inhibit: Vec<InhibitRule>,
    /// Address under which this server is reached, without a slash at its end.
    pub external_url: String,
    /// How long an alert without an end is believed, ms.
    pub resolve_timeout_ms: i64,
}

/// The key of a group: the path of its route and its labels as Go prints a map of labels.
pub(super) fn group_key(way: &Way, labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(n, v)| Matcher::equal(n, v).to_string()).collect();
    format!("{}:{{{}}}", way.key, pairs.join(", "))
}
