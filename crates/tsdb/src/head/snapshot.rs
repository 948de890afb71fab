//! What a selection needs from memory, taken in one moment: full pages of chunks are shared, the page that is being
//! filled and append buffers are copied. Chunks are walked and decoded later, outside of any lock.

use std::ops::Range;

use model::TimeRange;

use super::arena::{Arena, At, Pages, View};
use super::histograms::{Piece, start_at};
use super::shard::{FrozenShard, NONE};
use super::{Head, Slot};
use crate::codec::{Corrupt, decode_times, decode_values};
use crate::merge::Run;

/// A sealed chunk in an arena: `previous(u32) times(u32) n(u8) len(u16) values`; at `times`: `len(u16) times`.
pub(super) struct Chunk<'a> {
    pub(super) previous: At,
    pub(super) n: usize,
    /// Where the times are: series of one scrape share them.
    times_at: At,
    pub(super) times: &'a [u8],
    pub(super) values: &'a [u8],
}

impl<'a> Chunk<'a> {
    pub(super) fn at(pages: &'a impl Pages, at: At) -> Option<Self> {
        let (head, rest) = pages.from(at).split_first_chunk::<11>()?;
        let previous = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let times_at = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        let values = rest.get(..usize::from(u16::from_le_bytes([head[9], head[10]])))?;
        let (len, rest) = pages.from(times_at).split_first_chunk::<2>()?;
        let times = rest.get(..usize::from(u16::from_le_bytes(*len)))?;
        Some(Self { previous, n: usize::from(head[8]), times_at, times, values })
    }
}

/// Where the samples of one series lie in a [`Snapshot`]. There may be a million of these: it is kept small.
#[derive(Debug, Default)]
pub(crate) struct HeadPiece {
    /// Where its samples of the append buffer begin among `raw`; those that came late follow them.
    raw: usize,
    late: u32,
    /// The newest chunk that begins in the range or before, or none.
    newest: At,
    view: u16,
    active: u8,
    /// Chunks before `newest` are not wanted.
    one_chunk: bool,
    /// What few series have.
    rich: Option<Box<Rich>>,
}

/// Histograms: those in order, then those that came late; and start timestamps.
#[derive(Debug)]
struct Rich {
    histograms: Range<usize>,
    late_histograms: Range<usize>,
    starts: Range<usize>,
}

/// Samples of many series at one moment.
#[derive(Default)]
pub(crate) struct Snapshot {
    /// The arenas, each with its address in memory. The address is only compared, and only while the arena stays
    /// where it is.
    views: Vec<(usize, View)>,
    raw: Vec<(i64, u64)>,
    histograms: Vec<Piece>,
    /// Start timestamps, each from a time on.
    starts: Vec<(i64, i64)>,
    /// Bytes of histograms and of what few series have.
    rich_bytes: u64,
    /// See [`Self::newest_only`].
    newest_only: bool,
}

/// Times that were decoded last, arena by arena: the next series of a scrape has the same.
#[derive(Default)]
pub(crate) struct Decoder {
    known: Vec<Known>,
    ints: Vec<i64>,
    /// The chunks of the series at hand, oldest first.
    chunks: Vec<At>,
    times: Vec<At>,
}

/// Decoded times, and where in the arena they are.
#[derive(Default)]
struct Known {
    at: Vec<At>,
    t: Vec<i64>,
}

impl Snapshot {
    /// One that takes only the newest float and the newest histogram in the range of each series, and what comes along.
    pub(crate) fn newest_only(newest_only: bool) -> Self {
        Self { newest_only, ..Self::default() }
    }

    /// Bytes it takes.
    pub(crate) fn size(&self) -> u64 {
        let last: usize = self.views.iter().map(|(_, view)| view.copied()).sum();
        (last + self.raw.len() * 16 + 16 * self.starts.len()) as u64 + self.rich_bytes
    }

