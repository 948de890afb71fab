//! The commands of a script.

use query::promql::parse_duration;
use query::promql::series_desc::{SeriesDesc, StartTimes, parse_series_desc, parse_start_times};

use super::expect::Expected;

/// What is wrong with a script, and in which line.
pub(super) type ScriptError = (usize, String);

/// A script.
#[derive(Debug, Clone)]
pub struct Script {
    /// Its commands in order.
    pub commands: Vec<Command>,
}

/// A command.
#[derive(Debug, Clone)]
pub enum Command {
    /// Drops all data.
    Clear,
    /// Stores series.
    Load {
        /// The line of the command, from 1.
        line: usize,
        /// Distance between positions, ms.
        interval_ms: i64,
        /// The series.
        series: Vec<SeriesDesc>,
        /// Start timestamps of some of them.
        starts: Vec<StartTimes>,
        /// Whether classic histograms are converted, too.
        with_nhcb: bool,
    },
    /// Evaluates an expression.
    Eval(Eval),
}

/// When an expression is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvalKind {
    /// At one time, ms.
    Instant(i64),
    /// At several times, ms.
    Range {
        /// First.
        start: i64,
        /// Last.
        end: i64,
        /// Distance.
        step: i64,
    },
}

/// An expression and what it must yield.
#[derive(Debug, Clone)]
pub struct Eval {
    /// The line of the command, from 1.
    pub line: usize,
    /// When.
    pub kind: EvalKind,
    /// What.
    pub query: String,
    /// What must come out.
    pub expected: Expected,
}

/// The lines of a script, trimmed, comments emptied.
struct Lines<'a> {
    lines: Vec<&'a str>,
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line of a block: the block ends at an empty line.
    fn next_in_block(&mut self) -> Option<(usize, &'a str)> {
        let line = *self.lines.get(self.at)?;
        if line.is_empty() {
            return None;
        }
        self.at += 1;
        Some((self.at, line))
    }
}

impl Script {
    /// Reads a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let lines = text.lines().map(str::trim).map(|l| if l.starts_with('#') { "" } else { l }).collect();
        let mut lines = Lines { lines, at: 0 };
        let mut commands = Vec::new();
        while lines.at < lines.lines.len() {
            match lines.next_in_block() {
                Some((number, line)) => commands.push(command(number, line, &mut lines)?),
                None => lines.at += 1,
            }
        }
        Ok(Self { commands })
    }
}

fn command(number: usize, line: &str, lines: &mut Lines<'_>) -> Result<Command, ScriptError> {
    let word = line.split_whitespace().next().unwrap_or_default().to_lowercase();
    if word == "clear" {
        Ok(Command::Clear)
    } else if word.starts_with("load") {
        load(number, line, lines)
    } else if word.starts_with("eval") {
        eval(number, line, lines).map(Command::Eval)
    } else {
        Err((number, format!("unknown command {word:?}")))
    }
}

fn load(number: usize, line: &str, lines: &mut Lines<'_>) -> Result<Command, ScriptError> {
    let mut words = line.split_whitespace();
    let with_nhcb = match words.next() {
        Some("load") => false,
        Some("load_with_nhcb") => true,
        other => return Err((number, format!("unknown command {:?}", other.unwrap_or_default()))),
    };
    let interval_ms = time(words.next().unwrap_or_default()).map_err(|e| (number, e))?;
    let mut series: Vec<SeriesDesc> = Vec::new();
    let mut starts: Vec<StartTimes> = Vec::new();
    let mut pending: Option<(usize, StartTimes)> = None;
    while let Some((at, line)) = lines.next_in_block() {
        if let Ok(Some(found)) = parse_start_times(line) {
            pending = Some((at, found));
            continue;
        }
        let described = parse_series_desc(line).map_err(|e| (at, e.to_string()))?;
        if let Some((at, begun)) = pending.take() {
            if begun.labels != described.labels || begun.values.len() != described.values.len() {
                return Err((at, "start timestamps need the same series with as many positions".to_owned()));
            }
            starts.push(begun);
        }
        match series.iter_mut().find(|s| s.labels == described.labels) {
            Some(same) => *same = described,
            None => series.push(described),
        }
    }
    match pending {
        Some((at, _)) => Err((at, "start timestamps without a series behind them".to_owned())),
        None => Ok(Command::Load { line: number, interval_ms, series, starts, with_nhcb }),
    }
}

fn eval(number: usize, line: &str, lines: &mut Lines<'_>) -> Result<Eval, ScriptError> {
    let wrong = |what: &str| (number, what.to_owned());
    let (word, rest) = split_word(line);
    let (form, rest) = split_word(rest);
    let (kind, query) = match form {
        "instant" => {
            let (at, rest) = split_word(rest);
            let (t, query) = split_word(rest);
            if at != "at" {
                return Err(wrong("expected: eval instant at <time> <expr>"));
            }
            (EvalKind::Instant(time(t).map_err(|e| (number, e))?), query)
        }
        "range" => range(rest).map_err(|e| (number, e))?,
        _ => return Err(wrong("expected eval instant or eval range")),
    };
    let mut expected = Expected::of_command(word).ok_or_else(|| wrong("unknown kind of eval"))?;
    let instant = matches!(kind, EvalKind::Instant(_));
    while let Some((at, line)) = lines.next_in_block() {
        if expected.line(line, instant).map_err(|e| (at, e))? {
            break;
        }
    }
    expected.check().map_err(|e| (number, e))?;
    Ok(Eval { line: number, kind, query: query.to_owned(), expected })
}

/// Reads `from <start> to <end> step <step>` and gives what stands behind it.
pub(super) fn range(text: &str) -> Result<(EvalKind, &str), String> {
    let mut rest = text;
    let mut times = [0; 3];
    for (slot, word) in times.iter_mut().zip(["from", "to", "step"]) {
        let (found, tail) = split_word(rest);
        if found != word {
            return Err("expected: from <start> to <end> step <step>".to_owned());
        }
        let (t, tail) = split_word(tail);
        *slot = time(t)?;
        rest = tail;
    }
    let [start, end, step] = times;
    if step <= 0 || end < start {
        return Err("a range needs a positive step and an end that is not before its start".to_owned());
    }
    Ok((EvalKind::Range { start, end, step }, rest))
}

pub(super) fn split_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    text.find(char::is_whitespace).map_or((text, ""), |at| (&text[..at], text[at..].trim_start()))
}

/// A time or duration in ms; it may carry a sign.
fn time(text: &str) -> Result<i64, String> {
    match text.strip_prefix('-') {
        Some(rest) => parse_duration(rest).map(|ms| -ms),
        None => parse_duration(text),
    }
}
