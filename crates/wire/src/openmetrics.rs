//! OpenMetrics text 1.0 (and 0.0.1), as Prometheus' scraper reads it: exact about blanks, commas and `# EOF`, lax about
//! the order of families and the meaning of values. [`strict`] checks the rest of the specification.

pub mod pieces;
pub mod strict;

use std::ops::Range;

use crate::exposition::{
    Current, Cursor, Dialect, Entry, Exemplar, Kind, Pair, ParseError, Sample, Text, label_set, parse_float,
};

const LABELS: Dialect = Dialect { loose: false, names: true };
const EXEMPLAR: Dialect = Dialect { loose: false, names: false };

/// Reads a body entry by entry.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    cur: Cursor<'a>,
    /// Labels of the sample, then those of its exemplar.
    pairs: Vec<Pair<'a>>,
    current: Current<'a>,
    done: bool,
}

/// An exemplar before its labels can be borrowed.
struct FoundExemplar {
    labels: Range<usize>,
    value: f64,
    timestamp_ms: Option<i64>,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `body`; fails where `body` is not UTF-8.
    pub fn new(body: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { cur: Cursor::new(body)?, pairs: Vec::new(), current: Current::default(), done: false })
    }

    /// The next entry, `None` after `# EOF`. After an error the parser is of no further use.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a, '_>>, ParseError> {
        if self.done {
            return Ok(None);
        }
        if self.cur.is_at_end() {
            return Err(self.cur.error("the data does not end with # EOF"));
        }
        if self.cur.peek() != Some(b'#') {
            return self.sample().map(|sample| Some(Entry::Sample(sample)));
        }
        if self.cur.eat_str("# EOF") {
            self.cur.eat(b'\n');
            if !self.cur.is_at_end() {
                return Err(self.cur.error("unexpected data after # EOF"));
            }
            self.done = true;
            return Ok(None);
        }
        self.metadata().map(Some)
    }

    /// How many bytes of the body were read.
    pub(crate) const fn at(&self) -> usize {
        self.cur.at()
    }

    pub(crate) fn error_at(&self, at: usize, message: impl std::fmt::Display) -> ParseError {
        self.cur.error_at(at, message)
    }

    fn metadata(&mut self) -> Result<Entry<'a, 'a>, ParseError> {
        let word = ["# TYPE ", "# HELP ", "# UNIT "].into_iter().find(|word| self.cur.eat_str(word));
        let Some(word) = word else {
            return Err(self.cur.error("expected '# TYPE ', '# HELP ', '# UNIT ' or '# EOF'"));
        };
        let name = match self.cur.peek() {
            Some(b'"') => self.cur.quoted(false).unwrap_or_default(),
            _ => Text::plain(self.cur.metric_name()),
        };
        if name.raw.is_empty() {
            return Err(self.cur.expected("a metric name"));
        }
        if !self.cur.eat(b' ') {
            return Err(self.cur.expected("a space and text after the metric name"));
        }
        let text_at = self.cur.at();
        let text = self.cur.line();
        if !self.cur.eat(b'\n') {
            return Err(self.cur.expected("the end of the line"));
        }
        match word {
            "# HELP " => Ok(Entry::Help { name, help: Text::quoted(text) }),
            "# UNIT " => {
                let stem = name.raw.strip_suffix(text).and_then(|stem| stem.strip_suffix('_'));
                if !text.is_empty() && stem.is_none() {
                    let message =
                        format!("the unit {text:?} is not the suffix of the metric name {:?}", name.raw);
                    return Err(self.cur.error_at(text_at, message));
                }
                Ok(Entry::Unit { name, unit: text })
            }
            _ => {
                let Some(kind) = kind(text) else {
                    return Err(self
                        .cur
                        .error_at(text_at, format_args!("invalid metric type {text:?} for OpenMetrics")));
                };
                self.current = Current { name, kind };
                Ok(Entry::Type { name, kind })
            }
        }
    }

    fn sample(&mut self) -> Result<Sample<'a, '_>, ParseError> {
        let start = self.cur.at();
        self.pairs.clear();
        let bare = self.cur.metric_name();
        let mut name = (!bare.is_empty()).then(|| Text::plain(bare));
        if self.cur.eat(b'{') {
            label_set(&mut self.cur, LABELS, &mut name, &mut self.pairs)?;
        } else if name.is_none() {
            return Err(self.cur.expected("a metric name, '# ' or '{'"));
        }
        let Some(name) = name else {
            return Err(self.cur.error_at(start, "the metric name is missing"));
        };
        let series = self.cur.since(start);
        let labels_end = self.pairs.len();
        if !self.cur.eat(b' ') {
            return Err(self.cur.expected("a space and a value"));
        }
        let value = self.number("a value")?;
        let timestamp_ms = self.timestamp()?;
        let found = self.exemplar()?;
        if !self.cur.eat(b'\n') {
            return Err(match self.cur.is_at_end() {
                true => self.cur.error("the data does not end with # EOF"),
                false => self.cur.expected("the end of the line"),
            });
        }
        let (kind, created) = self.current.kind_of(name);
        let exemplar = found.map(|found| Exemplar {
            labels: self.pairs.get(found.labels).unwrap_or_default(),
            value: found.value,
            timestamp_ms: found.timestamp_ms,
        });
        let labels = self.pairs.get(..labels_end).unwrap_or_default();
        Ok(Sample { series, name, labels, kind, value, timestamp_ms, exemplar, created })
    }

    fn number(&mut self, what: &str) -> Result<f64, ParseError> {
        let start = self.cur.at();
        let text = self.cur.take_while(|b| b != b' ' && b != b'\n');
        if text.is_empty() {
            return Err(self.cur.expected(what));
        }
        parse_float(text)
            .ok_or_else(|| self.cur.error_at(start, format_args!("expected {what}, got {text:?}")))
    }

    /// ` <seconds>`, unless an exemplar or the end of the line follows.
    fn timestamp(&mut self) -> Result<Option<i64>, ParseError> {
        let start = self.cur.at();
        if self.cur.peek() != Some(b' ') || self.cur.rest().starts_with(" # ") {
            return Ok(None);
        }
        self.cur.bump();
        let seconds = self.number("a timestamp in seconds")?;
        if !seconds.is_finite() {
            return Err(self.cur.error_at(start + 1, format_args!("invalid timestamp {seconds}")));
        }
        // `as` saturates: a time beyond i64 is refused by the store, not here.
        Ok(Some((seconds * 1000.0) as i64))
    }

    fn exemplar(&mut self) -> Result<Option<FoundExemplar>, ParseError> {
        if !self.cur.eat_str(" # ") {
            return Ok(None);
        }
        if !self.cur.eat(b'{') {
            return Err(self.cur.expected("'{' of an exemplar"));
        }
        let from = self.pairs.len();
        label_set(&mut self.cur, EXEMPLAR, &mut None, &mut self.pairs)?;
        let labels = from..self.pairs.len();
        if !self.cur.eat(b' ') {
            return Err(self.cur.expected("a space and the value of the exemplar"));
        }
        let value = self.number("the value of the exemplar")?;
        let timestamp_ms = self.timestamp()?;
        Ok(Some(FoundExemplar { labels, value, timestamp_ms }))
    }
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "gaugehistogram" => Kind::GaugeHistogram,
        "summary" => Kind::Summary,
        "info" => Kind::Info,
        "stateset" => Kind::StateSet,
        "unknown" => Kind::Unknown,
        _ => return None,
    })
}