    /// Forgets the series that were added, and keeps the arenas: they must not have changed or moved since.
    pub(crate) fn clear(&mut self) {
        self.raw.clear();
        self.histograms.clear();
        self.starts.clear();
        self.rich_bytes = 0;
    }

    fn view(&mut self, shard: &FrozenShard) -> usize {
        let address = std::ptr::from_ref(&shard.arena) as usize;
        match self.views.iter().position(|(known, _)| *known == address) {
            Some(at) => at,
            None => {
                self.views.push((address, shard.arena.view()));
                self.views.len() - 1
            }
        }
    }

    /// Takes what series `place` has in `range`; `None` if it has nothing or is another series.
    pub(crate) fn add(
        &mut self,
        shard: &FrozenShard,
        place: usize,
        generation: u32,
        range: TimeRange,
    ) -> Option<HeadPiece> {
        let data = shard.data.get(place).filter(|d| d.generation == generation)?;
        let raw = self.raw.len();
        let mut end = i64::MAX;
        let samples = shard.buffers.samples(data.active);
        if let Some(first) = samples.clone().next() {
            self.add_raw(samples.filter(|(t, _)| range.contains(*t)));
            end = first.0;
        }
        let active = self.raw.len() - raw;
        // What is in chunks is older than what is in the buffer.
        let enough = self.newest_only && active > 0;
        let newest = if end > range.start && !enough { newest_in(shard, data.newest, range) } else { NONE };
        if let Some(late) = shard.late.get(&(place as u32)) {
            self.add_raw(late.iter().filter(|(t, _)| range.contains(*t)).copied());
        }
        let late = self.raw.len() - raw - active;
        let rich = self.add_rich(shard, place, range);
        let view = if newest == NONE { 0 } else { self.view(shard) };
        let histograms =
            rich.as_ref().is_some_and(|r| !r.histograms.is_empty() || !r.late_histograms.is_empty());
        if newest == NONE && active + late == 0 && !histograms {
            return None;
        }
        Some(HeadPiece {
            raw,
            late: late as u32,    // a list in memory of 16 bytes a sample
            view: view as u16,    // one a shard, and those that a flush took out
            active: active as u8, // at most what a buffer holds
            one_chunk: self.newest_only,
            newest,
            rich,
        })
    }

    /// Takes samples, or the newest of them.
    fn add_raw(&mut self, samples: impl Iterator<Item = (i64, u64)>) {
        match self.newest_only {
            true => self.raw.extend(samples.max_by_key(|(t, _)| *t)),
            false => self.raw.extend(samples),
        }
    }

