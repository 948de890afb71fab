//! The samples of a share of the series: an append buffer each, sealed into small chunks in an arena.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::{Budget, RejectReason, Reservation, TimeRange};

use super::arena::{Arena, At};
use super::buffers::{BUFFER, Buffers, Cell, NO_CELL};
use super::histograms::{Histograms, KEPT_COST, Starts};
use crate::codec::{Effort, decode_times, encode_times, encode_values};
use crate::config::{WINDOW, window_of};

/// No chunk.
pub(super) const NONE: At = At::MAX;
/// Memory is reserved in steps of this many bytes.
const STEP: u64 = 32 << 10;
/// In [`State::defined`]: no epoch, but a mark of [`Shard::is_idle`].
const ASKED: u32 = u32::MAX;

/// What a sample is held against.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Later is too far in the future.
    pub(crate) newest: i64,
    /// Earlier is too old.
    pub(crate) oldest: i64,
    /// How far behind its series' newest a sample may be.
    pub(crate) out_of_order: i64,
    /// Stands for the newest where that one is itself too far in the future: the clock has stepped back since.
    pub(crate) now: i64,
}

impl Rules {
    /// Takes everything: for replay.
    pub(crate) const ANY: Self =
        Self { newest: i64::MAX, oldest: i64::MIN, out_of_order: i64::MAX, now: i64::MAX };
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is in memory and must be logged.
    Taken,
    /// It was there already.
    Repeated,
    /// It was refused.
    Refused(RejectReason),
}

/// What is known of a series across flushes.
struct State {
    /// 0: no series.
    generation: u32,
    /// The log epoch in which its labels were written.
    defined: u32,
    last_t: i64,
    last_bits: u64,
}

/// The samples of a series since the last flush.
pub(super) struct Data {
    pub(super) generation: u32,
    pub(super) newest: At,
    /// The append buffer.
    pub(super) active: Cell,
}

const EMPTY: Data = Data { generation: 0, newest: NONE, active: NO_CELL };

/// Samples that came behind newer ones, sorted by time.
pub(super) type Late = HashMap<u32, Vec<(i64, u64)>>;

/// A sample that is no plain float: what it is held against, and what it holds.
#[derive(Clone, Copy)]
pub(crate) struct Encoded<'a> {
    pub(crate) t: i64,
    pub(crate) start: i64,
    /// The histogram, encoded.
    pub(crate) bytes: &'a [u8],
}

pub(crate) struct Shard {
    states: Vec<State>,
    budget: Budget,
    current: FrozenShard,
    scratch: Vec<u8>,
    /// The times sealed last and where they are: series of one scrape share them.
    sealed: (Vec<i64>, At),
    /// Places whose newest sample is a histogram; its hash is in the state's bits.
    newest_is_histogram: HashSet<u32, foldhash::fast::RandomState>,
}

/// The samples of a shard that a flush took out.
pub(crate) struct FrozenShard {
    pub(super) data: Vec<Data>,
    pub(super) late: Late,
    pub(super) arena: Arena,
    pub(super) buffers: Buffers,
    pub(super) histograms: HashMap<u32, Histograms, foldhash::fast::RandomState>,
    pub(super) starts: HashMap<u32, Starts, foldhash::fast::RandomState>,
    /// Bytes of histograms.
    histogram_bytes: u64,
    range: TimeRange,
    /// Starts of the two-hour windows that have samples, and the window seen last.
    windows: BTreeSet<i64>,
    window: TimeRange,
    chunks: u64,
    reserved: Option<Reservation>,
    used: u64,
}

/// The samples that a flush took out.
pub(crate) struct Frozen {
    pub(crate) shards: Vec<FrozenShard>,
}

impl Frozen {
    /// The two-hour windows that have samples, ascending.
    pub(crate) fn windows(&self) -> BTreeSet<i64> {
        self.shards.iter().flat_map(|s| s.windows.iter().copied()).collect()
    }
}

/// The range of no sample.
pub(crate) const NOTHING: TimeRange = TimeRange::new(i64::MAX, i64::MIN);

impl FrozenShard {
    fn new(budget: Budget) -> Self {
        Self {
            data: Vec::new(),
            late: Late::new(),
            arena: Arena::new(budget.clone()),
            buffers: Buffers::new(budget),
            histograms: HashMap::default(),
            starts: HashMap::default(),
            histogram_bytes: 0,
            range: NOTHING,
            windows: BTreeSet::new(),
            window: NOTHING,
            chunks: 0,
            reserved: None,
            used: 0,
        }
    }

