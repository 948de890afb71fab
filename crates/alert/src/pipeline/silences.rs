//! Silences: who is not told for a while, why, and who said so.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::ledger::Ledger;
use model::alerts::{Silence, SilenceMatcher, SilenceState};
use model::{Error, Labels, MatchOp, Matcher, Result};

#[cfg(test)]
mod tests;

const KIND: Kind = Kind { tag: b'a', name: "silences", version: 1, oldest: 1 };

/// The matchers of a silence, ready to be asked.
fn compile(silence: &Silence) -> Result<Vec<Matcher>> {
    let op = |m: &SilenceMatcher| match (m.is_regex, m.is_equal) {
        (false, true) => MatchOp::Equal,
        (false, false) => MatchOp::NotEqual,
        (true, true) => MatchOp::Regex,
        (true, false) => MatchOp::NotRegex,
    };
    let matcher = |m: &SilenceMatcher| {
        if m.name.is_empty() {
            return Err(Error::invalid("a matcher of a silence has no label name"));
        }
        Matcher::line_wise(m.name.as_str(), op(m), m.value.as_str())
    };
    silence.matchers.iter().map(matcher).collect()
}

/// What silences may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SilenceLimits {
    /// How many there may be, expired ones included.
    pub(super) most: usize,
    /// How large one may be, bytes.
    pub(super) bytes: usize,
    /// How long expired ones are kept, ms.
    pub(super) retention_ms: i64,
}

/// All silences, by the label values that alerts are looked up with.
pub(super) struct Silences {
    ledger: Ledger<Silence>,
    limits: SilenceLimits,
    compiled: HashMap<String, Vec<Matcher>>,
    /// Those with an equality, under the first one: label, value, ids.
    by_value: HashMap<String, HashMap<String, Vec<String>>>,
    /// The others.
    rest: Vec<String>,
    random: disk::sim::Random,
}

impl Silences {
    pub(super) fn open(fs: Arc<dyn Fs>, dir: &Path, limits: SilenceLimits, seed: u64) -> Result<Self> {
        let (ledger, recovery) = Ledger::open(fs, dir, KIND, limits.most)?;
        for warning in &recovery.warnings {
            tracing::warn!(warning, "silences");
        }
        let mut silences = Self {
            ledger,
            limits,
            compiled: HashMap::new(),
            by_value: HashMap::new(),
            rest: Vec::new(),
            random: disk::sim::Random::new(seed),
        };
        for (id, silence) in silences.ledger.entries() {
            match compile(&silence) {
                Ok(matchers) => silences.index(&id, matchers),
                Err(e) => tracing::warn!(id, error = %e, "a silence that cannot be read silences nothing"),
            }
        }
        Ok(silences)
    }

    /// Makes a silence, or changes the one of this id where it can stay the same: otherwise that one expires and
    /// another is made. Returns the id.
    pub(super) fn set(&mut self, mut silence: Silence, now_ms: i64) -> Result<String> {
        let old = if silence.id.is_empty() {
            None
        } else {
            let unknown = || Error::not_found(format_args!("silence {} not found", silence.id));
            Some(self.ledger.get(&silence.id).ok_or_else(unknown)?)
        };
        silence.updated_at_ms = now_ms;
        let matchers = self.check(&silence)?;
        if let Some(old) = old {
            if can_change(&old, &silence, now_ms) {
                let id = silence.id.clone();
                self.ledger.put(&id, silence)?;
                return Ok(id);
            }
            if old.state(now_ms) != SilenceState::Expired {
                self.expire(&old.id, now_ms)?;
            }
        }
        silence.starts_at_ms = silence.starts_at_ms.max(now_ms);
        silence.id = self.new_id();
        let id = silence.id.clone();
        self.ledger.put(&id, silence).map_err(|e| match e.kind {
            model::ErrorKind::Limited => {
                Error::limited(format_args!("exceeded maximum number of silences: {}", self.limits.most))
            }
            _ => e,
        })?;
        self.index(&id, matchers);
        Ok(id)
    }

    /// Ends a silence now.
    pub(super) fn expire(&mut self, id: &str, now_ms: i64) -> Result<()> {
        let mut silence =
            self.ledger.get(id).ok_or_else(|| Error::not_found(format_args!("silence {id} not found")))?;
        match silence.state(now_ms) {
            SilenceState::Expired => {
                return Err(Error::conflict(format_args!("silence {id} already expired")));
            }
            SilenceState::Active => silence.ends_at_ms = now_ms,
            SilenceState::Pending => (silence.starts_at_ms, silence.ends_at_ms) = (now_ms, now_ms),
        }
        silence.updated_at_ms = now_ms;
        self.ledger.put(id, silence)
    }

