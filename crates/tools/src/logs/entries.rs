//! Lines out of answers.

use serde_json::{Map, Value as Json};

/// A line.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Nanoseconds since the Unix epoch.
    pub(super) time: i64,
    /// Labels of its stream.
    pub(super) labels: Map<String, Json>,
    pub(super) line: String,
}

/// All lines of a list of streams, by time.
pub(super) fn of_streams(streams: &Json, forward: bool) -> Vec<Entry> {
    let mut all = Vec::new();
    for stream in streams.as_array().into_iter().flatten() {
        let labels = stream["stream"].as_object().cloned().unwrap_or_default();
        for value in stream["values"].as_array().into_iter().flatten() {
            let (Some(time), Some(line)) = (value[0].as_str(), value[1].as_str()) else { continue };
            let Ok(time) = time.parse() else { continue };
            all.push(Entry { time, labels: labels.clone(), line: line.to_owned() });
        }
    }
    // Lines of one time stay in the order of the answer.
    match forward {
        true => all.sort_by_key(|entry| entry.time),
        false => all.sort_by_key(|entry| std::cmp::Reverse(entry.time)),
    }
    all
}
