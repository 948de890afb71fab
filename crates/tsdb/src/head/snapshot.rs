//! A copy of what a selection needs from memory, taken in one moment: encoded chunks as they are, append buffers raw.

use std::ops::Range;

use model::TimeRange;

use super::arena::{Arena, At};
use super::histograms::{Piece, start_at};
use super::shard::{FrozenShard, NONE};
use crate::codec::{Corrupt, decode_times, decode_values};
use crate::merge::Run;

/// A sealed chunk in an arena: `previous(u32) times(u32) n(u8) len(u16) values`; at `times`: `len(u16) times`.
pub(super) struct Chunk<'a> {
    pub(super) previous: At,
    pub(super) n: usize,
    pub(super) times: &'a [u8],
    pub(super) values: &'a [u8],
}

impl<'a> Chunk<'a> {
    pub(super) fn at(arena: &'a Arena, at: At) -> Option<Self> {
        let (head, rest) = arena.from(at).split_first_chunk::<11>()?;
        let previous = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let times = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let values = rest.get(..usize::from(u16::from_le_bytes([head[9], head[10]])))?;
        let (len, rest) = arena.from(times).split_first_chunk::<2>()?;
        let times = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
        Some(Self { previous, n: usize::from(head[8]), times, values })
    }
}

/// Where the samples of one series lie in a [`Snapshot`].
#[derive(Debug, Clone)]
pub(crate) struct HeadPiece {
    chunks: Range<usize>,
    active: Range<usize>,
    late: Range<usize>,
    /// Histograms: those in order, then those that came late.
    histograms: Range<usize>,
    late_histograms: Range<usize>,
    starts: Range<usize>,
}

struct Copied {
    n: usize,
    times: Range<usize>,
    values: Range<usize>,
}

/// Copied samples of many series.
#[derive(Default)]
pub(crate) struct Snapshot {
    bytes: Vec<u8>,
    chunks: Vec<Copied>,
    raw: Vec<(i64, u64)>,
    histograms: Vec<Piece>,
    /// Start timestamps, each from a time on.
    starts: Vec<(i64, i64)>,
    histogram_bytes: u64,
    /// Which part of `bytes` holds the times that an arena has at an address: shared there, shared here. The address
    /// is only compared, and only while the arena is locked.
    shared: Option<(usize, Range<usize>)>,
}

impl Snapshot {
    /// Bytes it takes.
    pub(crate) fn size(&self) -> u64 {
        let floats = self.bytes.len() + self.chunks.len() * size_of::<Copied>() + self.raw.len() * 16;
        floats as u64 + 16 * self.starts.len() as u64 + self.histogram_bytes
    }

    /// Copies what series `place` has in `range`; `None` if it has nothing or is another series.
    pub(crate) fn add(
        &mut self,
        shard: &FrozenShard,
        place: usize,
        generation: u32,
        range: TimeRange,
    ) -> Option<HeadPiece> {
        let data = shard.data.get(place).filter(|d| d.generation == generation)?;
        let (chunk_start, raw_start) = (self.chunks.len(), self.raw.len());
        let mut end = i64::MAX;
        let samples = shard.buffers.samples(data.active);
        if let Some(first) = samples.clone().next() {
            self.raw.extend(samples.filter(|(t, _)| range.contains(*t)));
            end = first.0;
        }
        let active = raw_start..self.raw.len();
        if end > range.start {
            self.add_chunks(shard, data.newest, range);
        }
        self.chunks[chunk_start..].reverse();
        if let Some(late) = shard.late.get(&(place as u32)) {
            self.raw.extend(late.iter().filter(|(t, _)| range.contains(*t)));
        }
        let (histograms, late_histograms) = self.add_histograms(shard, place, range);
        let piece = HeadPiece {
            chunks: chunk_start..self.chunks.len(),
            late: active.end..self.raw.len(),
            active,
            histograms,
            late_histograms,
            starts: self.add_starts(shard, place, range),
        };
        let floats = !piece.chunks.is_empty() || !piece.active.is_empty() || !piece.late.is_empty();
        (floats || !piece.histograms.is_empty() || !piece.late_histograms.is_empty()).then_some(piece)
    }

