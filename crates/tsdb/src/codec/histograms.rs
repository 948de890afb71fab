//! A run of histograms of one series, by columns: the layouts once, then count, zero count, sum and each bucket as a
//! run of values. A bucket that rarely changes costs a few bytes for the whole run. docs/formats/chunks.md draws it.

use std::collections::BTreeMap;

use model::histogram::MAX_BUCKETS;
use model::{Histogram, Span};

use super::histogram::{bucket_count, hint_number, hint_of, put_layout, read_layout};
use super::values::{Effort, decode_values, encode_values};
use super::{Corrupt, Reader, put_bytes, put_u64};

/// Histograms of a run at most.
pub(crate) const RUN: usize = 512;
/// Histograms times columns of a run at most, so that decoding takes bounded memory; one histogram always fits.
const CELLS: usize = 1 << 20;

const CUSTOM: u8 = 1;
const NEGATIVE: u8 = 2;

/// How many histograms from the front make one run.
pub(crate) fn run_length<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> usize {
    let (mut taken, mut columns) = (0, 0usize);
    let mut last: Option<&Histogram> = None;
    for h in histograms.take(RUN) {
        if last.is_none_or(|l| !same_layout(l, h)) {
            columns += h.positive_buckets.len() + h.negative_buckets.len() + 3; // shared ones count again: a bound
        }
        if taken > 0 && columns * (taken + 1) > CELLS {
            break;
        }
        taken += 1;
        last = Some(h);
    }
    taken
}

fn same_layout(a: &Histogram, b: &Histogram) -> bool {
    same_group(a, b) && a.positive_spans == b.positive_spans && a.negative_spans == b.negative_spans
}

/// Histograms of one group have their buckets at the same bounds.
fn same_group(a: &Histogram, b: &Histogram) -> bool {
    let bits = |h: &Histogram| (h.schema, h.zero_threshold.to_bits());
    let bounds = |h: &Histogram| h.custom_values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    bits(a) == bits(b) && a.custom_values.len() == b.custom_values.len() && bounds(a) == bounds(b)
}

/// A bucket: whether it is negative, and its index.
type Place = (bool, i64);

/// The buckets of a layout in the order of the counts, positive ones first.
fn places(h: &Histogram) -> Result<Vec<Place>, Corrupt> {
    let (positive, negative) = (bucket_count(&h.positive_spans)?, bucket_count(&h.negative_spans)?);
    let mut places = Vec::with_capacity(positive + negative);
    for (side, spans) in [(false, &h.positive_spans), (true, &h.negative_spans)] {
        let mut index = 0i64;
        for span in spans {
            index += i64::from(span.offset);
            places.extend((index..index + i64::from(span.length)).map(|i| (side, i)));
            index += i64::from(span.length);
        }
    }
    if !places.is_sorted_by(|a, b| a < b) {
        return Err(Corrupt("spans of a histogram overlap"));
    }
    Ok(places)
}

/// Layouts that share their columns.
struct Group {
    /// Column of each bucket that one of its layouts has.
    columns: BTreeMap<Place, usize>,
    samples: usize,
}

/// The layouts of a run and what is in them. `layouts` are histograms without counts.
struct Plan {
    layouts: Vec<Histogram>,
    places: Vec<Vec<Place>>,
    group_of: Vec<usize>,
    groups: Vec<Group>,
}

impl Plan {
    fn new(layouts: Vec<Histogram>) -> Result<Self, Corrupt> {
        let mut plan = Self { places: Vec::new(), group_of: Vec::new(), groups: Vec::new(), layouts };
        let mut first_of_group: Vec<usize> = Vec::new();
        for (at, layout) in plan.layouts.iter().enumerate() {
            let known = first_of_group.iter().position(|first| same_group(&plan.layouts[*first], layout));
            let group = known.unwrap_or_else(|| {
                first_of_group.push(at);
                plan.groups.push(Group { columns: BTreeMap::new(), samples: 0 });
                first_of_group.len() - 1
            });
            let places = places(layout)?;
            plan.groups[group].columns.extend(places.iter().map(|p| (*p, 0)));
            plan.places.push(places);
            plan.group_of.push(group);
        }
        for group in &mut plan.groups {
            group.columns.values_mut().enumerate().for_each(|(at, column)| *column = at);
        }
        Ok(plan)
    }

    fn check_size(&self, n: usize) -> Result<(), Corrupt> {
        let cells: usize = self.groups.iter().map(|g| g.samples.saturating_mul(g.columns.len())).sum();
        let most = CELLS.max(2 * MAX_BUCKETS);
        if n > RUN || cells > most { Err(Corrupt("run of histograms is too large")) } else { Ok(()) }
    }
}