    /// The generation of the series that has samples in a place.
    pub(crate) fn generation(&self, place: usize) -> Option<u32> {
        self.data.get(place).map(|d| d.generation).filter(|g| *g != 0)
    }

    /// Places with samples.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> {
        self.data.iter().enumerate().filter(|(_, d)| d.generation != 0).map(|(place, _)| place)
    }

    /// Bytes of samples.
    pub(crate) fn bytes(&self) -> u64 {
        self.used + self.arena.bytes() + self.buffers.bytes()
    }

    /// Bytes of sealed chunks.
    pub(crate) fn sealed_bytes(&self) -> u64 {
        self.arena.bytes() + self.histogram_bytes
    }

    /// From the oldest to the newest sample.
    pub(crate) fn range(&self) -> Option<TimeRange> {
        (!self.range.is_empty()).then_some(self.range)
    }

    /// Chunks, append buffers not counted.
    pub(crate) fn chunks(&self) -> u64 {
        self.chunks + self.histograms.values().map(Histograms::runs).sum::<u64>()
    }

    #[inline]
    fn note_time(&mut self, t: i64) {
        self.range.start = self.range.start.min(t);
        self.range.end = self.range.end.max(t);
        if !self.window.contains(t) {
            self.window = window_of(t, WINDOW);
            self.windows.insert(self.window.start);
        }
    }

    fn reserve(&mut self, budget: &Budget, bytes: u64) -> model::Result<()> {
        let held = self.reserved.as_ref().map_or(0, Reservation::bytes);
        if self.used + bytes > held {
            match &mut self.reserved {
                Some(held) => held.grow(bytes.max(STEP))?,
                none => *none = Some(budget.reserve(bytes.max(STEP))?),
            }
        }
        self.used += bytes;
        Ok(())
    }
}

impl Shard {
    pub(super) fn new(budget: Budget) -> Self {
        let current = FrozenShard::new(budget.clone());
        Self {
            states: Vec::new(),
            budget,
            current,
            scratch: Vec::new(),
            sealed: (Vec::new(), NONE),
            newest_is_histogram: HashSet::default(),
        }
    }

    /// A new series is in this place.
    pub(crate) fn admit(&mut self, place: usize, generation: u32) {
        while self.states.len() <= place {
            self.states.push(State { generation: 0, defined: 0, last_t: i64::MIN, last_bits: 0 });
        }
        self.states[place] = State { generation, defined: 0, last_t: i64::MIN, last_bits: 0 };
    }

    /// The series of this place is gone.
    pub(crate) fn dismiss(&mut self, place: usize) {
        self.newest_is_histogram.remove(&(place as u32));
        if let Some(state) = self.states.get_mut(place) {
            state.generation = 0;
        }
    }

    /// Whether a series got no sample since `cutoff` and has none in memory. One that never got any is idle when it
    /// is asked about for the second time.
    pub(crate) fn is_idle(&mut self, place: usize, cutoff: i64) -> bool {
        let Some(state) = self.states.get_mut(place).filter(|s| s.generation != 0) else { return false };
        if self.current.generation(place) == Some(state.generation) {
            return false;
        }
        if state.last_t == i64::MIN && state.defined != ASKED {
            state.defined = ASKED;
            return false;
        }
        state.last_t < cutoff
    }

    /// Whether the newest sample of a series lies in `range` and memory holds others of it.
    pub(crate) fn newest_is_in(&self, place: usize, generation: u32, range: TimeRange) -> bool {
        let state = self.states.get(place).filter(|s| s.generation == generation);
        state.is_some_and(|s| range.contains(s.last_t)) && self.current.generation(place) == Some(generation)
    }

    /// The newest sample of a series may be deleted: the next of that time is none that repeats it. Where memory holds
    /// samples of the series they say what is newest.
    pub(crate) fn forget_newest(&mut self, place: usize, generation: u32, range: TimeRange) {
        if self.current.generation(place) == Some(generation) {
            return;
        }
        let state = self.states.get_mut(place).filter(|s| s.generation == generation);
        if let Some(state) = state.filter(|s| range.contains(s.last_t)) {
            state.last_t = i64::MIN;
            self.newest_is_histogram.remove(&(place as u32));
        }
    }

    /// Whether the series' labels must be logged in this epoch; they count as logged from here on.
    pub(crate) fn must_define(&mut self, place: usize, epoch: u32) -> bool {
        match self.states.get_mut(place) {
            Some(state) if state.defined != epoch => {
                state.defined = epoch;
                true
            }
            _ => false,
        }
    }

