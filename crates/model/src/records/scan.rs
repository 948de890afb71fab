//! What is asked of a store of records, and what it says about them without reading them.

use std::sync::Arc;

use super::{KeySource, Reading};
use crate::events::{EventKind, Order};
use crate::labels::Labels;
use crate::matcher::Matcher;
use crate::pattern::Search;

/// A test of a text. All compare bytes; none folds case.
#[derive(Debug, Clone)]
pub enum TextTest {
    /// Has one of these within it (never an empty list; an empty text is within every text).
    ContainsAny(Vec<String>),
    /// Has none of these within it.
    ContainsNone(Vec<String>),
    /// The expression is found in it.
    Matches(Search),
    /// The expression is not found in it.
    MatchesNot(Search),
    /// Is one of these.
    In(Vec<String>),
    /// Is none of these.
    NotIn(Vec<String>),
}

/// Which columns are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The message.
    pub body: bool,
    /// These fields; `None`: all.
    pub fields: Option<Vec<String>>,
}

impl Wanted {
    /// Everything.
    pub const ALL: Self = Self { body: true, fields: None };
}

/// Which records are worth reading, by what labels, fields and messages say together.
#[derive(Debug, Clone)]
pub struct Keep {
    /// What labels and fields say, as for [`Counting::by`](super::Counting::by).
    pub by: Vec<Vec<KeySource>>,
    /// Records that it makes no key of are left out. An error leaves them in.
    pub reading: Arc<dyn Reading>,
}

/// What to scan.
#[derive(Debug, Clone)]
pub struct RecordScan {
    /// Which kind.
    pub kind: EventKind,
    /// First nanosecond.
    pub start_ns: i64,
    /// Last nanosecond.
    pub end_ns: i64,
    /// What a stream's labels must fulfil; always tested by the store.
    pub streams: Vec<Matcher>,
    /// What the message must fulfil.
    pub body: Vec<TextTest>,
    /// What fields must fulfil, by name; an absent field counts as an empty text, a number as it is written.
    pub fields: Vec<(String, TextTest)>,
    /// Records that may be left out; a hint: whoever asks tests again.
    pub keep: Option<Keep>,
    /// What is wanted of each record.
    pub wanted: Wanted,
    /// How many records suffice, 0 for all; a hint.
    pub limit: usize,
    /// Which end first. Records of one stream and time come in the order in which they were written (backwards: in the
    /// reverse).
    pub order: Order,
}

impl RecordScan {
    /// All of a kind, the oldest first: what a scan asks less than that is named beside it.
    pub const fn everything(kind: EventKind) -> Self {
        Self {
            kind,
            start_ns: i64::MIN,
            end_ns: i64::MAX,
            streams: Vec::new(),
            body: Vec::new(),
            fields: Vec::new(),
            keep: None,
            wanted: Wanted::ALL,
            limit: 0,
            order: Order::Ascending,
        }
    }
}

/// A stream, and what of it lies in a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSummary {
    /// Its labels.
    pub labels: Labels,
    /// Records; those of a block that the range cuts are estimated.
    pub records: u64,
    /// Bytes of messages and fields, estimated in the same way.
    pub bytes: u64,
    /// Blocks that were looked at.
    pub blocks: u64,
}

/// How much a stream wrote, by steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSeries {
    /// The stream.
    pub labels: Labels,
    /// Start of each step that has records (nanoseconds; a multiple of the step, or the scan's first nanosecond where all is
    /// one step), its bytes and its records.
    pub steps: Vec<(i64, u64, u64)>,
}

/// A pattern of messages: what stays the same, with `<_>` where it changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternSeries {
    /// The same for equal patterns, across blocks, streams and restarts.
    pub hash: u64,
    /// The pattern.
    pub pattern: String,
    /// First and last time it was seen in the range (nanoseconds).
    pub seen: (i64, i64),
    /// The level that most of its records have, empty where none is known.
    pub level: String,
    /// A message of it.
    pub example: String,
    /// Start of each step that has records, as for [`VolumeSeries`], and how many.
    pub steps: Vec<(i64, u64)>,
}
