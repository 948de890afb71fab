//! Many texts in few bytes: one text, decimal numbers, a dictionary, hexadecimal digits, what the time says, or as they are.

use std::borrow::Cow;
use std::collections::HashMap;

use disk::varint::{Corrupt, Reader, put_bytes, put_u64};

use super::ints;
use super::split::MOST_HOLES;
use super::timed::Says;

const CONSTANT: u8 = 0;
/// Decimal numbers without leading zeros.
const NUMBERS: u8 = 1;
/// Decimal numbers of one length.
const PADDED: u8 = 2;
const DICTIONARY: u8 = 3;
/// Lower-case hexadecimal digits, all of one even length.
const HEX: u8 = 4;
const PLAIN: u8 = 5;
/// Texts that resemble one another: see [`super::shaped`].
pub(super) const SHAPED: u8 = 6;

/// The same as an earlier column beside this one.
const SAME: u8 = 7;

/// What the times of the records say.
const TIMED: u8 = 8;

/// Decimal numbers that lie with those of other columns: see [`super::pools`].
const POOLED: u8 = 9;

/// How many columns back it is looked for the same one.
const LOOK_BACK: usize = 64;

/// The most digits of a number that fits.
pub(super) const DIGITS: usize = 18;
/// The most words of a dictionary.
const WORDS: usize = 1 << 16;
/// So many texts show whether a dictionary pays.
const SAMPLE: usize = 512;