    /// What is in memory since the last flush.
    pub(crate) fn current(&self) -> &FrozenShard {
        &self.current
    }

    /// From here on memory is taken from `budget`; what is held already counts there, whether it fits or not.
    pub(super) fn adopt(&mut self, budget: &Budget) {
        self.budget = budget.clone();
        let current = &mut self.current;
        current.arena.adopt(budget);
        current.buffers.adopt(budget);
        current.reserved = Some(budget.claim(current.used));
    }

    pub(super) fn freeze(&mut self) -> FrozenShard {
        self.sealed.1 = NONE;
        std::mem::replace(&mut self.current, FrozenShard::new(self.budget.clone()))
    }

    /// Reads what is known of a place: some bytes of it, and its append buffer for [`Self::touch_buffer`].
    #[inline]
    pub(crate) fn touch(&self, place: usize) -> (u64, Cell) {
        let word = self.states.get(place).map_or(0, |state| state.last_bits);
        (word, self.current.data.get(place).map_or(NO_CELL, |data| data.active))
    }

    /// Reads the ends of an append buffer.
    #[inline]
    pub(crate) fn touch_buffer(&self, cell: Cell) -> u64 {
        self.current.buffers.touch(cell)
    }

    /// Takes a sample or says why not.
    #[inline]
    pub(crate) fn append(
        &mut self,
        place: usize,
        generation: u32,
        t: i64,
        start: i64,
        bits: u64,
        rules: &Rules,
    ) -> Outcome {
        let (last_t, last_bits) = match self.admission(place, generation, t, rules) {
            Ok(last) => last,
            Err(reason) => return Outcome::Refused(reason),
        };
        if t == last_t {
            return match self.newest_is_histogram.contains(&(place as u32)) {
                true => Outcome::Refused(RejectReason::Duplicate),
                false => repeated(last_bits == bits),
            };
        }
        if t < last_t {
            let outcome = self.append_late(place, generation, t, bits);
            if outcome == Outcome::Taken {
                self.current.note_start(&self.budget, place, t, start, false);
            }
            return outcome;
        }
        if self.push(place, generation, (last_t, last_bits), t, bits).is_err() {
            return Outcome::Refused(RejectReason::Limit);
        }
        self.current.note_start(&self.budget, place, t, start, true);
        if !self.newest_is_histogram.is_empty() {
            self.newest_is_histogram.remove(&(place as u32));
        }
        // `push` did not touch the states: the place is still there.
        let state = &mut self.states[place];
        state.last_t = t;
        state.last_bits = bits;
        Outcome::Taken
    }

    /// Takes a sample of a total that grows while its moment lasts: a greater value at the time of the newest sample
    /// takes its place. It cannot where that sample is no longer in memory, or has become a histogram.
    pub(crate) fn append_rising(
        &mut self,
        place: usize,
        generation: u32,
        t: i64,
        bits: u64,
        rules: &Rules,
    ) -> Outcome {
        let (last_t, last_bits) = match self.admission(place, generation, t, rules) {
            Ok(last) => last,
            Err(reason) => return Outcome::Refused(reason),
        };
        if t != last_t || self.newest_is_histogram.contains(&(place as u32)) {
            return self.append(place, generation, t, 0, bits, rules);
        }
        let (there, v) = (f64::from_bits(last_bits), f64::from_bits(bits));
        // A stale marker gives way to a value, and no value to it.
        if !(v > there || there.is_nan() && !v.is_nan()) {
            return Outcome::Repeated;
        }
        let current = &mut self.current;
        let active = current.data.get_mut(place).filter(|data| data.generation == generation);
        let Some(data) = active.filter(|data| data.active != NO_CELL) else {
            return Outcome::Refused(RejectReason::Duplicate);
        };
        match current.buffers.amend(data.active, bits) {
            Ok(cell) => data.active = cell,
            Err(_) => return Outcome::Refused(RejectReason::Limit),
        }
        // `admission` found the place.
        self.states[place].last_bits = bits;
        Outcome::Taken
    }

    /// The newest sample of the series if one at `t` may be added.
    #[inline]
    fn admission(
        &self,
        place: usize,
        generation: u32,
        t: i64,
        rules: &Rules,
    ) -> Result<(i64, u64), RejectReason> {
        let Some(state) = self.states.get(place).filter(|s| s.generation == generation) else {
            return Err(RejectReason::UnknownSeries);
        };
        if t > rules.newest {
            return Err(RejectReason::TooFarInFuture);
        }
        if t < rules.oldest {
            return Err(RejectReason::TooOld);
        }
        let newest = if state.last_t > rules.newest { rules.now } else { state.last_t };
        if t < newest && newest.saturating_sub(t) > rules.out_of_order {
            return Err(RejectReason::OutOfOrder);
        }
        Ok((state.last_t, state.last_bits))
    }

