//! Places in a text: overlapping ones become one, and what is masked already stays as it is.

use std::ops::Range;

use super::Found;

/// What every full replacement begins with.
pub(super) const OPEN: &str = "[masked:";
/// What every partial replacement begins with.
pub(super) const STARS: &str = "****";

/// Sorts them; those that overlap become one, named after the first.
pub(super) fn settle(found: &mut Vec<Found>) {
    found.sort_by(|a, b| a.place.start.cmp(&b.place.start).then(b.place.end.cmp(&a.place.end)));
    found.dedup_by(|next, kept| {
        let overlaps = next.place.start < kept.place.end;
        if overlaps {
            kept.place.end = kept.place.end.max(next.place.end);
        }
        overlaps
    });
}

/// Drops those from `from` on that touch what was masked before.
pub(super) fn leave_masked(text: &str, found: &mut Vec<Found>, from: usize) {
    if found.len() == from || !(text.contains(OPEN) || text.contains(STARS)) {
        return;
    }
    let masked: Vec<Range<usize>> = masked(text).collect();
    let mut at = 0;
    found.retain(|found| {
        at += 1;
        at <= from || !masked.iter().any(|m| m.start < found.place.end && found.place.start < m.end)
    });
}

/// Where replacements are.
fn masked(text: &str) -> impl Iterator<Item = Range<usize>> {
    let full = text.match_indices(OPEN).filter_map(|(at, _)| {
        let end = text[at..].find(']')?;
        Some(at..at + end + 1)
    });
    let partial = text.match_indices(STARS).map(|(at, _)| {
        let tail = text[at + STARS.len()..].bytes().take(4).take_while(u8::is_ascii_alphanumeric).count();
        // A resident number keeps its birthday before the stars.
        let head = text[..at].bytes().rev().take(8).take_while(|b| b.is_ascii_digit() || *b == b'-').count();
        at - head..at + STARS.len() + tail
    });
    full.chain(partial)
}

/// Whether a value is a replacement.
pub(super) fn is_masked(value: &str) -> bool {
    value.starts_with(OPEN) || value.starts_with(STARS)
}
