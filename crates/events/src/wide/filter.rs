//! Which rare words a block has: a Bloom filter over what looks like an id, so that a search for one opens few blocks.
//!
//! In it are words of messages that are variables (see [`super::split`]) and have [`LONG`] and more bytes, the three
//! groups in the middle of UUIDs, and values of text fields that look like an id. What is short is in every block anyway.
//! Of words longer than an id there are pieces, too: a needle may be a part of one.
//!
//! Hashes are collected, and counted about, while lines come in, so that the filter is half full whatever the block has.

mod place;

use xxhash_rust::xxh3::xxh3_64;

pub(super) use place::{Filter, Lines, Place};

/// Shorter words of messages are not in it.
const LONG: usize = 16;
/// Words of messages that are longer than this, and at most [`MOST_PIECED`] bytes long, are also in it piece by piece.
const ID: usize = 32;
const MOST_PIECED: usize = 256;
/// Bytes of a piece.
const PIECE: usize = 8;
/// Values of fields that are in it have so many bytes.
const VALUES: std::ops::RangeInclusive<usize> = 8..=64;
/// Bits of a word. One word in 350 that is not there is not ruled out where half of all bits are set; with fewer bits, opening
/// these blocks takes longer than asking all filters.
const WORD_BITS: u8 = 9;
/// Bits of a piece: of an id, at each of eight places, there are three.
const PIECE_BITS: u8 = 4;
/// All bits of a word lie in one line of so many bytes, which is read at once (Putze et al. 2007).
pub(super) const LINE: usize = 64;
const LINE_BITS: u32 = LINE as u32 * 8;
/// Bits by which different words are counted.
const COUNTED: usize = 1 << 18;
/// Words that came a short while ago are not kept again.
const RECENT: usize = 1 << 10;
/// A filter with more of its bits set rules nothing out.
const FULL: f64 = 0.7;
/// It may take so many percent of its block.
const SHARE: usize = 10;
/// Before the bits: the longest word without pieces (u32), bits of a word and of a piece.
const HEAD: usize = 6;

/// A filter under construction.
pub(super) struct Builder {
    words: Hashes,
    pieces: Hashes,
    /// The length of the longest word that is not in it piece by piece.
    longest: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Self { words: Hashes::new(), pieces: Hashes::new(), longest: 0 }
    }
}

/// Hashes, some of them more than once, and a bit for each.
struct Hashes {
    all: Vec<u64>,
    recent: Vec<u64>,
    seen: Vec<u64>,
    set: usize,
}

impl Hashes {
    fn new() -> Self {
        let mut new = Self { all: Vec::new(), recent: vec![0; RECENT], seen: vec![0; COUNTED / 64], set: 0 };
        new.forget_recent();
        new
    }

    /// Puts into each place what does not belong there.
    fn forget_recent(&mut self) {
        self.recent.fill(0);
        self.recent[0] = u64::MAX;
    }

    fn add(&mut self, hash: u64) {
        let recent = &mut self.recent[(hash >> 48) as usize % RECENT];
        if std::mem::replace(recent, hash) == hash {
            return;
        }
        let (seen, bit) = (&mut self.seen[hash as usize % COUNTED / 64], 1 << (hash % 64));
        self.set += usize::from(*seen & bit == 0);
        *seen |= bit;
        self.all.push(hash);
    }

    /// About how many different ones there are (linear counting, Whang et al. 1990).
    fn different(&self) -> f64 {
        let empty = (COUNTED - self.set).max(1) as f64 / COUNTED as f64;
        (-empty.ln() * COUNTED as f64).min(self.all.len() as f64)
    }

    fn clear(&mut self) {
        if !self.all.is_empty() {
            self.all.clear();
            self.forget_recent();
            self.seen.fill(0);
            self.set = 0;
        }
    }
}

/// The line of a word among so many.
fn line(hash: u64, lines: u32) -> u32 {
    ((u64::from(hash as u32) * u64::from(lines)) >> 32) as u32
}

/// The bits of a word in its line: enhanced double hashing (Dillinger and Manolios 2004).
fn bits(hash: u64, count: u8) -> impl Iterator<Item = usize> {
    let (first, step) = ((hash >> 32) as u32, (hash >> 48) as u32 | 1);
    let bit = move |n: u32| first.wrapping_add(n.wrapping_mul(step)).wrapping_add((n * n * n - n) / 6);
    (0..u32::from(count)).map(move |n| (bit(n) % LINE_BITS) as usize)
}

impl Builder {
    fn add(&mut self, bytes: &[u8]) {
        self.words.add(xxh3_64(bytes));
    }

