//! Append buffers: the newest samples of a series, encoded as they come, in cells of a few sizes that are used again.
//!
//! A cell: `n(u8) used(u8) t0(i64) v0(u64) step(u32)`, then an entry for each further sample in `used` bytes. An entry is
//! a control byte and what it announces. Its high half says how far the distance to the sample before is from `step`
//! (the first distance, where it fits), zigzag: 0 to 10 as it is, 11 to 14 in 1, 2, 4 or 8 bytes. Its low half says which
//! bytes of the value differ from those before (XOR): none, the last 1 to 8, 1 to 6 after the first, or, as 15, a byte
//! with count and trailing zero bytes in front.

use model::{Budget, Reservation, Result};

use crate::codec::{unzigzag, zigzag};

/// Samples of a buffer.
pub(super) const BUFFER: usize = 15;
/// A buffer: its class in the high bits, its place in the class below.
pub(crate) type Cell = u32;
/// No buffer.
pub(super) const NO_CELL: Cell = Cell::MAX;

/// Bytes before the entries.
const HEAD: usize = 22;
/// Longest entry: control, distance, value with its count.
const ENTRY: usize = 1 + 8 + 1 + 8;
/// Sizes of cells. The first holds a standing value to the end; more sizes would leave more behind, as all series grow
/// at one pace. The last holds [`BUFFER`] samples whatever they are.
const SIZES: [usize; 4] = [48, 96, 160, HEAD + (BUFFER - 1) * ENTRY];
const CLASS_SHIFT: u32 = 30;
/// Most bytes of a page.
const PAGE: usize = 32 << 10;

/// The largest buffers must be countable in a byte.
const _: () = assert!((BUFFER - 1) * ENTRY < 256 && SIZES.len() == 1 << (32 - CLASS_SHIFT));

#[derive(Default)]
struct Class {
    pages: Vec<Vec<u8>>,
    free: Vec<u32>,
    /// Cells that were ever given out.
    cells: u32,
}

pub(super) struct Buffers {
    classes: [Class; SIZES.len()],
    /// Bytes of all pages.
    held: u64,
    reserved: Option<Reservation>,
    budget: Budget,
}

/// Cells of a page as powers of two: where a cell lies is asked for every sample, and must cost no division.
const SHIFTS: [u32; SIZES.len()] = {
    let mut shifts = [0; SIZES.len()];
    let mut class = 0;
    while class < SIZES.len() {
        shifts[class] = (PAGE / SIZES[class]).ilog2();
        class += 1;
    }
    shifts
};

const fn per_page(class: usize) -> usize {
    1 << SHIFTS[class]
}

const fn page_bytes(class: usize) -> u64 {
    (per_page(class) * SIZES[class]) as u64
}

/// Page of a cell, and where it begins there.
const fn place(class: usize, number: usize) -> (usize, usize) {
    (number >> SHIFTS[class], (number & (per_page(class) - 1)) * SIZES[class])
}

const fn split(cell: Cell) -> (usize, usize) {
    ((cell >> CLASS_SHIFT) as usize, (cell & ((1 << CLASS_SHIFT) - 1)) as usize)
}

impl Buffers {
    pub(super) fn new(budget: Budget) -> Self {
        Self { classes: Default::default(), held: 0, reserved: None, budget }
    }

