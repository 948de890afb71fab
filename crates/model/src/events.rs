//! The event seam: logs, spans, and what happened to containers, as wide events.

use std::collections::BTreeMap;

use crate::ctx::{Ctx, Tenant};
use crate::error::Result;
use crate::labels::Labels;
use crate::metrics::{Appended, Listing, Position};

/// What sort of events: each kind is stored, kept and read apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// What happened to containers: start, die, oom, health, facts from inspect, last minutes.
    Container,
    /// Log lines.
    Log,
    /// Spans of traces.
    Span,
}

/// A typed field value.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Signed integer.
    Int(i64),
    /// Float.
    Float(f64),
    /// Boolean.
    Bool(bool),
    /// Text.
    Text(String),
}

impl FieldValue {
    /// The text, where it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, where it is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(int) => Some(*int),
            _ => None,
        }
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// The stream: few, stable labels (identity).
    pub stream: Labels,
    /// The message.
    pub body: String,
    /// Everything else, by name.
    pub fields: BTreeMap<String, FieldValue>,
}

impl Event {
    /// The text of a field.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field).and_then(FieldValue::as_text)
    }
}

/// How a condition compares.
#[derive(Debug, Clone, PartialEq)]
pub enum ConditionOp {
    /// The field equals this text.
    Equals(String),
    /// The field contains these bytes.
    Contains(String),
    /// The field is one of these texts.
    In(Vec<String>),
}

/// Something the wanted events fulfil. A stream label and a field of the same name are asked alike, the label first;
/// `body` asks the message.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// Field, stream label, or `body`.
    pub field: String,
    /// Comparison.
    pub op: ConditionOp,
}

impl Condition {
    /// `field` equals `value`.
    pub fn equals(field: impl Into<String>, value: impl Into<String>) -> Self {
        Self { field: field.into(), op: ConditionOp::Equals(value.into()) }
    }

    /// Whether `event` fulfils it. Readers that got a superset check again with this.
    pub fn matches(&self, event: &Event) -> bool {
        let text;
        let value = if let Some(label) = event.stream.get(&self.field) {
            label
        } else if self.field == "body" {
            event.body.as_str()
        } else {
            match event.fields.get(&self.field) {
                Some(FieldValue::Text(t)) => t.as_str(),
                Some(FieldValue::Int(i)) => {
                    text = i.to_string();
                    &text
                }
                Some(FieldValue::Float(f)) => {
                    text = f.to_string();
                    &text
                }
                Some(FieldValue::Bool(b)) => {
                    if *b {
                        "true"
                    } else {
                        "false"
                    }
                }
                None => "",
            }
        };
        match &self.op {
            ConditionOp::Equals(want) => value == want,
            ConditionOp::Contains(part) => value.contains(part.as_str()),
            ConditionOp::In(list) => list.iter().any(|want| want == value),
        }
    }
}

/// Which end of the range comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Oldest first.
    #[default]
    Ascending,
    /// Newest first.
    Descending,
}

/// What to scan. The store may return more than the conditions ask, never less.
#[derive(Debug, Clone)]
pub struct EventScan {
    /// Which kind.
    pub kind: EventKind,
    /// First nanosecond.
    pub start_ns: i64,
    /// Last nanosecond.
    pub end_ns: i64,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Fields that are wanted; empty: all.
    pub columns: Vec<String>,
    /// How many events suffice, 0 for all; a hint unless the store checked every condition itself.
    pub limit: usize,
    /// Which end first.
    pub order: Order,
}

/// A run of events in the asked order.
#[derive(Debug, Clone, Default)]
pub struct EventBatch {
    /// The events.
    pub events: Vec<Event>,
}

/// The events of a scan, batch by batch.
pub trait EventStream: Send {
    /// Fills `out` (cleared first); `false`: no more.
    fn next(&mut self, out: &mut EventBatch) -> Result<bool>;
}

/// The way in.
pub trait EventWriter: Send + Sync {
    /// Appends events of one kind. When this returns, the accepted ones survive `kill -9` and are visible.
    fn append(
        &self,
        tenant: &Tenant,
        kind: EventKind,
        events: &[Event],
        position: Option<Position<'_>>,
    ) -> Result<Appended>;

    /// The position last logged for `source`.
    fn position(&self, _source: &str) -> Option<Vec<u8>> {
        None
    }
}

/// The way out.
pub trait EventReader: Send + Sync {
    /// Events that fulfil `scan`.
    fn scan(&self, ctx: &Ctx, scan: &EventScan) -> Result<Box<dyn EventStream>>;

    /// Names of fields and stream labels within the scan's range.
    fn field_names(&self, ctx: &Ctx, scan: &EventScan) -> Result<Listing>;

    /// Values of one field or stream label within the scan's range.
    fn field_values(&self, ctx: &Ctx, name: &str, scan: &EventScan) -> Result<Listing>;

    /// Reads a whole scan into memory, at most `scan.limit` events (10,000 where it is 0), conditions checked again.
    fn collect(&self, ctx: &Ctx, scan: &EventScan) -> Result<Vec<Event>> {
        let most = if scan.limit == 0 { 10_000 } else { scan.limit };
        let mut stream = self.scan(ctx, scan)?;
        let mut batch = EventBatch::default();
        let mut found = Vec::new();
        while found.len() < most && stream.next(&mut batch)? {
            ctx.check()?;
            let wanted = batch.events.drain(..).filter(|e| scan.conditions.iter().all(|c| c.matches(e)));
            found.extend(wanted.take(most - found.len()));
        }
        Ok(found)
    }
}
