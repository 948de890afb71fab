//! A container's log as the engine streams it: frames of an 8-byte header where there is no terminal, raw otherwise.

use model::container::{LogLine, LogSink};

use super::client::{Client, DockerError};
use http_body_util::BodyExt;

/// The longest line that is passed on, in bytes; the rest of a longer one is cut.
pub const LINE_CAP: usize = 64 << 10;

/// Follows the log of container `id` until its end, an error, or until `sink` wants no more.
pub async fn follow(client: &Client, id: &str, tty: bool, backlog: usize, mut sink: LogSink) {
    if let Err(error) = pump(client, id, tty, backlog, &mut sink).await {
        sink(Err(error.into()));
    }
}

async fn pump(
    client: &Client,
    id: &str,
    tty: bool,
    backlog: usize,
    sink: &mut LogSink,
) -> Result<(), DockerError> {
    let path = format!("/containers/{id}/logs?follow=1&timestamps=1&stdout=1&stderr=1&tail={backlog}");
    let mut body = client.get(&path).await?.into_body();
    let mut demux = Demux::new(tty);
    let mut wanted = true;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| DockerError::Connection(e.to_string()))?;
        if let Some(data) = frame.data_ref() {
            demux.push(data, |line| wanted = wanted && sink(Ok(line)));
        }
        if !wanted {
            return Ok(());
        }
    }
    demux.finish(|line| {
        sink(Ok(line));
    });
    Ok(())
}

/// Takes the stream apart into lines; pure and bounded.
#[derive(Debug)]
pub struct Demux {
    tty: bool,
    header: [u8; 8],
    header_len: usize,
    left: usize,
    current: usize,
    lines: [Line; 3],
}

#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
}

/// Stream numbers of the frame header; 0 is standard input and never sent.
const NAMES: [&str; 3] = ["console", "stdout", "stderr"];

impl Demux {
    /// For a container with a terminal (`tty`) or without.
    pub fn new(tty: bool) -> Self {
        Self { tty, header: [0; 8], header_len: 0, left: 0, current: 0, lines: Default::default() }
    }

    /// Takes the next bytes and hands over the lines that they complete.
    pub fn push(&mut self, mut bytes: &[u8], mut sink: impl FnMut(LogLine)) {
        if self.tty {
            return self.text(bytes, &mut sink);
        }
        while !bytes.is_empty() {
            if self.left == 0 {
                let take = bytes.len().min(8 - self.header_len);
                self.header[self.header_len..self.header_len + take].copy_from_slice(&bytes[..take]);
                self.header_len += take;
                bytes = &bytes[take..];
                if self.header_len == 8 {
                    self.header_len = 0;
                    self.current = usize::from(self.header[0]).min(2);
                    let [.., a, b, c, d] = self.header;
                    self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                }
                continue;
            }
            let take = bytes.len().min(self.left);
            self.left -= take;
            let (now, rest) = bytes.split_at(take);
            self.text(now, &mut sink);
            bytes = rest;
        }
    }

    /// Hands over what was begun and never ended with a newline.
    pub fn finish(&mut self, mut sink: impl FnMut(LogLine)) {
        for (at, line) in self.lines.iter_mut().enumerate() {
            if !line.bytes.is_empty() {
                sink(finished(NAMES[at], &line.bytes));
                line.bytes.clear();
            }
        }
    }

    fn text(&mut self, bytes: &[u8], sink: &mut impl FnMut(LogLine)) {
        let line = &mut self.lines[self.current];
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (content, ended) = match part.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (part, false),
            };
            let room = LINE_CAP.saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&content[..content.len().min(room)]);
            if ended {
                sink(finished(NAMES[self.current], &line.bytes));
                line.bytes.clear();
            }
        }
    }
}

fn finished(stream: &str, bytes: &[u8]) -> LogLine {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let text = String::from_utf8_lossy(bytes);
    let (t_ns, text) = match text.split_once(' ') {
        Some((time, rest)) => match time.parse::<jiff::Timestamp>() {
            Ok(time) => (i64::try_from(time.as_nanosecond()).unwrap_or(0), rest),
            Err(_) => (0, &*text),
        },
        None => match text.parse::<jiff::Timestamp>() {
            Ok(time) => (i64::try_from(time.as_nanosecond()).unwrap_or(0), ""),
            Err(_) => (0, &*text),
        },
    };
    LogLine { t_ns, stream: stream.to_owned(), text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut out = vec![stream, 0, 0, 0];
        out.extend_from_slice(&(text.len() as u32).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
        out
    }

    fn all(demux: &mut Demux, bytes: &[u8], cut: usize) -> Vec<(String, i64, String)> {
        let mut out = Vec::new();
        for chunk in bytes.chunks(cut) {
            demux.push(chunk, |l| out.push((l.stream, l.t_ns, l.text)));
        }
        demux.finish(|l| out.push((l.stream, l.t_ns, l.text)));
        out
    }

    #[test]
    fn frames_become_lines_however_the_bytes_are_cut() {
        let mut bytes = frame(1, "1970-01-01T00:00:01.5Z hello\n");
        bytes.extend(frame(2, "1970-01-01T00:00:02Z half "));
        bytes.extend(frame(1, "no time\r\n"));
        bytes.extend(frame(2, "and half\n1970-01-01T00:00:03Z unfinished"));
        let want = [
            ("stdout".to_owned(), 1_500_000_000, "hello".to_owned()),
            ("stdout".to_owned(), 0, "no time".to_owned()),
            ("stderr".to_owned(), 2_000_000_000, "half and half".to_owned()),
            ("stderr".to_owned(), 3_000_000_000, "unfinished".to_owned()),
        ];
        for cut in [1, 2, 7, 8, 9, 1000] {
            assert_eq!(all(&mut Demux::new(false), &bytes, cut), want, "cut at {cut}");
        }
    }

    #[test]
    fn a_terminal_is_one_raw_stream() {
        let lines = all(&mut Demux::new(true), b"1970-01-01T00:00:01Z a b\r\n1970-01-01T00:00:01Z\n", 3);
        assert_eq!(lines[0], ("console".to_owned(), 1_000_000_000, "a b".to_owned()));
        assert_eq!(lines[1], ("console".to_owned(), 1_000_000_000, String::new()));
    }

    #[test]
    fn an_endless_line_and_foreign_bytes_stay_bounded() {
        let mut demux = Demux::new(true);
        let mut longest = 0;
        for _ in 0..100 {
            demux.push(&[0xff; 4096], |_| panic!("no newline yet"));
            longest = longest.max(demux.lines[0].bytes.len());
        }
        assert_eq!(longest, LINE_CAP);
        let mut demux = Demux::new(false);
        for seed in 0u32..2000 {
            let noise: Vec<u8> =
                (0..97).map(|i| (seed.wrapping_mul(2_654_435_761).wrapping_add(i * 97) >> 7) as u8).collect();
            demux.push(&noise, |line| assert!(line.text.len() <= 3 * LINE_CAP));
        }
    }
}