    /// One of them.
    pub(super) fn get(&self, id: &str) -> Option<Silence> {
        self.ledger.get(id)
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Silence> {
        self.ledger.entries().into_iter().map(|(_, silence)| silence).collect()
    }

    /// Ids of the active silences of an alert with these labels.
    pub(super) fn silenced_by(&self, labels: &Labels, now_ms: i64) -> Vec<String> {
        let by_value = labels
            .iter()
            .filter_map(|(name, value)| self.by_value.get(name).and_then(|values| values.get(value)))
            .flatten();
        let mut found: Vec<String> = by_value
            .chain(&self.rest)
            .filter(|id| {
                self.compiled.get(*id).is_some_and(|all| all.iter().all(|m| m.matches_labels(labels)))
                    && self.ledger.with(id, |s| s.is_some_and(|s| s.state(now_ms) == SilenceState::Active))
            })
            .cloned()
            .collect();
        found.sort_unstable();
        found
    }

    /// Forgets silences that expired long ago.
    pub(super) fn collect(&mut self, now_ms: i64) -> Result<usize> {
        let keep = self.limits.retention_ms;
        let mut gone = Vec::new();
        let count = self.ledger.remove_if(|id, silence| {
            let old = silence.ends_at_ms.saturating_add(keep) <= now_ms;
            if old {
                gone.push(id.to_owned());
            }
            old
        })?;
        for id in gone {
            self.unindex(&id);
        }
        Ok(count)
    }

    fn check(&self, silence: &Silence) -> Result<Vec<Matcher>> {
        let matchers = compile(silence)?;
        if matchers.is_empty() {
            return Err(Error::invalid("at least one matcher required"));
        }
        if matchers.iter().all(Matcher::matches_empty) {
            return Err(Error::invalid("at least one matcher must not match the empty string"));
        }
        if silence.ends_at_ms < silence.starts_at_ms {
            return Err(Error::invalid("end timestamp must not be before start timestamp"));
        }
        let texts = silence.matchers.iter().map(|m| m.name.len() + m.value.len()).sum::<usize>();
        let bytes = texts + silence.comment.len() + silence.created_by.len();
        if bytes > self.limits.bytes {
            return Err(Error::too_large(format_args!(
                "silence exceeded maximum size: {bytes} bytes (limit: {} bytes)",
                self.limits.bytes
            )));
        }
        Ok(matchers)
    }

    fn index(&mut self, id: &str, matchers: Vec<Matcher>) {
        match matchers.iter().find(|m| m.op == MatchOp::Equal && !m.value.is_empty()) {
            Some(m) => {
                let values = self.by_value.entry(m.name.clone()).or_default();
                values.entry(m.value.clone()).or_default().push(id.to_owned());
            }
            None => self.rest.push(id.to_owned()),
        }
        self.compiled.insert(id.to_owned(), matchers);
    }

    fn unindex(&mut self, id: &str) {
        let Some(matchers) = self.compiled.remove(id) else { return };
        match matchers.iter().find(|m| m.op == MatchOp::Equal && !m.value.is_empty()) {
            Some(m) => {
                if let Some(values) = self.by_value.get_mut(&m.name) {
                    if let Some(ids) = values.get_mut(&m.value) {
                        ids.retain(|other| other != id);
                        if ids.is_empty() {
                            values.remove(&m.value);
                        }
                    }
                    if values.is_empty() {
                        self.by_value.remove(&m.name);
                    }
                }
            }
            None => self.rest.retain(|other| other != id),
        }
    }

    /// A random UUID (version 4).
    fn new_id(&mut self) -> String {
        loop {
            let (high, low) = (self.random.number(), self.random.number());
            let (high, low) = ((high & !0xf000) | 0x4000, (low & !(0b11 << 62)) | (0b10 << 62));
            let id = format!(
                "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
                high >> 32,
                (high >> 16) & 0xffff,
                high & 0xffff,
                low >> 48,
                low & 0xffff_ffff_ffff
            );
            if self.ledger.get(&id).is_none() {
                return id;
            }
        }
    }
}

/// Whether a silence can become another and keep its id.
fn can_change(old: &Silence, new: &Silence, now_ms: i64) -> bool {
    old.matchers == new.matchers
        && match old.state(now_ms) {
            SilenceState::Active => {
                new.starts_at_ms.div_euclid(1_000) == old.starts_at_ms.div_euclid(1_000)
                    && new.ends_at_ms >= now_ms
            }
            SilenceState::Pending => new.starts_at_ms >= now_ms,
            SilenceState::Expired => false,
        }
}
