//! Our own log, on standard error, at most so many lines a second; its end is kept for whoever asks.

mod format;

use std::collections::VecDeque;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::Metadata;
use tracing_subscriber::filter::{DynFilterFn, EnvFilter};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::flags::Flags;
use format::Format;

/// Lines a second that are written; a fault in a loop must not fill the disk of whoever keeps the log.
const LINES: u32 = 200;

/// Lines that were not written since the start.
static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// Lines that were not written since the start, for the metric.
pub(crate) fn suppressed() -> u64 {
    SUPPRESSED.load(Ordering::Relaxed)
}

/// Lines that are kept for whoever asks.
static KEPT: Mutex<VecDeque<u8>> = Mutex::new(VecDeque::new());
/// Bytes of them.
const KEPT_BYTES: usize = 256 << 10;

/// The newest lines, whole ones.
pub(crate) fn newest() -> String {
    let bytes: Vec<u8> = KEPT.lock().iter().copied().collect();
    let begin = match bytes.len() < KEPT_BYTES {
        true => 0,
        // The first one is cut.
        false => bytes.iter().position(|b| *b == b'\n').map_or(0, |at| at + 1),
    };
    String::from_utf8_lossy(bytes.get(begin..).unwrap_or_default()).into_owned()
}

/// Standard error, of which the end is kept.
struct Tee;

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut kept = KEPT.lock();
        kept.extend(bytes);
        let over = kept.len().saturating_sub(KEPT_BYTES);
        kept.drain(..over);
        drop(kept);
        // Who closed it does not want to read it: that must not keep lines from being kept.
        let _ = std::io::stderr().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

/// Starts logging. A second start in one process (in tests) changes nothing.
pub(crate) fn start(flags: &Flags) {
    start_as(&flags.log_level, &flags.log_format);
}

/// Starts logging from `level` on, in `format` (`logfmt` or `json`).
pub(crate) fn start_as(level: &str, format: &str) {
    let filter = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let (filter, bad) = match filter.as_deref().map(EnvFilter::try_new) {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(level), Some(error)),
        None => (EnvFilter::new(level), None),
    };
    let format = if format == "json" { Format::Json } else { Format::Logfmt };
    let layer = tracing_subscriber::fmt::layer().with_writer(|| Tee).event_format(format);
    let window = Window::default();
    let limit = DynFilterFn::new(move |metadata: &Metadata<'_>, _| {
        let written = metadata.is_span() || window.admit(Instant::now());
        SUPPRESSED.fetch_add(u64::from(!written), Ordering::Relaxed);
        written
    });
    // The level is judged first: what nobody asked for does not count.
    let layer = layer.with_filter(limit).with_filter(filter);
    let _ = tracing_subscriber::registry().with(layer).try_init();
    if let Some(error) = bad {
        tracing::warn!(%error, "RUST_LOG is not understood; --log.level is used");
    }
}

/// Counts the lines of the current second.
#[derive(Default)]
struct Window(Mutex<Option<(Instant, u32)>>);

impl Window {
    fn admit(&self, now: Instant) -> bool {
        let mut slot = self.0.lock();
        match slot.as_mut() {
            Some((begun, lines)) if now.duration_since(*begun) < Duration::from_secs(1) => {
                *lines += 1;
                *lines <= LINES
            }
            _ => {
                *slot = Some((now, 1));
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_so_many_lines_and_the_next_begins_anew() {
        let window = Window::default();
        let now = Instant::now();
        let written = (0..LINES * 3).filter(|_| window.admit(now)).count();
        assert_eq!(written, LINES as usize);
        assert!(window.admit(now + Duration::from_secs(1)));
    }
}
