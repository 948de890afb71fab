//! What a line of a file says, by the file's format.

use std::borrow::Cow;

use model::records::NO_TIME;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Docker's json-file driver.
    JsonFile,
    /// Container runtimes of Kubernetes.
    Cri,
    /// Text.
    Plain,
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
    /// Reads a line; where it is not of the format, it is taken as it is, and the second value says so.
    pub fn read(self, line: &[u8]) -> (Piece<'_>, bool) {
        match self {
            Self::JsonFile => {
                if let Some(entry) = wire::json_file::decode(line) {
                    let time_ns = entry.time_ns.unwrap_or(NO_TIME);
                    let (stderr, partial) = (entry.stderr, entry.partial);
                    return (Piece { text: entry.text, stderr, time_ns, partial }, false);
                }
                (plain(line), true)
            }
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

fn plain(line: &[u8]) -> Piece<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Piece { text: String::from_utf8_lossy(line), stderr: false, time_ns: NO_TIME, partial: false }
}