/// Texts that are read.
#[derive(Debug, Clone)]
pub(super) enum Texts<'a> {
    /// Always this.
    Constant(&'a [u8]),
    /// Decimal numbers, with leading zeros up to this length.
    Numbers(Vec<i64>, usize),
    /// Words, and for each text its word.
    Words(Vec<&'a [u8]>, Vec<u32>),
    /// Hexadecimal digits by their values, so many bytes each.
    Hex(&'a [u8], usize),
    /// What these times say.
    Timed(&'a [i64], Says),
    /// The text, and where each one ends.
    Plain(Cow<'a, [u8]>, Vec<u32>),
}

fn number(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > DIGITS {
        return None;
    }
    text.iter().try_fold(0i64, |n, byte| byte.is_ascii_digit().then(|| n * 10 + i64::from(byte - b'0')))
}

/// Where texts go: numbers apart from letters, because a compressor likes either by itself.
#[derive(Default)]
pub(super) struct Sink {
    pub(super) numbers: Vec<u8>,
    pub(super) letters: Vec<u8>,
    /// Hexadecimal digits, which no compressor makes shorter, if they lie by themselves.
    pub(super) digits: Option<Vec<u8>>,
    /// Where among the numbers something else begins: see [`ints::cuts`].
    pub(super) cuts: Vec<usize>,
}

impl Sink {
    /// Forgets all, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.letters.clear();
        self.digits = None;
        self.cuts.clear();
    }

    fn integers(&mut self, values: &[i64]) {
        let from = self.numbers.len();
        ints::put(values, &mut self.numbers);
        ints::cuts(&self.numbers, from, values.len(), &mut self.cuts);
    }

    fn small(&mut self, values: &[u32]) {
        let wide: Vec<i64> = values.iter().map(|v| i64::from(*v)).collect();
        self.integers(&wide);
    }
}

/// Appends texts. How many there are is for the caller to keep. Those of one word each, as variables are, lie among the
/// letters such that a piece of one can be found there.
pub(super) fn put<'t>(
    texts: &[&'t [u8]],
    sink: &mut Sink,
    words: &mut HashMap<&'t [u8], u32, foldhash::fast::FixedState>,
) {
    if !put_short(texts, sink, words) {
        put_plain(texts, sink);
    }
}

/// Appends texts that may be long and that are not searched for where they lie, but for one thing: a word that is no variable
/// and has more than hexadecimal digits lies in one piece among the letters if one of the texts has it.
pub(super) fn put_long(texts: &[&[u8]], sink: &mut Sink, depth: usize) {
    if !put_short(texts, sink, &mut HashMap::default()) && !super::shaped::put(texts, sink, depth) {
        put_plain(texts, sink);
    }
}

fn put_plain(texts: &[&[u8]], sink: &mut Sink) {
    sink.numbers.push(PLAIN);
    let lens: Vec<i64> = texts.iter().map(|t| t.len() as i64).collect();
    sink.integers(&lens);
    texts.iter().for_each(|t| sink.letters.extend_from_slice(t));
}

/// Appends texts if there is a short form for them.
fn put_short<'t>(
    texts: &[&'t [u8]],
    sink: &mut Sink,
    words: &mut HashMap<&'t [u8], u32, foldhash::fast::FixedState>,
) -> bool {
    let Some(&first) = texts.first() else { return true };
    let len = first.len();
    let same_len = texts.iter().all(|text| text.len() == len);
    if same_len && texts.iter().all(|text| alike(text, first)) {
        put_constant(first, sink);
        return true;
    }
    let mut values = Vec::new();
    if let Some(len) = numbers_of(texts, same_len, &mut values) {
        sink.numbers.push(if len == 0 { NUMBERS } else { PADDED });
        if len > 0 {
            sink.numbers.push(len);
        }
        sink.integers(&values);
        return true;
    }
    if put_dictionary(texts, sink, words) {
        return true;
    }
    let hex = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if same_len && len % 2 == 0 && len > 0 && texts.iter().all(|t| t.iter().all(hex)) {
        sink.numbers.push(HEX);
        put_u64(&mut sink.numbers, len as u64 / 2);
        let digit = |b: u8| if b <= b'9' { b - b'0' } else { b - b'a' + 10 };
        let bytes = sink.digits.as_mut().unwrap_or(&mut sink.letters);
        for text in texts {
            bytes.extend(text.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
        }
        return true;
    }
    false
}

/// Appends the numbers that texts are, if all are decimal: without leading zeros, or all of one length. Gives this length; 0:
/// they have no leading zeros. Otherwise nothing is appended.
pub(super) fn numbers_of(texts: &[&[u8]], same_len: bool, values: &mut Vec<i64>) -> Option<u8> {
    let canonical = |text: &[u8]| text[0] != b'0' || text.len() == 1;
    let (first, before) = (*texts.first()?, values.len());
    number(first)?;
    if !same_len && !canonical(first) {
        return None;
    }
    let mut all_canonical = true;
    for text in texts {
        let Some(number) = number(text).filter(|_| {
            all_canonical &= canonical(text);
            same_len || all_canonical
        }) else {
            values.truncate(before);
            return None;
        };
        values.push(number);
    }
    Some(if all_canonical { 0 } else { first.len() as u8 })
}

/// Says that a column of numbers lies with those of others.
pub(super) fn put_pooled(sink: &mut Sink) {
    sink.numbers.push(POOLED);
}

fn put_dictionary<'t>(
    texts: &[&'t [u8]],
    sink: &mut Sink,
    words: &mut HashMap<&'t [u8], u32, foldhash::fast::FixedState>,
) -> bool {
    words.clear();
    let mut list: Vec<&[u8]> = Vec::new();
    let mut ids: Vec<u32> = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let next = list.len() as u32;
        let id = *words.entry(text).or_insert(next);
        if id == next {
            list.push(text);
        }
        ids.push(id);
        let many = list.len() >= WORDS || (at + 1 == SAMPLE && list.len() > SAMPLE / 2);
        if many || (at >= SAMPLE && list.len() * 3 > texts.len()) {
            return false;
        }
    }
    if list.len() * 3 > texts.len() * 2 {
        return false;
    }
    sink.numbers.push(DICTIONARY);
    put_u64(&mut sink.numbers, list.len() as u64);
    list.iter().for_each(|word| put_bytes(&mut sink.letters, word));
    sink.small(&ids);
    true
}

/// Says that a column of texts is the same as the one at this place among those beside it.
pub(super) fn put_same(at: usize, sink: &mut Sink) {
    sink.numbers.push(SAME);
    put_u64(&mut sink.numbers, at as u64);
}

/// Whether two texts are the same. Most are short, and a call would cost more than the comparison.
#[inline]
pub(super) fn alike(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    match a.len() {
        0..4 => a.iter().zip(b).all(|(a, b)| a == b),
        4..8 => a.first_chunk::<4>() == b.first_chunk::<4>() && a.last_chunk::<4>() == b.last_chunk::<4>(),
        8..=16 => a.first_chunk::<8>() == b.first_chunk::<8>() && a.last_chunk::<8>() == b.last_chunk::<8>(),
        _ => a == b,
    }
}

/// Appends a text that a column always has.
pub(super) fn put_constant(text: &[u8], sink: &mut Sink) {
    sink.numbers.push(CONSTANT);
    put_bytes(&mut sink.letters, text);
}

/// The first of some columns that has the same texts as this one; `text` gives that of a row in a column.
pub(super) fn same_as<'t>(
    column: usize,
    others: &[usize],
    rows: &[u32],
    text: impl Fn(u32, usize) -> &'t [u8],
) -> Option<usize> {
    let same = |row: &u32, at: usize| alike(text(*row, column), text(*row, at));
    let ends = [rows.first()?, rows.get(rows.len() / 2)?, rows.last()?];
    let others = &others[others.len().saturating_sub(LOOK_BACK)..];
    let all = |at: &usize| ends.iter().all(|row| same(row, *at)) && rows.iter().all(|row| same(row, *at));
    others.iter().copied().find(all)
}

/// What texts say of the times of their records, if all do: `text` gives that of a row in this column. What is always the
/// same should not come here: it needs no times to be read.
pub(super) fn says_time<'t>(rows: &[u32], times: &[i64], text: impl Fn(u32) -> &'t [u8]) -> Option<Says> {
    let (first, last) = (*rows.first()?, *rows.last()?);
    let says = Says::of(text(first), times[first as usize])?;
    let holds = |row: u32| says.holds(text(row), times[row as usize]);
    (holds(last) && rows.iter().all(|row| holds(*row))).then_some(says)
}

/// Says that a column is told by the times.
pub(super) fn put_timed(says: Says, sink: &mut Sink) {
    sink.numbers.push(TIMED);
    sink.numbers.push(says.code());
}

/// What lies elsewhere and tells columns.
pub(super) trait Elsewhere<'a> {
    /// Times of the records.
    fn times(&self) -> Result<&'a [i64], Corrupt>;
    /// The numbers of a column that lies with others: how many of these came before it.
    fn pooled(&self, before: usize) -> Result<Texts<'a>, Corrupt>;
}