/// Appends the encoding of a run; the caller keeps its length, which [`run_length`] allowed.
pub(crate) fn encode_histograms<'a>(
    run: &[&'a Histogram],
    effort: Effort,
    out: &mut Vec<u8>,
) -> Result<(), Corrupt> {
    let mut distinct: Vec<&'a Histogram> = Vec::new();
    let mut layout_of: Vec<usize> = Vec::with_capacity(run.len());
    for h in run {
        let last = layout_of.last().copied().filter(|l: &usize| same_layout(distinct[*l], h));
        let known = last.or_else(|| distinct.iter().position(|d| same_layout(d, h)));
        layout_of.push(known.unwrap_or_else(|| {
            distinct.push(h);
            distinct.len() - 1
        }));
    }
    put_u64(out, distinct.len() as u64);
    for layout in &distinct {
        let negative = !layout.negative_spans.is_empty();
        let custom = !layout.custom_values.is_empty();
        out.push(if custom { CUSTOM } else { 0 } | if negative { NEGATIVE } else { 0 });
        put_layout(out, layout, negative);
    }
    put_runs(out, layout_of.iter().map(|l| *l as u64));
    put_runs(out, run.iter().map(|h| u64::from(hint_number(h.reset_hint))));
    let plan = Plan::new(distinct.into_iter().map(without_counts).collect())?;
    let mut column = Vec::with_capacity(run.len());
    for group in 0..plan.groups.len() {
        let members: Vec<(usize, &Histogram)> = run
            .iter()
            .zip(&layout_of)
            .filter(|(_, layout)| plan.group_of[**layout] == group)
            .map(|(h, layout)| (*layout, *h))
            .collect();
        encode_group(&plan, group, &members, effort, &mut column, out)?;
    }
    Ok(())
}

fn without_counts(h: &Histogram) -> Histogram {
    Histogram {
        schema: h.schema,
        zero_threshold: h.zero_threshold,
        custom_values: h.custom_values.clone(),
        positive_spans: h.positive_spans.clone(),
        negative_spans: h.negative_spans.clone(),
        ..Histogram::default()
    }
}

fn encode_group(
    plan: &Plan,
    group: usize,
    members: &[(usize, &Histogram)],
    effort: Effort,
    column: &mut Vec<f64>,
    out: &mut Vec<u8>,
) -> Result<(), Corrupt> {
    // Where the count is the sum of the buckets it is not written.
    let derived = members.iter().all(|(_, h)| !h.count.is_nan() && total(h).to_bits() == h.count.to_bits());
    out.push(u8::from(!derived));
    let mut put = |column: &mut Vec<f64>| {
        let mut bytes = Vec::new();
        encode_values(column, effort, &mut bytes);
        put_bytes(out, &bytes);
        column.clear();
    };
    if !derived {
        column.extend(members.iter().map(|(_, h)| h.count));
        put(column);
    }
    column.extend(members.iter().map(|(_, h)| h.zero_count));
    put(column);
    column.extend(members.iter().map(|(_, h)| h.sum));
    put(column);
    for place in plan.groups[group].columns.keys() {
        let mut last = 0.0;
        for (layout, h) in members {
            if let Ok(at) = plan.places[*layout].binary_search(place) {
                last = bucket(h, at).ok_or(Corrupt("spans and buckets differ"))?;
            }
            column.push(last);
        }
        put(column);
    }
    Ok(())
}

fn bucket(h: &Histogram, at: usize) -> Option<f64> {
    let positive = h.positive_buckets.len();
    let side = if at < positive { h.positive_buckets.get(at) } else { h.negative_buckets.get(at - positive) };
    side.copied()
}

/// The observations of a histogram, summed in a fixed order.
fn total(h: &Histogram) -> f64 {
    h.positive_buckets.iter().chain(&h.negative_buckets).fold(h.zero_count, |sum, c| sum + c)
}

