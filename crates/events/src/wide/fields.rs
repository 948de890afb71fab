//! Columns of fields as they are read.

use std::borrow::Cow;
use std::sync::Arc;

use disk::varint::{Corrupt, Reader};
use model::records::{ABSENT, FieldColumn, FieldRef, Origin, TextColumn, Values as Out};

use super::block::FieldKind;
use super::columns::{Type, pad, push};
use super::condition::{Test, written};
use super::ints;
use super::texts::{self, Texts};

enum Values<'a> {
    Text(Texts<'a>),
    Loose(Vec<&'a str>),
    Int(Vec<i64>),
    Float(Vec<i64>),
    Bool(Vec<bool>),
}

/// A column.
pub(super) struct Field<'a> {
    name: Arc<str>,
    pub(super) origin: Origin,
    /// For each row the place of its value, or [`ABSENT`]; `None`: each row has one.
    places: Option<Vec<u32>>,
    values: Values<'a>,
    /// For each word of a dictionary whether it fulfils the test at hand.
    verdicts: Vec<bool>,
}

impl<'a> Field<'a> {
    /// Reads columns of `rows` rows, and of those that lie together the fields that are wanted.
    pub(super) fn read_all(
        raw: &'a [(FieldKind, Vec<u8>)],
        rows: usize,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Self>, Corrupt> {
        let mut all = Vec::new();
        for (kind, bytes) in raw {
            match kind {
                FieldKind::Column(name, origin, kind) => {
                    all.push(Self::read(Arc::clone(name), *origin, *kind, bytes, rows)?);
                }
                FieldKind::Rest => read_rest(bytes, rows, &wanted, &mut all)?,
            }
        }
        Ok(all)
    }

    fn read(
        name: Arc<str>,
        origin: Origin,
        kind: Type,
        bytes: &'a [u8],
        rows: usize,
    ) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(bytes);
        let (mut count, mut places) = (rows, None);
        if reader.u8()? == 0 {
            let there = reader.take(rows.div_ceil(8))?;
            let mut next = 0;
            let place = |row: usize| {
                if there[row / 8] >> (row % 8) & 1 == 0 {
                    return ABSENT;
                }
                next += 1;
                next - 1
            };
            places = Some((0..rows).map(place).collect());
            count = next as usize;
        }
        let values = match kind {
            Type::Text => {
                let mut numbers = Reader::new(reader.bytes()?);
                Values::Text(texts::read(&mut numbers, &mut reader, count)?)
            }
            Type::Int | Type::Float => {
                let mut values = Vec::with_capacity(count);
                ints::read(&mut reader, count, &mut values)?;
                if kind == Type::Int { Values::Int(values) } else { Values::Float(values) }
            }
            Type::Bool => {
                let bits = reader.take(count.div_ceil(8))?;
                Values::Bool((0..count).map(|at| bits[at / 8] >> (at % 8) & 1 == 1).collect())
            }
        };
        Ok(Self { name, origin, places, values, verdicts: Vec::new() })
    }

    fn place(&self, row: u32) -> Option<usize> {
        match &self.places {
            None => Some(row as usize),
            Some(places) => places.get(row as usize).filter(|p| **p != ABSENT).map(|p| *p as usize),
        }
    }

    /// Tests the words of a dictionary, so that rows need not.
    pub(super) fn prepare(&mut self, test: &Test) {
        if let Values::Text(Texts::Words(words, _)) = &self.values {
            self.verdicts = words.iter().map(|w| test.holds(&String::from_utf8_lossy(w))).collect();
        }
    }

    /// Whether a row's value fulfils the test that the column was prepared for; `None`: it has none.
    pub(super) fn holds(&self, row: u32, test: &Test) -> Option<bool> {
        let place = self.place(row)?;
        if let Values::Text(Texts::Words(_, ids)) = &self.values {
            return Some(self.verdicts[ids[place] as usize]);
        }
        let mut scratch = Vec::new();
        Some(test.holds(&self.text(place, &mut scratch)))
    }

    /// Gives every row that has none yet a number for its text, which `number` makes; an empty text is none.
    pub(super) fn codes(&self, out: &mut [u32], mut number: impl FnMut(&str) -> u32) {
        let mut of_words = match &self.values {
            Values::Text(Texts::Words(words, _)) => vec![ABSENT; words.len()],
            _ => Vec::new(),
        };
        let mut scratch = Vec::new();
        let mut last: Option<(i64, u32)> = None;
        for (row, code) in out.iter_mut().enumerate().filter(|(_, code)| **code == 0) {
            let Some(place) = self.place(row as u32) else { continue };
            *code = match &self.values {
                Values::Text(Texts::Words(words, ids)) => {
                    let known = &mut of_words[ids[place] as usize];
                    if *known == ABSENT {
                        *known = number(&String::from_utf8_lossy(words[ids[place] as usize]));
                    }
                    *known
                }
                Values::Text(Texts::Constant(text)) => {
                    last.get_or_insert_with(|| (0, number(&String::from_utf8_lossy(text)))).1
                }
                Values::Int(values) if last.is_some_and(|last| last.0 == values[place]) => {
                    last.map_or(0, |last| last.1)
                }
                values => {
                    scratch.clear();
                    let code = number(&self.text(place, &mut scratch));
                    if let Values::Int(values) = values {
                        last = Some((values[place], code));
                    }
                    code
                }
            };
        }
    }