    /// Takes a histogram or says why not.
    pub(crate) fn append_histogram(
        &mut self,
        place: usize,
        generation: u32,
        sample: Encoded<'_>,
        rules: &Rules,
    ) -> Outcome {
        let Encoded { t, start, bytes } = sample;
        let hash = xxhash_rust::xxh3::xxh3_64(bytes);
        let (last_t, last_hash) = match self.admission(place, generation, t, rules) {
            Ok(last) => last,
            Err(reason) => return Outcome::Refused(reason),
        };
        let number = place as u32;
        if t == last_t {
            return repeated(self.newest_is_histogram.contains(&number) && last_hash == hash);
        }
        let late = t < last_t;
        if late {
            if self.current.find(place, t).is_some() {
                return Outcome::Refused(RejectReason::Duplicate);
            }
            if let Some(same) = self.current.histograms.get(&number).and_then(|h| h.compare(t, bytes)) {
                return repeated(same);
            }
        }
        let room = self.current.make_place(&self.budget, place);
        if room.and_then(|()| self.current.reserve(&self.budget, bytes.len() as u64 + KEPT_COST)).is_err() {
            return Outcome::Refused(RejectReason::Limit);
        }
        self.current.data[place].generation = generation;
        self.current.add_histogram(number, t, bytes, late);
        self.current.note_start(&self.budget, place, t, start, !late);
        self.current.note_time(t);
        if !late {
            self.newest_is_histogram.insert(number);
            // `admission` found the place.
            let state = &mut self.states[place];
            state.last_t = t;
            state.last_bits = hash;
        }
        Outcome::Taken
    }

    #[inline]
    fn push(
        &mut self,
        place: usize,
        generation: u32,
        last: (i64, u64),
        t: i64,
        bits: u64,
    ) -> model::Result<()> {
        let current = &mut self.current;
        current.make_place(&self.budget, place)?;
        let data = &mut current.data[place];
        data.generation = generation;
        let cell = data.active;
        let pushed = if cell == NO_CELL {
            None
        } else if self.newest_is_histogram.contains(&(place as u32)) {
            // The newest sample is not in the buffer.
            match current.buffers.samples(cell).last() {
                Some(last) => current.buffers.push(cell, last, t, bits)?,
                None => None,
            }
        } else {
            current.buffers.push(cell, last, t, bits)?
        };
        let cell = match pushed {
            Some(cell) => cell,
            None if cell == NO_CELL => current.buffers.begin(t, bits)?,
            None => {
                self.seal(place)?;
                // In place: series stay in the order in which they came, and memory is read in order.
                self.current.buffers.restart(cell, t, bits);
                cell
            }
        };
        self.current.data[place].active = cell;
        self.current.note_time(t);
        Ok(())
    }

    /// Writes the append buffer of a series into the arena. Layout: docs/formats/chunks.md, "In memory".
    fn seal(&mut self, place: usize) -> model::Result<()> {
        let current = &mut self.current;
        let active = current.buffers.samples(current.data[place].active);
        let n = active.len();
        let (mut times, mut values) = ([0i64; BUFFER], [0f64; BUFFER]);
        for ((t, v), (time, bits)) in times.iter_mut().zip(&mut values).zip(active) {
            (*t, *v) = (time, f64::from_bits(bits));
        }
        let times = &times[..n];
        let shared = self.sealed.1 != NONE && *times == *self.sealed.0;
        if !shared {
            self.sealed.0.clear();
            self.sealed.0.extend_from_slice(times);
            self.scratch.clear();
            self.scratch.extend_from_slice(&[0; 2]);
            encode_times(&self.sealed.0, &mut self.scratch);
            put_len(&mut self.scratch, 0);
            self.sealed.1 = NONE;
            current.arena.make_room(self.scratch.len())?;
            self.sealed.1 = current.arena.put(&self.scratch);
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(&current.data[place].newest.to_le_bytes());
        self.scratch.extend_from_slice(&self.sealed.1.to_le_bytes());
        self.scratch.push(n as u8);
        self.scratch.extend_from_slice(&[0; 2]);
        encode_values(&values[..n], Effort::Fast, &mut self.scratch);
        put_len(&mut self.scratch, 9);
        current.arena.make_room(self.scratch.len())?;
        current.data[place].newest = current.arena.put(&self.scratch);
        current.chunks += 1;
        Ok(())
    }

    fn append_late(&mut self, place: usize, generation: u32, t: i64, bits: u64) -> Outcome {
        if let Some(there) = self.current.find(place, t) {
            return repeated(there == bits);
        }
        if self.current.histograms.get(&(place as u32)).is_some_and(|h| h.has(t)) {
            return Outcome::Refused(RejectReason::Duplicate);
        }
        let current = &mut self.current;
        let room = current.make_place(&self.budget, place);
        if room.and_then(|()| current.reserve(&self.budget, 24)).is_err() {
            return Outcome::Refused(RejectReason::Limit);
        }
        current.data[place].generation = generation;
        let late = current.late.entry(place as u32).or_default();
        // `find` looked here too: the time is not in the list.
        let at = late.partition_point(|(other, _)| *other < t);
        late.insert(at, (t, bits));
        current.note_time(t);
        Outcome::Taken
    }
}

impl FrozenShard {
    /// Makes sure that there is data for a place.
    #[inline]
    fn make_place(&mut self, budget: &Budget, place: usize) -> model::Result<()> {
        if self.data.len() <= place {
            if self.data.capacity() <= place {
                // An eighth more at least, or a flood of series would copy this list again and again.
                let more = (place + 1 - self.data.len()).max(self.data.len() / 8).max(64);
                self.reserve(budget, (more * size_of::<Data>()) as u64)?;
                self.data.reserve_exact(more);
            }
            self.data.resize_with(place + 1, || EMPTY);
        }
        Ok(())
    }

