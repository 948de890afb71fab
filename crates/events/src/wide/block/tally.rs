//! Counting by fields without a look at rows: how many of a run and a minute have each value was counted when the block was
//! written.

use disk::varint::{Corrupt, Reader};
use model::Result;
use model::records::{Counting, KeyPlace, KeySource, Origin};

use super::read::{Asked, Bytes, column, corrupt};
use super::{Head, Kind, MOST_TALLIED};

/// The parts of keys and how many rows have them.
pub(super) type Keys = Vec<(Vec<String>, u64)>;

const SECOND_NS: i64 = 1_000_000_000;

/// The number of the unit of time that a time is in, and its last nanosecond. As the steps of questions do, units include
/// their ends.
pub(super) fn unit_of(time_ns: i64, unit_s: u64) -> (i64, i64) {
    let unit = i64::try_from(unit_s).unwrap_or(i64::MAX).saturating_mul(SECOND_NS).max(1);
    let number = time_ns.saturating_sub(1).div_euclid(unit);
    (number, (number + 1).saturating_mul(unit))
}

/// Rows of one run that are counted together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub(super) run: usize,
    pub(super) rows: u32,
    /// No time of its rows is outside of these.
    pub(super) min_t: i64,
    pub(super) max_t: i64,
    /// Its place among all pieces of the block.
    number: usize,
}

/// What tallies say of one column.
struct OfColumn {
    values: Vec<String>,
    /// For each piece the values that its rows have, by their numbers, and how many; `None`: they were not counted.
    pieces: Vec<Option<Vec<(usize, u64)>>>,
}

impl OfColumn {
    fn read(reader: &mut Reader<'_>, pieces: &[Piece]) -> Result<Self, Corrupt> {
        let count = reader.count(MOST_TALLIED)?;
        let values = (0..count).map(|_| Ok(reader.str()?.to_owned())).collect::<Result<Vec<_>, Corrupt>>()?;
        let mut of_pieces = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let Some(of_piece) = reader.count(count + 1)?.checked_sub(1) else {
                of_pieces.push(None);
                continue;
            };
            let (mut number, mut left, mut all) = (0, piece.rows as usize, Vec::with_capacity(of_piece));
            for _ in 0..of_piece {
                number += reader.count(count)?;
                // Anything more would count rows that are not there.
                let rows = reader.count(left)?;
                left -= rows;
                if number >= count {
                    return Err(Corrupt("a value that is not there"));
                }
                all.push((number, rows as u64));
            }
            of_pieces.push(Some(all));
        }
        Ok(Self { values, pieces: of_pieces })
    }
}

/// The tallies of a block.
#[derive(Default)]
pub(super) struct Tallies {
    /// Those of runs where there is no tally.
    pub(super) pieces: Vec<Piece>,
    raw: Vec<u8>,
    /// Where those of columns begin.
    start: usize,
    /// Those that were looked for, with the places of their columns.
    read: Vec<(usize, Option<OfColumn>)>,
}

impl Tallies {
    /// Whole runs, of which nothing but the labels is known.
    pub(super) fn of_runs(head: &Head) -> Self {
        let piece = |(run, of): (usize, &super::Run)| Piece {
            run,
            rows: of.rows,
            min_t: of.min_t,
            max_t: of.max_t,
            number: run,
        };
        Self { pieces: head.runs.iter().enumerate().map(piece).collect(), ..Self::default() }
    }

    /// Reads those of a block; `None`: it has none.
    pub(super) fn open(head: &Head, bytes: &dyn Bytes) -> Result<Option<Self>> {
        let Some(section) = head.section(&Kind::Tallies) else { return Ok(None) };
        Self::read(head, column(bytes, section)?).map(Some).map_err(corrupt)
    }