    fn text<'s>(&'s self, place: usize, scratch: &'s mut Vec<u8>) -> Cow<'s, str> {
        match &self.values {
            Values::Text(texts) => {
                texts.write(place, scratch);
                String::from_utf8_lossy(scratch)
            }
            Values::Loose(texts) => Cow::Borrowed(texts.get(place).copied().unwrap_or_default()),
            Values::Int(values) => written(FieldRef::Int(values[place])),
            Values::Float(bits) => written(FieldRef::Float(f64::from_bits(bits[place] as u64))),
            Values::Bool(values) => written(FieldRef::Bool(values[place])),
        }
    }

    /// The values of these rows; `None`: none has one.
    pub(super) fn select(&self, rows: impl Iterator<Item = u32> + Clone) -> Option<FieldColumn> {
        if !rows.clone().any(|row| self.place(row).is_some()) {
            return None;
        }
        let values = match &self.values {
            Values::Text(Texts::Words(words, ids)) => Out::Text(self.select_words(rows, words, ids)),
            _ => self.select_values(rows),
        };
        Some(FieldColumn { name: Arc::clone(&self.name), origin: self.origin, values })
    }

    fn select_words(&self, rows: impl Iterator<Item = u32>, words: &[&[u8]], ids: &[u32]) -> TextColumn {
        let mut out = TextColumn::default();
        let mut numbers = vec![ABSENT; words.len()];
        for row in rows {
            let Some(id) = self.place(row).map(|place| ids[place] as usize) else {
                out.ids.push(ABSENT);
                continue;
            };
            if numbers[id] == ABSENT {
                numbers[id] = out.words.push(&String::from_utf8_lossy(words[id]));
            }
            out.ids.push(numbers[id]);
        }
        out
    }

    fn select_values(&self, rows: impl Iterator<Item = u32>) -> Out {
        let kind = match &self.values {
            Values::Text(_) | Values::Loose(_) => Type::Text,
            Values::Int(_) => Type::Int,
            Values::Float(_) => Type::Float,
            Values::Bool(_) => Type::Bool,
        };
        let mut out = kind.empty();
        let mut scratch = Vec::new();
        for (at, row) in rows.enumerate() {
            let Some(place) = self.place(row) else {
                pad(&mut out, at + 1);
                continue;
            };
            match &self.values {
                Values::Int(values) => push(&mut out, FieldRef::Int(values[place])),
                Values::Float(bits) => push(&mut out, FieldRef::Float(f64::from_bits(bits[place] as u64))),
                Values::Bool(values) => push(&mut out, FieldRef::Bool(values[place])),
                Values::Text(_) | Values::Loose(_) => {
                    scratch.clear();
                    let text = self.text(place, &mut scratch);
                    if let Out::Text(column) = &mut out {
                        super::columns::push_text(column, &text);
                    }
                }
            }
        }
        out
    }
}

/// Fields beyond the most columns of a block: each of a name, an origin and a type becomes a column.
fn read_rest<'a>(
    bytes: &'a [u8],
    rows: usize,
    wanted: &impl Fn(&str) -> bool,
    all: &mut Vec<Field<'a>>,
) -> Result<(), Corrupt> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(bytes.len())?;
    let first = all.len();
    let mut row = 0usize;
    for _ in 0..count {
        row = row.saturating_add(reader.count(rows)?);
        if row >= rows {
            return Err(Corrupt("a field of a row that is not there"));
        }
        let name = reader.str()?;
        let head = reader.u8()?;
        let origin = if head & 4 == 0 { Origin::Sent } else { Origin::Detected };
        let value = match head & 3 {
            0 => FieldRef::Text(reader.str()?),
            1 => FieldRef::Int(reader.i64()?),
            2 => FieldRef::Float(f64::from_bits(u64::from_le_bytes(reader.array()?))),
            _ => FieldRef::Bool(reader.u8()? != 0),
        };
        if !wanted(name) {
            continue;
        }
        let same = |f: &Field<'_>| *f.name == *name && f.origin == origin && f.values.takes(&value);
        let at = match all[first..].iter().position(same) {
            Some(at) => first + at,
            None => {
                all.push(Field {
                    name: Arc::from(name),
                    origin,
                    places: Some(vec![ABSENT; rows]),
                    values: Values::empty(&value),
                    verdicts: Vec::new(),
                });
                all.len() - 1
            }
        };
        let field = &mut all[at];
        let place = field.values.len() as u32;
        if let Some(places) = &mut field.places
            && places[row] == ABSENT
        {
            places[row] = place;
            field.values.push(value);
        }
    }
    Ok(())
}

impl<'a> Values<'a> {
    fn empty(value: &FieldRef<'a>) -> Self {
        match value {
            FieldRef::Text(_) => Self::Loose(Vec::new()),
            FieldRef::Int(_) => Self::Int(Vec::new()),
            FieldRef::Float(_) => Self::Float(Vec::new()),
            FieldRef::Bool(_) => Self::Bool(Vec::new()),
        }
    }

    fn takes(&self, value: &FieldRef<'_>) -> bool {
        matches!(
            (self, value),
            (Self::Loose(_), FieldRef::Text(_))
                | (Self::Int(_), FieldRef::Int(_))
                | (Self::Float(_), FieldRef::Float(_))
                | (Self::Bool(_), FieldRef::Bool(_))
        )
    }

    fn push(&mut self, value: FieldRef<'a>) {
        match (self, value) {
            (Self::Loose(texts), FieldRef::Text(text)) => texts.push(text),
            (Self::Int(values), FieldRef::Int(int)) => values.push(int),
            (Self::Float(bits), FieldRef::Float(float)) => bits.push(float.to_bits() as i64),
            (Self::Bool(values), FieldRef::Bool(bool)) => values.push(bool),
            _ => {}
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Loose(texts) => texts.len(),
            Self::Int(values) | Self::Float(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }
}
