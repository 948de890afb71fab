//! Writes journal files of systemd as the specification has them, small and without hash tables: for tests of readers.

use std::collections::HashMap;

/// Compresses a field: the object's flag and its bytes, or `None` to leave it as it is.
pub type Compress = fn(&[u8]) -> Option<(u8, Vec<u8>)>;

const HEADER: usize = 256;
const ARRAYS: usize = 176;

/// A journal file that grows.
#[derive(Debug, Clone)]
pub struct JournalFile {
    bytes: Vec<u8>,
    compact: bool,
    compress: Compress,
    data: HashMap<Vec<u8>, u64>,
    /// Offset of the last array, its items, and how many are used.
    array: (usize, usize, usize),
}

impl JournalFile {
    /// An empty one that is being written.
    pub fn new(compact: bool, seqnum_id: [u8; 16], compress: Compress) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[..8].copy_from_slice(b"LPKSHHRH");
        bytes[12] = if compact { 16 } else { 0 } | 15;
        bytes[16] = 1;
        bytes[72..88].copy_from_slice(&seqnum_id);
        bytes[88] = 0;
        bytes[89] = 1;
        Self { bytes, compact, compress, data: HashMap::new(), array: (0, 0, 0) }
    }

    /// The file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Says that it was rotated away.
    pub fn archive(&mut self) {
        self.bytes[16] = 2;
    }

    /// Adds an entry: its number, its time in microseconds, its fields.
    pub fn entry(&mut self, seqnum: u64, us: u64, fields: &[(&str, &str)]) {
        let fields: Vec<u64> = fields.iter().map(|(name, value)| self.field(name, value)).collect();
        let mut entry = vec![0; 48];
        entry[..8].copy_from_slice(&seqnum.to_le_bytes());
        entry[8..16].copy_from_slice(&us.to_le_bytes());
        for field in fields {
            if self.compact {
                entry.extend((field as u32).to_le_bytes());
            } else {
                entry.extend(field.to_le_bytes());
                entry.extend([0; 8]);
            }
        }
        let entry = self.object(3, 0, &entry);
        self.link(entry);
        let entries = self.number(152) + 1;
        if entries == 1 {
            self.set(168, seqnum);
            self.set(184, us);
        }
        self.set(160, seqnum);
        self.set(192, us);
        // Last, as journald does it.
        self.set(152, entries);
    }

    fn field(&mut self, name: &str, value: &str) -> u64 {
        let plain = format!("{name}={value}").into_bytes();
        if let Some(known) = self.data.get(&plain) {
            return *known;
        }
        let (flags, payload) = (self.compress)(&plain).unwrap_or_else(|| (0, plain.clone()));
        let mut data = vec![0; if self.compact { 56 } else { 48 }];
        data.extend(payload);
        let at = self.object(1, flags, &data);
        self.data.insert(plain, at);
        at
    }

    fn link(&mut self, entry: u64) {
        let item = if self.compact { 4 } else { 8 };
        let (mut at, mut items, mut used) = self.array;
        if used == items {
            items = (items * 2).max(4);
            let new = self.object(6, 0, &vec![0; 8 + items * item]) as usize;
            let place = if at == 0 { ARRAYS } else { at + 16 };
            self.set(place, new as u64);
            (at, used) = (new, 0);
        }
        let place = at + 24 + used * item;
        self.bytes[place..place + item].copy_from_slice(&entry.to_le_bytes()[..item]);
        self.array = (at, items, used + 1);
    }

    fn object(&mut self, kind: u8, flags: u8, rest: &[u8]) -> u64 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = self.bytes.len() as u64;
        self.bytes.extend([kind, flags, 0, 0, 0, 0, 0, 0]);
        self.bytes.extend((16 + rest.len() as u64).to_le_bytes());
        self.bytes.extend(rest);
        at
    }

    fn number(&self, at: usize) -> u64 {
        self.bytes[at..at + 8].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    }

    fn set(&mut self, at: usize, value: u64) {
        self.bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    }
}
