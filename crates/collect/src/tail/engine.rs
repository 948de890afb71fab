//! A log that the engine reads for us, whatever log driver a container has: as a stream of lines with times.
//!
//! Files would say where something was read; here only times do. An output's position is the time of its last line, and
//! how many lines of that time were stored: what the engine gives again from there on is passed over by count.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use model::container::LogLine;
use model::{Labels, Records, Result};
use tokio::sync::mpsc::Receiver;
use tokio::sync::mpsc::error::TryRecvError;

use super::assemble::{Assembler, Place};
use super::entry::Piece;
use super::follower::{Follow, Terms};
use super::metrics::Metrics;
use super::multiline::Rule;
use super::outlet::Outlet;
use super::sources::Sources;

const VERSION: u8 = 1;
/// When an ended stream of a container that runs is asked for again, and one that failed.
const AGAIN_MS: i64 = 1_000;
const FAILED_MS: i64 = 15_000;

/// How far the times of two outputs may be apart from the order of their lines.
const APART_NS: u64 = 5_000_000_000;

/// Lines as the engine gives them.
pub type Lines = Receiver<Result<LogLine>>;

/// A container's log that only the engine can read.
#[derive(Debug, Clone)]
pub struct EngineLog {
    /// What its position is stored under.
    pub source: String,
    /// The container.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its log driver.
    pub driver: String,
    /// Whether it has a terminal: one output then.
    pub tty: bool,
    /// Its stream.
    pub labels: Labels,
    /// Which lines belong together.
    pub rule: Rule,
    /// Whether more may come.
    pub runs: bool,
    /// When it was started, ms.
    pub started_ms: i64,
}

/// One of the outputs.
#[derive(Debug, Clone)]
struct Output {
    assembler: Assembler,
    /// Time of the last line, and how many had it.
    last: Place,
}

/// Follows one container.
pub struct Follower {
    /// What is followed.
    pub log: EngineLog,
    outlet: Outlet,
    terms: Terms,
    metrics: Metrics,
    sources: Arc<dyn Sources>,
    outputs: [Output; 2],
    lines: Option<Lines>,
    /// Which start of the container was read to its end.
    ended_ms: Option<i64>,
    next_ms: i64,
}

impl Follower {
    /// Follows `log` from the position that was stored.
    pub fn new(
        log: EngineLog,
        terms: Terms,
        sources: Arc<dyn Sources>,
        saved: Option<&[u8]>,
        metrics: Metrics,
    ) -> Self {
        let given = saved.and_then(decode).unwrap_or_default();
        let outlet = Outlet::new(log.labels.clone(), true, metrics.clone());
        let outputs = given.map(|place| Output {
            assembler: Assembler::new(&log.rule, terms.event_length, [place; 2]),
            last: (0, 0),
        });
        Self { log, outlet, terms, metrics, sources, outputs, lines: None, ended_ms: None, next_ms: 0 }
    }

    /// Where each output stands. One that is silent is as far as the other: what it has not said by then comes later, but
    /// for a little, because the outputs do not get their times in the order in which they are written.
    fn given(&self) -> [Place; 2] {
        let last = self.outputs.iter().map(|output| output.last.0).max().unwrap_or(0);
        let least = last.saturating_sub(APART_NS);
        [0, 1].map(|at| {
            let assembler = &self.outputs[at].assembler;
            // Each has an assembler of its own, which knows of one output.
            let own = assembler.given()[0];
            if assembler.waits() { own } else { own.max((least, 0)) }
        })
    }

    /// Asks the engine; `false` where nothing more can have come.
    fn open(&mut self, now_ms: i64) -> bool {
        let due = now_ms >= self.next_ms || now_ms < self.next_ms.saturating_sub(FAILED_MS);
        let more = self.log.runs || self.ended_ms != Some(self.log.started_ms);
        if !due || !more {
            return false;
        }
        let given = self.given();
        let since = given[0].0.min(given[1].0);
        self.lines =
            self.sources.follow(&self.log.id, self.log.tty, i64::try_from(since).unwrap_or(i64::MAX));
        self.next_ms = now_ms.saturating_add(AGAIN_MS);
        for (output, place) in self.outputs.iter_mut().zip(given) {
            output.assembler = Assembler::new(&self.log.rule, self.terms.event_length, [place; 2]);
            output.last = (0, 0);
        }
        self.lines.is_some()
    }

