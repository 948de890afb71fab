//! Columns of fields as they are read.

mod places;

use std::borrow::Cow;
use std::sync::Arc;

use disk::varint::{Corrupt, Reader};
use model::records::{ABSENT, FieldColumn, FieldRef, Origin, TextColumn, Values as Out};

use super::block::{FieldKind, Parts};
use super::columns::{Type, pad, push, push_text};
use super::condition::{Test, written};
use super::derived::{self, Spec};
use super::ints;
use super::texts::{self, Texts};
use places::{At, Layout, Places, TOLD};

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
    places: Places,
    values: Values<'a>,
    /// For each word of a dictionary whether it fulfils the test at hand.
    verdicts: Vec<bool>,
    told: Option<Told<'a>>,
}

/// What templates tell.
struct Told<'a> {
    parts: &'a Parts<'a>,
    kind: Type,
    /// By number of the template.
    specs: Vec<Option<Spec<'a>>>,
    /// For each that always tells the same whether it fulfils the test at hand.
    verdicts: Vec<Option<bool>>,
}

/// What of messages is needed to read a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Needs {
    Nothing,
    /// The number of each row's template.
    Numbers,
    Templates,
    Variables,
}

impl<'a> Field<'a> {
    /// Reads columns of `rows` rows, and of those that lie together the fields that are wanted. `chosen`: nothing but the
    /// values of these rows, sorted, will be asked for; columns may be left out that have none.
    pub(super) fn read_all(
        raw: &'a [(FieldKind, Vec<u8>)],
        rows: usize,
        wanted: impl Fn(&str) -> bool,
        parts: Option<&'a Parts<'a>>,
        chosen: Option<&[u32]>,
    ) -> Result<Vec<Self>, Corrupt> {
        let templates = |chosen: &[u32]| {
            let last = chosen.iter().filter_map(|row| Some(parts?.template_of(*row) + 1)).max();
            last.unwrap_or(0)
        };
        let most_told = chosen.map_or(usize::MAX, templates);
        let mut all = Vec::new();
        for (kind, bytes) in raw {
            match kind {
                FieldKind::Column(name, origin, kind) => {
                    let mut reader = Reader::new(bytes);
                    let layout = Layout::read(&mut reader, rows, None)?;
                    all.extend(Self::read((name, *origin, *kind), &mut reader, &layout, None, chosen)?);
                }
                FieldKind::Derived(name, origin, kind) => {
                    let parts = parts.ok_or(Corrupt("a field without messages"))?;
                    let mut reader = Reader::new(bytes);
                    let mut tells = vec![false; parts.templates()];
                    let mut specs = vec![None; parts.templates().min(most_told)];
                    read_specs(&mut reader, *kind, |number, spec| {
                        *tells.get_mut(number).ok_or(Corrupt("a template that is not there"))? = true;
                        if let Some(of_template) = specs.get_mut(number) {
                            *of_template = Some(spec);
                        }
                        Ok(())
                    })?;
                    let by_templates = (parts.template_ids(), &tells[..], parts.rows_of(&tells));
                    let layout = Layout::read(&mut reader, rows, Some(by_templates))?;
                    let told = Told { parts, kind: *kind, specs, verdicts: Vec::new() };
                    all.extend(Self::read((name, *origin, *kind), &mut reader, &layout, Some(told), chosen)?);
                }
                FieldKind::Rest => read_rest(bytes, rows, &wanted, &mut all)?,
            }
        }
        Ok(all)
    }

    /// What of messages is needed to tell values of a column.
    pub(super) fn needs(kind: &FieldKind, bytes: &[u8]) -> Result<Needs, Corrupt> {
        let FieldKind::Derived(_, _, kind) = kind else { return Ok(Needs::Nothing) };
        let mut most = Needs::Numbers;
        read_specs(&mut Reader::new(bytes), *kind, |_, spec| {
            most = most.max(match spec.constant() {
                Some(_) => Needs::Numbers,
                None if spec.needs_variables() => Needs::Variables,
                None => Needs::Templates,
            });
            Ok(())
        })?;
        Ok(most)
    }

    /// Reads a column; `None`: none of the chosen rows has a value.
    fn read(
        (name, origin, kind): (&Arc<str>, Origin, Type),
        reader: &mut Reader<'a>,
        layout: &Layout<'_>,
        told: Option<Told<'a>>,
        chosen: Option<&[u32]>,
    ) -> Result<Option<Self>, Corrupt> {
        let (places, needed) = match chosen {
            None => (layout.each(), true),
            Some(chosen) => {
                let few = layout.few(chosen);
                if few.iter().all(|(_, place)| *place == ABSENT) {
                    return Ok(None);
                }
                let needed = few.iter().any(|(_, place)| !matches!(*place, ABSENT | TOLD));
                (Places::Few(few), needed)
            }
        };
        let values = match needed {
            true => Values::read(kind, reader, layout.count())?,
            false => Values::none(kind),
        };
        Ok(Some(Self { name: Arc::clone(name), origin, places, values, verdicts: Vec::new(), told }))
    }

    fn at(&self, row: u32) -> At {
        self.places.at(row)
    }

