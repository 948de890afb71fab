//! One decoded series.

use model::labels::{METRIC_NAME, put};
use model::{Labels, LabelsBuilder};

/// A sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Milliseconds since the Unix epoch.
    pub t: i64,
    /// Value; all 64 bits as sent.
    pub v: f64,
}

/// An exemplar: labels as in the series, value and time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar<'a> {
    /// Names and values.
    pub labels: Vec<(&'a [u8], &'a [u8])>,
    /// The observed value.
    pub value: f64,
    /// When, in ms since the Unix epoch.
    pub t: i64,
}

/// Why a label set is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLabels {
    /// No `__name__`.
    #[error("the series has no metric name")]
    NoName,
    /// A label without a name.
    #[error("a label has an empty name")]
    EmptyLabelName,
    /// Two labels of one name.
    #[error("label name {0:?} is not unique")]
    Duplicate(String),
    /// Bytes that are not text.
    #[error("label {0:?} is not valid UTF-8")]
    NotUtf8(String),
}

/// One series with its samples, in buffers that are reused from series to series. Labels borrow from the body.
#[derive(Debug, Clone, Default)]
pub struct Series<'a> {
    /// Names and values in the order sent.
    pub labels: Vec<(&'a [u8], &'a [u8])>,
    /// The encoded labels, where they are sent in one run (as every known sender does): equal bytes are the same
    /// series, so a cache can be keyed by them. Empty otherwise.
    pub raw: &'a [u8],
    /// Float samples in the order sent.
    pub points: Vec<Point>,
    /// Exemplars in the order sent.
    pub exemplars: Vec<Exemplar<'a>>,
    /// How many native histograms there were; they are not decoded.
    pub histograms: usize,
}

impl<'a> Series<'a> {
    pub(crate) fn clear(&mut self) {
        self.labels.clear();
        self.points.clear();
        self.exemplars.clear();
        self.raw = &[];
        self.histograms = 0;
    }

    /// Writes the canonical form of the label set (see `model::labels`) into `out`: sorted, empty values left out.
    pub fn canonical(&mut self, out: &mut String) -> Result<(), BadLabels> {
        out.clear();
        if !self.labels.is_sorted() {
            self.labels.sort_unstable();
        }
        let mut last: Option<&[u8]> = None;
        let mut named = false;
        for &(name, value) in &self.labels {
            if name.is_empty() {
                return Err(BadLabels::EmptyLabelName);
            }
            if last == Some(name) {
                return Err(BadLabels::Duplicate(String::from_utf8_lossy(name).into_owned()));
            }
            last = Some(name);
            let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) else {
                return Err(BadLabels::NotUtf8(String::from_utf8_lossy(name).into_owned()));
            };
            if value.is_empty() {
                continue;
            }
            named |= name == METRIC_NAME;
            put(out, name);
            put(out, value);
        }
        if named { Ok(()) } else { Err(BadLabels::NoName) }
    }

    /// The label set, checked.
    pub fn to_labels(&mut self) -> Result<Labels, BadLabels> {
        let mut form = String::new();
        self.canonical(&mut form)?;
        Ok(Labels::from_canonical(&form).unwrap_or_else(|| {
            // Only reached for a name of more than 2^36 bytes, which no bounded body holds.
            let mut builder = LabelsBuilder::new();
            for (name, value) in &self.labels {
                builder.set(String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            }
            builder.build()
        }))
    }
}
