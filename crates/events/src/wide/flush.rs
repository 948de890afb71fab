//! From memory to a part.

use disk::varint::Corrupt;
use model::{Error, Labels, Result};

use super::arena::Arena;
use super::block::Builder;
use super::part::Writer;

pub(super) const DAY_NS: i64 = 86_400_000_000_000;
/// Compression of blocks. Large ones are never compressed again.
pub(super) const LEVEL: i32 = 3;

/// Writes the rows of an arena. Gives the streams in the order in which blocks number them.
pub(super) fn write(arena: &Arena, rank: u64, writer: &mut Writer) -> Result<Vec<Labels>> {
    let mut by_labels: Vec<u32> = (0..arena.streams().len() as u32).collect();
    by_labels.sort_by(|a, b| {
        arena.streams()[*a as usize].canonical().cmp(arena.streams()[*b as usize].canonical())
    });
    let mut numbers = vec![0u32; by_labels.len()];
    by_labels.iter().enumerate().for_each(|(number, stream)| numbers[*stream as usize] = number as u32);
    let mut order: Vec<(i64, u32, i64, u32)> = arena
        .rows()
        .iter()
        .enumerate()
        .map(|(at, row)| {
            (row.time_ns.div_euclid(DAY_NS), numbers[row.stream as usize], row.time_ns, at as u32)
        })
        .collect();
    order.sort_unstable();
    let (mut builder, mut day) = (Builder::default(), None);
    let unreadable = |e: Corrupt| Error::internal("records in memory cannot be read").with_detail(e);
    for (row_day, stream, time_ns, at) in order {
        if builder.is_full() || (day != Some(row_day) && !builder.is_empty()) {
            writer.add(&builder.finish(LEVEL)?, rank)?;
        }
        day = Some(row_day);
        let (content, names) = arena.content(&arena.rows()[at as usize]).map_err(unreadable)?;
        builder.row(time_ns, stream, content.body);
        let mut fields = content.fields();
        while let Some((number, origin, value)) = fields.next().map_err(unreadable)? {
            builder.field(&arena.names()[names[number as usize] as usize], origin, value);
        }
    }
    if !builder.is_empty() {
        writer.add(&builder.finish(LEVEL)?, rank)?;
    }
    Ok(by_labels.iter().map(|s| arena.streams()[*s as usize].clone()).collect())
}
