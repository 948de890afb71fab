//! Counting a whole block by a field without a look at its rows: how many rows have each value was counted when it was written.

use std::borrow::Cow;

use disk::varint::{Corrupt, Reader};
use model::Result;
use model::records::{Counting, KeyPlace, KeySource, Origin};

use super::read::{Asked, Bytes, column, corrupt};
use super::{Head, Kind, MOST_TALLIED};

/// Texts and how many rows have them; those without one have the empty text.
pub(super) type Tally = Vec<(String, u64)>;

/// The parts of keys and how many rows have them.
pub(super) type Keys = Vec<(Vec<String>, u64)>;

/// What tallies say of one column.
struct OfColumn<'a> {
    /// Rows without a value.
    absent: u64,
    values: Vec<(&'a str, u64)>,
}

/// The tally of the column at this place among the columns, if it has one.
fn find(raw: &[u8], place: usize, rows: u64) -> Result<Option<OfColumn<'_>>, Corrupt> {
    let mut reader = Reader::new(raw);
    for _ in 0..reader.count(raw.len())? {
        let this = reader.u64()? == place as u64;
        let absent = reader.u64()?;
        let mut sum = absent;
        let count = reader.count(MOST_TALLIED)?;
        let mut values = Vec::with_capacity(if this { count } else { 0 });
        for _ in 0..count {
            let text = reader.bytes()?;
            let rows = reader.u64()?;
            if this {
                let text = std::str::from_utf8(text).map_err(|_| Corrupt("a text is not UTF-8"))?;
                sum = sum.saturating_add(rows);
                values.push((text, rows));
            }
        }
        if this {
            // Anything else would count rows that are not there.
            return if sum == rows {
                Ok(Some(OfColumn { absent, values }))
            } else {
                Err(Corrupt("a tally of other rows"))
            };
        }
    }
    Ok(None)
}

/// How many rows of the whole block have each key; `None`: rows must be looked at.
pub(super) fn whole(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    counting: &Counting,
) -> Result<Option<Keys>> {
    let rows = head.rows() as u64;
    let mut raw = None;
    let mut keys: Keys = vec![(Vec::new(), rows)];
    for sources in &counting.by {
        let Some(tally) = of_part(head, bytes, asked, sources, &mut raw)? else { return Ok(None) };
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
    Ok(Some(keys))
}

/// What of one part of the key is known.
fn of_part(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    sources: &[KeySource],
    raw: &mut Option<Vec<u8>>,
) -> Result<Option<Tally>> {
    let rows = head.rows() as u64;
    let (mut known, mut left) = (Tally::new(), rows);
    let mut add = |text: &str, rows: u64, source: &KeySource| {
        let text = if source.lower { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) };
        match known.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += rows,
            None => known.push((text.into_owned(), rows)),
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
                let value = |run: &super::Run| {
                    asked
                        .streams
                        .get(run.stream as usize)
                        .and_then(|s| s.get(&source.name))
                        .unwrap_or_default()
                };
                let mut values = head.runs.iter().map(value);
                let first = values.next().unwrap_or_default();
                if values.all(|other| other == first) {
                    if !first.is_empty() {
                        add(first, left, source);
                        left = 0;
                    }
                } else if left == rows {
                    for run in head.runs.iter().filter(|run| !value(run).is_empty()) {
                        add(value(run), u64::from(run.rows), source);
                        left -= u64::from(run.rows);
                    }
                } else {
                    return Ok(None);
                }
                continue;
            }
        };
        if head.section(&Kind::Rest).is_some() {
            return Ok(None);
        }
        let is_it =
            |kind: &Kind| matches!(kind, Kind::Field(name, of, _) if **name == *source.name && *of == origin);
        let mut places = head.sections.iter().enumerate().filter(|(_, section)| is_it(&section.kind));
        let (place, more) = (places.next(), places.next());
        let Some((place, _)) = place else { continue };
        // Which rows are left is known of none or of all.
        if more.is_some() || left != rows {
            return Ok(None);
        }
        let raw = match raw {
            Some(raw) => raw,
            None => match head.section(&Kind::Tallies) {
                Some(section) => raw.insert(column(bytes, section)?),
                None => return Ok(None),
            },
        };
        let Some(of_column) = find(raw, place, rows).map_err(corrupt)? else { return Ok(None) };
        left = of_column.absent;
        for (text, rows) in of_column.values {
            match text {
                "" => left += rows,
                text => add(text, rows, source),
            }
        }
    }
    if left > 0 {
        known.push((String::new(), left));
    }
    Ok(Some(known))
}