    /// Adds the variables of a message (start and length).
    pub(super) fn message(&mut self, text: &[u8], variables: &[(u32, u32)]) {
        for (at, (start, len)) in variables.iter().enumerate() {
            let (start, len) = (*start as usize, *len as usize);
            if len >= LONG {
                let word = &text[start..start + len];
                self.add(word);
                if (ID + 1..=MOST_PIECED).contains(&len) {
                    word.chunks_exact(PIECE).for_each(|piece| self.pieces.add(xxh3_64(piece)));
                } else {
                    self.longest = self.longest.max(len);
                }
            } else if len == 4
                && let Some([_, (second, 4), (third, 4)]) = variables.get(at..at + 3)
                && *second as usize == start + 5
                && *third as usize == start + 10
                && let Some(middle) = middle_of_uuid(text, start)
            {
                self.add(middle);
            }
        }
    }

    /// Adds a message that is not split.
    pub(super) fn whole(&mut self, text: &[u8]) {
        let mut variables = Vec::new();
        for word in text.split(|b| !super::split::is_word(*b)) {
            if super::split::is_variable(word) {
                let start = word.as_ptr() as usize - text.as_ptr() as usize;
                variables.push((start as u32, word.len() as u32));
            }
        }
        self.message(text, &variables);
    }

    /// Adds the value of a field.
    pub(super) fn value(&mut self, text: &[u8]) {
        if is_id(text) {
            self.add(text);
        }
    }

    /// The filter for a block of so many bytes, unless it would be too large; the builder is empty then.
    pub(super) fn finish(&mut self, block_bytes: usize) -> Option<Vec<u8>> {
        let set =
            self.words.different() * f64::from(WORD_BITS) + self.pieces.different() * f64::from(PIECE_BITS);
        // So many that half of all bits are set, if there is room.
        let best = (set / std::f64::consts::LN_2 / f64::from(LINE_BITS)).ceil() as usize;
        let lines = best.min(block_bytes * SHARE / 100 / LINE).max(1);
        let full = 1.0 - (-set / (lines as f64 * f64::from(LINE_BITS))).exp();
        let made = (full <= FULL).then(|| {
            let mut out = (self.longest as u32).to_le_bytes().to_vec();
            let pieces = if self.pieces.all.is_empty() { 0 } else { PIECE_BITS };
            out.extend([WORD_BITS, pieces]);
            if !self.words.all.is_empty() {
                out.resize(HEAD + lines * LINE, 0);
                for (hashes, count) in [(&self.words, WORD_BITS), (&self.pieces, PIECE_BITS)] {
                    for hash in &hashes.all {
                        let at = HEAD + line(*hash, lines as u32) as usize * LINE;
                        bits(*hash, count).for_each(|bit| out[at + bit / 8] |= 1 << (bit % 8));
                    }
                }
            }
            out
        });
        self.words.clear();
        self.pieces.clear();
        self.longest = 0;
        made
    }
}

/// The three groups in the middle of a UUID of which the first begins at `start`, with what is around them on both sides.
fn middle_of_uuid(text: &[u8], start: usize) -> Option<&[u8]> {
    let around = text.get(start.checked_sub(1)?..start + 15)?;
    let dashes = [0, 5, 10, 15].iter().all(|at| around[*at] == b'-');
    (dashes && around.iter().all(|b| *b == b'-' || super::split::is_word(*b))).then(|| &around[1..15])
}

/// Whether values like this one are in filters. One that a number is written as is not.
fn is_id(value: &[u8]) -> bool {
    VALUES.contains(&value.len())
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(|b| !matches!(b, b'0'..=b'9' | b'e' | b'E' | b'-'))
        && value.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A word that a text must have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    hash: u64,
    /// At an end of a needle: it may go on in the text.
    open: Option<Open>,
}

/// A word that may be a part of a longer one.
#[derive(Debug, Clone, PartialEq)]
struct Open {
    len: usize,
    /// The pieces of it that a longer word must have, for each place at which its first whole one may begin.
    pieces: Vec<Vec<u64>>,
}

impl Open {
    fn new(word: &[u8]) -> Self {
        let pieces = |from: usize| word[from..].chunks_exact(PIECE).map(xxh3_64).collect();
        Self { len: word.len(), pieces: (0..PIECE).map(pieces).collect() }
    }
}

/// What filters know of a needle.
pub(super) fn words_of_needle(needle: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut variables: Vec<(u32, u32)> = Vec::new();
    let mut at = 0;
    while at < needle.len() {
        let end =
            needle[at..].iter().position(|b| !super::split::is_word(*b)).map_or(needle.len(), |n| at + n);
        let word = &needle[at..end];
        let inside = at > 0 && end < needle.len();
        // A word that has a digit is a variable however it goes on.
        let known =
            if inside { super::split::is_variable(word) } else { word.iter().any(u8::is_ascii_digit) };
        if word.len() >= LONG && known {
            words.push(Word { hash: xxh3_64(word), open: (!inside).then(|| Open::new(word)) });
        }
        if inside && super::split::is_variable(word) {
            variables.push((at as u32, word.len() as u32));
        }
        at = end + 1;
    }
    for group in variables.windows(3) {
        let [(first, 4), (second, 4), (third, 4)] = group else { continue };
        if (*second, *third) == (first + 5, first + 10)
            && let Some(middle) = middle_of_uuid(needle, *first as usize)
        {
            words.push(Word { hash: xxh3_64(middle), open: None });
        }
    }
    words
}

