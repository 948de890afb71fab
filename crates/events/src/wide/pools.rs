//! Numbers of small columns that lie together. Access logs with many user agents have thousands of templates of a few messages
//! each, in which the same things vary: a client, a size, a duration. Numbers between the same characters lie in one column,
//! whichever of these templates they belong to, so that what is said of a column is said once, and its bytes are many.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

use disk::varint::{Corrupt, Reader, put_u64};
use foldhash::fast::FixedState;

use super::ints;
use super::split::HOLE;
use super::texts::{self, DIGITS, Sink, Texts};

/// Columns of so many numbers are large enough by themselves.
const LARGE: usize = 256;
/// The most numbers of all pools: a block has fewer unless its messages are longer than they should be.
const MOST: usize = 1 << 23;
/// The most columns in them.
const MOST_COLUMNS: usize = 1 << 20;
/// The most pools.
const MOST_POOLS: usize = 1 << 12;
/// How many bytes of a template before and behind a variable say with which others it lies.
const BEFORE: usize = 6;
const BEHIND: usize = 3;

/// Takes columns of numbers, template by template.
#[derive(Default)]
pub(super) struct Builder {
    by_place: HashMap<u64, u32, FixedState>,
    /// Length of the numbers, and the numbers.
    pools: Vec<(u8, Vec<i64>)>,
    /// How many columns of each template are in pools, and which pools.
    columns: Vec<u32>,
    places: Vec<u32>,
    /// The template, and where its variables are; none where it is large.
    text: Vec<u8>,
    holes: Vec<usize>,
    values: Vec<i64>,
    sum: usize,
    key: Vec<u8>,
}

impl Builder {
    /// A new template, which so many messages have.
    pub(super) fn template(&mut self, text: &[u8], rows: usize) {
        self.columns.push(0);
        self.holes.clear();
        self.text.clear();
        if rows < LARGE {
            self.text.extend_from_slice(text);
            self.holes.extend(memchr::memchr_iter(HOLE, text));
        }
    }

    /// Takes the texts of one of its variables. `false`: they are not for pools.
    pub(super) fn take(&mut self, texts: &[&[u8]], hole: usize) -> bool {
        let Some(at) = self.holes.get(hole).copied() else { return false };
        if self.sum + texts.len() > MOST || self.places.len() >= MOST_COLUMNS {
            return false;
        }
        let same_len = texts.iter().all(|text| text.len() == texts[0].len());
        self.values.clear();
        let Some(digits) = texts::numbers_of(texts, same_len, &mut self.values) else { return false };
        self.key.clear();
        self.key.push(digits);
        self.key.extend_from_slice(&self.text[at.saturating_sub(BEFORE)..at]);
        self.key.push(HOLE);
        self.key.extend_from_slice(&self.text[at + 1..self.text.len().min(at + 1 + BEHIND)]);
        let key = xxhash_rust::xxh3::xxh3_64(&self.key);
        let pool = match self.by_place.get(&key) {
            Some(pool) => *pool,
            None if self.pools.len() >= MOST_POOLS => return false,
            None => {
                let pool = self.pools.len() as u32;
                self.by_place.insert(key, pool);
                self.pools.push((digits, Vec::new()));
                pool
            }
        };
        let (len, values) = &mut self.pools[pool as usize];
        if *len != digits {
            // Another place has the same hash.
            return false;
        }
        values.extend_from_slice(&self.values);
        self.sum += texts.len();
        self.places.push(pool);
        // `template` was called before.
        if let Some(columns) = self.columns.last_mut() {
            *columns += 1;
        }
        true
    }

    /// The pools, if there are any: among the numbers.
    pub(super) fn finish(self) -> Option<Sink> {
        if self.pools.is_empty() {
            return None;
        }
        let mut sink = Sink::default();
        let mut lens = Vec::new();
        for (_, values) in &self.pools {
            let from = sink.numbers.len();
            ints::put(values, &mut sink.numbers);
            ints::cuts(&sink.numbers, from, values.len(), &mut sink.cuts);
            lens.push(sink.numbers.len() - from);
        }
        let mut head = Vec::new();
        put_u64(&mut head, self.pools.len() as u64);
        for ((digits, _), len) in self.pools.iter().zip(lens) {
            head.push(*digits);
            put_u64(&mut head, len as u64);
        }
        ints::put_u32(&self.columns, &mut head);
        ints::put_u32(&self.places, &mut head);
        sink.cuts.iter_mut().for_each(|cut| *cut += head.len());
        sink.cuts.insert(0, head.len());
        sink.numbers.splice(0..0, head);
        Some(sink)
    }
}

