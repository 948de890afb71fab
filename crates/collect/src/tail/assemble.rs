//! Pieces become lines, and lines events; what is unfinished is known by where it began, so that a position never lies
//! behind it. Pure.

use super::entry::Piece;
use super::multiline::{Joining, Rule};

/// A place in a log: which of its files, counted in the order of reading, and how many bytes of it.
pub type Place = (u64, u64);

/// How long a key waits for its end, ms: without it, its lines would be stored one by one, and none of them masked.
const KEY_MS: i64 = 30_000;
/// The most lines of an event.
const LINES: usize = 1000;

#[derive(Debug, Clone, Default)]
struct Under {
    text: String,
    time_ns: i64,
    start: Place,
    lines: usize,
    way: bool,
}

impl Under {
    fn begin(&mut self, time_ns: i64, start: Place) {
        self.text.clear();
        (self.time_ns, self.start, self.lines, self.way) = (time_ns, start, 1, true);
    }
}

#[derive(Debug, Clone, Default)]
struct Stream {
    /// What lies before was stored earlier.
    fresh: Place,
    joining: Joining,
    line: Under,
    event: Under,
}

/// An event that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event<'a> {
    /// Whether it was written to `stderr`.
    pub stderr: bool,
    /// Nanoseconds since the Unix epoch, or `NO_TIME`: that of its first line.
    pub time_ns: i64,
    /// Its lines.
    pub text: &'a str,
}

/// Puts the events of a log together.
#[derive(Debug, Clone)]
pub struct Assembler {
    streams: [Stream; 2],
    most: usize,
    end: Place,
    fed_ms: i64,
    cut: u64,
}

impl Assembler {
    /// For events of at most `most` bytes. What `stdout` and `stderr` have before `fresh` is passed over.
    pub fn new(rule: &Rule, most: usize, fresh: [Place; 2]) -> Self {
        let stream = |fresh| Stream { fresh, joining: Joining::new(rule.clone()), ..Stream::default() };
        Self { streams: fresh.map(stream), most, end: fresh[0].min(fresh[1]), fed_ms: 0, cut: 0 }
    }