/// Reads columns that lie beside one another, of `count` texts each. `digits`: where hexadecimal digits lie, if not among
/// the letters.
pub(super) fn read_beside<'a>(
    numbers: &mut Reader<'a>,
    letters: &mut Reader<'a>,
    mut digits: Option<&mut Reader<'a>>,
    count: usize,
    columns: usize,
    depth: usize,
    elsewhere: &impl Elsewhere<'a>,
) -> Result<Vec<Texts<'a>>, Corrupt> {
    if columns > MOST_HOLES + 1 {
        return Err(Corrupt("too many variables"));
    }
    let mut all: Vec<Texts<'a>> = Vec::new();
    let mut pooled = 0;
    for _ in 0..columns {
        let form = numbers.rest().first().filter(|_| count > 0).copied();
        all.push(match form {
            Some(SAME) => {
                numbers.u8()?;
                let at = numbers.count(all.len())?;
                all.get(at).ok_or(Corrupt("a column that is not there"))?.clone()
            }
            Some(TIMED) => {
                numbers.u8()?;
                let says = Says::read(numbers.u8()?)?;
                Texts::Timed(elsewhere.times()?, says)
            }
            Some(HEX) if let Some(digits) = digits.as_deref_mut() => {
                numbers.u8()?;
                read_hex(numbers, digits, count)?
            }
            Some(POOLED) => {
                numbers.u8()?;
                pooled += 1;
                elsewhere.pooled(pooled - 1)?
            }
            _ => read_at(numbers, letters, count, depth)?,
        });
    }
    Ok(all)
}

/// Reads `count` texts from where their numbers and their letters lie.
pub(super) fn read<'a>(
    numbers: &mut Reader<'a>,
    letters: &mut Reader<'a>,
    count: usize,
) -> Result<Texts<'a>, Corrupt> {
    read_at(numbers, letters, count, 0)
}

/// As [`read`], where texts lie within texts.
pub(super) fn read_at<'a>(
    numbers: &mut Reader<'a>,
    letters: &mut Reader<'a>,
    count: usize,
    depth: usize,
) -> Result<Texts<'a>, Corrupt> {
    if count == 0 {
        return Ok(Texts::Constant(b""));
    }
    Ok(match numbers.u8()? {
        CONSTANT => Texts::Constant(letters.bytes()?),
        form @ (NUMBERS | PADDED) => {
            let len = if form == PADDED { usize::from(numbers.u8()?) } else { 0 };
            let mut values = Vec::new();
            ints::read(numbers, count, &mut values)?;
            if len > DIGITS || values.iter().any(|v| *v < 0) {
                return Err(Corrupt("a number that no text is written as"));
            }
            Texts::Numbers(values, len)
        }
        DICTIONARY => {
            let len = numbers.count(WORDS)?;
            let words = (0..len).map(|_| letters.bytes()).collect::<Result<Vec<_>, _>>()?;
            Texts::Words(words, ints::read_u32(numbers, count, len as u64)?)
        }
        HEX => read_hex(numbers, letters, count)?,
        PLAIN => {
            let lens = ints::read_u32(numbers, count, letters.rest().len() as u64 + 1)?;
            let mut end = 0u32;
            let mut ends = Vec::with_capacity(lens.len());
            for len in lens {
                end = end.checked_add(len).ok_or(Corrupt("too long"))?;
                ends.push(end);
            }
            Texts::Plain(Cow::Borrowed(letters.take(end as usize)?), ends)
        }
        SHAPED => super::shaped::read(numbers, letters, count, depth)?,
        _ => return Err(Corrupt("unknown form of texts")),
    })
}

