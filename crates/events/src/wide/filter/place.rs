//! Asking a filter where it lies: of a word, one line is read.

use std::cell::RefCell;

use model::Result;

use super::{HEAD, LINE, Word, bits, line};

/// What is known of a filter without its bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::wide) struct Place {
    /// Where its bits begin, counted from the first column of its block.
    pub(in crate::wide) offset: u32,
    lines: u32,
    longest: u32,
    word_bits: u8,
    piece_bits: u8,
}

impl Place {
    /// From the bytes of a filter that lies at `offset`. `None`: it is none.
    pub(in crate::wide) fn read(offset: u32, raw: &[u8]) -> Option<Self> {
        let (longest, rest) = raw.split_first_chunk::<4>()?;
        let ([word_bits, piece_bits], lines) = rest.split_first_chunk::<2>()?;
        if lines.len() % LINE != 0 {
            return None;
        }
        Some(Self {
            offset: offset.checked_add(HEAD as u32)?,
            lines: u32::try_from(lines.len() / LINE).ok()?,
            longest: u32::from_le_bytes(*longest),
            word_bits: *word_bits,
            piece_bits: *piece_bits,
        })
    }
}

/// Where the bits of a filter are.
pub(in crate::wide) trait Lines {
    /// The line that begins with the byte `at`.
    fn read(&self, at: u32) -> Result<[u8; LINE]>;
}

/// A filter that is asked.
pub(in crate::wide) struct Filter<'a> {
    place: Place,
    lines: &'a dyn Lines,
    failed: RefCell<Option<model::Error>>,
}

impl<'a> Filter<'a> {
    pub(in crate::wide) fn new(place: Place, lines: &'a dyn Lines) -> Self {
        Self { place, lines, failed: RefCell::default() }
    }

    /// Whether the block may have a text with this word in it: `false` is certain.
    pub(in crate::wide) fn may_have(&self, word: &Word) -> bool {
        let Place { longest, word_bits, piece_bits, .. } = self.place;
        if self.has(word.hash, word_bits) {
            return true;
        }
        let Some(open) = &word.open else { return false };
        if open.len < longest as usize {
            return true;
        }
        let has = |pieces: &Vec<u64>| pieces.iter().all(|piece| self.has(*piece, piece_bits));
        piece_bits > 0 && open.pieces.iter().any(has)
    }

    /// What a filter that cannot be read said is worth nothing.
    pub(in crate::wide) fn check(&self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }

    fn has(&self, hash: u64, count: u8) -> bool {
        if self.place.lines == 0 {
            return false;
        }
        match self.lines.read(line(hash, self.place.lines) * LINE as u32) {
            Ok(line) => bits(hash, count).all(|bit| line[bit / 8] >> (bit % 8) & 1 == 1),
            Err(e) => {
                self.failed.replace(Some(e));
                true
            }
        }
    }
}

#[cfg(test)]
impl Lines for Vec<u8> {
    fn read(&self, at: u32) -> Result<[u8; LINE]> {
        Ok(*self[at as usize..].first_chunk().unwrap())
    }
}