    /// Takes a piece that lies between two places.
    pub fn feed(
        &mut self,
        piece: &Piece<'_>,
        (start, end): (Place, Place),
        now_ms: i64,
        emit: &mut impl FnMut(Event<'_>),
    ) {
        self.end = end;
        let Self { streams, most, cut, .. } = self;
        let (stderr, most) = (piece.stderr, *most);
        let stream = &mut streams[usize::from(stderr)];
        if start < stream.fresh {
            return;
        }
        self.fed_ms = now_ms;
        let Stream { joining, line, event, .. } = stream;
        if !line.way {
            line.begin(piece.time_ns, start);
        }
        *cut += u64::from(!push(&mut line.text, &piece.text, most));
        if piece.partial {
            return;
        }
        line.way = false;
        let event_of = |under: &Under, emit: &mut dyn FnMut(Event<'_>)| {
            emit(Event { stderr, time_ns: under.time_ns, text: &under.text });
        };
        if !joining.waits() {
            event_of(line, emit);
            return;
        }
        let room = event.way && event.lines < LINES && event.text.len() < most;
        if joining.continues(&line.text, room) {
            *cut +=
                u64::from(!(push(&mut event.text, "\n", most) && push(&mut event.text, &line.text, most)));
            event.lines += 1;
            return;
        }
        if event.way {
            event_of(event, emit);
        }
        std::mem::swap(event, line);
        (event.way, line.way) = (true, false);
    }

    /// Gives out the events that have waited for more lines for `after_ms`.
    pub fn flush(&mut self, now_ms: i64, after_ms: i64, emit: &mut impl FnMut(Event<'_>)) {
        let waited = now_ms.saturating_sub(self.fed_ms);
        if waited < after_ms {
            return;
        }
        for (at, stream) in self.streams.iter_mut().enumerate() {
            if stream.joining.is_within_key() && waited < KEY_MS {
                continue;
            }
            let event = &mut stream.event;
            if std::mem::take(&mut event.way) {
                emit(Event { stderr: at == 1, time_ns: event.time_ns, text: &event.text });
            }
        }
    }

    /// Gives out everything, lines that were never ended too.
    pub fn finish(&mut self, emit: &mut impl FnMut(Event<'_>)) {
        self.flush(i64::MAX, 0, emit);
        for (at, stream) in self.streams.iter_mut().enumerate() {
            let line = &mut stream.line;
            if std::mem::take(&mut line.way) {
                emit(Event { stderr: at == 1, time_ns: line.time_ns, text: &line.text });
            }
        }
    }

    /// Whether an event waits for more lines.
    pub fn waits(&self) -> bool {
        self.streams.iter().any(|stream| stream.event.way)
    }

    /// Up to where the events of `stdout` and `stderr` were given out.
    pub fn given(&self) -> [Place; 2] {
        std::array::from_fn(|at| {
            let stream = &self.streams[at];
            let under = [&stream.event, &stream.line].into_iter().find(|under| under.way);
            under.map_or(self.end, |under| under.start).max(stream.fresh)
        })
    }

    /// Says that everything before `end` was read.
    pub fn reached(&mut self, end: Place) {
        self.end = end;
    }

    /// How often something was cut off since this was last asked.
    pub fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }
}

/// Adds as much as there is room for; `false` where that is not all.
fn push(text: &mut String, more: &str, most: usize) -> bool {
    let room = most.saturating_sub(text.len());
    let end = (0..=room.min(more.len())).rev().find(|at| more.is_char_boundary(*at)).unwrap_or(0);
    text.push_str(&more[..end]);
    end == more.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(text: &str, stderr: bool, partial: bool) -> Piece<'_> {
        Piece { text: text.into(), stderr, time_ns: 1, partial }
    }

    #[test]
    fn pieces_of_two_streams_are_joined_and_positions_wait_for_them() {
        let mut assembler = Assembler::new(&Rule::Off, 100, [(0, 0), (0, 0)]);
        let mut out = Vec::new();
        let mut emit = |event: Event<'_>| out.push((event.stderr, event.text.to_owned()));
        assembler.feed(&piece("a", false, true), ((0, 0), (0, 10)), 0, &mut emit);
        assembler.feed(&piece("x", true, false), ((0, 10), (0, 20)), 0, &mut emit);
        assert_eq!(assembler.given(), [(0, 0), (0, 20)]);
        assembler.feed(&piece("b", false, false), ((1, 0), (1, 5)), 0, &mut emit);
        assert_eq!(assembler.given(), [(1, 5), (1, 5)]);
        assert_eq!(out, [(true, "x".to_owned()), (false, "ab".to_owned())]);
    }

    #[test]
    fn a_key_waits_for_its_end() {
        let mut assembler = Assembler::new(&Rule::Traces, 100, [(0, 0), (0, 0)]);
        let mut out = Vec::new();
        let mut emit = |event: Event<'_>| out.push(event.text.to_owned());
        assembler.feed(&piece("-----BEGIN KEY-----", false, false), ((0, 0), (0, 20)), 0, &mut emit);
        assembler.flush(KEY_MS - 1, 500, &mut emit);
        assert!(assembler.waits());
        assembler.feed(&piece("MII", false, false), ((0, 20), (0, 24)), KEY_MS, &mut emit);
        assembler.flush(2 * KEY_MS, 500, &mut emit);
        assert_eq!(out, ["-----BEGIN KEY-----\nMII"]);
    }

    #[test]
    fn an_event_waits_for_its_lines_only_so_long() {
        let mut assembler = Assembler::new(&Rule::Traces, 100, [(0, 0), (0, 0)]);
        let mut out = Vec::new();
        assembler.feed(&piece("ERROR x", false, false), ((0, 0), (0, 8)), 1000, &mut |e| {
            out.push(e.text.to_owned())
        });
        assembler.feed(&piece("\tat y", false, false), ((0, 8), (0, 14)), 1100, &mut |e| {
            out.push(e.text.to_owned())
        });
        assembler.flush(1500, 500, &mut |e| out.push(e.text.to_owned()));
        assert_eq!((out.len(), assembler.given()[0]), (0, (0, 0)));
        assembler.flush(1600, 500, &mut |e| out.push(e.text.to_owned()));
        assert_eq!((out.as_slice(), assembler.given()[0]), (&["ERROR x\n\tat y".to_owned()][..], (0, 14)));
    }

    #[test]
    fn long_lines_are_cut_and_counted() {
        let mut assembler = Assembler::new(&Rule::Off, 4, [(0, 0), (0, 0)]);
        let mut out = Vec::new();
        for partial in [true, true, false] {
            assembler.feed(&piece("한글", false, partial), ((0, 0), (0, 1)), 0, &mut |e| {
                out.push(e.text.to_owned())
            });
        }
        assert_eq!((out, assembler.take_cut()), (vec!["한".to_owned()], 3));
    }

    proptest! {
        #[test]
        fn stopping_anywhere_and_going_on_gives_the_same_events(
            pieces in prop::collection::vec((0usize..6, any::<bool>(), prop::bool::weighted(0.2)), 1..30),
            stops in prop::collection::btree_set(0usize..30, 0..4),
        ) {
            let texts = ["INFO a", "ERROR b", "\tat c", "Traceback (most recent call last):", "  File", "ValueError: x"];
            let read = |stops: &std::collections::BTreeSet<usize>| {
                let mut assembler = Assembler::new(&Rule::Traces, 1000, [(0, 0), (0, 0)]);
                let mut out = [Vec::new(), Vec::new()];
                let mut at = 0;
                let mut left = stops.clone();
                while at < pieces.len() {
                    if left.remove(&at) {
                        // As after a crash: only the places are known.
                        let given = assembler.given();
                        assembler = Assembler::new(&Rule::Traces, 1000, given);
                        at = given[0].min(given[1]).1 as usize;
                        continue;
                    }
                    let (text, stderr, partial) = pieces[at];
                    let place = ((0, at as u64), (0, at as u64 + 1));
                    assembler.feed(&piece(texts[text], stderr, partial), place, 0, &mut |e| {
                        out[usize::from(e.stderr)].push(e.text.to_owned());
                    });
                    at += 1;
                }
                assembler.finish(&mut |e| out[usize::from(e.stderr)].push(e.text.to_owned()));
                out
            };
            prop_assert_eq!(read(&stops), read(&std::collections::BTreeSet::new()));
        }
    }
}