/// What filters know of a field's value.
pub(super) fn word_of_value(value: &[u8]) -> Option<Word> {
    is_id(value).then(|| Word { hash: xxh3_64(value), open: None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::split::split;
    use proptest::prelude::*;

    fn filter(texts: &[String]) -> Vec<u8> {
        let mut builder = Builder::default();
        for (n, text) in texts.iter().enumerate() {
            let mut variables = Vec::new();
            if n % 2 == 0 && split(text.as_bytes(), &mut Vec::new(), &mut variables) {
                builder.message(text.as_bytes(), &variables);
            } else {
                builder.whole(text.as_bytes());
            }
        }
        builder.finish(1 << 20).unwrap()
    }

    /// What is known of a filter, and its bits.
    fn read(raw: &[u8]) -> (Place, Vec<u8>) {
        (Place::read(0, raw).unwrap(), raw[HEAD..].to_vec())
    }

    #[test]
    fn ids_that_are_not_there_are_ruled_out() {
        let id = |n: u64| format!("{:016x}{:016x}", xxh3_64(&n.to_le_bytes()), xxh3_64(&[n as u8, 1, 2]));
        let uuid = |n: u64| {
            let id = id(n);
            format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..])
        };
        let texts: Vec<String> = (0..4000)
            .map(|n| format!("GET trace={} order {} took {n} ms", id(n), uuid(n + 10_000)))
            .collect();
        let raw = filter(&texts);
        // Two words of each, of thirteen bits: nothing else is long enough.
        assert!((12_500..14_000).contains(&raw.len()), "{}", raw.len());
        let (place, bits) = read(&raw);
        let filter = Filter::new(place, &bits);
        let may = |needle: &str| words_of_needle(needle.as_bytes()).iter().all(|w| filter.may_have(w));
        for n in 0..4000 {
            assert!(may(&id(n)) && may(&uuid(n + 10_000)) && may(&format!("={} ", id(n))));
            assert!(may(&id(n)[4..30]), "a piece of a word may go on in the text");
        }
        let wrong = (20_000..24_000).filter(|n| may(&id(*n)) || may(&uuid(*n))).count();
        assert!(wrong < 60, "{wrong} of 4000 are not ruled out");
    }

    #[test]
    fn an_id_is_ruled_out_beside_longer_words() {
        let id = |n: u64, len: usize| -> String {
            (0..len as u64 / 16 + 1)
                .map(|k| format!("{:016x}", xxh3_64(&[n as u8, (n >> 8) as u8, k as u8])))
                .collect::<String>()[..len]
                .to_owned()
        };
        let texts: Vec<String> =
            (0..200).map(|n| format!("container {} has trace {}", id(n, 64), id(n + 1000, 32))).collect();
        let (place, bits) = read(&filter(&texts));
        let filter = Filter::new(place, &bits);
        let may = |needle: &str| words_of_needle(needle.as_bytes()).iter().all(|w| filter.may_have(w));
        for n in 0..200 {
            assert!(may(&id(n, 64)) && may(&id(n + 1000, 32)));
            assert!((0..32).all(|from| may(&id(n, 64)[from..from + 32])), "a part of a longer word");
        }
        let wrong = (5000..6000).filter(|n| may(&id(*n, 32))).count();
        assert!(wrong < 60, "{wrong} of 1000 are not ruled out");
    }

    #[test]
    fn a_filter_that_would_be_too_large_is_none() {
        let mut builder = Builder::default();
        (0..50_000u32).for_each(|n| builder.value(format!("request-{n}").as_bytes()));
        assert!(builder.finish(100_000).is_none());
        builder.value(b"request-1");
        assert_eq!(builder.finish(100_000).map(|f| f.len()), Some(LINE + HEAD));
        assert_eq!(builder.finish(100_000).map(|f| f.len()), Some(HEAD));
    }

    proptest! {
        #[test]
        fn nothing_that_is_there_is_ruled_out(
            texts in prop::collection::vec("([0-9a-f]{16,20}|[0-9a-f]{30,70}|[a-z0-9]{14,18}|-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-|[ x-]|가){0,6}", 1..20),
            from in 0usize..90,
            len in 1usize..90,
        ) {
            let (place, bits) = read(&filter(&texts));
            let filter = Filter::new(place, &bits);
            for text in &texts {
                let chars: Vec<char> = text.chars().collect();
                let from = from.min(chars.len());
                let needle: String = chars[from..(from + len).min(chars.len())].iter().collect();
                for word in words_of_needle(needle.as_bytes()) {
                    prop_assert!(filter.may_have(&word), "{:?} in {:?}", needle, text);
                }
            }
        }
    }
}
