//! Counting whole runs by a field without a look at their rows: how many have each value was counted when the block was written.

use disk::varint::{Corrupt, Reader};
use model::Result;
use model::records::{Counting, KeyPlace, KeySource, Origin};

use super::read::{Asked, Bytes, column, corrupt};
use super::{Head, Kind, MOST_TALLIED};

/// The parts of keys and how many rows have them.
pub(super) type Keys = Vec<(Vec<String>, u64)>;

/// What tallies say of one column.
struct OfColumn {
    values: Vec<String>,
    /// For each run the values that its rows have, by their numbers, and how many; `None`: they were not counted.
    runs: Vec<Option<Vec<(usize, u64)>>>,
}

impl OfColumn {
    /// That of the column at this place among the columns, if it has one.
    fn find(raw: &[u8], place: usize, head: &Head) -> Result<Option<Self>, Corrupt> {
        let mut reader = Reader::new(raw);
        for _ in 0..reader.count(raw.len())? {
            let this = reader.u64()? == place as u64;
            let bytes = reader.bytes()?;
            if this {
                return Self::read(&mut Reader::new(bytes), head).map(Some);
            }
        }
        Ok(None)
    }

    fn read(reader: &mut Reader<'_>, head: &Head) -> Result<Self, Corrupt> {
        let count = reader.count(MOST_TALLIED)?;
        let values = (0..count).map(|_| Ok(reader.str()?.to_owned())).collect::<Result<Vec<_>, Corrupt>>()?;
        let mut runs = Vec::with_capacity(head.runs.len());
        for run in &head.runs {
            let Some(of_run) = reader.count(count + 1)?.checked_sub(1) else {
                runs.push(None);
                continue;
            };
            let (mut number, mut left, mut all) = (0, run.rows as usize, Vec::with_capacity(of_run));
            for _ in 0..of_run {
                number += reader.count(count)?;
                // Anything more would count rows that are not there.
                let rows = reader.count(left)?;
                left -= rows;
                if number >= count {
                    return Err(Corrupt("a value that is not there"));
                }
                all.push((number, rows as u64));
            }
            runs.push(Some(all));
        }
        Ok(Self { values, runs })
    }
}

/// Tallies of a block that were read, with the places of their columns.
#[derive(Default)]
struct Tallies {
    raw: Option<Vec<u8>>,
    read: Vec<(usize, Option<OfColumn>)>,
}

impl Tallies {
    /// That of the column at a place.
    fn of(&mut self, place: usize, head: &Head, bytes: &dyn Bytes) -> Result<Option<&OfColumn>> {
        let at = match self.read.iter().position(|(of, _)| *of == place) {
            Some(at) => at,
            None => {
                let Some(section) = head.section(&Kind::Tallies) else { return Ok(None) };
                let raw = match &self.raw {
                    Some(raw) => raw,
                    None => self.raw.insert(column(bytes, section)?),
                };
                self.read.push((place, OfColumn::find(raw, place, head).map_err(corrupt)?));
                self.read.len() - 1
            }
        };
        Ok(self.read.get(at).and_then(|(_, found)| found.as_ref()))
    }
}

/// How many rows of each of these runs have each key; `None`: rows must be looked at.
pub(super) fn of_runs(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    counting: &Counting,
    runs: &[usize],
) -> Result<Option<Vec<Keys>>> {
    let mut tallies = Tallies::default();
    let mut all = Vec::with_capacity(runs.len());
    for run in runs {
        let mut keys: Keys = vec![(Vec::new(), u64::from(head.runs[*run].rows))];
        for sources in &counting.by {
            let Some(tally) = of_run(head, bytes, asked, sources, *run, &mut tallies)? else {
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

/// How many rows of a run have each text of one part of the key, those without one the empty text.
fn of_run(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    sources: &[KeySource],
    number: usize,
    tallies: &mut Tallies,
) -> Result<Option<Vec<(String, u64)>>> {
    let run = &head.runs[number];
    let rows = u64::from(run.rows);
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
            let Some(tally) = tallies.of(place, head, bytes)? else { return Ok(None) };
            let Some(Some(of_run)) = tally.runs.get(number) else { return Ok(None) };
            if of_run.is_empty() {
                continue;
            }
            // Which rows are left is known of none or of all.
            if left != rows {
                return Ok(None);
            }
            for (value, rows) in of_run {
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
