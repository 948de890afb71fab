//! A container's log as the engine streams it: frames of an 8-byte header where there is no terminal, raw otherwise.

use std::time::Duration;

use model::container::{LogLine, LogSink};
use tokio::sync::mpsc::Sender;

use super::client::{Client, DockerError};
use http_body_util::BodyExt;

/// The longest line that a page is shown, in bytes; the rest of a longer one is cut.
pub const LINE_CAP: usize = 64 << 10;
/// The longest line that is stored.
const STORED_CAP: usize = 1 << 20;
/// Into what pieces the engine cuts long lines.
const PIECE: usize = 16 << 10;
/// How long the engine says nothing where it has left out the end of a line.
const SILENCE: Duration = Duration::from_millis(500);
/// A time is not longer.
const TIME: usize = 40;

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
    let mut demux = Demux::new(tty, LINE_CAP);
    let mut wanted = true;
    loop {
        match tokio::time::timeout(SILENCE, body.frame()).await {
            Ok(Some(frame)) => {
                let frame = frame.map_err(|e| DockerError::Connection(e.to_string()))?;
                if let Some(data) = frame.data_ref() {
                    demux.push(data, |line| wanted = wanted && sink(Ok(line)));
                }
            }
            Ok(None) => break,
            Err(_) => demux.silence(|line| wanted = wanted && sink(Ok(line))),
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

/// Sends all lines from a time on, and those to come, until the end or until nobody listens. What is not taken is not
/// read: the engine waits.
pub async fn send(
    client: &Client,
    id: &str,
    tty: bool,
    since_ns: i64,
    sender: Sender<model::Result<LogLine>>,
) {
    if let Err(error) = send_all(client, id, tty, since_ns, &sender).await {
        // Whoever listened is gone, or is told.
        let _ = sender.send(Err(error.into())).await;
    }
}

async fn send_all(
    client: &Client,
    id: &str,
    tty: bool,
    since_ns: i64,
    sender: &Sender<model::Result<LogLine>>,
) -> Result<(), DockerError> {
    let since = match since_ns {
        ..=0 => String::new(),
        ns => format!("&since={}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000),
    };
    let path = format!("/containers/{id}/logs?follow=1&timestamps=1&stdout=1&stderr=1{since}");
    let mut body = client.get(&path).await?.into_body();
    let mut demux = Demux::new(tty, STORED_CAP);
    let mut lines = Vec::new();
    loop {
        let frame = tokio::select! {
            frame = tokio::time::timeout(SILENCE, body.frame()) => frame,
            () = sender.closed() => return Ok(()),
        };
        match frame {
            Err(_) => demux.silence(|line| lines.push(line)),
            Ok(Some(frame)) => {
                let frame = frame.map_err(|e| DockerError::Connection(e.to_string()))?;
                if let Some(data) = frame.data_ref() {
                    demux.push(data, |line| lines.push(line));
                }
            }
            Ok(None) => {
                demux.finish(|line| lines.push(line));
                for line in lines {
                    let _ = sender.send(Ok(line)).await;
                }
                return Ok(());
            }
        }
        for line in lines.drain(..) {
            if sender.send(Ok(line)).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Takes the stream apart into lines; pure and bounded. Pieces of long lines are put together: each comes with the time
/// of the line in front.
#[derive(Debug)]
pub struct Demux {
    tty: bool,
    cap: usize,
    header: [u8; 8],
    header_len: usize,
    /// Bytes of the frame that are to come, and those that came.
    left: usize,
    frame: Vec<u8>,
    current: usize,
    lines: [Line; 3],
}

#[derive(Debug, Default)]
struct Line {
    begun: bool,
    /// Whether it goes on behind a whole piece.
    goes_on: bool,
    t_ns: i64,
    bytes: Vec<u8>,
}

/// Stream numbers of the frame header; 0 is standard input and never sent.
const NAMES: [&str; 3] = ["console", "stdout", "stderr"];

impl Demux {
    /// For a container with a terminal (`tty`) or without, and lines of at most `cap` bytes.
    pub fn new(tty: bool, cap: usize) -> Self {
        Self {
            tty,
            cap,
            header: [0; 8],
            header_len: 0,
            left: 0,
            frame: Vec::new(),
            current: 0,
            lines: Default::default(),
        }
    }

    /// Takes the next bytes and hands over the lines that they complete.
    pub fn push(&mut self, mut bytes: &[u8], mut sink: impl FnMut(LogLine)) {
        if self.tty {
            return self.raw(bytes, &mut sink);
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
                    self.frame.clear();
                }
                continue;
            }
            let take = bytes.len().min(self.left);
            self.left -= take;
            let (now, rest) = bytes.split_at(take);
            let room = (self.cap + TIME).saturating_sub(self.frame.len());
            self.frame.extend_from_slice(&now[..now.len().min(room)]);
            // The end of a line is kept whatever is cut before it.
            if now.len() > room && self.left == 0 && now.ends_with(b"\n") {
                self.frame.push(b'\n');
            }
            if self.left == 0 {
                self.framed(&mut sink);
            }
            bytes = rest;
        }
    }

    /// Hands over what was begun and never ended with a newline.
    pub fn finish(&mut self, mut sink: impl FnMut(LogLine)) {
        for (at, line) in self.lines.iter_mut().enumerate() {
            if self.tty && !line.bytes.is_empty() {
                of_raw(&line.bytes, &mut sink);
                line.bytes.clear();
            } else if line.begun {
                sink(line.end(at));
            }
        }
    }

    /// Nothing has come for a while: hands over the last piece of a long line of a terminal whose end the engine left out.
    pub fn silence(&mut self, mut sink: impl FnMut(LogLine)) {
        let line = &mut self.lines[0].bytes;
        if self.tty && line.len() > PIECE && line.ends_with(b"\r") {
            of_raw(line, &mut sink);
            line.clear();
        }
    }

    /// Takes a whole frame.
    fn framed(&mut self, sink: &mut impl FnMut(LogLine)) {
        let line = &mut self.lines[self.current];
        for part in self.frame.split_inclusive(|b| *b == b'\n') {
            let (content, ended) = match part.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (part, false),
            };
            let (time, text) = timed(content);
            // Pieces of a line have its time; the engine 20.10 leaves out the end of the last one.
            if line.begun && time.is_some_and(|time| time != line.t_ns) {
                sink(line.end(self.current));
            }
            if !line.begun {
                (line.begun, line.t_ns) = (true, time.unwrap_or(0));
            }
            let room = self.cap.saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&text[..text.len().min(room)]);
            if ended || (line.goes_on && text.len() < PIECE) {
                sink(line.end(self.current));
            } else {
                line.goes_on = text.len() >= PIECE;
            }
        }
        // A long one is not kept for the short ones that follow.
        if self.frame.capacity() > 4 * PIECE {
            self.frame = Vec::new();
        }
    }

    fn raw(&mut self, bytes: &[u8], sink: &mut impl FnMut(LogLine)) {
        let line = &mut self.lines[0];
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (content, ended) = match part.split_last() {
                Some((b'\n', content)) => (content, true),
                _ => (part, false),
            };
            let room = self.cap.saturating_sub(line.bytes.len());
            line.bytes.extend_from_slice(&content[..content.len().min(room)]);
            if ended {
                of_raw(&line.bytes, sink);
                line.bytes.clear();
            }
        }
    }
}

impl Line {
    fn end(&mut self, stream: usize) -> LogLine {
        (self.begun, self.goes_on) = (false, false);
        let line = finished(stream, self.t_ns, &self.bytes);
        self.bytes.clear();
        line
    }
}

fn finished(stream: usize, t_ns: i64, bytes: &[u8]) -> LogLine {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    LogLine { t_ns, stream: NAMES[stream].to_owned(), text: String::from_utf8_lossy(bytes).into_owned() }
}

/// A line of a terminal: where it was cut into pieces, the time stands in front of each. Where the end of the last piece
/// was left out, the next line follows.
fn of_raw(mut bytes: &[u8], sink: &mut impl FnMut(LogLine)) {
    loop {
        let (time, mut rest) = timed(bytes);
        let mut text = Vec::new();
        while let Some((piece, more)) = rest.split_at_checked(PIECE)
            && let (Some(_), more) = timed(more)
        {
            text.extend_from_slice(piece);
            rest = more;
        }
        let next = if text.is_empty() { None } else { next_line(rest) };
        text.extend_from_slice(&rest[..next.unwrap_or(rest.len())]);
        sink(finished(0, time.unwrap_or(0), &text));
        let Some(next) = next else { return };
        bytes = &rest[next..];
    }
}

/// Where a line begins behind one whose newline is missing: what a terminal puts in front of that is there.
fn next_line(bytes: &[u8]) -> Option<usize> {
    let ends = memchr::memchr_iter(b'\r', &bytes[..bytes.len().min(PIECE)]);
    ends.map(|end| end + 1).find(|at| timed(&bytes[*at..]).0.is_some())
}

/// The time in front, and what is behind it.
fn timed(bytes: &[u8]) -> (Option<i64>, &[u8]) {
    let head = &bytes[..bytes.len().min(TIME)];
    let end = head.iter().position(|b| matches!(b, b' ' | b'\r')).unwrap_or(head.len());
    let time = std::str::from_utf8(&head[..end]).ok().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    match time {
        Some(time) => {
            let rest = &bytes[end..];
            (Some(i64::try_from(time.as_nanosecond()).unwrap_or(0)), rest.strip_prefix(b" ").unwrap_or(rest))
        }
        None => (None, bytes),
    }
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
            assert_eq!(all(&mut Demux::new(false, LINE_CAP), &bytes, cut), want, "cut at {cut}");
        }
    }

    #[test]
    fn a_terminal_is_one_raw_stream() {
        let lines =
            all(&mut Demux::new(true, LINE_CAP), b"1970-01-01T00:00:01Z a b\r\n1970-01-01T00:00:01Z\n", 3);
        assert_eq!(lines[0], ("console".to_owned(), 1_000_000_000, "a b".to_owned()));
        assert_eq!(lines[1], ("console".to_owned(), 1_000_000_000, String::new()));
    }

    #[test]
    fn pieces_of_a_long_line_are_put_together() {
        let (head, tail) = ("a".repeat(PIECE), "b".repeat(10));
        let time = "2024-05-01T10:00:00.000000001Z";
        let mut bytes = frame(1, &format!("{time} {head}"));
        bytes.extend(frame(2, "2024-05-01T10:00:00.000000002Z between\n"));
        bytes.extend(frame(1, &format!("{time} {tail}\n")));
        let lines = all(&mut Demux::new(false, LINE_CAP), &bytes, 1000);
        assert_eq!(
            (lines[0].2.as_str(), lines[1].2.len(), &lines[1].2[PIECE..]),
            ("between", PIECE + 10, &*tail)
        );
        let raw = format!("{time} {head}{time} {tail}\r\n{time} short\r\n");
        let lines = all(&mut Demux::new(true, LINE_CAP), raw.as_bytes(), 999);
        assert_eq!((lines[0].2.clone(), lines[1].2.as_str()), (format!("{head}{tail}"), "short"));
        let raw = format!("{time} {head}{time} {tail}\r{time} next\r\n{time} {head}{time} {tail}\r");
        let mut demux = Demux::new(true, LINE_CAP);
        let mut lines = Vec::new();
        demux.push(raw.as_bytes(), |line| lines.push(line.text));
        assert_eq!((lines[0].len(), lines[1].as_str(), lines.len()), (PIECE + 10, "next", 2));
        demux.silence(|line| lines.push(line.text));
        assert_eq!(lines[2], lines[0], "the end that is missing does not come with the next line");
        demux.push(format!("{time} half").as_bytes(), |_| panic!("no newline yet"));
        demux.silence(|_| panic!("its end is to come"));
        let mut demux = Demux::new(false, LINE_CAP);
        let mut lines = Vec::new();
        for piece in [&head, &tail] {
            demux.push(&frame(1, &format!("{time} {piece}")), |line| lines.push(line.text));
        }
        assert_eq!(lines, [format!("{head}{tail}")], "a short piece is the last");
        let mut unended = frame(1, &format!("{time} {tail}"));
        unended.extend(frame(1, "2024-05-01T10:00:00.000000003Z next\n"));
        let lines = all(&mut Demux::new(false, LINE_CAP), &unended, 11);
        assert_eq!((lines[0].2.as_str(), lines[1].2.as_str()), (&*tail, "next"));
        let lines = all(&mut Demux::new(false, 100), &bytes, 7);
        assert_eq!((lines.len(), lines[1].2.len()), (2, 100), "a line that is cut ends where it ended");
    }

    #[test]
    fn an_endless_line_and_foreign_bytes_stay_bounded() {
        let mut demux = Demux::new(true, LINE_CAP);
        let mut longest = 0;
        for _ in 0..100 {
            demux.push(&[0xff; 4096], |_| panic!("no newline yet"));
            longest = longest.max(demux.lines[0].bytes.len());
        }
        assert_eq!(longest, LINE_CAP);
        let mut demux = Demux::new(false, LINE_CAP);
        demux.push(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], |_| panic!("no line yet"));
        for _ in 0..100 {
            demux.push(&[b'x'; 4096], |_| panic!("no frame yet"));
            assert!(demux.frame.len() <= LINE_CAP + TIME);
        }
        let mut demux = Demux::new(false, LINE_CAP);
        for seed in 0u32..2000 {
            let noise: Vec<u8> =
                (0..97).map(|i| (seed.wrapping_mul(2_654_435_761).wrapping_add(i * 97) >> 7) as u8).collect();
            demux.push(&noise, |line| assert!(line.text.len() <= 3 * LINE_CAP));
        }
    }
}