    /// Remembers the start of a sample that was taken. Costs nothing where no sample has one.
    #[inline]
    fn note_start(&mut self, budget: &Budget, place: usize, t: i64, start: i64, newest: bool) {
        if start == 0 && self.starts.is_empty() {
            return;
        }
        let more = match self.starts.get_mut(&(place as u32)) {
            Some(starts) => 16 * starts.set(t, start, newest),
            None if start == 0 => return,
            None => {
                let mut starts = Starts::default();
                let pieces = starts.set(t, start, newest);
                self.starts.insert(place as u32, starts);
                64 + 16 * pieces
            }
        };
        // The sample is in, and for that memory was found: its start is not refused, only counted if it fits.
        if more > 0 {
            let _ = self.reserve(budget, more as u64);
        }
    }

    /// Adds a histogram for which memory was reserved.
    fn add_histogram(&mut self, place: u32, t: i64, bytes: &[u8], late: bool) {
        let cost = bytes.len() as u64 + KEPT_COST;
        let histograms = self.histograms.entry(place).or_default();
        let grown = if late {
            histograms.push_late(t, bytes);
            cost as i64
        } else {
            histograms.push(t, bytes)
        };
        self.histogram_bytes = self.histogram_bytes.saturating_add_signed(grown);
        // Sealing gives memory back.
        self.used = self.used.saturating_add_signed(grown - cost as i64);
    }

    /// The value at `t`, if the series has one since the last flush.
    fn find(&self, place: usize, t: i64) -> Option<u64> {
        let late = self.late.get(&(place as u32));
        if let Some(late) = late
            && let Ok(at) = late.binary_search_by_key(&t, |(t, _)| *t)
        {
            return Some(late[at].1);
        }
        let data = self.data.get(place)?;
        let mut active = self.buffers.samples(data.active);
        if active.clone().next().is_some_and(|first| first.0 <= t) {
            return active.find(|sample| sample.0 == t).map(|sample| sample.1);
        }
        let (mut times, mut values, mut ints) = (Vec::new(), Vec::new(), Vec::new());
        let mut at = data.newest;
        while at != NONE {
            let chunk = super::snapshot::Chunk::at(&self.arena, at)?;
            times.clear();
            decode_times(chunk.times, chunk.n, &mut times).ok()?;
            if times.first().is_some_and(|first| *first <= t) {
                let found = times.binary_search(&t).ok()?;
                crate::codec::decode_values(chunk.values, chunk.n, &mut ints, &mut values).ok()?;
                return values.get(found).map(|v| v.to_bits());
            }
            at = chunk.previous;
        }
        None
    }
}

fn repeated(same: bool) -> Outcome {
    if same { Outcome::Repeated } else { Outcome::Refused(RejectReason::Duplicate) }
}

/// Writes the number of bytes after it into two bytes at `at`.
fn put_len(bytes: &mut [u8], at: usize) {
    let len = (bytes.len() - at - 2) as u16;
    bytes[at..at + 2].copy_from_slice(&len.to_le_bytes());
}
