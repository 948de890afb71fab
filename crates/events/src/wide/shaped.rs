//! Long texts that resemble one another: what they have in common once, and columns of what differs. Unlike the templates of
//! messages, no search relies on how they are split, so that whatever stands between quotation marks is one piece, which is
//! split further by itself.

use std::borrow::Cow;
use std::collections::HashMap;

use disk::varint::{Corrupt, Reader, put_bytes, put_u64};
use foldhash::fast::FixedState;

use super::ints;
use super::split::{HOLE, MOST_BYTES, MOST_HOLES, split, variable_len};
use super::texts::{self, SHAPED, Sink, Texts};

/// Fewer or shorter texts are not looked at.
const LEAST_TEXTS: usize = 8;
const LEAST_BYTES: usize = 16;
/// A shape of fewer texts is not worth its columns.
const WORTH: usize = 3;
const MOST_SHAPES: usize = 4096;
/// What stands between quotation marks is split once more, and not again.
const DEPTH: usize = 2;
/// A longer text between quotation marks is not one piece.
const QUOTED: usize = 2048;
/// All texts of a column together, when they are put together again.
const MOST_RAW: usize = 64 << 20;

/// Nothing else tells columns of shapes.
struct Nowhere;

impl<'a> texts::Elsewhere<'a> for Nowhere {
    fn times(&self) -> Result<&'a [i64], Corrupt> {
        Err(Corrupt("no times tell this"))
    }

    fn pooled(&self, _: usize) -> Result<Texts<'a>, Corrupt> {
        Err(Corrupt("numbers that lie with no others"))
    }
}

/// As [`split`], with texts between quotation marks as variables, but not those that are names in JSON.
fn split_quoted(text: &[u8], shape: &mut Vec<u8>, variables: &mut Vec<(u32, u32)>) -> bool {
    if text.len() > MOST_BYTES || memchr::memchr(HOLE, text).is_some() {
        return false;
    }
    let before = variables.len();
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = text.get(at) {
        let (start, len) = match byte {
            b'"' => {
                let within = &text[at + 1..text.len().min(at + 1 + QUOTED)];
                match memchr::memchr(b'"', within) {
                    Some(len) if text.get(at + len + 2) != Some(&b':') => (at + 1, len),
                    Some(len) => {
                        at += len + 2;
                        continue;
                    }
                    None => {
                        at += 1;
                        continue;
                    }
                }
            }
            _ if super::split::is_word(byte) => {
                let len = variable_len(&text[at..]);
                if len == 0 {
                    at += text[at..].iter().take_while(|b| super::split::is_word(**b)).count();
                    continue;
                }
                (at, len)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        shape.extend_from_slice(&text[copied..start]);
        shape.push(HOLE);
        variables.push((start as u32, len as u32));
        copied = start + len;
        // Behind the closing quotation mark.
        at = copied + usize::from(byte == b'"');
    }
    if variables.len() - before > MOST_HOLES {
        variables.truncate(before);
        return false;
    }
    shape.extend_from_slice(&text[copied..]);
    true
}

/// Appends texts if they have shapes in common; otherwise nothing happens.
pub(super) fn put<'t>(texts: &[&'t [u8]], sink: &mut Sink, depth: usize) -> bool {
    let bytes: usize = texts.iter().map(|t| t.len()).sum();
    if depth >= DEPTH || texts.len() < LEAST_TEXTS || bytes < texts.len() * LEAST_BYTES {
        return false;
    }
    let (mut shape, mut variables) = (Vec::new(), Vec::new());
    let mut numbers: HashMap<Vec<u8>, u32, FixedState> = HashMap::default();
    let (mut ids, mut firsts) = (Vec::with_capacity(texts.len()), Vec::with_capacity(texts.len() + 1));
    let mut counts: Vec<usize> = Vec::new();
    for text in texts {
        shape.clear();
        firsts.push(variables.len());
        let before = variables.len();
        let splits = if depth == 0 {
            split_quoted(text, &mut shape, &mut variables)
        } else {
            split(text, &mut shape, &mut variables)
        };
        let known = numbers.get(&shape[..]).copied();
        let id = match known {
            _ if !splits => None,
            None if numbers.len() >= MOST_SHAPES => None,
            None => {
                let id = numbers.len() as u32;
                numbers.insert(shape.clone(), id);
                counts.push(0);
                Some(id)
            }
            known => known,
        };
        match id {
            Some(id) => counts[id as usize] += 1,
            None => variables.truncate(before),
        }
        ids.push(id);
    }
    firsts.push(variables.len());
    let mut kept: Vec<(Vec<u8>, u32)> =
        numbers.into_iter().filter(|(_, id)| counts[*id as usize] >= WORTH).collect();
    let shared: usize = kept.iter().map(|(_, id)| counts[*id as usize]).sum();
    if shared * 2 < texts.len() {
        return false;
    }
    kept.sort_unstable_by_key(|(_, id)| *id);
    let mut renumbered = vec![kept.len() as u32; counts.len()];
    kept.iter().enumerate().for_each(|(number, (_, id))| renumbered[*id as usize] = number as u32);
    let ids: Vec<u32> =
        ids.into_iter().map(|id| id.map_or(kept.len() as u32, |id| renumbered[id as usize])).collect();
    let mut rows: Vec<Vec<u32>> = vec![Vec::new(); kept.len() + 1];
    ids.iter().enumerate().for_each(|(row, id)| rows[*id as usize].push(row as u32));

    sink.numbers.push(SHAPED);
    put_u64(&mut sink.numbers, kept.len() as u64);
    ints::put_u32(&ids, &mut sink.numbers);
    let text = |row: u32, hole: usize| -> &'t [u8] {
        let (start, len) = variables[firsts[row as usize] + hole];
        &texts[row as usize][start as usize..(start + len) as usize]
    };
    for ((shape, _), rows) in kept.iter().zip(&rows) {
        put_bytes(&mut sink.letters, shape);
        let holes: Vec<usize> = (0..memchr::memchr_iter(HOLE, shape).count()).collect();
        for hole in holes.iter().copied() {
            if let Some(same) = texts::same_as(hole, &holes[..hole], rows, text) {
                texts::put_same(same, sink);
                continue;
            }
            let column: Vec<&[u8]> = rows.iter().map(|row| text(*row, hole)).collect();
            texts::put_long(&column, sink, depth + 1);
        }
    }
    let rest: Vec<&[u8]> = rows[kept.len()].iter().map(|row| texts[*row as usize]).collect();
    texts::put_long(&rest, sink, DEPTH);
    true
}