struct Pool {
    digits: usize,
    /// How many numbers it has, and where they lie.
    count: usize,
    place: Range<usize>,
    /// All of them, where none can be read without those before it.
    values: OnceCell<Vec<i64>>,
}

/// Where the numbers of small templates lie. Those of a template are read when they are asked for.
pub(super) struct Pools {
    pools: Vec<Pool>,
    /// Where the columns of each template begin, and for each column its pool and its numbers there.
    firsts: Vec<usize>,
    columns: Vec<(u32, Range<usize>)>,
}

impl Pools {
    /// Reads what [`Builder::finish`] wrote. `rows`: how many messages each template has, and none.
    pub(super) fn read(raw: &[u8], rows: &[u32]) -> Result<Self, Corrupt> {
        let templates = rows.len().saturating_sub(1);
        let mut reader = Reader::new(raw);
        let (mut pools, mut lens) = (Vec::new(), Vec::new());
        for _ in 0..reader.count(MOST_POOLS)? {
            let digits = usize::from(reader.u8()?);
            if digits > DIGITS {
                return Err(Corrupt("a number that no text is written as"));
            }
            lens.push(reader.count(raw.len())?);
            pools.push(Pool { digits, count: 0, place: 0..0, values: OnceCell::new() });
        }
        let counts = ints::read_u32(&mut reader, templates, super::split::MOST_HOLES as u64 + 1)?;
        let all: usize = counts.iter().map(|count| *count as usize).sum();
        if all > MOST_COLUMNS {
            return Err(Corrupt("too many columns"));
        }
        let places = ints::read_u32(&mut reader, all, pools.len() as u64)?;
        let mut at = raw.len() - reader.rest().len();
        for (pool, len) in pools.iter_mut().zip(lens) {
            pool.place = at..at.checked_add(len).filter(|end| *end <= raw.len()).ok_or(ENDS)?;
            at = pool.place.end;
        }
        let (mut firsts, mut columns, mut sum) = (Vec::with_capacity(templates + 1), Vec::new(), 0usize);
        let mut places = places.into_iter();
        for (count, rows) in counts.iter().zip(rows) {
            firsts.push(columns.len());
            for place in places.by_ref().take(*count as usize) {
                let pool = &mut pools[place as usize];
                let start = pool.count;
                pool.count += *rows as usize;
                sum += *rows as usize;
                columns.push((place, start..pool.count));
            }
        }
        firsts.push(columns.len());
        if sum > MOST {
            return Err(Corrupt("too many numbers"));
        }
        Ok(Self { pools, firsts, columns })
    }

    /// The numbers of a template's column; `before`: how many of its columns before it are in pools. `raw`: as for [`Pools::read`].
    pub(super) fn column<'a>(
        &self,
        raw: &[u8],
        template: usize,
        before: usize,
    ) -> Result<Texts<'a>, Corrupt> {
        const NOT_THERE: Corrupt = Corrupt("numbers that lie with no others");
        let (first, end) = match self.firsts.get(template..template + 2) {
            Some([first, end]) => (*first, *end),
            _ => return Err(NOT_THERE),
        };
        let (pool, place) = self.columns[first..end].get(before).ok_or(NOT_THERE)?;
        let pool = &self.pools[*pool as usize];
        if pool.values.get().is_none()
            && let Some(values) = ints::read_some(&raw[pool.place.clone()], pool.count, place.clone())?
        {
            check(&values)?;
            return Ok(Texts::Numbers(values, pool.digits));
        }
        let values = match pool.values.get() {
            Some(values) => values,
            None => {
                let mut values = Vec::new();
                ints::read(&mut Reader::new(&raw[pool.place.clone()]), pool.count, &mut values)?;
                check(&values)?;
                pool.values.get_or_init(|| values)
            }
        };
        // As many were read as the columns of the pool have.
        Ok(Texts::Numbers(values[place.clone()].to_vec(), pool.digits))
    }
}

