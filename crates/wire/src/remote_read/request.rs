//! What is asked.

use model::{MatchOp, Matcher};

use crate::remote_write::Error;
use crate::remote_write::proto::{Message, Value, put_bytes, put_int, put_varint};

/// Queries, matchers and names of one request; more are refused.
const MAX_ITEMS: usize = 1 << 12;

/// How an answer may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseType {
    /// One message with all samples.
    Samples,
    /// A stream of encoded chunks.
    StreamedChunks,
}

/// A request.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ReadRequest {
    /// What is asked, answered in this order.
    pub queries: Vec<Query>,
    /// Accepted answers by their number, the best first; empty means samples.
    pub accepted: Vec<u64>,
}

/// One query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// First millisecond.
    pub start: i64,
    /// Last millisecond.
    pub end: i64,
    /// Conditions, all of which must hold.
    pub matchers: Vec<Matcher>,
    /// What the asker will do with the data.
    pub hints: Option<Hints>,
}

/// What the asker will do with the data; an answer may ignore it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hints {
    /// Step of the query, ms.
    pub step: i64,
    /// Function or aggregation around the selector.
    pub function: String,
    /// First millisecond.
    pub start: i64,
    /// Last millisecond.
    pub end: i64,
    /// Labels of the aggregation.
    pub grouping: Vec<String>,
    /// Whether it is `by` or `without`.
    pub by: bool,
    /// Range of the selector, ms.
    pub range: i64,
}

impl ReadRequest {
    /// Reads a decompressed request. A regular expression that does not compile is an error of its own.
    pub fn decode(body: &[u8]) -> model::Result<Self> {
        let mut message = Message { bytes: body, at: 0 };
        let mut request = Self::default();
        while let Some((number, value)) = message.field().map_err(invalid)? {
            match (number, value) {
                (1, Value::Bytes(query)) => {
                    limit(&message, request.queries.len())?;
                    request.queries.push(read_query(query)?);
                }
                (2, Value::Varint(kind)) => request.accepted.push(kind),
                (2, Value::Bytes(mut packed)) => {
                    while !packed.bytes.is_empty() {
                        limit(&packed, request.accepted.len())?;
                        request.accepted.push(packed.varint().map_err(invalid)?);
                    }
                }
                (1 | 2, _) => {
                    return Err(invalid(message.error("a field of a read request has the wrong type")));
                }
                _ => {}
            }
            limit(&message, request.accepted.len())?;
        }
        Ok(request)
    }

    /// The first of the accepted answers that can be given, or the text of Prometheus' refusal.
    pub fn negotiate(&self) -> Result<ResponseType, String> {
        if self.accepted.is_empty() {
            return Ok(ResponseType::Samples);
        }
        let known = self.accepted.iter().find_map(|kind| match kind {
            0 => Some(ResponseType::Samples),
            1 => Some(ResponseType::StreamedChunks),
            _ => None,
        });
        known.ok_or_else(|| {
            let wanted: Vec<String> = self.accepted.iter().map(u64::to_string).collect();
            format!(
                "server does not support any of the requested response types: [{}]; supported: map[SAMPLES:{{}} \
                 STREAMED_XOR_CHUNKS:{{}}]",
                wanted.join(" ")
            )
        })
    }

    /// The message, not compressed.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for query in &self.queries {
            put_bytes(&mut out, 1, &encode_query(query));
        }
        let mut packed = Vec::new();
        for kind in &self.accepted {
            put_varint(&mut packed, *kind);
        }
        if !packed.is_empty() {
            put_bytes(&mut out, 2, &packed);
        }
        out
    }
}

fn invalid(error: Error) -> model::Error {
    model::Error::new(error.kind(), error)
}

fn limit(message: &Message<'_>, items: usize) -> model::Result<()> {
    if items >= MAX_ITEMS {
        Err(invalid(message.error("more than 4096 items in a read request")))
    } else {
        Ok(())
    }
}

