//! Where a log was read to, in a form that survives rotation: not by name, but by what a file begins with.

use xxhash_rust::xxh3::xxh3_64;

/// How much of a file's beginning tells it from others.
pub const HEAD: usize = 1024;
const VERSION: u8 = 1;
const CURSOR: usize = 8 + 2 + 8 + 8;

/// Which file it is: the hash of its first bytes, as many as were there when it was made, and its inode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ident {
    /// The inode.
    pub inode: u64,
    /// How many bytes were hashed.
    pub length: u16,
    hash: u64,
}

impl Ident {
    /// The identity of a file that begins with `head`.
    pub fn of(inode: u64, head: &[u8]) -> Self {
        let head = &head[..head.len().min(HEAD)];
        Self { inode, length: head.len() as u16, hash: xxh3_64(head) }
    }

    /// Whether a file that begins with `head` is this one, under whatever name and inode: a compressed one has another.
    pub fn is(&self, inode: u64, head: &[u8]) -> bool {
        match head.get(..usize::from(self.length)) {
            Some([]) => inode == self.inode,
            Some(head) => xxh3_64(head) == self.hash,
            None => false,
        }
    }
}

/// A place in a file, before which everything is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Which file.
    pub file: Ident,
    /// How many bytes of it, uncompressed.
    pub offset: u64,
}

/// Where `stdout` and `stderr` of a log stand. They share files, and one may have a line unfinished where the other has
/// none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position(pub [Cursor; 2]);

impl Position {
    /// The bytes that are stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 2 * CURSOR);
        out.push(VERSION);
        for cursor in &self.0 {
            out.extend_from_slice(&cursor.file.inode.to_le_bytes());
            out.extend_from_slice(&cursor.file.length.to_le_bytes());
            out.extend_from_slice(&cursor.file.hash.to_le_bytes());
            out.extend_from_slice(&cursor.offset.to_le_bytes());
        }
        out
    }

    /// Reads them back; `None` where they are of another version.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION])?;
        let (first, second) = (rest.len() == 2 * CURSOR).then(|| rest.split_at(CURSOR))?;
        Some(Self([cursor(first)?, cursor(second)?]))
    }
}

fn cursor(bytes: &[u8]) -> Option<Cursor> {
    let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let length = u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?);
    Some(Cursor { file: Ident { inode: number(0)?, length, hash: number(10)? }, offset: number(18)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_come_back_and_damaged_ones_do_not() {
        let file = Ident::of(7, b"{\"log\":\"a\"}");
        let position = Position([
            Cursor { file, offset: 3 },
            Cursor { file: Ident::of(8, &[1; 4000]), offset: u64::MAX },
        ]);
        let bytes = position.encode();
        assert_eq!(Position::decode(&bytes), Some(position));
        assert_eq!(Position::decode(&bytes[1..]), None);
        assert_eq!(Position::decode(&[]), None);
    }

    #[test]
    fn a_file_is_known_by_its_beginning() {
        let ident = Ident::of(7, b"first line\n");
        assert!(ident.is(99, b"first line\nsecond line\n"));
        assert!(!ident.is(7, b"other line\nsecond line\n"));
        assert!(!ident.is(7, b"first"));
        let empty = Ident::of(7, b"");
        assert!(empty.is(7, b"anything") && !empty.is(8, b"anything"));
    }
}