    fn take(&mut self, line: &LogLine, now_ms: i64, out: &mut Records) {
        self.metrics.bytes.inc_by(line.text.len() as u64);
        let at = usize::from(line.stream == "stderr");
        let Output { assembler, last } = &mut self.outputs[at];
        // A clock that was set back does not make a line an old one.
        let time = u64::try_from(line.t_ns).unwrap_or(0).max(last.0).max(1);
        let index = if time == last.0 { last.1 + 1 } else { 0 };
        *last = (time, index);
        let piece = Piece {
            text: line.text.as_str().into(),
            stderr: false,
            time_ns: if line.t_ns > 0 { line.t_ns } else { model::records::NO_TIME },
            partial: false,
        };
        let outlet = &mut self.outlet;
        assembler.feed(&piece, ((time, index), (time, index + 1)), now_ms, &mut |mut event| {
            event.stderr = at == 1;
            outlet.put(out, now_ms, event);
        });
        self.metrics.cut.inc_by(assembler.take_cut());
    }

    fn flush(&mut self, now_ms: i64, after_ms: i64, out: &mut Records) {
        let Self { outputs, outlet, .. } = self;
        for (at, output) in outputs.iter_mut().enumerate() {
            output.assembler.flush(now_ms, after_ms, &mut |mut event| {
                event.stderr = at == 1;
                outlet.put(out, now_ms, event);
            });
        }
    }
}

impl Follow for Follower {
    fn step(&mut self, now_ms: i64, out: &mut Records, most: usize) -> io::Result<bool> {
        while out.text_bytes() < most {
            let Some(lines) = &mut self.lines else {
                if self.open(now_ms) {
                    continue;
                }
                self.flush(now_ms, self.terms.flush_ms, out);
                return Ok(false);
            };
            match lines.try_recv() {
                Ok(Ok(line)) => self.take(&line, now_ms, out),
                Ok(Err(error)) => {
                    self.lines = None;
                    self.next_ms = now_ms.saturating_add(FAILED_MS);
                    return Err(io::Error::other(error.to_string()));
                }
                Err(TryRecvError::Empty) => {
                    self.flush(now_ms, self.terms.flush_ms, out);
                    return Ok(false);
                }
                Err(TryRecvError::Disconnected) => {
                    self.lines = None;
                    self.ended_ms = Some(self.log.started_ms);
                }
            }
        }
        Ok(true)
    }

    fn finish(&mut self, _now_ms: i64, out: &mut Records) {
        self.flush(i64::MAX, 0, out);
    }

    fn position(&self) -> Option<Vec<u8>> {
        Some(encode(&self.given()))
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("container {} ({})", self.log.name, self.log.driver))
    }

    fn update(&mut self, log: &super::runner::What) {
        if let super::runner::What::Engine(log) = log {
            self.outlet.labels.clone_from(&log.labels);
            self.log.clone_from(log);
        }
    }
}

fn encode(places: &[Place; 2]) -> Vec<u8> {
    let mut out = vec![VERSION];
    for (time, count) in places {
        out.extend(time.to_le_bytes());
        out.extend(count.to_le_bytes());
    }
    out
}

fn decode(bytes: &[u8]) -> Option<[Place; 2]> {
    let rest = bytes.strip_prefix(&[VERSION]).filter(|rest| rest.len() == 32)?;
    let number = |at: usize| Some(u64::from_le_bytes(rest.get(at..at + 8)?.try_into().ok()?));
    Some([(number(0)?, number(8)?), (number(16)?, number(24)?)])
}

#[cfg(test)]
mod tests;