fn text(message: Message<'_>) -> model::Result<String> {
    match std::str::from_utf8(message.bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(invalid(message.error("a string is not valid UTF-8"))),
    }
}

fn read_query(mut message: Message<'_>) -> model::Result<Query> {
    let mut query = Query::default();
    while let Some((number, value)) = message.field().map_err(invalid)? {
        match (number, value) {
            (1, Value::Varint(t)) => query.start = t as i64,
            (2, Value::Varint(t)) => query.end = t as i64,
            (3, Value::Bytes(matcher)) => {
                limit(&message, query.matchers.len())?;
                query.matchers.push(read_matcher(matcher)?);
            }
            (4, Value::Bytes(hints)) => query.hints = Some(read_hints(hints)?),
            (1..=4, _) => return Err(invalid(message.error("a field of a query has the wrong type"))),
            _ => {}
        }
    }
    Ok(query)
}

fn read_matcher(mut message: Message<'_>) -> model::Result<Matcher> {
    let (mut op, mut name, mut value) = (MatchOp::Equal, String::new(), String::new());
    while let Some((number, field)) = message.field().map_err(invalid)? {
        match (number, field) {
            (1, Value::Varint(0)) => op = MatchOp::Equal,
            (1, Value::Varint(1)) => op = MatchOp::NotEqual,
            (1, Value::Varint(2)) => op = MatchOp::Regex,
            (1, Value::Varint(3)) => op = MatchOp::NotRegex,
            (1, Value::Varint(_)) => return Err(model::Error::invalid("invalid matcher type")),
            (2, Value::Bytes(bytes)) => name = text(bytes)?,
            (3, Value::Bytes(bytes)) => value = text(bytes)?,
            (1..=3, _) => return Err(invalid(message.error("a field of a matcher has the wrong type"))),
            _ => {}
        }
    }
    Matcher::new(name, op, value)
}

fn read_hints(mut message: Message<'_>) -> model::Result<Hints> {
    let mut hints = Hints::default();
    while let Some((number, value)) = message.field().map_err(invalid)? {
        match (number, value) {
            (1, Value::Varint(step)) => hints.step = step as i64,
            (2, Value::Bytes(function)) => hints.function = text(function)?,
            (3, Value::Varint(t)) => hints.start = t as i64,
            (4, Value::Varint(t)) => hints.end = t as i64,
            (5, Value::Bytes(label)) => {
                limit(&message, hints.grouping.len())?;
                hints.grouping.push(text(label)?);
            }
            (6, Value::Varint(by)) => hints.by = by != 0,
            (7, Value::Varint(range)) => hints.range = range as i64,
            (1..=7, _) => return Err(invalid(message.error("a field of read hints has the wrong type"))),
            _ => {}
        }
    }
    Ok(hints)
}

fn encode_query(query: &Query) -> Vec<u8> {
    let (mut out, mut field) = (Vec::new(), Vec::new());
    put_int(&mut out, 1, query.start);
    put_int(&mut out, 2, query.end);
    for matcher in &query.matchers {
        field.clear();
        let op = match matcher.op {
            MatchOp::Equal => 0,
            MatchOp::NotEqual => 1,
            MatchOp::Regex => 2,
            MatchOp::NotRegex => 3,
        };
        put_int(&mut field, 1, op);
        put_bytes(&mut field, 2, matcher.name.as_bytes());
        put_bytes(&mut field, 3, matcher.value.as_bytes());
        put_bytes(&mut out, 3, &field);
    }
    if let Some(hints) = &query.hints {
        field.clear();
        put_int(&mut field, 1, hints.step);
        put_bytes(&mut field, 2, hints.function.as_bytes());
        put_int(&mut field, 3, hints.start);
        put_int(&mut field, 4, hints.end);
        for label in &hints.grouping {
            put_bytes(&mut field, 5, label.as_bytes());
        }
        put_int(&mut field, 6, i64::from(hints.by));
        put_int(&mut field, 7, hints.range);
        put_bytes(&mut out, 4, &field);
    }
    out
}
