//! What the two text exposition formats have in common: entries, samples, label sets, errors.

mod cursor;
mod labels;
mod number;
mod text;
pub mod write;

use std::borrow::Cow;

use model::labels::METRIC_NAME;
use model::{Labels, LabelsBuilder};

pub(crate) use cursor::Cursor;
pub(crate) use labels::{Dialect, label_set};
pub use number::{NORMAL_NAN_BITS, format_float, parse_float};
pub use text::Text;

/// A copy of a text body whose comments hold bytes that are not UTF-8, with these replaced; `None` where nothing is to
/// be replaced. What follows HELP, TYPE, UNIT or EOF is no comment.
pub fn repair_comments(body: &[u8]) -> Option<Vec<u8>> {
    std::str::from_utf8(body).err()?;
    let mut out = Vec::with_capacity(body.len() + 16);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let word = line.trim_ascii_start().strip_prefix(b"#").map(<[u8]>::trim_ascii_start);
        let said = word.is_some_and(|word| {
            [&b"HELP"[..], b"TYPE", b"UNIT", b"EOF"].iter().any(|known| word.starts_with(known))
        });
        if word.is_some() && !said {
            out.extend_from_slice(String::from_utf8_lossy(line).as_bytes());
        } else {
            out.extend_from_slice(line);
        }
    }
    Some(out)
}

/// Where a body stops being what its format allows, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What was expected and what is there.
    pub message: String,
}

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// Only goes up.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets.
    Histogram,
    /// Counts in buckets that may fall.
    GaugeHistogram,
    /// Quantiles.
    Summary,
    /// Facts as labels.
    Info,
    /// One of some states.
    StateSet,
    /// Not told.
    #[default]
    Unknown,
}

impl Kind {
    /// The word of `model::metrics::Family::kind`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }
}

/// One label as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// Its value.
    pub value: Text<'a>,
}

/// An exemplar: one observation behind a sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar<'a, 's> {
    /// Its labels, e.g. a trace id.
    pub labels: &'s [Pair<'a>],
    /// The observed value.
    pub value: f64,
    /// When, if told, in ms since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

/// One sample line. Text is borrowed from the body (`'a`), lists from the parser's reused buffers (`'s`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample<'a, 's> {
    /// Name and label set exactly as written: equal bytes are the same series, so this is what a cache is keyed by.
    pub series: &'a str,
    /// The metric's name.
    pub name: Text<'a>,
    /// The labels in the order written, the name left out.
    pub labels: &'s [Pair<'a>],
    /// The type told for the family that this sample follows, if it belongs to it.
    pub kind: Kind,
    /// The value. A NaN is always the same NaN, never a stale marker.
    pub value: f64,
    /// The timestamp, if there is one, in ms since the Unix epoch.
    pub timestamp_ms: Option<i64>,
    /// The exemplar, if there is one (OpenMetrics only).
    pub exemplar: Option<Exemplar<'a, 's>>,
    /// Whether this is the `_created` sample of a counter, histogram or summary: its value is the start time of the
    /// family's series in seconds since the Unix epoch.
    pub created: bool,
}

impl<'a> Sample<'a, '_> {
    /// The labels with `le` and `quantile` written as floats (`1` becomes `1.0`) as Prometheus 3 stores them.
    pub fn pairs(&self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        let kind = self.kind;
        self.labels.iter().map(move |pair| {
            let (name, value) = (pair.name.unescape(), pair.value.unescape());
            let normal = match (&*name, kind) {
                ("le", Kind::Histogram | Kind::Unknown) | ("quantile", Kind::Summary | Kind::Unknown) => {
                    number::normal_float(&value)
                }
                _ => None,
            };
            (name, normal.map_or(value, Cow::Owned))
        })
    }

    /// Puts the name and the labels into `builder`. The error names a label that is there twice.
    pub fn build(&self, builder: &mut LabelsBuilder) -> Result<(), String> {
        builder.set(METRIC_NAME, self.name.unescape());
        for (at, (name, value)) in self.pairs().enumerate() {
            let again = self.labels.iter().take(at).any(|before| before.name.unescape() == name);
            if again || name == METRIC_NAME {
                return Err(name.into_owned());
            }
            builder.set(name, value);
        }
        Ok(())
    }

    /// The label set of the series.
    pub fn to_labels(&self) -> Result<Labels, String> {
        let mut builder = LabelsBuilder::new();
        self.build(&mut builder)?;
        Ok(builder.build())
    }
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Entry<'a, 's> {
    /// A sample.
    Sample(Sample<'a, 's>),
    /// The type of a family.
    Type {
        /// Family.
        name: Text<'a>,
        /// Its type.
        kind: Kind,
    },
    /// The help text of a family.
    Help {
        /// Family.
        name: Text<'a>,
        /// Text.
        help: Text<'a>,
    },
    /// The unit of a family (OpenMetrics only).
    Unit {
        /// Family.
        name: Text<'a>,
        /// Unit, or empty.
        unit: &'a str,
    },
}

/// The family that the last TYPE line opened: tells samples their type.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Current<'a> {
    pub(crate) name: Text<'a>,
    pub(crate) kind: Kind,
}

impl Current<'_> {
    /// The type of a sample called `name`, and whether it is the family's `_created`.
    pub(crate) fn kind_of(&self, name: Text<'_>) -> (Kind, bool) {
        let Some(suffix) = name.raw.strip_prefix(self.name.raw) else {
            return (Kind::Unknown, false);
        };
        let belongs = match self.kind {
            Kind::Counter => matches!(suffix, "" | "_total" | "_created"),
            Kind::Histogram => matches!(suffix, "" | "_bucket" | "_count" | "_sum" | "_created"),
            Kind::GaugeHistogram => matches!(suffix, "" | "_bucket" | "_gcount" | "_gsum"),
            Kind::Summary => matches!(suffix, "" | "_count" | "_sum" | "_created"),
            Kind::Info => matches!(suffix, "" | "_info"),
            Kind::Gauge | Kind::StateSet | Kind::Unknown => suffix.is_empty(),
        };
        if belongs && !self.name.raw.is_empty() {
            (self.kind, suffix == "_created")
        } else {
            (Kind::Unknown, false)
        }
    }
}
