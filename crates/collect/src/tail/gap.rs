//! A gap as a line of the stream that has it: whoever reads the log sees where something is missing.

use model::records::{FieldRef, Origin};
use model::{Labels, Records};

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// In words.
    pub what: String,
    /// The value of the field `gap`: `deleted`, `emptied`, `unseen`.
    pub kind: &'static str,
    /// How many bytes are missing at least, where that is known.
    pub bytes: Option<u64>,
}

impl Gap {
    /// Adds the line that tells of it, at the time of the line behind it.
    pub fn put(&self, out: &mut Records, labels: &Labels, time_ns: i64) {
        let stream = out.stream(labels);
        out.push(stream, time_ns, &format!("[lines are missing here: {}]", self.what));
        out.field("gap", Origin::Sent, FieldRef::Text(self.kind));
        out.field("severity", Origin::Sent, FieldRef::Text("warning"));
        if let Some(bytes) = self.bytes {
            out.field("gap_bytes", Origin::Sent, FieldRef::Int(i64::try_from(bytes).unwrap_or(i64::MAX)));
        }
    }
}