    fn read(head: &Head, raw: Vec<u8>) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(&raw);
        let unit_s = reader.u64()?;
        let mut all = Self::of_runs(head);
        if unit_s > 0 {
            all.pieces.clear();
            for (run, of) in head.runs.iter().enumerate() {
                let (mut left, (mut unit, _)) = (of.rows as usize, unit_of(of.min_t, unit_s));
                for _ in 0..reader.count(left)? {
                    unit = unit.saturating_add_unsigned(reader.u64()?);
                    let rows = reader.count(left)?;
                    left -= rows;
                    let length = i64::try_from(unit_s).unwrap_or(i64::MAX).saturating_mul(SECOND_NS);
                    let before = unit.saturating_mul(length);
                    all.pieces.push(Piece {
                        run,
                        rows: rows as u32,
                        min_t: before.saturating_add(1).max(of.min_t),
                        max_t: before.saturating_add(length).min(of.max_t),
                        number: all.pieces.len(),
                    });
                }
                if left > 0 {
                    return Err(Corrupt("pieces of other rows"));
                }
            }
        }
        all.start = raw.len() - reader.rest().len();
        all.raw = raw;
        Ok(all)
    }

    /// That of the column at this place among the columns, if it has one.
    fn of(&mut self, place: usize) -> Result<Option<&OfColumn>, Corrupt> {
        let at = match self.read.iter().position(|(of, _)| *of == place) {
            Some(at) => at,
            None => {
                self.read.push((place, self.find(place)?));
                self.read.len() - 1
            }
        };
        Ok(self.read.get(at).and_then(|(_, found)| found.as_ref()))
    }

    fn find(&self, place: usize) -> Result<Option<OfColumn>, Corrupt> {
        let mut reader = Reader::new(self.raw.get(self.start..).unwrap_or_default());
        if reader.is_empty() {
            return Ok(None);
        }
        for _ in 0..reader.count(self.raw.len())? {
            let this = reader.u64()? == place as u64;
            let bytes = reader.bytes()?;
            if this {
                return OfColumn::read(&mut Reader::new(bytes), &self.pieces).map(Some);
            }
        }
        Ok(None)
    }
}

/// How many rows of each of these pieces have each key; `None`: rows must be looked at.
pub(super) fn of_pieces(
    head: &Head,
    tallies: &mut Tallies,
    asked: &Asked<'_>,
    counting: &Counting,
    pieces: &[Piece],
) -> Result<Option<Vec<Keys>>> {
    let mut all = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let mut keys: Keys = vec![(Vec::new(), u64::from(piece.rows))];
        for sources in &counting.by {
            let Some(tally) = of_piece(head, asked, sources, piece, tallies).map_err(corrupt)? else {
                return Ok(None);
            };
            match (&mut keys[..], &tally[..]) {
                (_, [(text, _)]) => keys.iter_mut().for_each(|(key, _)| key.push(text.clone())),
                ([(key, _)], _) => {
                    let key = std::mem::take(key);
                    let with = |(text, rows)| ([&key[..], &[text]].concat(), rows);
                    keys = tally.into_iter().map(with).collect();
                }
                // What is said of two fields apart says nothing of both together.
                _ => return Ok(None),
            }
        }
        all.push(keys);
    }
    Ok(Some(all))
}

/// How many rows of a piece have each text of one part of the key, those without one the empty text.
fn of_piece(
    head: &Head,
    asked: &Asked<'_>,
    sources: &[KeySource],
    piece: &Piece,
    tallies: &mut Tallies,
) -> Result<Option<Vec<(String, u64)>>, Corrupt> {
    let run = &head.runs[piece.run];
    let rows = u64::from(piece.rows);
    let (mut known, mut left) = (Vec::<(String, u64)>::new(), rows);
    let mut add = |text: &str, rows: u64, source: &KeySource| {
        let text = if source.lower { text.to_ascii_lowercase() } else { text.to_owned() };
        match known.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += rows,
            None => known.push((text, rows)),
        }
    };
    for source in sources {
        if left == 0 {
            break;
        }
        let origin = match source.place {
            KeyPlace::Sent => Origin::Sent,
            KeyPlace::Detected => Origin::Detected,
            KeyPlace::Label => {
                let value = asked.streams.get(run.stream as usize).and_then(|s| s.get(&source.name));
                if let Some(value) = value.filter(|value| !value.is_empty()) {
                    add(value, left, source);
                    left = 0;
                }
                continue;
            }
        };
        if head.section(&Kind::Rest).is_some() {
            return Ok(None);
        }
        let is_it =
            |kind: &Kind| matches!(kind, Kind::Field(name, of, _) if **name == *source.name && *of == origin);
        let places = head.sections.iter().enumerate().filter(|(_, section)| is_it(&section.kind));
        for (place, _) in places {
            let Some(tally) = tallies.of(place)? else { return Ok(None) };
            let Some(Some(of_piece)) = tally.pieces.get(piece.number) else { return Ok(None) };
            if of_piece.is_empty() {
                continue;
            }
            // Which rows are left is known of none or of all.
            if left != rows {
                return Ok(None);
            }
            for (value, rows) in of_piece {
                let text = &tally.values[*value];
                if !text.is_empty() {
                    add(text, *rows, source);
                    left -= rows;
                }
            }
        }
    }
    if left > 0 || known.is_empty() {
        known.push((String::new(), left));
    }
    Ok(Some(known))
}
