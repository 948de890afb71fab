//! The alerts that are known, each once.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::alerts::{Alert, Fingerprint};
use model::{Error, Result};

/// What became of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It fires, and did not before.
    Fired,
    /// It no longer fires.
    Resolved,
    /// It had ended before, and it is said again that it has.
    StillResolved,
}

/// Alerts by identity.
#[derive(Default)]
pub(super) struct Alerts {
    by_fingerprint: HashMap<Fingerprint, Arc<Alert>>,
    /// Those that fire, by when they end.
    ends: BTreeSet<(i64, Fingerprint)>,
    most: usize,
}

impl Alerts {
    /// A store of at most `most` alerts.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Takes an alert: as it is now known, and what changed. One that was known and whose times overlap is merged.
    pub(super) fn put(
        &mut self,
        alert: Alert,
        now_ms: i64,
    ) -> Result<(Fingerprint, Arc<Alert>, Option<Change>)> {
        let fingerprint = alert.fingerprint();
        let old = self.by_fingerprint.get(&fingerprint);
        if old.is_none() && self.by_fingerprint.len() >= self.most {
            return Err(Error::limited(format_args!(
                "there are {} alerts already, the most allowed",
                self.most
            )));
        }
        let known = old.is_some();
        let fired = old.is_some_and(|old| self.ends.contains(&(old.ends_at_ms, fingerprint)));
        let alert = match old {
            Some(old) => {
                self.ends.remove(&(old.ends_at_ms, fingerprint));
                if overlap(&alert, old) { merge(old, alert, now_ms) } else { alert }
            }
            None => alert,
        };
        let fires = !alert.is_resolved_at(now_ms);
        if fires {
            self.ends.insert((alert.ends_at_ms, fingerprint));
        }
        let alert = Arc::new(alert);
        self.by_fingerprint.insert(fingerprint, alert.clone());
        let change = match (fired, fires) {
            (false, true) => Some(Change::Fired),
            (true, false) => Some(Change::Resolved),
            (false, false) if known => Some(Change::StillResolved),
            _ => None,
        };
        Ok((fingerprint, alert, change))
    }

    /// The alerts that have ended since this was last asked, without anybody saying so.
    pub(super) fn ended(&mut self, now_ms: i64) -> Vec<Arc<Alert>> {
        let mut ended = Vec::new();
        while let Some((end, fingerprint)) = self.ends.first().copied().filter(|(end, _)| *end <= now_ms) {
            self.ends.remove(&(end, fingerprint));
            ended.extend(self.by_fingerprint.get(&fingerprint).cloned());
        }
        ended
    }

    /// Forgets alerts that have ended: which.
    pub(super) fn collect(&mut self, now_ms: i64) -> Vec<Arc<Alert>> {
        let gone: Vec<Fingerprint> = self
            .by_fingerprint
            .iter()
            .filter(|(_, alert)| alert.is_resolved_at(now_ms))
            .map(|(fingerprint, _)| *fingerprint)
            .collect();
        gone.iter().filter_map(|fingerprint| self.by_fingerprint.remove(fingerprint)).collect()
    }

    /// One of them.
    pub(super) fn get(&self, fingerprint: Fingerprint) -> Option<&Arc<Alert>> {
        self.by_fingerprint.get(&fingerprint)
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Fingerprint, &Arc<Alert>)> {
        self.by_fingerprint.iter().map(|(fingerprint, alert)| (*fingerprint, alert))
    }
}

/// Whether the times in which two alerts fire overlap.
fn overlap(new: &Alert, old: &Alert) -> bool {
    (new.ends_at_ms > old.starts_at_ms && new.ends_at_ms < old.ends_at_ms)
        || (new.starts_at_ms > old.starts_at_ms && new.starts_at_ms < old.ends_at_ms)
}

/// The younger of two reports, beginning with the earlier start. Its end gives way to a later one of the older report
/// where that was told and no timeout, or where both have ended.
fn merge(old: &Alert, new: Alert, now_ms: i64) -> Alert {
    let (older, mut merged) =
        if new.updated_at_ms < old.updated_at_ms { (&new, old.clone()) } else { (old, new.clone()) };
    merged.starts_at_ms = merged.starts_at_ms.min(older.starts_at_ms);
    let later = older.ends_at_ms > merged.ends_at_ms;
    let keeps = if merged.is_resolved_at(now_ms) { older.is_resolved_at(now_ms) } else { !older.timeout };
    if later && keeps {
        merged.ends_at_ms = older.ends_at_ms;
    }
    merged
}

#[cfg(test)]
mod tests {
    use model::Labels;
    use model::rule::Texts;

    use super::*;

    fn alert(start: i64, end: i64, updated: i64, timeout: bool) -> Alert {
        Alert {
            labels: Labels::from_pairs([("alertname", "A")]),
            annotations: Texts::new(),
            starts_at_ms: start,
            ends_at_ms: end,
            updated_at_ms: updated,
            timeout,
            generator_url: String::new(),
        }
    }

    fn times(alerts: &mut Alerts, new: Alert, now: i64) -> (i64, i64, Option<Change>) {
        let (_, alert, change) = alerts.put(new, now).unwrap();
        (alert.starts_at_ms, alert.ends_at_ms, change)
    }

    #[test]
    fn repeated_reports_are_one_alert() {
        let mut alerts = Alerts::new(10);
        assert_eq!(times(&mut alerts, alert(10, 100, 10, true), 10), (10, 100, Some(Change::Fired)));
        assert_eq!(times(&mut alerts, alert(20, 120, 20, true), 20), (10, 120, None), "the earlier start");
        assert_eq!(times(&mut alerts, alert(20, 90, 30, false), 30), (10, 90, None), "a timeout gives way");
        assert_eq!(times(&mut alerts, alert(20, 60, 40, true), 40), (10, 90, None), "a told end rules");
        assert_eq!(times(&mut alerts, alert(20, 50, 50, false), 50), (10, 50, Some(Change::Resolved)));
        assert_eq!(times(&mut alerts, alert(70, 200, 70, true), 70), (70, 200, Some(Change::Fired)), "anew");
        assert_eq!(
            times(&mut alerts, alert(60, 75, 65, true), 70),
            (60, 200, None),
            "an old report came late"
        );
    }

    #[test]
    fn alerts_end_by_themselves_once_and_are_collected() {
        let mut alerts = Alerts::new(1);
        alerts.put(alert(10, 100, 10, true), 10).unwrap();
        assert!(alerts.ended(99).is_empty());
        assert_eq!(alerts.ended(100).len(), 1);
        assert!(alerts.ended(100).is_empty());
        assert_eq!((alerts.ends.len(), alerts.collect(99).len(), alerts.collect(100).len()), (0, 0, 1));
        assert_eq!(alerts.iter().count(), 0);
        alerts.put(alert(10, 100, 10, true), 10).unwrap();
        let other = Alert { labels: Labels::from_pairs([("alertname", "B")]), ..alert(1, 2, 1, false) };
        assert_eq!(alerts.put(other, 10).unwrap_err().kind, model::ErrorKind::Limited);
    }
}
