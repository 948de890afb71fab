//! Journal files of systemd, read directly: <https://systemd.io/JOURNAL_FILE_FORMAT/>.
//!
//! A file is a header and objects behind it. Entries are found through a chain of arrays, in the order in which they were
//! written; an entry names DATA objects, each one field. Hash tables are not needed for that. Regular and compact files
//! are read, fields compressed by zstd, LZ4 and XZ, and files that are being written: what the header counts is whole.
//!
//! ```text
//! header --> array --> array --> ...      entry --> DATA "MESSAGE=..."
//!              |  |  `-- entry                  `--> DATA "PRIORITY=6"
//!              |  `----- entry
//! ```

mod entry;
mod object;
#[cfg(test)]
mod tests;

use std::io;

pub use entry::Entry;
use object::{DATA, ENTRY, ENTRY_ARRAY, Object};

/// The fewest bytes a header has: up to the time of the newest entry.
const HEADER: usize = 208;
const SIGNATURE: &[u8; 8] = b"LPKSHHRH";
/// Incompatible flags that are understood: XZ, LZ4, keyed hashes (which are not looked at), zstd, compact.
const KNOWN: u32 = 1 | 2 | 4 | 8 | COMPACT;
const COMPACT: u32 = 16;
/// Fields of an entry; the rest of one that has more is passed over. Journald itself allows no more.
const FIELDS: u64 = 1024;
/// Bytes that a name and its `=` may have.
const NAME: usize = 64 + 1;
/// What an object is expected to fit into: it is read at once then.
const GLANCE: usize = 384;
/// Fields that were read are kept while they are short: most entries share most of theirs.
const KEPT: usize = 4096;

/// Where the bytes of a file come from.
pub trait Bytes {
    /// Fills `into` with what lies at `offset`, as far as the file goes; says how many bytes that is.
    ///
    /// # Errors
    /// Those of the file.
    fn read(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize>;
}

impl Bytes for &[u8] {
    fn read(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset).ok().and_then(|at| self.get(at..)).unwrap_or_default();
        let len = rest.len().min(into.len());
        into[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}

/// Why a file, or a place in it, cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The bytes cannot be had.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is no journal file, or one of a kind that is not known.
    #[error("no journal file that can be read: {0}")]
    Foreign(&'static str),
    /// What lies at an offset is not what must be there.
    #[error("byte {at}: {what}")]
    Damaged {
        /// Where.
        at: u64,
        /// What is wrong.
        what: &'static str,
    },
}

fn damaged<T>(at: u64, what: &'static str) -> Result<T, Failure> {
    Err(Failure::Damaged { at, what })
}

/// Whether a file is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was closed and may be opened again.
    Offline,
    /// It is being written, or was when the machine ended.
    Online,
    /// It was rotated away.
    Archived,
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Whether it is being written.
    pub state: State,
    /// Which file it is.
    pub file_id: [u8; 16],
    /// Of which machine.
    pub machine_id: [u8; 16],
    /// Whose numbers its entries have: files with the same id share one sequence.
    pub seqnum_id: [u8; 16],
    /// Entries so far.
    pub entries: u64,
    /// Number of the first entry; 0 where there is none.
    pub head_seqnum: u64,
    /// Number of the last entry.
    pub tail_seqnum: u64,
    /// Time of the first entry, microseconds since the Unix epoch.
    pub head_us: u64,
    /// Time of the last entry.
    pub tail_us: u64,
    compact: bool,
    size: u64,
    arrays: u64,
}

impl Header {
    /// Reads it from the first bytes of a file.
    ///
    /// # Errors
    /// [`Failure::Foreign`] where it is none, or one with features that are not known.
    pub fn parse(bytes: &[u8]) -> Result<Self, Failure> {
        if bytes.len() < HEADER {
            return Err(Failure::Foreign("it is shorter than a header"));
        }
        if &bytes[..8] != SIGNATURE {
            return Err(Failure::Foreign("it begins otherwise"));
        }
        let flags = object::u32_at(bytes, 12);
        if flags & !KNOWN != 0 {
            return Err(Failure::Foreign(
                "it was written by a newer systemd, with features that are not known",
            ));
        }
        let number = |at| object::u64_at(bytes, at);
        let id = |at: usize| -> [u8; 16] { std::array::from_fn(|n| bytes[at + n]) };
        let state = match bytes[16] {
            1 => State::Online,
            2 => State::Archived,
            _ => State::Offline,
        };
        Ok(Self {
            state,
            file_id: id(24),
            machine_id: id(40),
            seqnum_id: id(72),
            entries: number(152),
            head_seqnum: number(168),
            tail_seqnum: number(160),
            head_us: number(184),
            tail_us: number(192),
            compact: flags & COMPACT != 0,
            size: number(88).max(HEADER as u64),
            arrays: number(176),
        })
    }

