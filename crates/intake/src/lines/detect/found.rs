//! What was found in one line.

use std::ops::Range;

use super::names::{Known, Meaning};
use super::values::Level;

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident = $name:literal),* $(,)?) => {
        /// A field that detection may add, in the order in which they are added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Field { $($(#[$doc])* $field),* }

        impl Field {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$field),*];

            /// The name it has in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$field => $name),* }
            }
        }
    };
}

fields! {
    /// `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR` or `FATAL`.
    Level = "level",
    /// The trace it belongs to.
    TraceId = "trace_id",
    /// The span it belongs to.
    SpanId = "span_id",
    /// The service or program.
    Service = "service",
    /// The part of it: logger, module, class.
    Component = "component",
    /// The kind of the error: an exception's class, `panic`.
    ErrorKind = "error_kind",
    /// The error's code.
    ErrorCode = "error_code",
    /// The stack trace.
    ErrorStack = "error_stack",
    /// The request it belongs to.
    RequestId = "request_id",
    /// The session it belongs to.
    SessionId = "session_id",
    /// The user it is about.
    UserId = "user_id",
    /// The client's address.
    ClientIp = "client_ip",
    /// The HTTP method.
    Method = "method",
    /// The path that was asked for.
    Path = "path",
    /// The HTTP status.
    Status = "status",
    /// How long it took, seconds.
    Duration = "duration_seconds",
    /// How large it was, bytes.
    Size = "size_bytes",
}

const FIELDS: usize = Field::ALL.len();
/// The most bytes of a text value.
const TEXT: usize = 512;
/// The most bytes of a stack trace: the message has it whole.
const STACK: usize = 4 << 10;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A part of the message.
    Part(Range<usize>),
    /// Integer.
    Int(i64),
    /// Float.
    Float(f64),
}

#[derive(Debug, Clone, PartialEq)]
enum Kept {
    Body(Range<usize>),
    Own(Range<usize>),
    Word(&'static str),
    Int(i64),
    Float(f64),
}

/// What was found; of each field, what was found first. Clearing it keeps its memory.
#[derive(Debug, Clone, Default)]
pub struct Found {
    kept: [Option<Kept>; FIELDS],
    own: String,
    time_ns: Option<i64>,
    /// Whether nobody asks for the time.
    timeless: bool,
    known: Known,
}

impl Found {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.kept = Default::default();
        self.own.clear();
        self.time_ns = None;
    }

    /// Whether the time that lines tell is wanted; it is, unless this was called with `false`.
    pub fn want_time(&mut self, wanted: bool) {
        self.timeless = !wanted;
    }

    pub(super) fn wants_time(&self) -> bool {
        !self.timeless
    }

    /// What the name of a value means.
    pub(super) fn meaning(&mut self, name: &[u8]) -> Option<Meaning> {
        self.known.meaning(name)
    }

    /// The time that the line tells, nanoseconds since the Unix epoch.
    pub fn time_ns(&self) -> Option<i64> {
        self.time_ns
    }

    /// The fields, in their order.
    pub fn fields(&self) -> impl Iterator<Item = (Field, Value<'_>)> {
        Field::ALL.iter().zip(&self.kept).filter_map(move |(field, kept)| {
            let value = match kept.as_ref()? {
                Kept::Body(range) => Value::Part(range.clone()),
                Kept::Own(range) => Value::Text(self.own.get(range.clone())?),
                Kept::Word(word) => Value::Text(word),
                Kept::Int(int) => Value::Int(*int),
                Kept::Float(float) => Value::Float(*float),
            };
            Some((*field, value))
        })
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.kept[field as usize].is_some()
    }

    pub(super) fn time(&mut self, time_ns: Option<i64>) {
        self.time_ns = self.time_ns.or(time_ns);
    }

    pub(super) fn level(&mut self, level: Level) {
        self.word(Field::Level, level.as_str());
    }

    pub(super) fn word(&mut self, field: Field, word: &'static str) {
        self.put(field, Kept::Word(word));
    }

    pub(super) fn int(&mut self, field: Field, int: i64) {
        self.put(field, Kept::Int(int));
    }

    pub(super) fn float(&mut self, field: Field, float: f64) {
        if float.is_finite() {
            self.put(field, Kept::Float(float));
        }
    }

    /// A part of the body.
    pub(super) fn text(&mut self, field: Field, body: &str, range: Range<usize>) {
        let most = if field == Field::ErrorStack { STACK } else { TEXT };
        let fits = field == Field::ErrorStack || range.len() <= most;
        if range.is_empty() || !fits {
            return;
        }
        let end =
            (range.start..=range.end.min(range.start + most)).rev().find(|at| body.is_char_boundary(*at));
        self.put(field, Kept::Body(range.start..end.unwrap_or(range.start)));
    }

    /// A text that is not in the body as it is.
    pub(super) fn own(&mut self, field: Field, text: &str) {
        let most = if field == Field::ErrorStack { STACK } else { TEXT };
        let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        if end > 0 && !self.has(field) && (end == text.len() || field == Field::ErrorStack) {
            let start = self.own.len();
            self.own.push_str(&text[..end]);
            self.put(field, Kept::Own(start..self.own.len()));
        }
    }

    fn put(&mut self, field: Field, kept: Kept) {
        let place = &mut self.kept[field as usize];
        if place.is_none() {
            *place = Some(kept);
        }
    }
}
