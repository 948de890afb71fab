//! An entry: a number, a time, and fields.

use std::borrow::Cow;
use std::ops::Range;

/// An entry of a journal. One is filled again and again.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// Its number; numbers grow, with holes where another file has entries of the same sequence.
    pub seqnum: u64,
    /// When the journal took it, microseconds since the Unix epoch.
    pub realtime_us: u64,
    /// Fields that could not be unpacked.
    pub unreadable: u64,
    bytes: Vec<u8>,
    fields: Vec<(Range<usize>, Range<usize>)>,
}

impl Entry {
    pub(super) fn clear(&mut self) {
        (self.seqnum, self.realtime_us, self.unreadable) = (0, 0, 0);
        self.bytes.clear();
        self.fields.clear();
    }

    /// Adds `NAME=value` where the name is wanted. What is no such thing is left out.
    pub(super) fn add(&mut self, field: &[u8], wanted: &mut dyn FnMut(&str) -> bool) {
        let Some(equals) = memchr::memchr(b'=', field) else { return };
        let (name, value) = (&field[..equals], &field[equals + 1..]);
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            return;
        }
        // It is ASCII.
        if !std::str::from_utf8(name).is_ok_and(&mut *wanted) {
            return;
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        let middle = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.fields.push((start..middle, middle..self.bytes.len()));
    }

    /// The first field of this name.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        self.fields().find(|(found, _)| *found == name).map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// All fields that were wanted. Names may come more than once.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().filter_map(|(name, value)| {
            let name = std::str::from_utf8(self.bytes.get(name.clone())?).ok()?;
            Some((name, self.bytes.get(value.clone())?))
        })
    }
}
