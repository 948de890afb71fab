//! Native histograms in memory: a few single ones, sealed into runs; and start timestamps. Few series have either, so
//! both are kept beside the places of a shard, not in them.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Histogram, TimeRange};

use crate::codec::{
    Corrupt, Effort, Reader, decode_histograms, decode_times, encode_histograms, encode_times, put_bytes,
    put_histogram, read_histogram,
};

/// Single histograms before they are sealed.
const OPEN: usize = 16;
/// Rough cost of keeping one histogram or one run beside its bytes.
pub(super) const KEPT_COST: u64 = 48;

/// Histograms of one time (`n` is 0: encoded alone), or a sealed run: times (bytes), then the run.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(super) range: TimeRange,
    n: usize,
    bytes: Arc<[u8]>,
}

impl Piece {
    fn single(t: i64, bytes: &[u8]) -> Self {
        Self { range: TimeRange::new(t, t), n: 0, bytes: bytes.into() }
    }

    pub(super) fn size(&self) -> u64 {
        self.bytes.len() as u64 + KEPT_COST
    }

    /// Gives its histograms to `take`.
    pub(super) fn decode(&self, take: &mut dyn FnMut(i64, Histogram)) -> Result<(), Corrupt> {
        let mut reader = Reader::new(&self.bytes);
        if self.n == 0 {
            take(self.range.start, read_histogram(&mut reader)?);
            return Ok(());
        }
        let mut times = Vec::with_capacity(self.n);
        decode_times(reader.bytes()?, self.n, &mut times)?;
        let mut times = times.into_iter();
        decode_histograms(reader.rest(), self.n, &mut |h| {
            if let Some(t) = times.next() {
                take(t, h);
            }
        })
    }
}

/// The histograms of a series since the last flush.
#[derive(Default)]
pub(super) struct Histograms {
    sealed: Vec<Piece>,
    open: Vec<Piece>,
    /// What came behind newer samples.
    late: BTreeMap<i64, Piece>,
}

impl Histograms {
    /// Adds an encoded histogram that is newer than all in order; how many bytes more are held.
    pub(super) fn push(&mut self, t: i64, bytes: &[u8]) -> i64 {
        let mut grown = 0;
        if self.open.len() >= OPEN
            && let Some(run) = seal(&self.open)
        {
            grown += run.size() as i64 - self.open.iter().map(Piece::size).sum::<u64>() as i64;
            self.sealed.push(run);
            self.open.clear();
        }
        self.open.push(Piece::single(t, bytes));
        grown + (bytes.len() as u64 + KEPT_COST) as i64
    }

    pub(super) fn push_late(&mut self, t: i64, bytes: &[u8]) {
        self.late.insert(t, Piece::single(t, bytes));
    }

    /// Whether the histogram at `t` is the encoded one; `None` if there is none.
    pub(super) fn compare(&self, t: i64, bytes: &[u8]) -> Option<bool> {
        if let Some(late) = self.late.get(&t) {
            return Some(*late.bytes == *bytes);
        }
        let piece = self.sealed.iter().chain(&self.open).find(|p| p.range.contains(t))?;
        let mut same = None;
        let mut again = Vec::new();
        let decoded = piece.decode(&mut |time, h| {
            if time == t {
                again.clear();
                put_histogram(&mut again, &h);
                same = Some(again == bytes);
            }
        });
        decoded.ok().and(same)
    }

    /// Whether there is a histogram at `t`.
    pub(super) fn has(&self, t: i64) -> bool {
        self.compare(t, &[]).is_some()
    }

    /// Those in order that overlap `range`.
    pub(super) fn ordered(&self, range: TimeRange) -> impl Iterator<Item = &Piece> {
        self.sealed.iter().chain(&self.open).filter(move |p| p.range.overlaps(range))
    }

    /// Those that came late, inside `range`.
    pub(super) fn late(&self, range: TimeRange) -> impl Iterator<Item = &Piece> {
        self.late.values().filter(move |p| range.contains(p.range.start))
    }

    /// Runs that were sealed.
    pub(super) fn runs(&self) -> u64 {
        self.sealed.len() as u64
    }
}

/// Single histograms as one run.
fn seal(open: &[Piece]) -> Option<Piece> {
    let (mut times, mut histograms) = (Vec::new(), Vec::new());
    for piece in open {
        let mut take = |t, h| {
            times.push(t);
            histograms.push(h);
        };
        piece.decode(&mut take).ok()?;
    }
    let range = TimeRange::new(*times.first()?, *times.last()?);
    let (mut encoded, mut bytes) = (Vec::new(), Vec::new());
    encode_times(&times, &mut encoded);
    put_bytes(&mut bytes, &encoded);
    let refs: Vec<&Histogram> = histograms.iter().collect();
    encode_histograms(&refs, Effort::Fast, &mut bytes).ok()?;
    Some(Piece { range, n: times.len(), bytes: bytes.into() })
}

/// Start timestamps as a function of time that is constant in pieces: from each time on, this start.
#[derive(Default, Clone, Debug)]
pub(super) struct Starts(Vec<(i64, i64)>);

impl Starts {
    /// The start of the sample at `t`, 0 if it has none.
    #[cfg(test)]
    pub(super) fn at(&self, t: i64) -> i64 {
        start_at(&self.0, t)
    }

    /// Sets the start of the sample at `t`; from there on if `newest`. Returns how many pieces are more.
    pub(super) fn set(&mut self, t: i64, start: i64, newest: bool) -> usize {
        let before = start_at(&self.0, t);
        if before == start {
            return 0;
        }
        if newest {
            self.0.push((t, start)); // nothing is recorded at `t` or later
            return 1;
        }
        let had = self.0.len();
        let at = self.0.partition_point(|p| p.0 < t);
        if self.0.get(at).is_some_and(|p| p.0 == t) {
            self.0.remove(at);
        }
        self.0.insert(at, (t, start));
        if self.0.get(at + 1).is_none_or(|p| p.0 != t.saturating_add(1)) {
            self.0.insert(at + 1, (t.saturating_add(1), before));
        }
        self.0.len() - had
    }

    pub(super) fn pieces(&self) -> &[(i64, i64)] {
        &self.0
    }
}

/// The start at a time among pieces in order.
pub(super) fn start_at(pieces: &[(i64, i64)], t: i64) -> i64 {
    let at = pieces.partition_point(|p| p.0 <= t);
    at.checked_sub(1).and_then(|at| pieces.get(at)).map_or(0, |p| p.1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn starts_are_a_map_from_times(samples in prop::collection::vec((0i64..60, 0i64..3), 1..60)) {
            let (mut starts, mut map, mut newest) = (Starts::default(), BTreeMap::new(), i64::MIN);
            for (t, start) in samples {
                if map.contains_key(&t) {
                    continue; // a time is taken once
                }
                starts.set(t, start, t > newest);
                newest = newest.max(t);
                map.insert(t, start);
                for (t, start) in &map {
                    prop_assert_eq!(starts.at(*t), *start, "at {}", t);
                }
            }
        }
    }
}
