//! Which rare words a block has: a Bloom filter over what looks like an id, so that a search for one opens few blocks.
//!
//! In it are words of messages that are variables (see [`super::split`]) and have [`LONG`] and more bytes, the three
//! groups in the middle of UUIDs, and values of text fields that look like an id. What is short is in every block anyway.
//! Of words longer than an id there are pieces, too: a needle may be a part of one.
//!
//! Hashes are kept until the block is finished: a filter has as many bits as they need.

use xxhash_rust::xxh3::xxh3_64;

/// Shorter words of messages are not in it.
const LONG: usize = 16;
/// Words of messages that are longer than this, and at most [`MOST_PIECED`] bytes long, are also in it piece by piece.
const ID: usize = 32;
const MOST_PIECED: usize = 256;
/// Bytes of a piece.
const PIECE: usize = 8;
/// Values of fields that are in it have so many bytes.
const VALUES: std::ops::RangeInclusive<usize> = 8..=64;
/// Bits of a word that are set, and bits that it takes: 3 of 100 ids that are not there are not ruled out.
const PROBES: u64 = 5;
const BITS: usize = 7;
/// With fewer it rules out too little.
const LEAST_BITS: usize = 4;
/// The most words; a block with more has no filter.
const MOST_WORDS: usize = 1 << 18;
const LEAST_BYTES: usize = 64;
/// It may take so many percent of its block.
const SHARE: usize = 5;

/// A filter under construction.
#[derive(Default)]
pub(super) struct Builder {
    hashes: Vec<u64>,
    /// Where those of the message at hand begin: fields often repeat them.
    of_message: usize,
    /// The length of the longest word that is not in it piece by piece.
    longest: usize,
}

/// Which of so many bits are a word's.
fn places(hash: u64, bits: usize) -> impl Iterator<Item = usize> {
    let step = (hash >> 32) | 1;
    (0..PROBES).map(move |n| {
        let spread = hash.wrapping_add(n.wrapping_mul(step)) & 0xffff_ffff;
        ((spread * bits as u64) >> 32) as usize
    })
}

impl Builder {
    fn add(&mut self, bytes: &[u8]) {
        if self.hashes.len() <= MOST_WORDS {
            self.hashes.push(xxh3_64(bytes));
        }
    }

    /// Adds the variables of a message (start and length).
    pub(super) fn message(&mut self, text: &[u8], variables: &[(u32, u32)]) {
        self.of_message = self.hashes.len();
        for (at, (start, len)) in variables.iter().enumerate() {
            let (start, len) = (*start as usize, *len as usize);
            if len >= LONG {
                let word = &text[start..start + len];
                self.add(word);
                if (ID + 1..=MOST_PIECED).contains(&len) {
                    word.chunks_exact(PIECE).for_each(|piece| self.add(piece));
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
        if is_id(text) && self.hashes.len() <= MOST_WORDS {
            let hash = xxh3_64(text);
            if !self.hashes[self.of_message..].contains(&hash) {
                self.hashes.push(hash);
            }
        }
    }

    /// The filter for a block of so many bytes, unless it would be too large; the builder is empty then.
    pub(super) fn finish(&mut self, block_bytes: usize) -> Option<Vec<u8>> {
        let (hashes, longest) = (std::mem::take(&mut self.hashes), std::mem::take(&mut self.longest));
        self.of_message = 0;
        if hashes.is_empty() {
            return Some(vec![0; 5]); // It has no such word.
        }
        let most = (block_bytes * SHARE / 100).max(LEAST_BYTES);
        let len = (hashes.len() * BITS).div_ceil(8).clamp(LEAST_BYTES, most);
        let made = (hashes.len() <= MOST_WORDS && len * 8 >= hashes.len() * LEAST_BITS).then(|| {
            let mut out = (longest as u32).to_le_bytes().to_vec();
            out.resize(4 + len, 0);
            for hash in &hashes {
                for place in places(*hash, len * 8) {
                    out[4 + place / 8] |= 1 << (place % 8);
                }
            }
            out
        });
        self.hashes = hashes;
        self.hashes.clear();
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

/// A filter that is read.
pub(super) struct Filter<'a> {
    longest: usize,
    bits: &'a [u8],
}

impl<'a> Filter<'a> {
    /// `None`: it is none.
    pub(super) fn read(raw: &'a [u8]) -> Option<Self> {
        let (longest, bits) = raw.split_first_chunk::<4>()?;
        (!bits.is_empty()).then_some(Self { longest: u32::from_le_bytes(*longest) as usize, bits })
    }

    /// Whether the block may have a text with this word in it: `false` is certain.
    pub(super) fn may_have(&self, word: &Word) -> bool {
        self.has(word.hash)
            || word.open.as_ref().is_some_and(|open| {
                open.len < self.longest
                    || open.pieces.iter().any(|pieces| pieces.iter().all(|piece| self.has(*piece)))
            })
    }

    fn has(&self, hash: u64) -> bool {
        places(hash, self.bits.len() * 8).all(|place| self.bits[place / 8] >> (place % 8) & 1 == 1)
    }
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
        assert!(raw.len() <= (1 << 20) * SHARE / 100, "{}", raw.len());
        let filter = Filter::read(&raw).unwrap();
        let may = |needle: &str| words_of_needle(needle.as_bytes()).iter().all(|w| filter.may_have(w));
        for n in 0..4000 {
            assert!(may(&id(n)) && may(&uuid(n + 10_000)) && may(&format!("={} ", id(n))));
            assert!(may(&id(n)[4..30]), "a piece of a word may go on in the text");
        }
        let wrong = (20_000..24_000).filter(|n| may(&id(*n)) || may(&uuid(*n))).count();
        assert!(wrong < 400, "{wrong} of 4000 are not ruled out");
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
        let raw = filter(&texts);
        let filter = Filter::read(&raw).unwrap();
        let may = |needle: &str| words_of_needle(needle.as_bytes()).iter().all(|w| filter.may_have(w));
        for n in 0..200 {
            assert!(may(&id(n, 64)) && may(&id(n + 1000, 32)));
            assert!((0..32).all(|from| may(&id(n, 64)[from..from + 32])), "a part of a longer word");
        }
        let wrong = (5000..6000).filter(|n| may(&id(*n, 32))).count();
        assert!(wrong < 100, "{wrong} of 1000 are not ruled out");
    }

    #[test]
    fn a_filter_that_would_be_too_large_is_none() {
        let mut builder = Builder::default();
        (0..50_000u32).for_each(|n| builder.value(format!("request-{n}").as_bytes()));
        assert!(builder.finish(100_000).is_none());
        builder.value(b"request-1");
        assert_eq!(builder.finish(100_000).map(|f| f.len()), Some(LEAST_BYTES + 4));
        assert_eq!(builder.finish(100_000).map(|f| f.len()), Some(5));
    }

    proptest! {
        #[test]
        fn nothing_that_is_there_is_ruled_out(
            texts in prop::collection::vec("([0-9a-f]{16,20}|[0-9a-f]{30,70}|[a-z0-9]{14,18}|-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-|[ x-]|가){0,6}", 1..20),
            from in 0usize..90,
            len in 1usize..90,
        ) {
            let raw = filter(&texts);
            let filter = Filter::read(&raw).unwrap();
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