fn read_hex<'a>(
    numbers: &mut Reader<'a>,
    digits: &mut Reader<'a>,
    count: usize,
) -> Result<Texts<'a>, Corrupt> {
    let len = numbers.count(digits.rest().len())?;
    Ok(Texts::Hex(digits.take(len.checked_mul(count).ok_or(Corrupt("too long"))?)?, len))
}

impl Texts<'_> {
    /// Appends the text at a place; nothing where there is none.
    pub(super) fn write(&self, at: usize, out: &mut Vec<u8>) {
        match self {
            Self::Constant(text) => out.extend_from_slice(text),
            Self::Numbers(values, len) => {
                if let Some(value) = values.get(at) {
                    write_number(*value as u64, *len, out);
                }
            }
            Self::Words(words, ids) => {
                if let Some(word) = ids.get(at).and_then(|id| words.get(*id as usize)) {
                    out.extend_from_slice(word);
                }
            }
            Self::Hex(bytes, len) => {
                let digit = |n: u8| if n < 10 { b'0' + n } else { b'a' + n - 10 };
                for byte in bytes.get(at * len..(at + 1) * len).unwrap_or_default() {
                    out.push(digit(byte >> 4));
                    out.push(digit(byte & 15));
                }
            }
            Self::Timed(times, says) => {
                if let Some(time_ns) = times.get(at) {
                    says.write(*time_ns, out);
                }
            }
            Self::Plain(text, ends) => {
                let start = at.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
                let end = ends.get(at).copied().unwrap_or(start);
                out.extend_from_slice(text.get(start as usize..end as usize).unwrap_or_default());
            }
        }
    }
}

fn write_number(mut value: u64, len: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    // At most 18 digits are asked for.
    at = at.min(digits.len() - len);
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(texts: &[&str]) -> usize {
        let bytes: Vec<&[u8]> = texts.iter().map(|t| t.as_bytes()).collect();
        let mut sink = Sink::default();
        put(&bytes, &mut sink, &mut HashMap::default());
        let (mut numbers, mut letters) = (Reader::new(&sink.numbers), Reader::new(&sink.letters));
        let read = read(&mut numbers, &mut letters, texts.len()).unwrap();
        assert!(numbers.is_empty() && letters.is_empty());
        for (at, text) in texts.iter().enumerate() {
            let mut out = Vec::new();
            read.write(at, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), *text);
        }
        sink.numbers.len() + sink.letters.len()
    }

    #[test]
    fn each_form_comes_back() {
        check(&["x", "x"]);
        check(&["0", "10", "7"]);
        check(&["00", "07", "59"]);
        check(&["00", "7"]);
        check(&["007", "7", "x"]);
        check(&["999999999999999999", "1000000000000000000"]);
        check(&["a", "b", "a", "a", "b", "a"]);
        check(&["0a1b", "ffff", "1234", "beef"]);
        check(&["0a1", "fff"]);
        check(&["", "가나다", "x1"]);
        let many: Vec<String> = (0..70_000).map(|n| format!("u{n}x")).collect();
        check(&many[..3000].iter().map(String::as_str).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn texts_come_back(texts in prop::collection::vec("[0-9]{1,4}|[0-9a-f]{4}|0[0-9]|[a-z0-9]{0,9}", 1..60)) {
            check(&texts.iter().map(String::as_str).collect::<Vec<_>>());
        }

        #[test]
        fn foreign_bytes_are_no_panic(
            numbers in prop::collection::vec(any::<u8>(), 0..60),
            letters in prop::collection::vec(any::<u8>(), 0..60),
            count in 0usize..100,
        ) {
            if let Ok(texts) = read(&mut Reader::new(&numbers), &mut Reader::new(&letters), count) {
                (0..=count).for_each(|at| texts.write(at, &mut Vec::new()));
            }
        }
    }
}