const ENDS: Corrupt = Corrupt("numbers end too early");

fn check(values: &[i64]) -> Result<(), Corrupt> {
    match values.iter().any(|value| *value < 0) {
        true => Err(Corrupt("a number that no text is written as")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Builds pools of templates of one variable each, and gives those that were taken.
    fn build(templates: &[(String, Vec<String>)]) -> (Option<Sink>, Vec<bool>) {
        let mut builder = Builder::default();
        let mut taken = Vec::new();
        for (text, values) in templates {
            builder.template(text.as_bytes(), values.len());
            let values: Vec<&[u8]> = values.iter().map(|v| v.as_bytes()).collect();
            taken.push(!values.is_empty() && builder.take(&values, 0));
        }
        (builder.finish(), taken)
    }

    fn check(templates: &[(String, Vec<String>)]) -> Vec<bool> {
        let (sink, taken) = build(templates);
        let Some(sink) = sink else { return taken };
        let rows: Vec<u32> = templates.iter().map(|(_, values)| values.len() as u32).chain([7]).collect();
        let pools = Pools::read(&sink.numbers, &rows).unwrap();
        for (id, (_, values)) in templates.iter().enumerate() {
            let column = pools.column(&sink.numbers, id, 0);
            assert_eq!(column.is_ok(), taken[id]);
            let Ok(column) = column else { continue };
            for (at, value) in values.iter().enumerate() {
                let mut out = Vec::new();
                column.write(at, &mut out);
                assert_eq!(String::from_utf8(out).unwrap(), *value);
            }
            assert!(pools.column(&sink.numbers, id, 1).is_err());
        }
        assert!(pools.column(&sink.numbers, templates.len(), 0).is_err());
        taken
    }

    fn column(text: &str, values: impl IntoIterator<Item = impl ToString>) -> (String, Vec<String>) {
        (text.replace('*', "\u{11}"), values.into_iter().map(|v| v.to_string()).collect())
    }

    #[test]
    fn small_columns_of_one_place_lie_together() {
        let few = [
            column("a took * ms", 5..9),
            column("a took *", ["x7", "8"]),
            column("b took * ms", ["007", "123"]),
            column("a took * ms!", [1]),
            column("a took * ms", 0..256),
        ];
        assert_eq!(check(&few), [true, false, true, true, false]);
        let (sink, _) = build(&few);
        // Pools of two lengths of digits; what is one behind another takes a byte each.
        assert!(sink.unwrap().numbers.len() < 40);
        let many: Vec<_> = (0..500u64)
            .map(|n| column(&format!("{n}: it took * ms"), (n..n + 3).map(|n| n * 7919 % 65_536)))
            .collect();
        assert!(check(&many).iter().all(|taken| *taken));
        assert!(build(&many).0.unwrap().numbers.len() < 1500 * 2 + 100, "two bytes a number");
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            templates in prop::collection::vec(
                ("(a|b)?[x ]{0,7}\u{11}(y|z| z)?", prop::collection::vec("[0-9]{1,3}|[0-9]{2}|[0-9]{17,19}|[0-9]x", 1..6)), 1..40),
        ) {
            check(&templates);
        }

        #[test]
        fn foreign_bytes_are_no_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            rows in prop::collection::vec(0u32..100_000, 0..10),
            from in 0usize..60,
            values in prop::collection::vec(1u32..70_000, 1..30),
        ) {
            let mut seeds = vec![bytes.clone()];
            if let (Some(sink), _) = build(&[column("*", &values), column("* x", &values)]) {
                let mut changed = sink.numbers;
                changed.iter_mut().skip(from).zip(&bytes).take(2).for_each(|(to, byte)| *to = *byte);
                seeds.push(changed);
            }
            for raw in seeds {
                let Ok(pools) = Pools::read(&raw, &rows) else { continue };
                for id in 0..rows.len() + 1 {
                    let _ = pools.column(&raw, id, 0);
                }
            }
        }
    }
}
