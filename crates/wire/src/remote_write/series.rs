//! One decoded series.

use model::labels::{METRIC_NAME, put};
use model::{Labels, LabelsBuilder};

use super::Error;
use super::decode::{Metadata, read_again, read_label};
use super::histogram::HistogramPoint;
use super::proto::Message;

/// Name and value of a label as sent.
pub type LabelPair<'a> = (&'a [u8], &'a [u8]);

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
    pub labels: Vec<LabelPair<'a>>,
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
    /// A reference beyond the table of symbols (version 2).
    #[error(
        "parsing labels: labelRefs {reference} (name or value) is outside of symbols table (size {size})"
    )]
    Reference {
        /// The reference.
        reference: u64,
        /// Entries of the table.
        size: usize,
    },
    /// A name without a value (version 2).
    #[error("parsing labels: invalid labelRefs length {0}")]
    OddReferences(usize),
}

/// One series with its samples, in buffers that are reused from series to series. Labels borrow from the body.
#[derive(Debug, Clone, Default)]
pub struct Series<'a> {
    /// Names and values in the order sent. After [`super::Reader::next_unread`] empty until [`Series::read_labels`].
    pub labels: Vec<LabelPair<'a>>,
    /// The encoded labels, where they are sent in one run (as every known sender does): equal bytes are the same
    /// series, so a cache can be keyed by them. Empty otherwise.
    pub raw: &'a [u8],
    /// Float samples in the order sent.
    pub points: Vec<Point>,
    /// Start timestamps of `points`, one each, or none at all (0: not known). Version 2 only.
    pub starts: Vec<i64>,
    /// Native histograms in the order sent, not checked.
    pub histograms: Vec<HistogramPoint>,
    /// Exemplars in the order sent.
    pub exemplars: Vec<Exemplar<'a>>,
    /// Metadata of the series' family (version 2 only, without the family's name).
    pub metadata: Option<Metadata<'a>>,
    /// Why its labels cannot be read (version 2 only).
    pub problem: Option<BadLabels>,
    /// How many bytes `raw` is likely to have in the next series; 0: no idea. A wrong guess is found out by
    /// [`Series::confirm`] at the latest.
    pub guess: u16,
    /// Where `raw` begins in the body, while it is not read.
    pub(super) unread: Option<usize>,
    /// The series, while its `raw` is a guess.
    pub(super) guessed: Option<Message<'a>>,
}

impl<'a> Series<'a> {
    /// Whether `raw` was cut at the guess: it is right if it is equal to one that was read before, and says nothing
    /// otherwise.
    pub const fn is_guess(&self) -> bool {
        self.guessed.is_some()
    }

    /// Reads a series whose `raw` is a guess again, to the end of its labels.
    pub fn confirm(&mut self) -> Result<(), Error> {
        self.guessed.take().map_or(Ok(()), |message| read_again(message, self))
    }

    /// Reads the labels if they were passed over.
    pub fn read_labels(&mut self) -> Result<(), Error> {
        self.confirm()?;
        let Some(at) = self.unread.take() else { return Ok(()) };
        let mut run = Message { bytes: self.raw, at };
        while !run.bytes.is_empty() {
            // Each begins with its tag, or it would not be in the run.
            run.varint()?;
            self.labels.push(read_label(run.delimited()?)?);
        }
        Ok(())
    }

    /// Empties the buffers and keeps their memory, and the guess.
    #[inline]
    pub fn clear(&mut self) {
        self.labels.clear();
        self.points.clear();
        self.starts.clear();
        if !self.histograms.is_empty() {
            self.histograms.clear();
        }
        if !self.exemplars.is_empty() {
            self.exemplars.clear();
        }
        self.metadata = None;
        self.problem = None;
        self.raw = &[];
        self.unread = None;
        self.guessed = None;
    }

    /// The metric's name, if it is there and text.
    pub fn metric_name(&self) -> Option<&'a str> {
        let (_, name) = self.labels.iter().find(|(name, _)| *name == METRIC_NAME.as_bytes())?;
        std::str::from_utf8(name).ok()
    }

    /// Writes the canonical form of the label set (see `model::labels`) into `out`: sorted, empty values left out.
    pub fn canonical(&mut self, out: &mut String) -> Result<(), BadLabels> {
        out.clear();
        if let Some(problem) = &self.problem {
            return Err(problem.clone());
        }
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
        Ok(Labels::from_canonical(&form).unwrap_or_else(|| build(&self.labels)))
    }
}

impl Exemplar<'_> {
    /// The exemplar with labels of its own; bytes that are not text and labels without a name are no labels.
    pub fn to_model(&self) -> model::Exemplar {
        model::Exemplar { labels: build(&self.labels), t: self.t, v: self.value }
    }
}

fn build(pairs: &[LabelPair<'_>]) -> Labels {
    let mut builder = LabelsBuilder::new();
    for (name, value) in pairs {
        if let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value))
            && !name.is_empty()
        {
            builder.set(name, value);
        }
    }
    builder.build()
}