    fn add_rich(&mut self, shard: &FrozenShard, place: usize, range: TimeRange) -> Option<Box<Rich>> {
        let (histograms, late_histograms) = self.add_histograms(shard, place, range);
        let starts = self.add_starts(shard, place, range);
        if histograms.is_empty() && late_histograms.is_empty() && starts.is_empty() {
            return None;
        }
        self.rich_bytes += size_of::<Rich>() as u64;
        Some(Box::new(Rich { histograms, late_histograms, starts }))
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
        self.rich_bytes += self.histograms[start..].iter().map(Piece::size).sum::<u64>();
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

    /// Decodes a piece: what came in order, then what came late. Both may hold samples around the range.
    pub(crate) fn decode(
        &self,
        piece: &HeadPiece,
        range: TimeRange,
        decoder: &mut Decoder,
        ordered: &mut Run,
        late: &mut Run,
    ) -> Result<(), Corrupt> {
        if piece.newest != NONE {
            let (_, view) =
                self.views.get(usize::from(piece.view)).ok_or(Corrupt("an arena that is not there"))?;
            decoder.chunks(view, piece, range, ordered)?;
        }
        let after = piece.raw + usize::from(piece.active);
        ordered.extend(&self.raw[piece.raw..after]);
        late.extend(&self.raw[after..after + piece.late as usize]);
        let Some(rich) = &piece.rich else { return Ok(()) };
        for (pieces, run) in [(&rich.histograms, &mut *ordered), (&rich.late_histograms, &mut *late)] {
            for histogram in &self.histograms[pieces.clone()] {
                histogram.decode(&mut |t, h| run.histograms.push((t, h)))?;
            }
        }
        let starts = &self.starts[rich.starts.clone()];
        if !starts.is_empty() {
            for run in [ordered, late] {
                run.start.extend(run.t.iter().map(|t| start_at(starts, *t)));
                run.histogram_start.extend(run.histograms.iter().map(|h| start_at(starts, h.0)));
            }
        }
        Ok(())
    }
}

/// Reads the front of all chunks of several series, and their append buffers. Chunks lie far from each other, and each says
/// where the one before is: side by side, the cache misses of the series are waited for together.
pub(crate) fn touch(shards: &[FrozenShard], slots: &[Slot]) {
    let mut sum = 0;
    let newest = |slot: &Slot| {
        let shard = shards.get(Head::shard_of(*slot))?;
        let data = shard.data.get(Head::place_of(*slot))?;
        sum ^= shard.buffers.touch(data.active);
        Some((&shard.arena, data.newest))
    };
    let mut left: Vec<(&Arena, At)> = slots.iter().filter_map(newest).collect();
    while !left.is_empty() {
        left.retain_mut(|(arena, at)| {
            let previous = arena.from(*at).first_chunk::<4>();
            *at = previous.map_or(NONE, |bytes| u32::from_le_bytes(*bytes));
            *at != NONE
        });
    }
    std::hint::black_box(sum);
}

/// The newest chunk that begins in the range or before.
fn newest_in(shard: &FrozenShard, newest: At, range: TimeRange) -> At {
    let mut at = newest;
    while at != NONE {
        let Some(chunk) = Chunk::at(&shard.arena, at) else { return NONE };
        if first_time(chunk.times) <= range.end {
            return at;
        }
        at = chunk.previous;
    }
    NONE
}

impl Decoder {
    /// Appends the chunks of a piece that may lie in the range. Which chunks lie before the range is not known without
    /// decoding their times; the first time is at the front of them.
    fn chunks(
        &mut self,
        view: &View,
        piece: &HeadPiece,
        range: TimeRange,
        out: &mut Run,
    ) -> Result<(), Corrupt> {
        const LOST: Corrupt = Corrupt("a chunk outside its arena");
        self.chunks.clear();
        self.times.clear();
        let mut at = piece.newest;
        while at != NONE {
            let chunk = Chunk::at(view, at).ok_or(LOST)?;
            self.chunks.push(at);
            self.times.push(chunk.times_at);
            if piece.one_chunk || first_time(chunk.times) <= range.start {
                break;
            }
            at = chunk.previous;
        }
        self.chunks.reverse();
        self.times.reverse();
        let view_number = usize::from(piece.view);
        if self.known.len() <= view_number {
            self.known.resize_with(view_number + 1, Known::default);
        }
        let known = &mut self.known[view_number];
        let fresh = known.at != self.times;
        if fresh {
            known.at.clear();
            known.t.clear();
        }
        for at in &self.chunks {
            let chunk = Chunk::at(view, *at).ok_or(LOST)?;
            if fresh {
                decode_times(chunk.times, chunk.n, &mut known.t)?;
            }
            decode_values(chunk.values, chunk.n, &mut self.ints, &mut out.v)?;
        }
        if fresh {
            known.at.clone_from(&self.times);
        }
        // Series that share times have them in equal chunks.
        if known.t.len() != out.v.len() {
            known.at.clear();
            return Err(Corrupt("a chunk with other times than samples"));
        }
        out.t.extend_from_slice(&known.t);
        Ok(())
    }
}

/// The first time of an encoded run (see codec/ints.rs: the order of differences, then the first value).
fn first_time(times: &[u8]) -> i64 {
    let mut reader = crate::codec::Reader::new(times);
    reader.u8().and_then(|_| reader.i64()).unwrap_or(i64::MIN)
}
