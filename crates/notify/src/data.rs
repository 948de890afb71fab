//! What templates see, and what a webhook sends: a notification in Alertmanager's shape.

use std::collections::BTreeMap;
use std::sync::Arc;

use gotmpl::Value;
use jiff::Timestamp;
use model::Labels;
use model::alerts::Alert;
use query::template::{text, times};
use serde::Serialize;

use crate::Notification;

/// Texts by name.
pub(crate) type Pairs = BTreeMap<String, String>;

/// What stands for no time at all: the first moment of the year 1, ms.
const NO_TIME_MS: i64 = -62_135_596_800_000;

/// The data of templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Data {
    /// Name of the receiver, with a backslash before what means something in a regular expression.
    pub receiver: String,
    /// `firing` where at least one alert is.
    pub status: &'static str,
    /// The alerts.
    pub alerts: Vec<DataAlert>,
    /// Why it is sent.
    #[serde(rename = "notification_reason")]
    pub reason: String,
    /// The labels that the group is made by.
    #[serde(rename = "groupLabels")]
    pub group_labels: Pairs,
    /// The labels that all alerts share.
    #[serde(rename = "commonLabels")]
    pub common_labels: Pairs,
    /// The annotations that all alerts share.
    #[serde(rename = "commonAnnotations")]
    pub common_annotations: Pairs,
    /// The labels of the route.
    #[serde(rename = "routeLabels")]
    pub route_labels: Pairs,
    /// Address of this server.
    #[serde(rename = "externalURL")]
    pub external_url: String,
}

/// An alert of [`Data`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct DataAlert {
    /// `firing` or `resolved`.
    pub status: &'static str,
    /// Its labels.
    pub labels: Pairs,
    /// Its annotations.
    pub annotations: Pairs,
    /// Since when, RFC 3339.
    #[serde(rename = "startsAt")]
    pub starts_at: String,
    /// Until when; the year 1 while it fires.
    #[serde(rename = "endsAt")]
    pub ends_at: String,
    /// The page that shows its expression.
    #[serde(rename = "generatorURL")]
    pub generator_url: String,
    /// Its identity.
    pub fingerprint: String,
}

impl Data {
    /// The data of a notification, with at most `most` of its alerts; 0: all.
    pub(crate) fn new(notification: &Notification, most: u64) -> Self {
        let kept = match usize::try_from(most).unwrap_or(usize::MAX) {
            0 => notification.alerts.len(),
            most => most.min(notification.alerts.len()),
        };
        let alerts = notification.alerts.get(..kept).unwrap_or_default();
        let now = notification.now_ms;
        let firing = alerts.iter().any(|alert| !alert.is_resolved_at(now));
        Self {
            receiver: quoted(&notification.receiver),
            status: status(firing),
            alerts: alerts.iter().map(|alert| DataAlert::new(alert, now)).collect(),
            reason: notification.reason.to_owned(),
            group_labels: pairs(&notification.group_labels),
            common_labels: common(alerts.iter().map(|alert| pairs(&alert.labels))),
            common_annotations: common(alerts.iter().map(|alert| alert.annotations.clone())),
            route_labels: pairs(&notification.route_labels),
            external_url: notification.external_url.clone(),
        }
    }

    /// As templates see it.
    pub(crate) fn value(&self) -> Value {
        let alerts: Vec<Value> = self.alerts.iter().map(DataAlert::value).collect();
        map([
            ("Receiver", text(&self.receiver)),
            ("Status", text(self.status)),
            ("Alerts", Value::List(alerts.into())),
            ("NotificationReason", text(&self.reason)),
            ("GroupLabels", of_pairs(&self.group_labels)),
            ("CommonLabels", of_pairs(&self.common_labels)),
            ("CommonAnnotations", of_pairs(&self.common_annotations)),
            ("RouteLabels", of_pairs(&self.route_labels)),
            ("ExternalURL", text(&self.external_url)),
        ])
    }
}

impl DataAlert {
    fn new(alert: &Alert, now_ms: i64) -> Self {
        let resolved = alert.is_resolved_at(now_ms);
        Self {
            status: status(!resolved),
            labels: pairs(&alert.labels),
            annotations: alert.annotations.clone(),
            starts_at: rfc3339(alert.starts_at_ms),
            ends_at: rfc3339(if resolved { alert.ends_at_ms } else { NO_TIME_MS }),
            generator_url: alert.generator_url.clone(),
            fingerprint: alert.fingerprint().to_string(),
        }
    }

    fn value(&self) -> Value {
        let time = |at: &str| at.parse().map_or(Value::Nil, |at: Timestamp| text(times::shown(at)));
        map([
            ("Status", text(self.status)),
            ("Labels", of_pairs(&self.labels)),
            ("Annotations", of_pairs(&self.annotations)),
            ("StartsAt", time(&self.starts_at)),
            ("EndsAt", time(&self.ends_at)),
            ("GeneratorURL", text(&self.generator_url)),
            ("Fingerprint", text(&self.fingerprint)),
        ])
    }
}

const fn status(firing: bool) -> &'static str {
    if firing { "firing" } else { "resolved" }
}

/// A time as JSON has it.
pub(crate) fn rfc3339(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

fn pairs(labels: &Labels) -> Pairs {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What all sets say alike.
fn common(mut sets: impl Iterator<Item = Pairs>) -> Pairs {
    let mut common = sets.next().unwrap_or_default();
    for set in sets {
        common.retain(|name, value| set.get(name) == Some(value));
    }
    common
}

/// A text that a regular expression takes for itself.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

pub(crate) fn of_pairs(pairs: &Pairs) -> Value {
    Value::Map(Arc::new(pairs.iter().map(|(name, value)| (Arc::from(name.as_str()), text(value))).collect()))
}

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Map(Arc::new(entries.into_iter().map(|(name, value)| (Arc::from(name), value)).collect()))
}