/// Decodes a run of `n` histograms and gives each to `take`.
pub(crate) fn decode_histograms(
    bytes: &[u8],
    n: usize,
    take: &mut dyn FnMut(Histogram),
) -> Result<(), Corrupt> {
    if n > RUN {
        return Err(Corrupt("run of histograms is too long"));
    }
    let mut reader = Reader::new(bytes);
    let count = reader.count(n.min(reader.rest().len()))?;
    let mut layouts = Vec::with_capacity(count);
    let mut buckets = 0usize;
    for _ in 0..count {
        let mut layout = Histogram::default();
        let control = reader.u8()?;
        read_layout(&mut reader, &mut layout, control & CUSTOM != 0, control & NEGATIVE != 0)?;
        buckets += bucket_count(&layout.positive_spans)? + bucket_count(&layout.negative_spans)?;
        if buckets > CELLS {
            return Err(Corrupt("run of histograms is too large"));
        }
        layouts.push(layout);
    }
    let mut plan = Plan::new(layouts)?;
    let layout_of = read_runs(&mut reader, n, count as u64)?;
    let hints = read_runs(&mut reader, n, 4)?;
    for layout in &layout_of {
        let group = plan.group_of[*layout as usize]; // `read_runs` checked it
        plan.groups[group].samples += 1;
    }
    plan.check_size(n)?;
    let columns: Vec<Columns> =
        plan.groups.iter().map(|g| Columns::read(&mut reader, g)).collect::<Result<_, _>>()?;
    let mut next = vec![0usize; plan.groups.len()];
    for (layout, hint) in layout_of.iter().zip(&hints) {
        let layout = *layout as usize;
        let group = plan.group_of[layout];
        let mut h = plan.layouts[layout].clone();
        h.reset_hint = hint_of(*hint as u8);
        columns[group].fill(&plan.groups[group], &plan.places[layout], next[group], &mut h);
        next[group] += 1;
        take(h);
    }
    Ok(())
}

/// The decoded columns of a group.
struct Columns {
    samples: usize,
    /// Empty where counts are derived.
    counts: Vec<f64>,
    zero_counts: Vec<f64>,
    sums: Vec<f64>,
    /// Column after column.
    buckets: Vec<f64>,
}

impl Columns {
    fn read(reader: &mut Reader<'_>, group: &Group) -> Result<Self, Corrupt> {
        let mut ints = Vec::new();
        let n = group.samples;
        let explicit = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Corrupt("unknown kind of count")),
        };
        let mut column = |reader: &mut Reader<'_>, out: &mut Vec<f64>| -> Result<(), Corrupt> {
            let bytes = reader.bytes()?;
            let start = out.len();
            decode_values(bytes, n, &mut ints, out)?;
            if out.len() == start + n { Ok(()) } else { Err(Corrupt("column has another length")) }
        };
        let mut columns = Self {
            samples: n,
            counts: Vec::new(),
            zero_counts: Vec::new(),
            sums: Vec::new(),
            buckets: Vec::new(),
        };
        if explicit {
            column(reader, &mut columns.counts)?;
        }
        column(reader, &mut columns.zero_counts)?;
        column(reader, &mut columns.sums)?;
        for _ in 0..group.columns.len() {
            column(reader, &mut columns.buckets)?;
        }
        Ok(columns)
    }

    fn fill(&self, group: &Group, places: &[Place], row: usize, h: &mut Histogram) {
        // `row` counts the samples of the group, and `places` are among its columns: all of this is there.
        h.zero_count = self.zero_counts[row];
        h.sum = self.sums[row];
        let whole = places.len() == group.columns.len();
        let positive: usize = h.positive_spans.iter().map(|s: &Span| s.length as usize).sum();
        h.positive_buckets.reserve_exact(positive);
        h.negative_buckets.reserve_exact(places.len() - positive);
        for (at, place) in places.iter().enumerate() {
            let column = if whole { at } else { group.columns.get(place).copied().unwrap_or(0) };
            let side = if place.0 { &mut h.negative_buckets } else { &mut h.positive_buckets };
            side.push(self.buckets[column * self.samples + row]);
        }
        h.count = match self.counts.get(row) {
            Some(count) => *count,
            None => total(h),
        };
    }
}

/// Appends equal neighbours as value and length.
fn put_runs(out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
    let mut values = values.peekable();
    while let Some(value) = values.next() {
        let mut length = 1u64;
        while values.next_if_eq(&value).is_some() {
            length += 1;
        }
        put_u64(out, value);
        put_u64(out, length);
    }
}

/// Reads `n` values below `limit`.
fn read_runs(reader: &mut Reader<'_>, n: usize, limit: u64) -> Result<Vec<u64>, Corrupt> {
    let mut values = Vec::with_capacity(n.min(RUN));
    while values.len() < n {
        let value = reader.u64()?;
        let length = reader.count(n - values.len())?;
        if value >= limit || length == 0 {
            return Err(Corrupt("run of equal values"));
        }
        values.resize(values.len() + length, value);
    }
    Ok(values)
}

#[cfg(test)]
pub(crate) mod tests;
