//! What the user should know about a result: warnings (it may be wrong) and infos (it may surprise).
//!
//! One note a text, however often it arises: the place of the last one is shown.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::ast::Span;
use super::error::line_column;
use super::number::{go_g, go_g2};

/// How grave a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    Warning,
    Info,
}

/// Collects notes from all threads of a query.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<BTreeMap<String, Note>>);

#[derive(Debug, Clone)]
struct Note {
    level: Level,
    span: Span,
    forced: Option<Forced>,
    /// How often, where that is shown.
    occurrences: Option<u64>,
}

/// What `histogram_quantile` had to repair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Forced {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) min_bucket: f64,
    pub(crate) max_bucket: f64,
    pub(crate) max_diff: f64,
    pub(crate) count: u64,
}

impl Forced {
    /// Both repairs as one.
    pub(crate) fn merge(self, other: Self) -> Self {
        Self {
            first_ms: self.first_ms.min(other.first_ms),
            last_ms: self.last_ms.max(other.last_ms),
            min_bucket: self.min_bucket.min(other.min_bucket),
            max_bucket: self.max_bucket.max(other.max_bucket),
            max_diff: self.max_diff.max(other.max_diff),
            count: self.count + other.count,
        }
    }
}

impl Note {
    fn new(level: Level, span: Span) -> Self {
        Self { level, span, forced: None, occurrences: None }
    }
}

impl Notes {
    /// Adds a warning about the expression at `span`.
    pub(crate) fn warn(&self, span: Span, text: impl Into<String>) {
        self.add(text.into(), Note::new(Level::Warning, span));
    }

    /// Adds an info about the expression at `span`.
    pub(crate) fn info(&self, span: Span, text: impl Into<String>) {
        self.add(text.into(), Note::new(Level::Info, span));
    }

    /// Adds what a quantile over classic buckets had to repair.
    pub(crate) fn forced_monotonicity(&self, span: Span, metric: &str, forced: Forced) {
        let text = with_name(
            "input to histogram_quantile needed to be fixed for monotonicity (see \
             https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)",
            metric,
        );
        self.add(text, Note { forced: Some(forced), ..Note::new(Level::Info, span) });
    }

    /// Adds that a sample of a counter began before the one before it ended.
    pub(crate) fn start_overlap(&self, span: Span, metric: &str) {
        let text = format!(
            "sample has start time that overlaps with previous sample timestamp for metric {}",
            quoted(metric)
        );
        self.add(text, Note { occurrences: Some(1), ..Note::new(Level::Warning, span) });
    }

    fn add(&self, text: String, new: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match notes.get_mut(&text) {
            Some(note) => {
                note.span = new.span;
                note.forced = match (note.forced, new.forced) {
                    (Some(a), Some(b)) => Some(a.merge(b)),
                    (a, b) => a.or(b),
                };
                note.occurrences = note.occurrences.zip(new.occurrences).map(|(a, b)| a + b);
            }
            None => {
                notes.insert(text, new);
            }
        }
    }

    /// Warnings and infos as the API shows them, with line and column in `query`.
    pub(crate) fn render(&self, query: &str) -> (Vec<String>, Vec<String>) {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut warnings, mut infos) = (Vec::new(), Vec::new());
        for (text, note) in notes.iter() {
            let (line, column) = line_column(query, note.span.start);
            let repaired = note.forced.map(describe).unwrap_or_default();
            let often = note.occurrences.filter(|count| *count > 1);
            let more = often.map_or(repaired, |count| format!(" ({count} occurrences)"));
            match note.level {
                Level::Warning => {
                    warnings.push(format!("PromQL warning: {text}{more} ({line}:{column})"));
                }
                Level::Info => infos.push(format!("PromQL info: {text}{more} ({line}:{column})")),
            }
        }
        (warnings, infos)
    }
}

fn describe(forced: Forced) -> String {
    format!(
        ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
        go_g(forced.min_bucket),
        go_g(forced.max_bucket),
        go_g2(forced.max_diff),
        forced.count,
        rfc3339(forced.first_ms),
        rfc3339(forced.last_ms),
    )
}

fn rfc3339(ms: i64) -> String {
    match jiff::Timestamp::from_second(ms.div_euclid(1000)) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{ms} ms"),
    }
}