    /// From here on memory is taken from `budget`; what is held already counts there, whether it fits or not.
    pub(super) fn adopt(&mut self, budget: &Budget) {
        self.budget = budget.clone();
        self.reserved = Some(budget.claim(self.bytes()));
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> u64 {
        self.held
    }

    fn take(&mut self, class: usize) -> Result<Cell> {
        let (all, each) = (&mut self.classes[class], per_page(class));
        let number = match all.free.pop() {
            Some(number) => number,
            None => {
                let number = all.cells;
                if number as usize >= each * all.pages.len() {
                    if number >> CLASS_SHIFT != 0 {
                        return Err(model::Error::limited("the append buffers are at their limit"));
                    }
                    match &mut self.reserved {
                        Some(held) => held.grow(page_bytes(class))?,
                        none => *none = Some(self.budget.reserve(page_bytes(class))?),
                    }
                    self.held += page_bytes(class);
                    all.pages.push(Vec::with_capacity(each * SIZES[class]));
                }
                all.cells += 1;
                if let Some(page) = all.pages.last_mut() {
                    page.resize(page.len() + SIZES[class], 0);
                }
                number
            }
        };
        Ok((class as u32) << CLASS_SHIFT | number)
    }

    fn cell(&self, cell: Cell) -> &[u8] {
        let (class, number) = split(cell);
        let (page, at) = place(class, number);
        &self.classes[class].pages[page][at..at + SIZES[class]] // `take` made it
    }

    fn cell_mut(&mut self, cell: Cell) -> &mut [u8] {
        let (class, number) = split(cell);
        let (page, at) = place(class, number);
        &mut self.classes[class].pages[page][at..at + SIZES[class]] // `take` made it
    }

    /// Reads a byte of every line of the cache in which a buffer may lie, but for the largest.
    #[inline]
    pub(super) fn touch(&self, cell: Cell) -> u64 {
        let (class, number) = split(cell);
        let (page, at) = place(class, number);
        let Some(bytes) =
            self.classes[class].pages.get(page).and_then(|page| page.get(at..at + SIZES[class]))
        else {
            return 0;
        };
        u64::from(bytes[0] ^ bytes[SIZES[0] - 1] ^ bytes[SIZES[class] - 1]) // no size is less than the first
    }

    /// Gives a buffer back.
    fn free(&mut self, cell: Cell) {
        let (class, number) = split(cell);
        self.classes[class].free.push(number as u32);
    }

    /// A buffer with one sample.
    pub(super) fn begin(&mut self, t: i64, bits: u64) -> Result<Cell> {
        let cell = self.take(0)?;
        self.restart(cell, t, bits);
        Ok(cell)
    }

    /// Makes the one sample given all that a buffer holds.
    pub(super) fn restart(&mut self, cell: Cell, t: i64, bits: u64) {
        let bytes = self.cell_mut(cell);
        bytes[0] = 1;
        bytes[1] = 0;
        bytes[2..10].copy_from_slice(&t.to_le_bytes());
        bytes[10..18].copy_from_slice(&bits.to_le_bytes());
        bytes[18..22].fill(0);
    }

    /// Adds a sample after the newest one, `last`; where the buffer now is, or `None` where it is full.
    #[inline]
    pub(super) fn push(&mut self, cell: Cell, last: (i64, u64), t: i64, bits: u64) -> Result<Option<Cell>> {
        let size = SIZES[split(cell).0];
        let bytes = self.cell_mut(cell);
        let (n, used) = (usize::from(bytes[0]), usize::from(bytes[1]));
        if n >= BUFFER {
            return Ok(None);
        }
        let distance = t.wrapping_sub(last.0);
        if n == 1
            && let Ok(step) = u32::try_from(distance)
        {
            bytes[18..22].copy_from_slice(&step.to_le_bytes());
        }
        let step = i64::from(u32::from_le_bytes([bytes[18], bytes[19], bytes[20], bytes[21]]));
        let mut entry = [0; ROOM];
        let len = encode(zigzag(distance.wrapping_sub(step)), bits ^ last.1, &mut entry);
        let end = HEAD + used + len;
        if end <= size {
            match bytes.get_mut(HEAD + used..HEAD + used + ENTRY) {
                Some(room) => room.copy_from_slice(&entry[..ENTRY]),
                None => bytes[HEAD + used..end].copy_from_slice(&entry[..len]),
            }
            bytes[0] += 1;
            bytes[1] += len as u8;
            return Ok(Some(cell));
        }
        // The last class holds whatever comes.
        let class = SIZES.iter().position(|size| *size >= end).unwrap_or(SIZES.len() - 1);
        let larger = self.take(class)?;
        let mut all = [0; SIZES[SIZES.len() - 1]];
        all[..HEAD + used].copy_from_slice(&self.cell(cell)[..HEAD + used]);
        all[HEAD + used..end].copy_from_slice(&entry[..len]);
        all[0] += 1;
        all[1] += len as u8;
        self.cell_mut(larger)[..end].copy_from_slice(&all[..end]);
        self.free(cell);
        Ok(Some(larger))
    }

    /// Gives the newest sample of a buffer another value; where the buffer now is.
    pub(super) fn amend(&mut self, cell: Cell, bits: u64) -> Result<Cell> {
        let mut held = [(0, 0); BUFFER];
        let n = self.samples(cell).zip(&mut held).map(|(sample, slot)| *slot = sample).count();
        let (Some(first), Some(newest)) = (held.first().copied(), n.checked_sub(1)) else { return Ok(cell) };
        let before = (first.0, if newest == 0 { bits } else { first.1 });
        // Written elsewhere first: where there is no room for it, nothing has changed.
        let mut written = self.begin(before.0, before.1)?;
        let mut last = before;
        for (at, (t, old)) in held.iter().copied().enumerate().take(n).skip(1) {
            let bits = if at == newest { bits } else { old };
            match self.push(written, last, t, bits) {
                Ok(Some(moved)) => written = moved,
                // It held as many before.
                Ok(None) => {}
                Err(error) => {
                    self.free(written);
                    return Err(error);
                }
            }
            last = (t, bits);
        }
        self.free(cell);
        Ok(written)
    }

    /// The samples of a buffer, oldest first; none without one.
    pub(super) fn samples(&self, cell: Cell) -> Samples<'_> {
        if cell == NO_CELL {
            return Samples { left: 0, first: true, t: 0, bits: 0, step: 0, rest: &[] };
        }
        let bytes = self.cell(cell);
        let eight = |at: usize| std::array::from_fn(|i| bytes[at + i]);
        Samples {
            left: usize::from(bytes[0]),
            first: true,
            t: i64::from_le_bytes(eight(2)),
            bits: u64::from_le_bytes(eight(10)),
            step: i64::from(u32::from_le_bytes([bytes[18], bytes[19], bytes[20], bytes[21]])),
            rest: &bytes[HEAD..HEAD + usize::from(bytes[1])],
        }
    }
}

