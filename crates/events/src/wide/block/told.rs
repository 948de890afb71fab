//! What a query reads in the messages of a block: of most templates once for all their messages, from variables where these
//! tell it, and only where neither is possible from messages that are put together.

use std::collections::HashMap;
use std::ops::Range;

use disk::varint::Corrupt;
use foldhash::fast::FixedState;
use model::records::{Form, Keep, Reading, Recipe, Template, Told};
use model::{Error, Result};

use super::count::{Codes, part};
use super::messages::{Columns, Messages, Raw, Templates};
use super::read::{Asked, Bytes, Picked, corrupt, named};
use super::{Head, Kind};
use crate::wide::needle::Verdict;
use crate::wide::split::{HOLE, is_variable};
use crate::wide::texts::Texts;

/// Cells of a table of pairs of numbers; larger ones are sparse.
const DENSE: usize = 1 << 20;

/// A number for each row's text, for each of the texts that are read; 0: it has none.
pub(super) fn texts(
    head: &Head,
    bytes: &dyn Bytes,
    needed: &[bool],
    reading: &dyn Reading,
) -> Result<Vec<(Codes, Vec<u32>)>> {
    if reading.texts() == 0 {
        return Ok(Vec::new());
    }
    let raw = named(head, bytes, &Kind::Templates)?;
    let templates = Templates::read(head, &raw).map_err(corrupt)?;
    templates.load(head, bytes)?;
    let mut verdicts = vec![Verdict::None; templates.texts.len() + 1];
    for (id, _) in templates.ids().iter().zip(needed).filter(|(_, needed)| **needed) {
        verdicts[*id as usize] = Verdict::All;
    }
    verdicts.pop();
    let raw = Raw::read(head, bytes, &templates, &mut verdicts, &[], true, None)?;
    texts_of(&templates, &raw, needed, reading)
}

/// As [`texts`], where everything was read.
fn texts_of(
    templates: &Templates<'_>,
    raw: &Raw,
    needed: &[bool],
    reading: &dyn Reading,
) -> Result<Vec<(Codes, Vec<u32>)>> {
    let mut out = Numbered::new(reading.texts(), templates.ids().len());
    let messages = Messages::new(templates, Vec::new(), raw, &[]);
    let mut states: Vec<State<'_>> = Vec::new();
    states.resize_with(templates.texts.len() + 1, || State::New);
    let mut scratch = Vec::new();
    for (row, id) in templates.ids().iter().enumerate() {
        if !needed.get(row).is_some_and(|needed| *needed) {
            continue;
        }
        let state = &mut states[*id as usize];
        if matches!(state, State::New) {
            *state = State::of(templates, *id as usize, &messages, reading, &mut out).map_err(corrupt)?;
        }
        match state {
            State::New => {}
            State::Told(variables, values) => {
                for (value, (codes, of_rows)) in values.iter_mut().zip(&mut out.parts) {
                    of_rows[row] = match value {
                        Value::None => continue,
                        Value::Same(code) => *code,
                        value => value.code(&variables.texts, templates.ordinal(row), codes, &mut scratch),
                    };
                }
            }
            State::Read(variables) => {
                scratch.clear();
                variables.join(templates.ordinal(row), &mut scratch);
                let text =
                    std::str::from_utf8(&scratch).map_err(|_| corrupt(Corrupt("a message is not UTF-8")))?;
                out.read(row, text, reading);
            }
        }
    }
    Ok(out.parts)
}