    const fn item(&self) -> u64 {
        if self.compact { 4 } else { 8 }
    }
}

/// Reads the entries of a file in their order.
#[derive(Debug)]
pub struct Reader<S> {
    source: S,
    header: Header,
    /// Bytes of a field that are read; of a longer one the rest is left out.
    most: usize,
    /// The array that is being read: its offset (0: none yet), items, and how many entries lie in those before it.
    array: u64,
    items: u64,
    before: u64,
    /// How many of its items were read.
    done: u64,
    /// Nothing behind a place that is damaged can be found.
    ended: bool,
    known: std::collections::HashMap<u64, Box<[u8]>>,
    scratch: Vec<u8>,
}

impl<S: Bytes> Reader<S> {
    /// Begins with the first entry. Of a field at most `most` bytes are read.
    ///
    /// # Errors
    /// Where it is no journal file.
    pub fn open(mut source: S, most: usize) -> Result<Self, Failure> {
        let header = read_header(&mut source)?;
        Ok(Self {
            source,
            header,
            most,
            array: 0,
            items: 0,
            before: 0,
            done: 0,
            ended: false,
            known: std::collections::HashMap::new(),
            scratch: Vec::new(),
        })
    }

    /// What the file said of itself when it was last asked.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Asks the file again: it may have grown.
    ///
    /// # Errors
    /// Where the header cannot be read any more.
    pub fn refresh(&mut self) -> Result<(), Failure> {
        self.header = read_header(&mut self.source)?;
        Ok(())
    }

    /// Goes to the first entry with a number above `seqnum`, without reading those before it.
    ///
    /// # Errors
    /// Where the chain of arrays cannot be followed.
    pub fn skip_to(&mut self, seqnum: u64) -> Result<(), Failure> {
        self.skip(|entry| entry.0 > seqnum)
    }

    /// Goes to the first entry that is later than `us`.
    ///
    /// # Errors
    /// Where the chain of arrays cannot be followed.
    pub fn skip_past(&mut self, us: u64) -> Result<(), Failure> {
        self.skip(|entry| entry.1 > us)
    }

    /// How many entries were passed.
    pub const fn passed(&self) -> u64 {
        self.before.saturating_add(self.done)
    }

    /// Goes to the entry with this index, from the first one on.
    ///
    /// # Errors
    /// Where the chain of arrays cannot be followed.
    pub fn skip_entries(&mut self, count: u64) -> Result<(), Failure> {
        while self.passed() < count && self.array_of_next()? {
            let here = count.saturating_sub(self.before).min(self.used());
            self.done = self.done.max(here);
            if self.done < self.items {
                break;
            }
        }
        Ok(())
    }

    /// `wanted`: by number and time, whether reading begins here or before. It must hold for all that follow.
    fn skip(&mut self, wanted: impl Fn((u64, u64)) -> bool) -> Result<(), Failure> {
        while self.array_of_next()? {
            let used = self.used();
            let last = self.number(used.saturating_sub(1))?;
            if !wanted(last) {
                self.done = used;
                if used < self.items {
                    return Ok(());
                }
                continue;
            }
            let (mut low, mut high) = (self.done, used.saturating_sub(1));
            while low < high {
                let middle = low + (high - low) / 2;
                if wanted(self.number(middle)?) { high = middle } else { low = middle + 1 }
            }
            self.done = low;
            return Ok(());
        }
        Ok(())
    }

    /// Number and time of an entry of the array.
    fn number(&mut self, index: u64) -> Result<(u64, u64), Failure> {
        let at = self.item_at(index)?;
        let object = Object::read(&mut self.source, &self.header, at, ENTRY, &mut self.scratch)?;
        Ok((object.number(16)?, object.number(24)?))
    }

    /// How many items of the array hold entries.
    fn used(&self) -> u64 {
        self.items.min(self.header.entries.saturating_sub(self.before))
    }

    /// Goes on to the array that holds the next entry; `false` where there is none so far. Behind an array that is
    /// damaged nothing can be found.
    fn array_of_next(&mut self) -> Result<bool, Failure> {
        let found = self.follow_chain();
        self.ended |= matches!(found, Err(Failure::Damaged { .. }));
        found
    }

