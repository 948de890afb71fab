//! From memory to a part.

use disk::varint::Corrupt;
use model::{Error, Labels, Reservation, Result};

use super::arena::Arena;
use super::block::Builder;
use super::part::Writer;

pub(super) const DAY_NS: i64 = 86_400_000_000_000;
/// Compression of blocks. Large ones are never compressed again.
pub(super) const LEVEL: i32 = 3;

/// What flushes work with, kept from one to the next while they follow one another: memory that is new each time is cleared
/// by the system, and grows in steps.
pub(super) struct Workplace {
    pub(super) builder: Builder,
    /// When it was used last, ms.
    pub(super) used_ms: i64,
    _reserved: Reservation,
}

impl Workplace {
    pub(super) fn new(reserved: Reservation) -> Self {
        Self { builder: Builder::default(), used_ms: 0, _reserved: reserved }
    }
}

/// Writes the rows of an arena. Gives the streams in the order in which blocks number them.
pub(super) fn write(
    arena: &Arena,
    rank: u64,
    builder: &mut Builder,
    writer: &mut Writer,
) -> Result<Vec<Labels>> {
    let mut by_labels: Vec<u32> = (0..arena.streams().len() as u32).collect();
    by_labels.sort_by(|a, b| {
        arena.streams()[*a as usize].canonical().cmp(arena.streams()[*b as usize].canonical())
    });
    let mut numbers = vec![0u32; by_labels.len()];
    by_labels.iter().enumerate().for_each(|(number, stream)| numbers[*stream as usize] = number as u32);
    let order = sorted(arena, &numbers);
    let mut day = None;
    let unreadable = |e: Corrupt| Error::internal("records in memory cannot be read").with_detail(e);
    for at in order {
        let row = &arena.rows()[at as usize];
        let row_day = row.time_ns.div_euclid(DAY_NS);
        if builder.is_full() || (day != Some(row_day) && !builder.is_empty()) {
            writer.add(&builder.finish(LEVEL)?, rank)?;
        }
        day = Some(row_day);
        let (content, names) = arena.content(row).map_err(unreadable)?;
        builder.row(row.time_ns, numbers[row.stream as usize], content.body);
        let mut fields = content.fields();
        while let Some((number, origin, value, place)) = fields.next_placed().map_err(unreadable)? {
            builder.field(&arena.names()[names[number as usize] as usize], origin, value, place);
        }
    }
    if !builder.is_empty() {
        writer.add(&builder.finish(LEVEL)?, rank)?;
    }
    Ok(by_labels.iter().map(|s| arena.streams()[*s as usize].clone()).collect())
}

/// The rows by day, stream and time; equal ones as they came.
fn sorted(arena: &Arena, numbers: &[u32]) -> Vec<u32> {
    let rows = arena.rows();
    let mut next = vec![0u32; numbers.len() + 1];
    for row in rows {
        next[numbers[row.stream as usize] as usize + 1] += 1;
    }
    for stream in 1..next.len() {
        next[stream] += next[stream - 1];
    }
    let mut order = vec![0u32; rows.len()];
    for (at, row) in rows.iter().enumerate() {
        let next = &mut next[numbers[row.stream as usize] as usize];
        order[*next as usize] = at as u32;
        *next += 1;
    }
    // Nearly always they came in order.
    let time = |at: &u32| rows[*at as usize].time_ns;
    let stream = |at: &u32| rows[*at as usize].stream;
    for stream in order.chunk_by_mut(|a, b| stream(a) == stream(b)) {
        if !stream.is_sorted_by_key(time) {
            stream.sort_by_key(time);
        }
    }
    let day = |at: &u32| time(at).div_euclid(DAY_NS);
    if let Some(first) = order.first().map(day)
        && order.iter().any(|at| day(at) != first)
    {
        order.sort_by_key(day);
    }
    order
}
