//! Lines that Docker's driver cuts into pieces (`partial_message`, `partial_id`, `partial_ordinal`, `partial_last`).

use std::borrow::Cow;
use std::collections::VecDeque;

use super::add;
use crate::logs::{CUT_BYTES, Rows};
use crate::tree::Tree;
use model::records::FieldRef;

/// Lines under way, and bytes of them, on one connection; beyond that the oldest is given out as it is.
const LINES: usize = 128;
const BYTES: usize = 4 << 20;

/// What becomes of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    /// It waits for the others.
    Silently,
    /// Likewise, and the acknowledgement of its message with it.
    Asked,
    /// It is a record: the client sends the next one only when this one is acknowledged.
    Never,
}

/// Lines of which not all pieces have come.
#[derive(Debug, Default)]
pub struct Partials {
    lines: VecDeque<Line>,
    bytes: usize,
    /// How many messages were read.
    messages: u64,
}

#[derive(Debug)]
struct Line {
    id: String,
    text: String,
    /// The first message with a piece of it of which an acknowledgement is asked for.
    asked: Option<u64>,
    /// Bytes that did not fit.
    over: u64,
    time: Option<i64>,
    /// What the first piece's record and labels are, for a line that never ends.
    record: String,
    labels: Vec<(String, String)>,
}

impl Partials {
    /// Whether no line is under way.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The oldest message of which a piece is held and an acknowledgement was asked for.
    pub fn waits_for(&self) -> Option<u64> {
        self.lines.iter().filter_map(|line| line.asked).min()
    }

    /// Numbers a message.
    pub(super) fn begin(&mut self) -> u64 {
        self.messages += 1;
        self.messages
    }

    /// Adds a record, or holds it where it is a piece and `hold` allows it.
    pub(super) fn add(
        &mut self,
        rows: &mut Rows<'_>,
        record: Tree<'_>,
        labels: &[(&str, &str)],
        time: Option<i64>,
        hold: Hold,
    ) {
        let text = |name: &str| record.get(name).and_then(Tree::plain).map(Cow::into_owned);
        let id = text("partial_id").filter(|id| hold != Hold::Never && !id.is_empty() && id.len() <= 256);
        let last = text("partial_last").is_some_and(|last| last == "true");
        let Some(id) = id.filter(|_| record.get("log").and_then(Tree::text).is_some()) else {
            return add(rows, record, labels, time);
        };
        let at = self.lines.iter().position(|line| line.id == id);
        let most = rows.limits().line_bytes;
        let mut line = match at.and_then(|at| self.lines.remove(at)) {
            Some(line) => line,
            None => Line::begin(&id, &record, labels, time),
        };
        self.bytes -= line.text.len().min(self.bytes);
        line.push(record.get("log").and_then(Tree::text).unwrap_or_default(), most);
        if last {
            return line.put(rows, &record, labels);
        }
        if hold == Hold::Asked {
            line.asked.get_or_insert(self.messages);
        }
        self.bytes += line.text.len();
        self.lines.push_back(line);
        while self.lines.len() > LINES || self.bytes > BYTES {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.text.len().min(self.bytes);
            oldest.give_up(rows);
        }
    }

    /// Gives out the lines whose ends will not come.
    pub fn finish(&mut self, rows: &mut Rows<'_>) {
        self.bytes = 0;
        self.lines.drain(..).for_each(|line| line.give_up(rows));
    }
}

impl Line {
    fn begin(id: &str, record: &Tree<'_>, labels: &[(&str, &str)], time: Option<i64>) -> Self {
        let mut json = String::new();
        without(record, "").write_json(&mut json);
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { id: id.to_owned(), text: String::new(), asked: None, over: 0, time, record: json, labels }
    }

    fn push(&mut self, piece: &str, most: usize) {
        let end = piece.floor_char_boundary(most.saturating_sub(self.text.len()).min(piece.len()));
        self.text.push_str(&piece[..end]);
        self.over += (piece.len() - end) as u64;
    }

    fn put(&self, rows: &mut Rows<'_>, record: &Tree<'_>, labels: &[(&str, &str)]) {
        add(rows, without(record, &self.text), labels, self.time);
        if self.over > 0 {
            rows.report.cut_lines += 1;
            rows.field(CUT_BYTES, FieldRef::Int(i64::try_from(self.over).unwrap_or(i64::MAX)));
        }
    }

    fn give_up(self, rows: &mut Rows<'_>) {
        let labels: Vec<(&str, &str)> = self.labels.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        // We wrote it.
        if let Ok(record) = Tree::of_json(self.record.as_bytes()) {
            self.put(rows, &record, &labels);
        }
    }
}

/// The record with another text, and nothing that says it is a piece.
fn without<'a>(record: &'a Tree<'a>, text: &'a str) -> Tree<'a> {
    let members = record.members().iter().filter(|(name, _)| !name.starts_with("partial_"));
    let members = members.map(|(name, value)| match name.as_ref() {
        "log" => (name.clone(), Tree::Text(text.into())),
        _ => (name.clone(), value.clone()),
    });
    Tree::Map(members.collect())
}