/// Reads `count` texts that [`put`] wrote, and puts them together.
pub(super) fn read<'a>(
    numbers: &mut Reader<'a>,
    letters: &mut Reader<'a>,
    count: usize,
    depth: usize,
) -> Result<Texts<'a>, Corrupt> {
    if depth >= DEPTH {
        return Err(Corrupt("texts within texts within texts"));
    }
    let shapes = numbers.count(MOST_SHAPES)?;
    let ids = ints::read_u32(numbers, count, shapes as u64 + 1)?;
    let mut counts = vec![0usize; shapes + 1];
    ids.iter().for_each(|id| counts[*id as usize] += 1);
    let mut columns: Vec<(Vec<&[u8]>, Vec<Texts<'_>>)> = Vec::with_capacity(shapes + 1);
    for of_shape in &counts[..shapes] {
        let around: Vec<&[u8]> = letters.bytes()?.split(|b| *b == HOLE).collect();
        let holes =
            texts::read_beside(numbers, letters, None, *of_shape, around.len() - 1, depth + 1, &Nowhere)?;
        columns.push((around, holes));
    }
    let rest = texts::read_at(numbers, letters, counts[shapes], DEPTH)?;
    columns.push((vec![b"", b""], vec![rest]));
    let (mut text, mut ends, mut next) = (Vec::new(), Vec::with_capacity(count), vec![0usize; shapes + 1]);
    for id in ids {
        let (around, holes) = &columns[id as usize];
        let row = &mut next[id as usize];
        let mut around = around.iter();
        text.extend_from_slice(around.next().copied().unwrap_or_default());
        for (column, after) in holes.iter().zip(around) {
            column.write(*row, &mut text);
            text.extend_from_slice(after);
            if text.len() > MOST_RAW {
                return Err(Corrupt("too long"));
            }
        }
        *row += 1;
        ends.push(text.len() as u32);
    }
    Ok(Texts::Plain(Cow::Owned(text), ends))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    use crate::wide::search::in_letters;

    fn check(texts: &[String]) -> usize {
        let bytes: Vec<&[u8]> = texts.iter().map(|t| t.as_bytes()).collect();
        let mut sink = Sink::default();
        texts::put_long(&bytes, &mut sink, 0);
        let (mut numbers, mut letters) = (Reader::new(&sink.numbers), Reader::new(&sink.letters));
        let read = texts::read(&mut numbers, &mut letters, texts.len()).unwrap();
        assert!(numbers.is_empty() && letters.is_empty());
        for (at, text) in texts.iter().enumerate() {
            let mut out = Vec::new();
            read.write(at, &mut out);
            assert_eq!(std::str::from_utf8(&out).unwrap(), *text);
        }
        sink.numbers.len() + sink.letters.len()
    }

    #[test]
    fn access_logs_become_columns() {
        let line = |n: u64| {
            let agent =
                ["Mozilla/5.0 (Windows NT 10.0; Win64)", "curl/8.14.1", "kube-probe/1.33"][(n % 3) as usize];
            let route = ["products", "orders", "users"][(n / 3 % 3) as usize];
            format!(
                "10.0.{}.7 \"GET /api/v1/{route}/{} HTTP/2.0\" 200 \"-\" \"{agent}\" {}",
                n % 250,
                n * 7,
                n % 9
            )
        };
        let texts: Vec<String> = (0..900).map(line).collect();
        let raw: usize = texts.iter().map(String::len).sum();
        let packed = check(&texts);
        assert!(packed * 8 < raw, "{packed} of {raw} bytes");
        check(&vec!["\"".to_owned(); 9]);
        check(&vec!["\"\"".repeat(40); 9]);
        check(&(0..9).map(|n| format!("{{\"name of it\":\"{n}\"}}")).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn texts_come_back(
            texts in prop::collection::vec("(\"[a-z0-9 ]{0,5}\"|\"k\":|user [0-9]{1,3} of |[a-f0-9]{4,9} |\\x11|가|\"){0,9}", 1..60),
            again in 1..4usize,
        ) {
            check(&vec![texts; again].concat());
        }

        /// Searches rely on it.
        #[test]
        fn words_lie_in_one_piece(
            texts in prop::collection::vec("(\"[a-z0-9 ]{0,5}\"|user [0-9]{1,3} of |[a-f]{2,6}|[0-9a-f]{4} |within|\"){0,6}", 1..60),
            again in 1..4usize,
        ) {
            let texts = vec![texts; again].concat();
            let bytes: Vec<&[u8]> = texts.iter().map(|t| t.as_bytes()).collect();
            let mut sink = Sink::default();
            texts::put_long(&bytes, &mut sink, 0);
            for word in bytes.iter().flat_map(|text| text.split(|b| !super::super::split::is_word(*b))) {
                let plain = !super::super::split::is_variable(word) && word.iter().any(|b| *b > b'f');
                prop_assert!(!plain || memchr::memmem::find(&sink.letters, word).is_some(), "{:?}", word);
                let number = word.iter().all(u8::is_ascii_digit);
                let found = in_letters(&sink.letters, word, &memchr::memmem::Finder::new(word));
                prop_assert!(number || found, "{:?}", word);
            }
        }

        #[test]
        fn foreign_bytes_are_no_panic(
            numbers in prop::collection::vec(any::<u8>(), 0..60),
            letters in prop::collection::vec(any::<u8>(), 0..60),
            count in 0usize..100,
        ) {
            let numbers = [&[SHAPED][..], &numbers].concat();
            if let Ok(texts) = texts::read(&mut Reader::new(&numbers), &mut Reader::new(&letters), count) {
                (0..=count).for_each(|at| texts.write(at, &mut Vec::new()));
            }
        }
    }
}
