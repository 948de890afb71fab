//! Saying how far long work is.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use super::format::short_bytes;

/// On a terminal one line is written again and again; elsewhere a line comes now and then.
pub(crate) struct Progress {
    terminal: bool,
    begun: Instant,
    said: Option<Instant>,
    total: u64,
    width: usize,
}

impl Progress {
    /// For work on so many bytes.
    pub(crate) fn new(total: u64) -> Self {
        Self { terminal: std::io::stderr().is_terminal(), begun: Instant::now(), said: None, total, width: 0 }
    }

    /// Says, where it is time, that `done` bytes and `samples` samples are behind.
    pub(crate) fn at(&mut self, err: &mut dyn Write, done: u64, samples: u64) {
        self.say(err, done, samples, &format!("{} of {} ", short_bytes(done), short_bytes(self.total)));
    }

    /// The same for bytes that are copied or compared; how many there are is known by and by.
    pub(crate) fn bytes(&mut self, err: &mut dyn Write, done: u64, total: u64) {
        self.total = total;
        let pause = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        if self.said.unwrap_or(self.begun).elapsed() >= pause {
            let speed = done as f64 / self.begun.elapsed().as_secs_f64().max(0.001);
            let share = (done as f64 / total.max(1) as f64 * 100.0).min(100.0);
            let (done, total) = (short_bytes(done), short_bytes(total));
            self.line(err, &format!("{done} of {total} ({share:.0} %), {}/s", short_bytes(speed as u64)));
        }
    }

    /// The same for work that is not measured in bytes.
    pub(crate) fn share(&mut self, err: &mut dyn Write, done: u64, samples: u64) {
        self.say(err, done, samples, "");
    }

    fn say(&mut self, err: &mut dyn Write, done: u64, samples: u64, figures: &str) {
        let pause = if self.terminal { Duration::from_millis(200) } else { Duration::from_secs(10) };
        if self.said.unwrap_or(self.begun).elapsed() < pause {
            return;
        }
        let elapsed = self.begun.elapsed().as_secs_f64().max(0.001);
        let share = done as f64 / self.total.max(1) as f64;
        let mut line = format!(
            "{figures}({:.0} %), {samples} samples, {:.0} samples/s",
            (share * 100.0).min(100.0),
            samples as f64 / elapsed
        );
        if share > 0.01 && share < 1.0 {
            let left = elapsed / share - elapsed;
            line.push_str(&format!(", about {} left", span(left)));
        }
        self.line(err, &line);
    }

    fn line(&mut self, err: &mut dyn Write, line: &str) {
        self.said = Some(Instant::now());
        // Nobody may be listening.
        let _ = if self.terminal {
            let width = self.width.max(line.len());
            self.width = line.len();
            write!(err, "\r{line:width$}").and_then(|()| err.flush())
        } else {
            writeln!(err, "{line}")
        };
    }

    /// Ends the line on a terminal, so that something else can be written.
    pub(crate) fn pause(&mut self, err: &mut dyn Write) {
        if std::mem::take(&mut self.width) > 0 {
            // As above.
            let _ = writeln!(err);
        }
    }

    /// Seconds since the begin.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

fn span(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
