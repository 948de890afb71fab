//! What is held back for a moment: lines of one stack trace, and pieces of one line, become one event. Pure.

use std::collections::HashMap;

use super::super::multiline::{Joining, Rule};
use super::line::Line;

/// The most lines of an event.
const LINES: usize = 1000;

/// An output's event under way.
#[derive(Default)]
struct Open {
    joining: Joining,
    /// Where in the list it is.
    at: usize,
    lines: usize,
    /// Pieces of a line that goes on.
    piece: Option<Line>,
}

pub(super) struct Joins {
    rule: Rule,
    most: usize,
    held: Vec<Line>,
    bytes: usize,
    open: HashMap<String, Open>,
    cut: u64,
}

impl Joins {
    pub(super) fn new(rule: Rule, most: usize) -> Self {
        Self { rule, most, held: Vec::new(), bytes: 0, open: HashMap::new(), cut: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty() && self.open.values().all(|open| open.piece.is_none())
    }

    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a line or a key is there of which the end has not come.
    pub(super) fn is_cut_short(&self) -> bool {
        self.open.values().any(|open| open.piece.is_some() || open.joining.is_within_key())
    }

    pub(super) fn take_cut(&mut self) -> u64 {
        std::mem::take(&mut self.cut)
    }

    pub(super) fn add(&mut self, mut line: Line) {
        self.bytes += line.text.len() + 64;
        let Some(output) = line.output.take() else {
            self.held.push(line);
            return;
        };
        let Self { open, held, rule, most, cut, .. } = self;
        let open = open
            .entry(output)
            .or_insert_with(|| Open { joining: Joining::new(rule.clone()), ..Open::default() });
        let partial = line.partial;
        let line = match open.piece.take() {
            Some(mut begun) => {
                *cut += u64::from(!push(&mut begun.text, &line.text, *most));
                begun
            }
            None => line,
        };
        if partial {
            open.piece = Some(line);
            return;
        }
        let event = if open.lines > 0 { held.get_mut(open.at) } else { None };
        let room = event.as_ref().is_some_and(|event| open.lines < LINES && event.text.len() < *most);
        if open.joining.continues(&line.text, room)
            && let Some(event) = event
        {
            *cut +=
                u64::from(!(push(&mut event.text, "\n", *most) && push(&mut event.text, &line.text, *most)));
            open.lines += 1;
            return;
        }
        (open.at, open.lines) = (held.len(), 1);
        held.push(line);
    }

    /// Gives everything out, in order; how many events that were.
    pub(super) fn drain(&mut self, mut give: impl FnMut(&Line)) -> u64 {
        self.held.iter().for_each(&mut give);
        let mut pieces: Vec<&Line> = self.open.values().filter_map(|open| open.piece.as_ref()).collect();
        pieces.sort_by_key(|line| line.time_ns);
        pieces.iter().for_each(|line| give(line));
        let count = self.held.len() + pieces.len();
        self.held.clear();
        self.open.clear();
        self.bytes = 0;
        count as u64
    }
}

/// Adds as much as there is room for; `false` where that is not all.
fn push(text: &mut String, more: &str, most: usize) -> bool {
    let end = more.floor_char_boundary(most.saturating_sub(text.len()).min(more.len()));
    text.push_str(&more[..end]);
    end == more.len()
}
