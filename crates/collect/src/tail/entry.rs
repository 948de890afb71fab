//! What a line of a file says, by the file's format.

use std::borrow::Cow;
use std::ops::Range;

use model::records::NO_TIME;
use wire::local_file::Frame;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Docker's json-file driver.
    JsonFile,
    /// Container runtimes of Kubernetes.
    Cri,
    /// Docker's local driver, and the engine's copy of what it cannot read back.
    LocalFile,
    /// Text.
    Plain,
}

/// What bytes of a file begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// An entry: where it lies, and where the next one begins.
    Entry(Range<usize>, usize),
    /// So many bytes that are none.
    Malformed(usize),
    /// The beginning of an entry.
    Unfinished,
}

/// A line, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its text.
    pub text: Cow<'a, str>,
    /// Whether it was written to `stderr`.
    pub stderr: bool,
    /// Nanoseconds since the Unix epoch, or [`NO_TIME`].
    pub time_ns: i64,
    /// Whether the line goes on in the next piece.
    pub partial: bool,
}

impl Format {
    /// Finds the first entry.
    pub fn split(self, bytes: &[u8]) -> Split {
        if self != Self::LocalFile {
            let newline = memchr::memchr(b'\n', bytes);
            return newline.map_or(Split::Unfinished, |end| Split::Entry(0..end, end + 1));
        }
        match wire::local_file::frame(bytes) {
            Frame::Message(message, length) => {
                let start = (length - message.len()) / 2;
                Split::Entry(start..start + message.len(), length)
            }
            Frame::Malformed(length) => Split::Malformed(length),
            Frame::Unfinished => Split::Unfinished,
        }
    }

    /// Whether reading can begin anywhere: the next entry is found.
    pub fn is_lines(self) -> bool {
        self != Self::LocalFile
    }

    /// Reads a line; where it is not of the format, it is taken as it is, and the second value says so.
    pub fn read(self, line: &[u8]) -> (Piece<'_>, bool) {
        match self {
            Self::JsonFile => of_docker(wire::json_file::decode(line), line),
            Self::LocalFile => of_docker(wire::local_file::decode(line), line),
            Self::Cri => match wire::cri::decode(line) {
                Some(entry) => {
                    let text = String::from_utf8_lossy(entry.text);
                    let (stderr, time_ns, partial) = (entry.stderr, entry.time_ns, entry.partial);
                    (Piece { text, stderr, time_ns, partial }, false)
                }
                None => (plain(line), true),
            },
            Self::Plain => (plain(line), false),
        }
    }

    /// Whether lines say which of the two streams they belong to.
    pub fn has_streams(self) -> bool {
        self != Self::Plain
    }
}

fn of_docker<'a>(entry: Option<wire::json_file::Entry<'a>>, line: &'a [u8]) -> (Piece<'a>, bool) {
    let Some(entry) = entry else { return (plain(line), true) };
    let time_ns = entry.time_ns.unwrap_or(NO_TIME);
    (Piece { text: entry.text, stderr: entry.stderr, time_ns, partial: entry.partial }, false)
}

fn plain(line: &[u8]) -> Piece<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Piece { text: String::from_utf8_lossy(line), stderr: false, time_ns: NO_TIME, partial: false }
}
