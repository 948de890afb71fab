//! OpenMetrics text of any size, read piece by piece in bounded memory: for history, where every sample has a timestamp.

use std::io::Read;

use model::{Error, Labels, LabelsBuilder, Result};

use super::Parser;
use crate::exposition::{Entry, ParseError};

/// What is parsed at once.
const PIECE: usize = 256 << 10;
/// The longest line.
const MAX_LINE: usize = 1 << 20;
/// Bytes that reading takes at most: a piece with the line that it cuts, in a buffer that has grown by doubling, and
/// that line once more.
pub const MEMORY: u64 = 3 * (MAX_LINE + PIECE) as u64;
const END: &[u8] = b"# EOF";

/// Labels, time, value, and the bytes read so far.
pub type Take<'t> = dyn FnMut(&Labels, i64, f64, u64) -> Result<()> + 't;

/// Gives `take` each sample (with the bytes read so far); every one must have a timestamp. `extra` labels are attached to
/// each. Errors say line and column.
pub fn read(input: &mut dyn Read, extra: &[(String, String)], take: &mut Take<'_>) -> Result<()> {
    read_pieces(input, extra, take, PIECE)
}

fn read_pieces(
    input: &mut dyn Read,
    extra: &[(String, String)],
    take: &mut Take<'_>,
    size: usize,
) -> Result<()> {
    let mut piece: Vec<u8> = Vec::new();
    let (mut lines, mut bytes) = (0usize, 0u64);
    loop {
        let before = piece.len();
        let n = (&mut *input).take(size as u64).read_to_end(&mut piece).map_err(unreadable)?;
        let is_last = n < size;
        // Whole lines are parsed, and the end marker is put behind those of every piece but the last.
        let mut whole = if is_last { piece.len() } else { last_line_end(&piece, before).unwrap_or(0) };
        // Whether the end marker is the end is seen by what is read next.
        if !is_last && piece.get(..whole).is_some_and(|p| p.ends_with(b"# EOF\n")) {
            whole -= END.len() + 1;
        }
        if whole == 0 && !is_last {
            if piece.len() > MAX_LINE {
                return Err(Error::invalid(format_args!("line {}: longer than 1 MiB", lines + 1)));
            }
            continue;
        }
        let rest = piece.split_off(whole);
        bytes += piece.len() as u64;
        if !is_last {
            piece.extend_from_slice(END);
            piece.push(b'\n');
        }
        parse(&piece, lines, extra, &mut |labels, t, v| take(labels, t, v, bytes))?;
        if is_last {
            return Ok(());
        }
        lines += piece.iter().filter(|b| **b == b'\n').count() - 1;
        piece = rest;
    }
}

fn unreadable(error: std::io::Error) -> Error {
    Error::invalid(format_args!("the text cannot be read: {error}"))
}

fn last_line_end(piece: &[u8], from: usize) -> Option<usize> {
    piece.get(from..)?.iter().rposition(|b| *b == b'\n').map(|at| from + at + 1)
}

fn parse(
    piece: &[u8],
    lines: usize,
    extra: &[(String, String)],
    take: &mut dyn FnMut(&Labels, i64, f64) -> Result<()>,
) -> Result<()> {
    let wrong = |e: ParseError| {
        Error::invalid(format_args!("line {}, column {}: {}", e.line + lines, e.column, e.message))
    };
    let mut parser = Parser::new(piece).map_err(wrong)?;
    let mut builder = LabelsBuilder::new();
    while let Some(entry) = parser.next_entry().map_err(wrong)? {
        let Entry::Sample(sample) = entry else { continue };
        builder.retain(|_| false);
        let twice = |name| Error::invalid(format_args!("{}: label {name} is there twice", sample.series));
        sample.build(&mut builder).map_err(twice)?;
        for (name, value) in extra {
            builder.set(name, value);
        }
        let labels = builder.build();
        let Some(t) = sample.timestamp_ms else {
            return Err(Error::invalid(format_args!("expected timestamp for series {labels}, got none")));
        };
        take(&labels, t, sample.value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_give_the_same_samples() {
        let mut text = String::from("# TYPE a counter\n");
        for i in 0..200 {
            text.push_str(&format!("a_total{{i=\"{i}\"}} {i} {}\n", 1000 + i));
        }
        text.push_str("# TYPE b gauge\nb 1.5 7.25\n# EOF\n");
        let all = |size: usize| {
            let mut all = Vec::new();
            let extra = [("zone".to_owned(), "x".to_owned())];
            read_pieces(
                &mut text.as_bytes(),
                &extra,
                &mut |l, t, v, _| {
                    all.push((l.to_string(), t, v));
                    Ok(())
                },
                size,
            )
            .unwrap();
            all
        };
        let whole = all(1 << 20);
        assert_eq!(whole.len(), 201);
        assert_eq!(whole[200], ("b{zone=\"x\"}".to_owned(), 7250, 1.5));
        for size in [1, 7, 64, 1000, text.len()] {
            assert_eq!(all(size), whole, "pieces of {size}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let read = |text: &str, size| {
            read_pieces(&mut text.as_bytes(), &[], &mut |_, _, _, _| Ok(()), size).unwrap_err().to_string()
        };
        assert_eq!(read("a 1 1\nb 1\n# EOF\n", 100), "expected timestamp for series b, got none");
        for size in [4, 100] {
            let said = read("a 1 1\nb 1 2\nc{ 1 3\n# EOF\n", size);
            assert!(said.starts_with("line 3, column "), "{said}");
        }
        assert!(read("a 1 1\n", 3).contains("EOF"));
        let long = format!("a 1 1\nb{{x=\"{}\"}} 1 2\n# EOF\n", "x".repeat(MAX_LINE + PIECE));
        assert_eq!(read(&long, PIECE), "line 2: longer than 1 MiB");
    }
}