/// A text about a metric; the name is left out where it is not known.
pub(crate) fn with_name(text: &str, metric: &str) -> String {
    if metric.is_empty() { text.to_owned() } else { format!("{text} for metric name {}", quoted(metric)) }
}

/// A name in quotes.
pub(crate) fn quoted(name: &str) -> String {
    model::labels::Quoted(name).to_string()
}

/// A quantile outside 0..=1.
pub(crate) fn invalid_quantile(q: f64) -> String {
    format!("quantile value should be between 0 and 1, got {}", go_g(q))
}

/// A ratio outside -1..=1.
pub(crate) fn invalid_ratio(ratio: f64, capped: f64) -> String {
    format!("ratio value should be between -1 and 1, got {}, capping to {}", go_g(ratio), go_g(capped))
}

/// A bucket whose `le` is not a number.
pub(crate) fn bad_bucket(le: &str, metric: &str) -> String {
    with_name(&format!("bucket label \"le\" is missing or has a malformed value of {}", quoted(le)), metric)
}

/// Floats and histograms in one window.
pub(crate) fn mixed_floats_histograms(metric: &str) -> String {
    format!("encountered a mix of histograms and floats for metric name {}", quoted(metric))
}

/// Floats and histograms in one group of an aggregation.
pub(crate) const MIXED_IN_AGGREGATION: &str = "encountered a mix of histograms and floats for aggregation";

/// Histograms of both kinds of buckets that cannot be combined.
pub(crate) fn mixed_schemas(metric: &str) -> String {
    format!(
        "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {}",
        quoted(metric)
    )
}

/// A rate of something that does not look like a counter.
pub(crate) fn possible_non_counter(metric: &str) -> String {
    format!(
        "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {}",
        quoted(metric)
    )
}

/// A rate of something whose type is not that of a counter.
pub(crate) fn possible_non_counter_type(metric: &str, kind: &str) -> String {
    format!(
        "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {}: {}",
        quoted(kind),
        quoted(metric)
    )
}

/// Operands that do not go together; the element is left out.
pub(crate) fn incompatible_operands(lhs: &str, op: &str, rhs: &str) -> String {
    format!("incompatible sample types encountered for binary operator \"{op}\": {lhs} {op} {rhs}")
}

/// Histograms that an aggregation leaves out.
pub(crate) fn ignored_in_aggregation(op: &str) -> String {
    format!("ignored histogram in {op} aggregation")
}

/// Histograms that a window function leaves out.
pub(crate) fn ignored_in_mixed_range(metric: &str) -> String {
    format!(
        "ignored histograms in a range containing both floats and histograms for metric name {}",
        quoted(metric)
    )
}

/// `sort` in a range query.
pub(crate) const SORT_IN_RANGE: &str =
    "sort is ineffective for range queries since results are always ordered by labels";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_note_a_text_with_line_and_column() {
        let notes = Notes::default();
        notes.warn(Span::new(0, 1), invalid_quantile(2.0));
        notes.warn(Span::new(4, 5), invalid_quantile(2.0));
        notes.info(Span::new(2, 3), ignored_in_aggregation("max"));
        let (warnings, infos) = notes.render("a +\nb");
        assert_eq!(warnings, ["PromQL warning: quantile value should be between 0 and 1, got 2 (2:1)"]);
        assert_eq!(infos, ["PromQL info: ignored histogram in max aggregation (1:3)"]);
    }

    #[test]
    fn repairs_are_summed_up() {
        let notes = Notes::default();
        let one = |ms| Forced {
            first_ms: ms,
            last_ms: ms,
            min_bucket: 0.5,
            max_bucket: 2.0,
            max_diff: 1.0,
            count: 1,
        };
        notes.forced_monotonicity(Span::new(0, 1), "", one(60_000));
        notes.forced_monotonicity(Span::new(0, 1), "", one(0));
        let (_, infos) = notes.render("x");
        assert!(
            infos[0].ends_with(
                "from buckets 0.5 to 2, with a max diff of 1, over 2 samples from \
                 1970-01-01T00:00:00Z to 1970-01-01T00:01:00Z (1:1)"
            ),
            "{infos:?}"
        );
    }
}