    fn follow_chain(&mut self) -> Result<bool, Failure> {
        loop {
            if self.ended || self.before.saturating_add(self.done) >= self.header.entries {
                return Ok(false);
            }
            if self.array > 0 && self.done < self.items {
                return Ok(true);
            }
            let next = if self.array == 0 {
                self.header.arrays
            } else {
                let array =
                    Object::read(&mut self.source, &self.header, self.array, ENTRY_ARRAY, &mut self.scratch)?;
                array.number(16)?
            };
            if next == 0 {
                // It was counted before it can be seen, or the machine ended just then.
                return Ok(false);
            }
            // Objects are only added at the end: a chain that goes back would never end.
            if next <= self.array {
                return damaged(next, "an array of entries lies before the one that names it");
            }
            let array = Object::read(&mut self.source, &self.header, next, ENTRY_ARRAY, &mut self.scratch)?;
            let items = array.size.saturating_sub(24) / self.header.item();
            if items == 0 {
                return damaged(next, "an array of entries without room");
            }
            self.before = self.before.saturating_add(self.items);
            (self.array, self.items, self.done) = (next, items, 0);
        }
    }

    fn item_at(&mut self, index: u64) -> Result<u64, Failure> {
        let at = self.array.saturating_add(24).saturating_add(index.saturating_mul(self.header.item()));
        let mut bytes = [0; 8];
        let wide = if self.header.compact { 4 } else { 8 };
        if self.source.read(at, &mut bytes[..wide])? < wide {
            self.ended = true;
            return damaged(at, "an array of entries ends early");
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// Reads the next entry: those of its fields whose names are `wanted`. `false`: there is none so far.
    ///
    /// # Errors
    /// Where an entry is damaged; the next call goes on behind it, if anything can be found there.
    pub fn next(&mut self, wanted: &mut dyn FnMut(&str) -> bool, entry: &mut Entry) -> Result<bool, Failure> {
        entry.clear();
        if !self.array_of_next()? {
            return Ok(false);
        }
        let at = self.item_at(self.done)?;
        if at == 0 {
            return Ok(false);
        }
        self.done += 1;
        let object = Object::read(&mut self.source, &self.header, at, ENTRY, &mut self.scratch)?;
        entry.seqnum = object.number(16)?;
        entry.realtime_us = object.number(24)?;
        let item = if self.header.compact { 4 } else { 16 };
        let fields = (object.size.saturating_sub(64) / item).min(FIELDS);
        let mut list = vec![0; usize::try_from(fields * item).unwrap_or(0)];
        if self.source.read(at + 64, &mut list)? < list.len() {
            return damaged(at, "an entry ends early");
        }
        for field in list.chunks_exact(item as usize) {
            let of = if self.header.compact {
                u64::from(object::u32_at(field, 0))
            } else {
                object::u64_at(field, 0)
            };
            if of > 0 {
                self.field(of, wanted, entry)?;
            }
        }
        Ok(true)
    }

    fn field(
        &mut self,
        at: u64,
        wanted: &mut dyn FnMut(&str) -> bool,
        entry: &mut Entry,
    ) -> Result<(), Failure> {
        if let Some(known) = self.known.get(&at) {
            entry.add(known, wanted);
            return Ok(());
        }
        let object = Object::read(&mut self.source, &self.header, at, DATA, &mut self.scratch)?;
        let flags = object.flags;
        let start = if self.header.compact { 72 } else { 64 };
        let Some(len) = object.size.checked_sub(start) else {
            return damaged(at, "a field is shorter than its own head");
        };
        let most = self.most + NAME;
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(most);
        // Most fields were read whole with their heads.
        let here = self.scratch.get(start as usize..).unwrap_or_default();
        let bytes = if len <= here.len() {
            here[..len].to_vec()
        } else {
            let mut bytes = vec![0; len];
            let read = self.source.read(at + start, &mut bytes)?;
            bytes.truncate(read);
            bytes
        };
        let Some(plain) = object::unpack(bytes, flags, most) else {
            entry.unreadable += 1;
            return Ok(());
        };
        entry.add(&plain, wanted);
        if plain.len() <= GLANCE {
            if self.known.len() >= KEPT {
                self.known.clear();
            }
            self.known.insert(at, plain.into_boxed_slice());
        }
        Ok(())
    }
}

fn read_header(source: &mut impl Bytes) -> Result<Header, Failure> {
    let mut bytes = [0; HEADER];
    let read = source.read(0, &mut bytes)?;
    Header::parse(&bytes[..read])
}
