//! Looking into the ledger, newest first.

use disk::log::{SegmentReader, Step, segments};
use model::rule::Texts;
use model::{Error, Matcher, Result};

use super::{Entry, Journal, KIND, Outcome};

/// Which entries are looked for; what is not said holds for all.
#[derive(Debug, Clone)]
pub struct Search {
    /// From when, ms.
    pub from_ms: i64,
    /// Until when, ms.
    pub to_ms: i64,
    /// About the alert with this fingerprint.
    pub alert: Option<String>,
    /// Whose labels, of the alert or of the group, match all of these.
    pub labels: Vec<Matcher>,
    /// Attempts to tell this receiver.
    pub receiver: Option<String>,
    /// Attempts that ended so.
    pub outcome: Option<Outcome>,
    /// How many at most, the newest.
    pub most: usize,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            from_ms: i64::MIN,
            to_ms: i64::MAX,
            alert: None,
            labels: Vec::new(),
            receiver: None,
            outcome: None,
            most: 1_000,
        }
    }
}

impl Search {
    fn accepts(&self, entry: &Entry) -> bool {
        let at = entry.at_ms();
        if at < self.from_ms || at > self.to_ms {
            return false;
        }
        let labels =
            |of: &Texts| self.labels.iter().all(|m| m.matches(of.get(&m.name).map_or("", String::as_str)));
        match entry {
            Entry::Fired { fingerprint, labels: of, .. }
            | Entry::Resolved { fingerprint, labels: of, .. } => {
                self.receiver.is_none()
                    && self.outcome.is_none()
                    && self.alert.as_ref().is_none_or(|alert| alert == fingerprint)
                    && labels(of)
            }
            Entry::Attempt { receiver, outcome, firing, resolved, group_labels, .. } => {
                self.receiver.as_ref().is_none_or(|r| r == receiver)
                    && self.outcome.is_none_or(|o| o == *outcome)
                    && self.alert.as_ref().is_none_or(|a| firing.contains(a) || resolved.contains(a))
                    && labels(group_labels)
            }
        }
    }
}

impl Journal {
    /// The entries that are looked for, newest first.
    pub fn search(&self, search: &Search) -> Result<Vec<Entry>> {
        let times = self.newest.lock().clone();
        let end = self.log.end();
        let mut found = Vec::new();
        for (number, name, size) in segments(&*self.fs, self.log.dir())?.into_iter().rev() {
            if found.len() >= search.most {
                break;
            }
            if times.get(&number).is_some_and(|newest| *newest < search.from_ms) {
                continue;
            }
            let Ok(file) = self.fs.open(&self.log.dir().join(&name)) else {
                // Retention was faster.
                continue;
            };
            let size = if number == end.segment { end.offset.min(size) } else { size };
            let mut reader = SegmentReader::new(file, KIND)?;
            let mut here = Vec::new();
            while let Step::Record { payload, .. } = reader.next(size)? {
                let entry: Entry = serde_json::from_slice(payload).map_err(|e| {
                    Error::internal("an entry of the ledger of alerts cannot be read").with_detail(e)
                })?;
                if search.accepts(&entry) {
                    here.push(entry);
                    // Of many only the newest are asked for: memory stays at twice that.
                    if here.len() >= search.most.saturating_mul(2).max(1_024) {
                        here.drain(..here.len() - search.most.min(here.len()));
                    }
                }
            }
            found.extend(here.into_iter().rev());
        }
        found.truncate(search.most);
        Ok(found)
    }
}