/// Room for an entry and whole words behind it: copies of a fixed length are a few instructions, others a call.
const ROOM: usize = ENTRY + 8;

/// Writes an entry and says how long it is. What follows it is of no meaning.
#[inline]
fn encode(distance: u64, xor: u64, out: &mut [u8; ROOM]) -> usize {
    let mut at = 1;
    let high = match distance {
        0..=10 => distance as u8,
        _ => {
            let (code, bytes) = match distance {
                11..=0xff => (11, 1),
                0x100..=0xffff => (12, 2),
                0x1_0000..=0xffff_ffff => (13, 4),
                _ => (14, 8),
            };
            out[at..at + 8].copy_from_slice(&distance.to_le_bytes());
            at += bytes;
            code
        }
    };
    let low = if xor == 0 {
        0
    } else {
        let (lead, trail) = ((xor.leading_zeros() / 8) as usize, (xor.trailing_zeros() / 8) as usize);
        let (right, left) = (8 - lead, 7 - trail);
        let between = 8 - lead - trail;
        // `from` bytes are left out in front; xor is not 0, so there are fewer than eight.
        let (code, from, count) =
            if lead >= 1 && (1..=6).contains(&left) && left <= right && left <= between + 1 {
                (8 + left as u8, 1, left)
            } else if right <= between + 1 {
                (right as u8, lead, right)
            } else {
                out[at] = (between as u8) << 4 | trail as u8;
                at += 1;
                (15, lead, between)
            };
        out[at..at + 8].copy_from_slice(&(xor << (8 * from)).to_be_bytes());
        at += count;
        code
    };
    out[0] = high << 4 | low;
    at
}

/// See [`Buffers::samples`].
#[derive(Clone)]
pub(super) struct Samples<'a> {
    left: usize,
    first: bool,
    t: i64,
    bits: u64,
    step: i64,
    rest: &'a [u8],
}

impl Samples<'_> {
    fn take(&mut self, n: usize) -> &[u8] {
        let (front, rest) = self.rest.split_at(n.min(self.rest.len()));
        self.rest = rest;
        front
    }

    /// Up to 8 bytes, least first.
    fn number(&mut self, n: usize) -> u64 {
        self.take(n).iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }

    /// Up to 8 bytes, most first.
    fn number_be(&mut self, n: usize) -> u64 {
        self.take(n).iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    }
}