    fn add_histograms(
        &mut self,
        shard: &FrozenShard,
        place: usize,
        range: TimeRange,
    ) -> (Range<usize>, Range<usize>) {
        let start = self.histograms.len();
        let Some(histograms) = shard.histograms.get(&(place as u32)) else {
            return (start..start, start..start);
        };
        self.histograms.extend(histograms.ordered(range).cloned());
        let late = self.histograms.len();
        self.histograms.extend(histograms.late(range).cloned());
        self.histogram_bytes += self.histograms[start..].iter().map(Piece::size).sum::<u64>();
        (start..late, late..self.histograms.len())
    }

    fn add_starts(&mut self, shard: &FrozenShard, place: usize, range: TimeRange) -> Range<usize> {
        let from = self.starts.len();
        if let Some(starts) = shard.starts.get(&(place as u32)) {
            // Chunks may begin before the range; what is cut off afterwards needs no start.
            let pieces = starts.pieces();
            let first = pieces.partition_point(|p| p.0 <= range.start).saturating_sub(1);
            let last = pieces.partition_point(|p| p.0 <= range.end).max(first);
            self.starts.extend_from_slice(&pieces[first..last]);
        }
        from..self.starts.len()
    }

    /// Newest first. Which chunks lie before the range is not known without decoding their times; the first time is
    /// at the front of them.
    fn add_chunks(&mut self, shard: &FrozenShard, newest: At, range: TimeRange) {
        let mut at = newest;
        while at != NONE {
            let Some(chunk) = Chunk::at(&shard.arena, at) else { break };
            let first = first_time(chunk.times);
            if first <= range.end {
                let times = self.times(chunk.times);
                let start = self.bytes.len();
                self.bytes.extend_from_slice(chunk.values);
                self.chunks.push(Copied { n: chunk.n, times, values: start..self.bytes.len() });
            }
            if first <= range.start {
                break;
            }
            at = chunk.previous;
        }
    }

    fn times(&mut self, times: &[u8]) -> Range<usize> {
        if let Some((from, copied)) = &self.shared
            && *from == times.as_ptr() as usize
        {
            return copied.clone();
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(times);
        let copied = start..self.bytes.len();
        self.shared = Some((times.as_ptr() as usize, copied.clone()));
        copied
    }

    /// Decodes a piece: what came in order, then what came late. Both may hold samples around the range.
    pub(crate) fn decode(&self, piece: &HeadPiece, ordered: &mut Run, late: &mut Run) -> Result<(), Corrupt> {
        let mut ints = Vec::new();
        for chunk in &self.chunks[piece.chunks.clone()] {
            decode_times(&self.bytes[chunk.times.clone()], chunk.n, &mut ordered.t)?;
            decode_values(&self.bytes[chunk.values.clone()], chunk.n, &mut ints, &mut ordered.v)?;
        }
        ordered.extend(&self.raw[piece.active.clone()]);
        late.extend(&self.raw[piece.late.clone()]);
        for (pieces, run) in [(&piece.histograms, &mut *ordered), (&piece.late_histograms, &mut *late)] {
            for histogram in &self.histograms[pieces.clone()] {
                histogram.decode(&mut |t, h| run.histograms.push((t, h)))?;
            }
        }
        let starts = &self.starts[piece.starts.clone()];
        if !starts.is_empty() {
            for run in [ordered, late] {
                run.start.extend(run.t.iter().map(|t| start_at(starts, *t)));
                run.histogram_start.extend(run.histograms.iter().map(|h| start_at(starts, h.0)));
            }
        }
        Ok(())
    }
}

/// The first time of an encoded run (see codec/ints.rs: the order of differences, then the first value).
fn first_time(times: &[u8]) -> i64 {
    let mut reader = crate::codec::Reader::new(times);
    reader.u8().and_then(|_| reader.i64()).unwrap_or(i64::MIN)
}
