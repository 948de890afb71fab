//! Which words the messages of a block have that are no variables: a small Bloom filter, so that a phrase opens the templates of
//! few blocks. Words that are written like hexadecimal digits, and short ones, are not in it.

use xxhash_rust::xxh3::xxh3_64;

use super::split::{is_variable, is_word};

/// Shorter words are nearly everywhere.
const LEAST: usize = 3;
const MOST_BITS: usize = 1 << 16;
const LEAST_BITS: usize = 512;
/// It is folded in half while no more than so many percent of its bits are set.
const FULL: usize = 40;

/// Whether a word is no variable, and nobody writes it as hexadecimal digits.
pub(super) fn is_plain(word: &[u8]) -> bool {
    word.len() >= LEAST && word.iter().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) && !is_variable(word)
}

/// The words of a text that are plain.
pub(super) fn plain(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|b| !is_word(*b)).filter(|word| is_plain(word))
}

/// What a filter knows of a word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word(u64);

impl Word {
    pub(super) fn new(word: &[u8]) -> Self {
        Self(xxh3_64(word))
    }

    fn places(self) -> [usize; 2] {
        [self.0 as usize, (self.0 >> 32) as usize]
    }

    /// Whether a filter leaves open that a message has it.
    pub(super) fn may_be_in(self, filter: &[u8]) -> bool {
        let bits = filter.len() * 8;
        let is_set = |place: usize| {
            let place = place % bits;
            filter[place / 8] >> (place % 8) & 1 == 1
        };
        // What is not as it should be rules nothing out.
        !bits.is_power_of_two() || self.places().into_iter().all(is_set)
    }
}

/// A filter under construction.
pub(super) struct Builder(Vec<u64>);

impl Default for Builder {
    fn default() -> Self {
        Self(vec![0; MOST_BITS / 64])
    }
}

impl Builder {
    /// Adds the words of a text.
    pub(super) fn add(&mut self, text: &[u8]) {
        for word in plain(text) {
            for place in Word::new(word).places() {
                let place = place % MOST_BITS;
                self.0[place / 64] |= 1 << (place % 64);
            }
        }
    }

    /// The filter, unless it would rule nothing out; the builder is empty then.
    pub(super) fn finish(&mut self) -> Option<Vec<u8>> {
        let count = |bits: &[u64]| bits.iter().map(|word| word.count_ones() as usize).sum::<usize>();
        let mut len = self.0.len();
        let few = count(&self.0) * 100 <= MOST_BITS * FULL;
        while few && len * 64 > LEAST_BITS {
            let (low, high) = self.0[..len].split_at_mut(len / 2);
            let folded: usize = low.iter().zip(&*high).map(|(a, b)| (a | b).count_ones() as usize).sum();
            if folded * 100 > low.len() * 64 * FULL {
                break;
            }
            low.iter_mut().zip(high).for_each(|(a, b)| *a |= *b);
            len /= 2;
        }
        let made = few.then(|| self.0[..len].iter().flat_map(|word| word.to_le_bytes()).collect());
        self.0.fill(0);
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_there_are_never_ruled_out() {
        let mut builder = Builder::default();
        let text = |n: usize| {
            format!("GET /api/v1/route{} took{n} ms from user-agent{}x", "y".repeat(n % 60), n % 9)
        };
        (0..200).for_each(|n| builder.add(text(n).as_bytes()));
        let filter = builder.finish().unwrap();
        assert!(filter.len() < 1024, "{}", filter.len());
        for n in 0..200 {
            assert!(plain(text(n).as_bytes()).all(|word| Word::new(word).may_be_in(&filter)));
        }
        let others = (0..1000)
            .map(|n| format!("{}zz", "x".repeat(n % 90 + 1)))
            .filter(|w| Word::new(w.as_bytes()).may_be_in(&filter));
        assert!(others.count() < 300);
        // The next one knows nothing of it.
        let empty = builder.finish().unwrap();
        assert!(!Word::new(b"GET").may_be_in(&empty) && Word::new(b"GET").may_be_in(&[]));
        let words: Vec<&[u8]> = plain(b"no answer, dead beef ab x1 (Added)").collect();
        assert_eq!(words, [&b"answer"[..], b"Added"]);
        let mut builder = Builder::default();
        let letter = |n: usize| char::from(b'g' + (n % 20) as u8);
        (0..40_000).for_each(|n| {
            builder.add([n, n / 20, n / 400, n / 8000].map(letter).iter().collect::<String>().as_bytes())
        });
        assert!(builder.finish().is_none());
    }
}
