//! What each receiver was told last of each group: Alertmanager's notification log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::ledger::Ledger;
use model::Result;
use model::alerts::Fingerprint;
use serde::{Deserialize, Serialize};

const KIND: Kind = Kind { tag: b'n', name: "notification log", version: 1, oldest: 1 };
/// Groups times integrations.
const MOST: usize = 1_000_000;

/// One notification that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    /// When its group was flushed, ms.
    pub(super) at_ms: i64,
    /// Until when it is remembered, ms.
    pub(super) until_ms: i64,
    /// Which alerts fired, in order.
    pub(super) firing: Vec<u64>,
    /// Which alerts were resolved, in order.
    pub(super) resolved: Vec<u64>,
}

/// Why somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The group fires, and nothing is known to have been told.
    First,
    /// It has alerts that were not told.
    NewAlerts,
    /// All its alerts are resolved.
    AllResolved,
    /// Some of its alerts are resolved.
    NewResolved,
    /// Nothing has changed for so long that it is told again.
    Repeat,
}

impl Reason {
    /// In Alertmanager's words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::First => "first notification",
            Self::NewAlerts => "new alerts added",
            Self::AllResolved => "all alerts resolved",
            Self::NewResolved => "some alerts resolved",
            Self::Repeat => "repeat interval elapsed",
        }
    }
}

/// Fingerprints as they are kept.
pub(super) fn numbers(fingerprints: impl Iterator<Item = Fingerprint>) -> Vec<u64> {
    let mut all: Vec<u64> = fingerprints.map(|f| f.0).collect();
    all.sort_unstable();
    all
}

/// Whether to tell, when `last` is what was told.
pub(super) fn reason(
    last: Option<&Told>,
    firing: &[u64],
    resolved: &[u64],
    send_resolved: bool,
    (now_ms, repeat_ms): (i64, i64),
) -> Option<Reason> {
    let Some(last) = last else { return (!firing.is_empty()).then_some(Reason::First) };
    if !subset(firing, &last.firing) {
        let first = last.firing.is_empty();
        return Some(if first { Reason::First } else { Reason::NewAlerts });
    }
    if firing.is_empty() {
        return (!last.firing.is_empty()).then_some(Reason::AllResolved);
    }
    if send_resolved && !subset(resolved, &last.resolved) {
        return Some(Reason::NewResolved);
    }
    (last.at_ms < now_ms.saturating_sub(repeat_ms)).then_some(Reason::Repeat)
}

/// Whether all of `some` are in `all`; both are sorted.
fn subset(some: &[u64], all: &[u64]) -> bool {
    some.iter().all(|one| all.binary_search(one).is_ok())
}

/// The log: on disk, and what could not be written yet.
pub(super) struct ToldLog {
    ledger: Ledger<Told>,
    unsaved: BTreeMap<String, Told>,
}

impl ToldLog {
    pub(super) fn open(fs: Arc<dyn Fs>, dir: &Path) -> Result<Self> {
        let (ledger, recovery) = Ledger::open(fs, dir, KIND, MOST)?;
        for warning in &recovery.warnings {
            tracing::warn!(warning, "notification log");
        }
        Ok(Self { ledger, unsaved: BTreeMap::new() })
    }

    /// What `look` makes of what was told last.
    pub(super) fn with<R>(&self, key: &str, look: impl FnOnce(Option<&Told>) -> R) -> R {
        match self.unsaved.get(key) {
            Some(told) => look(Some(told)),
            None => self.ledger.with(key, look),
        }
    }

    /// Remembers, durably when [`ToldLog::save`] returns well.
    pub(super) fn put(&mut self, key: String, told: Told) {
        self.unsaved.insert(key, told);
    }

    /// Writes what was not written yet, with one sync. After an error it is still known, and goes with the next call.
    pub(super) fn save(&mut self) -> Result<()> {
        if self.unsaved.is_empty() {
            return Ok(());
        }
        self.ledger.put_all(self.unsaved.iter().map(|(k, v)| (k.clone(), v.clone())).collect())?;
        self.unsaved.clear();
        Ok(())
    }

    /// Forgets what is old.
    pub(super) fn collect(&mut self, now_ms: i64) -> Result<usize> {
        self.ledger.remove_if(|_, told| told.until_ms <= now_ms)
    }

    /// How much is known.
    pub(super) fn len(&self) -> usize {
        self.ledger.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_depends_on_what_was_told() {
        let told = |firing: &[u64], resolved: &[u64]| Told {
            at_ms: 1_000,
            until_ms: 9_000,
            firing: firing.to_vec(),
            resolved: resolved.to_vec(),
        };
        let at = (1_500, 600);
        assert_eq!(reason(None, &[1], &[], true, at), Some(Reason::First));
        assert_eq!(reason(None, &[], &[1], true, at), None, "never told of it");
        let one = told(&[1, 2], &[]);
        assert_eq!(reason(Some(&one), &[1, 3], &[], true, at), Some(Reason::NewAlerts));
        assert_eq!(reason(Some(&one), &[], &[1, 2], false, at), Some(Reason::AllResolved));
        assert_eq!(reason(Some(&one), &[1], &[2], true, at), Some(Reason::NewResolved));
        assert_eq!(reason(Some(&one), &[1], &[2], false, at), None);
        assert_eq!(reason(Some(&one), &[1, 2], &[], true, at), None);
        assert_eq!(reason(Some(&one), &[1, 2], &[], true, (1_600, 600)), None, "just not over");
        assert_eq!(reason(Some(&one), &[1, 2], &[], true, (1_601, 600)), Some(Reason::Repeat));
        let over = told(&[], &[1]);
        assert_eq!(reason(Some(&over), &[], &[1], true, at), None);
        assert_eq!(reason(Some(&over), &[1], &[], true, at), Some(Reason::First));
    }
}