/// Takes away rows that a scan may leave out. `messages`: where messages lie, if they were read.
pub(super) fn retain(
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    keep: &Keep,
    messages: Option<(&Templates<'_>, &Raw)>,
    picked: &mut Picked,
) -> Result<()> {
    let (rows, reading) = (head.rows(), &*keep.reading);
    let mut needed = vec![false; rows];
    picked.iter().for_each(|(row, _)| needed[*row as usize] = true);
    let mut parts = Vec::new();
    for sources in &keep.by {
        parts.push(part(head, bytes, asked, sources, rows)?);
    }
    parts.extend(match messages {
        Some((templates, raw)) if reading.texts() > 0 => texts_of(templates, raw, &needed, reading)?,
        _ => texts(head, bytes, &needed, reading)?,
    });
    let (numbers, all) = keys(&parts, rows);
    let mut made = Keys::new(reading, keep.by.len());
    made.restart(all.len());
    picked.retain(|(row, _)| {
        let number = numbers[*row as usize];
        // What is no key for an error is for whoever asks.
        !matches!(made.of(number, &all[number as usize], &parts), Ok(None))
    });
    Ok(())
}

/// Texts of rows by their numbers.
pub(in crate::wide) struct Numbered {
    pub(in crate::wide) parts: Vec<(Codes, Vec<u32>)>,
}

impl Numbered {
    pub(in crate::wide) fn new(texts: usize, rows: usize) -> Self {
        Self { parts: (0..texts).map(|_| (Codes::default(), vec![0; rows])).collect() }
    }

    /// Reads a row's message.
    pub(in crate::wide) fn read(&mut self, row: usize, message: &str, reading: &dyn Reading) {
        reading.of_message(message, &mut |n, text| {
            if let Some((codes, of_rows)) = self.parts.get_mut(n) {
                of_rows[row] = codes.exact(text);
            }
        });
    }
}

/// How the texts of a template's messages are found.
enum State<'a> {
    /// Nobody looked yet.
    New,
    /// By its variables.
    Told(Columns<'a>, Vec<Value>),
    /// By reading the messages.
    Read(Columns<'a>),
}

/// How one text of a template's messages is found.
enum Value {
    /// There is none.
    None,
    /// It is always the one of this number.
    Same(u32),
    /// It has one variable, which is a word of few; for each of them the number of the text, once it is known.
    Word(usize, Vec<Piece>, Vec<u32>),
    Pieces(Vec<Piece>),
}

/// A part of a text.
enum Piece {
    Fixed(Vec<u8>),
    /// By its number.
    Variable(usize),
}

impl<'a> State<'a> {
    fn of(
        templates: &Templates<'_>,
        id: usize,
        messages: &Messages<'a>,
        reading: &dyn Reading,
        out: &mut Numbered,
    ) -> Result<Self, Corrupt> {
        let variables = messages.read(id)?;
        let Some(template) = templates.texts.get(id) else { return Ok(Self::Read(variables)) };
        let places: Vec<usize> = memchr::memchr_iter(HOLE, template).collect();
        let stood_in: Vec<u8> = template.iter().map(|b| if *b == HOLE { b'0' } else { *b }).collect();
        let Ok(text) = std::str::from_utf8(&stood_in) else { return Ok(Self::Read(variables)) };
        let is_variable = |word: &str| is_variable(word.as_bytes());
        let template = Template { text, variables: &places, is_variable };
        let Some(recipe) = reading.of_template(&template) else { return Ok(Self::Read(variables)) };
        let count = templates.count(id);
        let holds =
            |(n, form): &(usize, Form)| variables.texts.get(*n).is_some_and(|v| all_are(v, *form, count));
        if !recipe.conditions.iter().all(holds) {
            return Ok(Self::Read(variables));
        }
        let values = values(recipe, &template, &variables.texts, out);
        Ok(Self::Told(variables, values))
    }
}

/// How each text is found.
fn values(
    recipe: Recipe,
    template: &Template<'_>,
    variables: &[Texts<'_>],
    out: &mut Numbered,
) -> Vec<Value> {
    let value = |((codes, _), told): (&mut (Codes, Vec<u32>), Option<Told>)| match told {
        None => Value::None,
        Some(Told::Fixed(text)) => Value::Same(codes.exact(&text)),
        Some(Told::Part(range)) => {
            let pieces = pieces(&range, template, variables);
            match pieces.as_slice() {
                [] => Value::Same(codes.exact("")),
                [Piece::Fixed(text)] => Value::Same(codes.exact(&String::from_utf8_lossy(text))),
                _ => word(pieces, variables),
            }
        }
    };
    out.parts.iter_mut().zip(recipe.texts).map(value).collect()
}

/// What stands in a part of the messages of a template. Variables that are always the same are fixed text.
fn pieces(range: &Range<usize>, template: &Template<'_>, variables: &[Texts<'_>]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut fixed = Vec::new();
    let mut at = range.start;
    let first = template.variables.partition_point(|place| *place < range.start);
    for (n, place) in template.variables.iter().enumerate().skip(first) {
        if *place >= range.end {
            break;
        }
        fixed.extend_from_slice(template.text.get(at..*place).unwrap_or_default().as_bytes());
        at = place + 1;
        match variables.get(n) {
            Some(Texts::Constant(text)) => fixed.extend_from_slice(text),
            _ => pieces.extend([Piece::Fixed(std::mem::take(&mut fixed)), Piece::Variable(n)]),
        }
    }
    fixed.extend_from_slice(template.text.get(at..range.end).unwrap_or_default().as_bytes());
    if !fixed.is_empty() {
        pieces.push(Piece::Fixed(fixed));
    }
    pieces
}

fn word(pieces: Vec<Piece>, variables: &[Texts<'_>]) -> Value {
    let mut of_pieces = pieces.iter().filter_map(|piece| match piece {
        Piece::Variable(n) => Some(*n),
        Piece::Fixed(_) => None,
    });
    match (of_pieces.next(), of_pieces.next()) {
        (Some(n), None) if let Some(Texts::Words(words, _)) = variables.get(n) => {
            let known = vec![0; words.len()];
            Value::Word(n, pieces, known)
        }
        _ => Value::Pieces(pieces),
    }
}

impl Value {
    /// The number of the text of a message.
    fn code(
        &mut self,
        variables: &[Texts<'_>],
        ordinal: usize,
        codes: &mut Codes,
        scratch: &mut Vec<u8>,
    ) -> u32 {
        match self {
            Self::None => 0,
            Self::Same(code) => *code,
            Self::Word(n, pieces, known) => {
                let word = match variables.get(*n) {
                    Some(Texts::Words(_, ids)) => ids.get(ordinal),
                    _ => None,
                };
                let Some(known) = word.and_then(|word| known.get_mut(*word as usize)) else { return 0 };
                if *known == 0 {
                    *known = number(pieces, variables, ordinal, codes, scratch);
                }
                *known
            }
            Self::Pieces(pieces) => number(pieces, variables, ordinal, codes, scratch),
        }
    }
}

fn number(
    pieces: &[Piece],
    variables: &[Texts<'_>],
    ordinal: usize,
    codes: &mut Codes,
    scratch: &mut Vec<u8>,
) -> u32 {
    scratch.clear();
    for piece in pieces {
        match piece {
            Piece::Fixed(text) => scratch.extend_from_slice(text),
            Piece::Variable(n) => {
                if let Some(texts) = variables.get(*n) {
                    texts.write(ordinal, scratch);
                }
            }
        }
    }
    codes.exact(&String::from_utf8_lossy(scratch))
}

/// Whether all variables of a column are of a form.
fn all_are(texts: &Texts<'_>, form: Form, count: usize) -> bool {
    match texts {
        Texts::Constant(text) => form.has(text),
        Texts::Numbers(_, 0) => true,
        Texts::Numbers(..) if form != Form::Integer => true,
        Texts::Words(words, _) => words.iter().all(|word| form.has(word)),
        _ => {
            let mut scratch = Vec::new();
            (0..count).all(|at| {
                scratch.clear();
                texts.write(at, &mut scratch);
                form.has(&scratch)
            })
        }
    }
}

/// A number for each row's key, and what the parts of keys are.
pub(super) fn keys(parts: &[(Codes, Vec<u32>)], rows: usize) -> (Vec<u32>, Vec<Vec<u32>>) {
    let (mut numbers, mut keys) = (vec![0u32; rows], vec![Vec::<u32>::new()]);
    for (codes, of_rows) in parts {
        let width = codes.len() + 1;
        if width == 1 {
            keys.iter_mut().for_each(|key| key.push(0));
            continue;
        }
        let mut next: Vec<Vec<u32>> = Vec::new();
        let mut new = |before: u32, code: u32| {
            let mut key = keys.get(before as usize).cloned().unwrap_or_default();
            key.push(code);
            next.push(key);
            next.len() as u32
        };
        match keys.len().checked_mul(width).filter(|cells| *cells <= DENSE) {
            Some(cells) => {
                let mut table = vec![0u32; cells];
                for (number, code) in numbers.iter_mut().zip(of_rows) {
                    let cell = &mut table[*number as usize * width + *code as usize];
                    if *cell == 0 {
                        *cell = new(*number, *code);
                    }
                    *number = *cell - 1;
                }
            }
            None => {
                let mut table: HashMap<(u32, u32), u32, FixedState> = HashMap::default();
                for (number, code) in numbers.iter_mut().zip(of_rows) {
                    *number = *table.entry((*number, *code)).or_insert_with(|| new(*number, *code)) - 1;
                }
            }
        }
        keys = next;
    }
    (numbers, keys)
}

/// The keys that a reading makes of the parts of keys, each once.
pub(in crate::wide) struct Keys<'a> {
    reading: &'a dyn Reading,
    /// How many parts lie before the texts that it reads.
    by: usize,
    made: Vec<Option<Option<String>>>,
    /// Why it made none: no block is damaged for it.
    pub(in crate::wide) refused: Option<Error>,
}

impl<'a> Keys<'a> {
    pub(in crate::wide) fn new(reading: &'a dyn Reading, by: usize) -> Self {
        Self { reading, by, made: Vec::new(), refused: None }
    }

    /// From now on numbers are of so many other keys.
    pub(in crate::wide) fn restart(&mut self, keys: usize) {
        self.made.clear();
        self.made.resize(keys, None);
    }

    /// The key of records whose parts are these; `None`: they are left out.
    pub(in crate::wide) fn of(
        &mut self,
        number: u32,
        key: &[u32],
        parts: &[(Codes, Vec<u32>)],
    ) -> Result<Option<&str>> {
        let Some(made) = self.made.get_mut(number as usize) else { return Ok(None) };
        if made.is_none() {
            let texts =
                parts.iter().zip(key).map(|((codes, _), code)| (*code != 0).then(|| codes.text(*code)));
            let texts: Vec<Option<&str>> = texts.collect();
            let (by, read) = texts.split_at(self.by.min(texts.len()));
            let by: Vec<&str> = by.iter().map(|text| text.unwrap_or_default()).collect();
            *made = Some(self.reading.key(&by, read).inspect_err(|e| self.refused = Some(e.clone()))?);
        }
        Ok(made.as_ref().and_then(Option::as_deref))
    }
}