impl Iterator for Samples<'_> {
    type Item = (i64, u64);

    #[inline]
    fn next(&mut self) -> Option<(i64, u64)> {
        self.left = self.left.checked_sub(1)?;
        if std::mem::take(&mut self.first) {
            return Some((self.t, self.bits));
        }
        let control = self.number(1) as u8;
        let distance = match control >> 4 {
            11 => self.number(1),
            12 => self.number(2),
            13 => self.number(4),
            14 => self.number(8),
            near => u64::from(near),
        };
        self.t = self.t.wrapping_add(self.step).wrapping_add(unzigzag(distance));
        let low = usize::from(control & 15);
        let xor = match low {
            0 => 0,
            1..=8 => self.number_be(low),
            9..=14 => self.number_be(low - 8) << (8 * (7 - (low - 8))),
            _ => {
                let which = self.number(1) as usize;
                self.number_be(which >> 4 & 15) << (8 * (which & 7))
            }
        };
        self.bits ^= xor;
        Some((self.t, self.bits))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Samples<'_> {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_standing_value_takes_a_byte_a_sample() {
        let mut buffers = Buffers::new(Budget::unlimited());
        let mut cell = buffers.begin(1_000, 7).unwrap();
        for n in 1..BUFFER as i64 {
            cell = buffers.push(cell, (1_000 + (n - 1) * 15_000, 7), 1_000 + n * 15_000, 7).unwrap().unwrap();
        }
        assert_eq!((SIZES[split(cell).0], buffers.cell(cell)[1]), (48, 14));
        assert!(buffers.push(cell, (0, 0), i64::MAX, 0).unwrap().is_none(), "it is full");
    }

    #[test]
    fn memory_is_asked_for_and_used_again() {
        let budget = Budget::new("test", page_bytes(0));
        let mut buffers = Buffers::new(budget.clone());
        let cells: Vec<Cell> = (0..per_page(0)).map(|n| buffers.begin(n as i64, 0).unwrap()).collect();
        assert!(buffers.begin(0, 0).is_err(), "a second page does not fit");
        cells.iter().for_each(|cell| buffers.free(*cell));
        assert!(buffers.begin(1, 1).is_ok());
        assert_eq!((budget.used(), buffers.bytes()), (page_bytes(0), page_bytes(0)));
    }

    proptest! {
        #[test]
        fn the_newest_sample_gets_another_value(
            values in prop::collection::vec(prop_oneof![any::<u64>(), 0u64..9], 1..=BUFFER), other: u64,
        ) {
            let mut buffers = Buffers::new(Budget::unlimited());
            let mut held: Vec<(i64, u64)> = (0..).step_by(1_000).zip(values).collect();
            let mut cell = buffers.begin(held[0].0, held[0].1).unwrap();
            for pair in held.windows(2) {
                cell = buffers.push(cell, pair[0], pair[1].0, pair[1].1).unwrap().unwrap();
            }
            cell = buffers.amend(cell, other).unwrap();
            held.last_mut().unwrap().1 = other;
            prop_assert_eq!(buffers.samples(cell).collect::<Vec<_>>(), held);
        }

        #[test]
        fn what_goes_in_comes_out(
            series in prop::collection::vec(
                (any::<i64>(), prop::collection::vec((prop_oneof![1i64..5, 14_990i64..15_010, 1i64..i64::MAX / 32],
                    prop_oneof![Just(0u64), any::<u64>(), (0u64..1 << 20).prop_map(|n| (n as f64).to_bits()),
                        (0u64..64).prop_map(|n| 1 << n), any::<f64>().prop_map(f64::to_bits)]), 1..20)),
                1..8),
        ) {
            let mut buffers = Buffers::new(Budget::unlimited());
            let mut open: Vec<(Cell, Vec<(i64, u64)>)> = Vec::new();
            let longest = series.iter().map(|s| s.1.len()).max().unwrap_or(0);
            // Side by side, so that freed cells are used by others.
            for n in 0..longest {
                for (which, (t0, samples)) in series.iter().enumerate() {
                    let Some((step, bits)) = samples.get(n).copied() else { continue };
                    if n == 0 {
                        open.push((buffers.begin(*t0, bits).unwrap(), vec![(*t0, bits)]));
                        continue;
                    }
                    let (cell, held) = &mut open[which];
                    let last = *held.last().unwrap();
                    let t = last.0.saturating_add(step);
                    match buffers.push(*cell, last, t, bits).unwrap() {
                        Some(moved) => {
                            *cell = moved;
                            held.push((t, bits));
                        }
                        None => {
                            prop_assert_eq!(held.len(), BUFFER);
                            buffers.free(*cell);
                            *cell = buffers.begin(t, bits).unwrap();
                            *held = vec![(t, bits)];
                        }
                    }
                }
                for (cell, held) in &open {
                    prop_assert_eq!(buffers.samples(*cell).collect::<Vec<_>>(), held.clone());
                }
            }
        }
    }
}
