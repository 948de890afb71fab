//! Counting records without reading them.

use std::sync::Arc;

use super::Reading;

/// Where a text that records are counted by comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyPlace {
    /// A label of the stream.
    Label,
    /// A field that was sent.
    Sent,
    /// A field that was detected.
    Detected,
}

/// A text that records are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeySource {
    /// Where it comes from.
    pub place: KeyPlace,
    /// The name there.
    pub name: String,
    /// Whether ASCII letters are counted in lower case.
    pub lower: bool,
}

/// How records are counted.
#[derive(Debug, Clone)]
pub struct Counting {
    /// The parts of the key. Of each the first source counts that has a text which is not empty; numbers are taken as they
    /// are written.
    pub by: Vec<Vec<KeySource>>,
    /// What messages say, too: it makes one key of these parts and of the texts that it reads.
    pub reading: Option<Arc<dyn Reading>>,
    /// The end of step 0, which the step includes (nanoseconds).
    pub end_ns: i64,
    /// How long steps are; each begins behind the end of the one before.
    pub step_ns: i64,
}

impl Counting {
    /// The step that a time is in.
    pub fn step_of(&self, time_ns: i64) -> i64 {
        let (after, step) = (time_ns.saturating_sub(self.end_ns), self.step_ns.max(1));
        after.div_euclid(step) + i64::from(after.rem_euclid(step) != 0)
    }

    /// The last nanosecond of a step.
    pub fn end_of(&self, step: i64) -> i64 {
        self.end_ns.saturating_add(step.saturating_mul(self.step_ns.max(1)))
    }
}

/// How many records have a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The parts of the key; empty where a record has no such text. With a [`Reading`] the one that it made.
    pub key: Vec<String>,
    /// Steps that have records, sorted, and how many.
    pub steps: Vec<(i64, u64)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_include_their_ends() {
        let counting = Counting { by: Vec::new(), reading: None, end_ns: 100, step_ns: 10 };
        for (time, step) in [(100, 0), (91, 0), (90, -1), (101, 1), (110, 1), (111, 2)] {
            assert_eq!(counting.step_of(time), step, "{time}");
        }
        assert_eq!((counting.end_of(0), counting.end_of(-2)), (100, 80));
    }
}
