//! What Alertmanager speaks of: alerts and silences, and the door to whoever keeps them. Implemented by `alert`, asked
//! by `server`.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_those_of_alertmanager() {
        let labels = Labels::from_pairs([("alertname", "S"), ("scn", "sil_neg")]);
        assert_eq!(Fingerprint::of(&labels).to_string(), "002b76b61008f502");
    }
}
