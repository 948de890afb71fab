//! The Prometheus text format 0.0.4, with the quoted UTF-8 names of version 1.0.0.
//!
//! As Prometheus' own scraper reads it: blanks between tokens are free, a missing comma is forgiven, a line that starts
//! with `#` and is neither HELP nor TYPE is a comment.

use crate::exposition::{
    Current, Cursor, Dialect, Entry, Kind, Pair, ParseError, Sample, Text, label_set, parse_float,
};

const DIALECT: Dialect = Dialect { loose: true, names: true };

/// Reads a body entry by entry.
#[derive(Debug, Clone)]
pub struct Parser<'a> {
    cur: Cursor<'a>,
    pairs: Vec<Pair<'a>>,
    current: Current<'a>,
}

impl<'a> Parser<'a> {
    /// A parser at the start of `body`; fails where `body` is not UTF-8.
    pub fn new(body: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { cur: Cursor::new(body)?, pairs: Vec::new(), current: Current::default() })
    }

    /// The next entry, `None` at the end. After an error the parser is of no further use.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a, '_>>, ParseError> {
        loop {
            let start = self.cur.at();
            self.cur.skip_blanks();
            match self.cur.peek() {
                None => return Ok(None),
                Some(b'\n') => self.cur.bump(),
                Some(b'#') => {
                    if let Some(entry) = self.comment()? {
                        return Ok(Some(entry));
                    }
                }
                Some(_) if self.cur.at() > start => {
                    return Err(self.cur.error_at(start, "a sample must start at the start of its line"));
                }
                Some(_) => return self.sample().map(|sample| Some(Entry::Sample(sample))),
            }
        }
    }

    /// A line that starts with `#`.
    fn comment(&mut self) -> Result<Option<Entry<'a, 'a>>, ParseError> {
        self.cur.bump();
        let blanks = self.cur.take_while(is_blank);
        let word = match self.cur.rest() {
            _ if blanks.is_empty() => "",
            rest if rest.starts_with("HELP") => "HELP",
            rest if rest.starts_with("TYPE") => "TYPE",
            _ => "",
        };
        self.cur.eat_str(word);
        if word.is_empty() || !self.cur.peek().is_some_and(is_blank) {
            self.cur.line();
            return Ok(None);
        }
        self.cur.skip_blanks();
        let name = self.family_name()?;
        let text_at = self.cur.at();
        let text = self.cur.line();
        if !text.is_empty() && !text.starts_with([' ', '\t']) {
            return Err(self.cur.error_at(text_at, "expected a blank after the metric name"));
        }
        let text = text.get(1..).unwrap_or_default();
        if word == "HELP" {
            return Ok(Some(Entry::Help { name, help: Text::help(text) }));
        }
        let kind = match text {
            "counter" => Kind::Counter,
            "gauge" => Kind::Gauge,
            "histogram" => Kind::Histogram,
            "summary" => Kind::Summary,
            "untyped" => Kind::Unknown,
            _ => {
                return Err(self.cur.error_at(
                    text_at,
                    format_args!(
                        "invalid metric type {text:?} (counter, gauge, histogram, summary or untyped)"
                    ),
                ));
            }
        };
        self.current = Current { name, kind };
        Ok(Some(Entry::Type { name, kind }))
    }

    fn family_name(&mut self) -> Result<Text<'a>, ParseError> {
        let name = match self.cur.peek() {
            Some(b'"') => self.cur.quoted(false).unwrap_or_default(),
            _ => Text::plain(self.cur.metric_name()),
        };
        if name.raw.is_empty() { Err(self.cur.expected("a metric name")) } else { Ok(name) }
    }

    fn sample(&mut self) -> Result<Sample<'a, '_>, ParseError> {
        let start = self.cur.at();
        self.pairs.clear();
        let bare = self.cur.metric_name();
        let mut name = (!bare.is_empty()).then(|| Text::plain(bare));
        let mut end = self.cur.clone();
        self.cur.skip_blanks();
        if self.cur.eat(b'{') {
            label_set(&mut self.cur, DIALECT, &mut name, &mut self.pairs)?;
            end = self.cur.clone();
        } else if name.is_none() {
            return Err(self.cur.expected("a metric name, '#' or '{'"));
        }
        let Some(name) = name else {
            return Err(self.cur.error_at(start, "the metric name is missing"));
        };
        let series = end.since(start);
        let value = self.value()?;
        let timestamp_ms = self.timestamp()?;
        let (kind, created) = self.current.kind_of(name);
        let labels = &self.pairs;
        Ok(Sample { series, name, labels, kind, value, timestamp_ms, exemplar: None, created })
    }

    fn value(&mut self) -> Result<f64, ParseError> {
        self.cur.skip_blanks();
        let start = self.cur.at();
        let text = self.cur.take_while(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'{'));
        if text.is_empty() {
            return Err(self.cur.expected("a value"));
        }
        parse_float(text)
            .ok_or_else(|| self.cur.error_at(start, format_args!("expected a number, got {text:?}")))
    }

    /// The optional timestamp and the end of the line.
    fn timestamp(&mut self) -> Result<Option<i64>, ParseError> {
        self.cur.skip_blanks();
        let start = self.cur.at();
        let digits = self.cur.take_while(|b| b.is_ascii_digit());
        let timestamp = match digits.parse::<i64>() {
            _ if digits.is_empty() => None,
            Ok(ms) => Some(ms),
            Err(_) => return Err(self.cur.error_at(start, "the timestamp is out of range")),
        };
        self.cur.skip_blanks();
        match self.cur.peek() {
            None => Ok(timestamp),
            Some(b'\n') => {
                self.cur.bump();
                Ok(timestamp)
            }
            Some(_) if timestamp.is_none() => {
                Err(self.cur.expected("a timestamp in milliseconds or the end of the line"))
            }
            Some(_) => Err(self.cur.expected("the end of the line")),
        }
    }
}

const fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