    /// Tests the words of a dictionary, so that rows need not.
    pub(super) fn prepare(&mut self, test: &Test) {
        if let Values::Text(Texts::Words(words, _)) = &self.values {
            self.verdicts = words.iter().map(|w| test.holds(&String::from_utf8_lossy(w))).collect();
        }
        if let Some(told) = &mut self.told {
            let verdict =
                |spec: &Option<Spec<'_>>| spec.as_ref()?.constant().map(|v| test.holds(&written(v)));
            told.verdicts = told.specs.iter().map(verdict).collect();
        }
    }

    /// Whether a row's value fulfils the test that the column was prepared for; `None`: it has none.
    pub(super) fn holds(&self, row: u32, test: &Test) -> Option<bool> {
        let mut scratch = Vec::new();
        let place = match self.at(row) {
            At::Nowhere => return None,
            At::Place(place) => place,
            At::Told => {
                let told = self.told.as_ref()?;
                if let Some(Some(holds)) = told.verdicts.get(told.parts.template_of(row)) {
                    return Some(*holds);
                }
                return told.value(row, &mut scratch).map(|value| test.holds(&written(value)));
            }
        };
        if let Values::Text(Texts::Words(_, ids)) = &self.values {
            return Some(self.verdicts[ids[place] as usize]);
        }
        Some(test.holds(&self.text(place, &mut scratch)))
    }

    /// Gives every row that has none yet a number for its text, which `number` makes; an empty text is none.
    pub(super) fn codes(&self, out: &mut [u32], mut number: impl FnMut(&str) -> u32) {
        if let Some(told) = &self.told {
            // Most templates always tell the same.
            let code = |spec: &Option<Spec<'_>>| {
                spec.as_ref().and_then(Spec::constant).map_or(0, |value| number(&written(value)))
            };
            let mut of_templates: Vec<u32> = told.specs.iter().map(code).collect();
            // What has no template comes behind them.
            of_templates.push(0);
            take_codes(out, told.parts.template_ids(), &of_templates);
            if matches!(self.places, Places::Told)
                && told.specs.iter().flatten().all(|spec| spec.constant().is_some())
            {
                return;
            }
        }
        let mut of_words = match &self.values {
            Values::Text(Texts::Words(words, ids)) if matches!(self.places, Places::Rows) => {
                let codes: Vec<u32> =
                    words.iter().map(|word| number(&String::from_utf8_lossy(word))).collect();
                return take_codes(out, ids, &codes);
            }
            Values::Text(Texts::Words(words, _)) => vec![ABSENT; words.len()],
            _ => Vec::new(),
        };
        let mut scratch = Vec::new();
        let mut of_templates = vec![ABSENT; self.told.as_ref().map_or(0, |told| told.specs.len())];
        let mut last: Option<(i64, u32)> = None;
        for (row, code) in out.iter_mut().enumerate().filter(|(_, code)| **code == 0) {
            let place = match self.at(row as u32) {
                At::Nowhere => continue,
                At::Told => {
                    if let Some(told) = &self.told {
                        *code = told.code(row as u32, &mut scratch, &mut of_templates, &mut number);
                    }
                    continue;
                }
                At::Place(place) => place,
            };
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
        if !rows.clone().any(|row| !matches!(self.at(row), At::Nowhere)) {
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
        let mut known = Vec::new();
        for row in rows {
            let id = match self.at(row) {
                At::Nowhere => {
                    out.ids.push(ABSENT);
                    continue;
                }
                At::Told => {
                    self.select_told(row, &mut out, &mut known);
                    continue;
                }
                At::Place(place) => ids[place] as usize,
            };
            if numbers[id] == ABSENT {
                numbers[id] = out.words.push(&String::from_utf8_lossy(words[id]));
            }
            out.ids.push(numbers[id]);
        }
        out
    }

    /// Adds a text that a template tells. `known`: the texts that are always the same, by template, once they were added.
    fn select_told(&self, row: u32, out: &mut TextColumn, known: &mut Vec<u32>) {
        let Some(told) = &self.told else { return out.ids.push(ABSENT) };
        let template = told.parts.template_of(row);
        if let Some(id) = known.get(template).filter(|id| **id != ABSENT) {
            return out.ids.push(*id);
        }
        let mut scratch = Vec::new();
        match told.value(row, &mut scratch) {
            Some(FieldRef::Text(text)) => push_text(out, text),
            _ => out.ids.push(ABSENT),
        }
        if told.spec(row).is_some_and(|spec| !spec.needs_variables()) {
            known.resize(told.specs.len(), ABSENT);
            known[template] = out.ids.last().copied().unwrap_or(ABSENT);
        }
    }

    fn select_values(&self, rows: impl Iterator<Item = u32>) -> Out {
        let kind = match &self.values {
            Values::Text(_) | Values::Loose(_) => Type::Text,
            Values::Int(_) => Type::Int,
            Values::Float(_) => Type::Float,
            Values::Bool(_) => Type::Bool,
        };
        let mut out = kind.empty();
        let (mut scratch, mut known) = (Vec::new(), Vec::new());
        for (at, row) in rows.enumerate() {
            let place = match self.at(row) {
                At::Nowhere => {
                    pad(&mut out, at + 1);
                    continue;
                }
                At::Told => {
                    match (&mut out, &self.told) {
                        (Out::Text(column), _) => self.select_told(row, column, &mut known),
                        (out, Some(told)) => {
                            scratch.clear();
                            if let Some(value) = told.value(row, &mut scratch) {
                                push(out, value);
                            }
                        }
                        (_, None) => {}
                    }
                    pad(&mut out, at + 1);
                    continue;
                }
                At::Place(place) => place,
            };
            match &self.values {
                Values::Int(values) => push(&mut out, FieldRef::Int(values[place])),
                Values::Float(bits) => push(&mut out, FieldRef::Float(f64::from_bits(bits[place] as u64))),
                Values::Bool(values) => push(&mut out, FieldRef::Bool(values[place])),
                Values::Text(_) | Values::Loose(_) => {
                    scratch.clear();
                    let text = self.text(place, &mut scratch);
                    if let Out::Text(column) = &mut out {
                        push_text(column, &text);
                    }
                }
            }
        }
        out
    }
}

/// Gives rows that have no code yet the one that belongs to their id.
fn take_codes(out: &mut [u32], ids: &[u32], codes: &[u32]) {
    for (code, id) in out.iter_mut().zip(ids) {
        if *code == 0 {
            *code = codes.get(*id as usize).copied().unwrap_or(0);
        }
    }
}

/// Reads what templates tell, with the number of each.
fn read_specs<'a>(
    reader: &mut Reader<'a>,
    kind: Type,
    mut take: impl FnMut(usize, Spec<'a>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let mut number = 0usize;
    for _ in 0..reader.count(reader.rest().len())? {
        number = number.saturating_add(reader.count(u32::MAX as usize)?);
        take(number, Spec::read(reader, kind)?)?;
    }
    Ok(())
}

impl<'a> Told<'a> {
    fn spec(&self, row: u32) -> Option<&Spec<'a>> {
        self.specs.get(self.parts.template_of(row))?.as_ref()
    }

