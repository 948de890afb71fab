//! What Alertmanager speaks of: alerts and silences, and the door to whoever keeps them. Implemented by `alert`, asked
//! by `server`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::labels::Labels;
use crate::rule::Texts;

/// What tells an alert, or a silence's matchers, from others: FNV-1a (64 bits) over name, `0xff`, value, `0xff` of the
/// labels in order of name, as Alertmanager's API reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Fingerprint(pub u64);

impl Fingerprint {
    /// The fingerprint of a label set.
    pub fn of(labels: &Labels) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let mut add = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        for (name, value) in labels.iter() {
            name.bytes().for_each(&mut add);
            add(0xff);
            value.bytes().for_each(&mut add);
            add(0xff);
        }
        Self(hash)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// An alert as it was sent by a rule or through the API. Times are ms since 1970.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Its labels; they are its identity.
    pub labels: Labels,
    /// Texts that describe it.
    pub annotations: Texts,
    /// Since when it fires.
    pub starts_at_ms: i64,
    /// When it ended, or until when it is to be believed without hearing of it again.
    pub ends_at_ms: i64,
    /// When it was last heard of.
    pub updated_at_ms: i64,
    /// Whether the end was not sent but follows from `resolve_timeout`.
    pub timeout: bool,
    /// Address of the page that shows its expression.
    pub generator_url: String,
}

impl Alert {
    /// Whether it has ended at `now_ms`.
    pub fn is_resolved_at(&self, now_ms: i64) -> bool {
        self.ends_at_ms <= now_ms
    }

    /// Its identity.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.labels)
    }
}

/// One condition of a silence, in the form of Alertmanager's API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SilenceMatcher {
    /// The label.
    pub name: String,
    /// The value, or the expression.
    pub value: String,
    /// Whether it is a regular expression.
    pub is_regex: bool,
    /// Whether the label must match, not differ.
    pub is_equal: bool,
}

/// A silence. Times are ms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Silence {
    /// Its name; empty for one that is to be made.
    pub id: String,
    /// What it silences: alerts that match all of them.
    pub matchers: Vec<SilenceMatcher>,
    /// Since when.
    pub starts_at_ms: i64,
    /// Until when.
    pub ends_at_ms: i64,
    /// When it was changed last.
    pub updated_at_ms: i64,
    /// Who made it.
    pub created_by: String,
    /// Why.
    pub comment: String,
}

/// Where a silence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SilenceState {
    /// It silences.
    Active,
    /// It has not begun.
    Pending,
    /// It is over.
    Expired,
}

impl Silence {
    /// Where it stands at `now_ms`.
    pub fn state(&self, now_ms: i64) -> SilenceState {
        if now_ms < self.starts_at_ms {
            SilenceState::Pending
        } else if now_ms >= self.ends_at_ms {
            SilenceState::Expired
        } else {
            SilenceState::Active
        }
    }
}

/// An alert and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertStatus {
    /// Its identity.
    pub fingerprint: Fingerprint,
    /// As it was heard.
    pub alert: Arc<Alert>,
    /// Ids of the silences that keep it quiet.
    pub silenced_by: Vec<String>,
    /// Alerts that keep it quiet.
    pub inhibited_by: Vec<Fingerprint>,
    /// Names of the receivers of its routes, in order.
    pub receivers: Vec<String>,
}

/// Alerts that are told together.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupStatus {
    /// What they share, as their route groups.
    pub labels: Labels,
    /// Labels of their route.
    pub route_labels: Texts,
    /// Who is told.
    pub receiver: String,
    /// Names of the time intervals that keep it quiet.
    pub muted_by: Vec<String>,
    /// The alerts that fire, in the order in which they are shown.
    pub alerts: Vec<AlertStatus>,
}

/// Somebody who can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiverStatus {
    /// The name.
    pub name: String,
    /// Labels to find it by.
    pub labels: Texts,
}

/// What Alertmanager's API asks and says.
pub trait Alertmanager: Send + Sync {
    /// Whether there is one: a configuration asks for it, or did until the last reload.
    fn is_running(&self) -> bool {
        true
    }
    /// The configuration as it is shown.
    fn config(&self) -> String;
    /// How long an alert without an end is believed, ms.
    fn resolve_timeout_ms(&self) -> i64;
    /// Everybody who can be told, in the order of the configuration.
    fn receivers(&self) -> Vec<ReceiverStatus>;
    /// The alerts that fire, by fingerprint.
    fn alerts(&self) -> Vec<AlertStatus>;
    /// The groups of alerts that fire.
    fn groups(&self) -> Vec<GroupStatus>;
    /// Takes alerts.
    fn put(&self, alerts: Vec<Alert>) -> Result<()>;
    /// All silences, those that expired a while ago included.
    fn silences(&self) -> Vec<Silence>;
    /// One of them.
    fn silence(&self, id: &str) -> Option<Silence>;
    /// Makes a silence or, where it has an id, changes that one; the id that it has now. Kind `NotFound` where there is
    /// none of its id.
    fn set_silence(&self, silence: Silence) -> Result<String>;
    /// Ends a silence now; kind `NotFound` where there is none, `Conflict` where it has ended.
    fn expire_silence(&self, id: &str) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_alertmanager() {
        let labels = Labels::from_pairs([("alertname", "S"), ("scn", "sil_neg")]);
        assert_eq!(Fingerprint::of(&labels).to_string(), "002b76b61008f502");
    }
}