    /// The number that `number` gives the text of a row. `known`: those of templates that always tell the same.
    fn code(
        &self,
        row: u32,
        scratch: &mut Vec<u8>,
        known: &mut [u32],
        number: &mut impl FnMut(&str) -> u32,
    ) -> u32 {
        let template = self.parts.template_of(row);
        if let Some(code) = known.get(template).filter(|code| **code != ABSENT) {
            return *code;
        }
        scratch.clear();
        let code = self.value(row, scratch).map_or(0, |value| number(&written(value)));
        if let Some(known) =
            known.get_mut(template).filter(|_| self.spec(row).is_some_and(|s| !s.needs_variables()))
        {
            *known = code;
        }
        code
    }

    /// The value of a row, with `scratch` as room.
    fn value<'s>(&'s self, row: u32, scratch: &'s mut Vec<u8>) -> Option<FieldRef<'s>> {
        match self.spec(row)? {
            Spec::Part(start, end) => {
                self.parts.part(row, *start, *end, scratch)?;
                std::str::from_utf8(scratch).ok().map(FieldRef::Text)
            }
            Spec::Number(hole, unit) => {
                self.parts.number(row, *hole, scratch)?;
                match self.kind {
                    Type::Int => derived::integer(scratch).map(FieldRef::Int),
                    _ => derived::float(scratch, *unit).map(|bits| FieldRef::Float(f64::from_bits(bits))),
                }
            }
            constant => constant.constant(),
        }
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
                    places: Places::Each(vec![ABSENT; rows]),
                    values: Values::empty(&value),
                    verdicts: Vec::new(),
                    told: None,
                });
                all.len() - 1
            }
        };
        let field = &mut all[at];
        let place = field.values.len() as u32;
        if let Places::Each(places) = &mut field.places
            && places[row] == ABSENT
        {
            places[row] = place;
            field.values.push(value);
        }
    }
    Ok(())
}

impl<'a> Values<'a> {
    fn read(kind: Type, reader: &mut Reader<'a>, count: usize) -> Result<Self, Corrupt> {
        Ok(match kind {
            Type::Text => {
                let mut numbers = Reader::new(reader.bytes()?);
                Self::Text(texts::read(&mut numbers, reader, count)?)
            }
            Type::Int | Type::Float => {
                let mut values = Vec::with_capacity(count);
                ints::read(reader, count, &mut values)?;
                if kind == Type::Int { Self::Int(values) } else { Self::Float(values) }
            }
            Type::Bool => {
                let bits = reader.take(count.div_ceil(8))?;
                Self::Bool((0..count).map(|at| bits[at / 8] >> (at % 8) & 1 == 1).collect())
            }
        })
    }

    fn none(kind: Type) -> Self {
        match kind {
            Type::Text => Self::Text(Texts::Constant(b"")),
            Type::Int => Self::Int(Vec::new()),
            Type::Float => Self::Float(Vec::new()),
            Type::Bool => Self::Bool(Vec::new()),
        }
    }

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
