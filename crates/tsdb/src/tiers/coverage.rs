//! Which part of a query each block of a tier answers, and for which part samples are read.

use std::sync::Arc;

use model::{Cuts, DigestHint, Need, TimeRange};

use super::border_at_or_after;
use crate::block::Block;

/// A block of a tier that may be used.
pub(crate) struct Candidate {
    pub(crate) block: Arc<Block>,
    pub(crate) resolution: i64,
    pub(crate) window: TimeRange,
    /// End of its first span.
    pub(crate) first: i64,
    /// Whether it tells the same as the samples that are there.
    pub(crate) current: bool,
}

/// What of a block is read.
pub(crate) struct Part {
    pub(crate) block: Arc<Block>,
    pub(crate) resolution: i64,
    /// Whole spans, in place of samples.
    pub(crate) exact: Vec<TimeRange>,
    /// Spans that are read where a series has no samples before their end.
    pub(crate) fill: Vec<TimeRange>,
}

/// How a selection is answered.
pub(crate) struct Plan {
    pub(crate) hint: Option<DigestHint>,
    pub(crate) range: TimeRange,
    pub(crate) parts: Vec<Part>,
    /// Where samples are read, in order.
    pub(crate) raw: Vec<TimeRange>,
}

/// What a plan is made from.
pub(crate) struct Question<'a> {
    pub(crate) range: TimeRange,
    pub(crate) hint: Option<DigestHint>,
    /// Before this time samples may have been deleted for their age.
    pub(crate) gone_before: i64,
    /// Time that a page of samples covers, ms: no less is read at a time.
    pub(crate) page: &'a dyn Fn(TimeRange) -> i64,
}

impl Plan {
    /// Whether samples within `range` are read.
    pub(crate) fn wants_samples(&self, range: TimeRange) -> bool {
        self.raw.iter().any(|r| r.overlaps(range))
    }

    /// What the user should know.
    pub(crate) fn infos(&self) -> Vec<String> {
        let filled = self.parts.iter().filter(|p| p.fill.iter().any(|f| f.overlaps(self.range)));
        let Some(longest) = filled.map(|p| p.resolution).max() else { return Vec::new() };
        let minutes = longest / 60_000;
        vec![format!(
            "some samples of this time were deleted for their age; what is left of them are summaries of up to \
             {minutes} minutes, to whose borders windows are rounded"
        )]
    }

    /// Lengths of the spans that are used, coarsest first.
    pub(crate) fn resolutions(&self) -> Vec<i64> {
        let mut all: Vec<i64> = self.parts.iter().map(|p| p.resolution).collect();
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.dedup();
        all
    }
}

/// Makes a plan of candidates, coarsest first; `None` where samples answer it all.
pub(crate) fn plan(question: &Question<'_>, candidates: Vec<Candidate>) -> Option<Plan> {
    let (range, hint) = (question.range, question.hint);
    let mut left = vec![range];
    let mut cut = Cutter { known: Vec::new() };
    let mut parts: Vec<(Part, TimeRange)> = Vec::new();
    for candidate in candidates {
        let mut exact = Vec::new();
        if candidate.current
            && let Some(hint) = hint
        {
            for gap in left.iter().filter(|gap| gap.overlaps(candidate.window)) {
                let whole = whole_spans(*gap, range, candidate.window, candidate.resolution, hint.need);
                let cuts = cut.spans(&hint.cuts, candidate.resolution, whole);
                if !cuts.is_empty() && whole.end < question.gone_before {
                    continue; // no samples are left for what is cut: below, all of it is one range
                }
                if is_worth_it(whole, &cuts, candidate.resolution, (question.page)(whole)) {
                    exact.extend(without(whole, &cuts, candidate.resolution));
                }
            }
            exact.iter().for_each(|taken| left = left.iter().flat_map(|l| minus(*l, *taken)).collect());
        }
        let Candidate { block, resolution, window, first, .. } = candidate;
        let known = TimeRange::new(window.start.max(first - resolution + 1), window.end);
        parts.push((Part { block, resolution, exact, fill: Vec::new() }, known));
    }
    fill(question, &mut parts);
    let parts: Vec<Part> = parts
        .into_iter()
        .map(|(part, _)| part)
        .filter(|p| !p.exact.is_empty() || !p.fill.is_empty())
        .collect();
    (!parts.is_empty()).then_some(Plan { hint, range, parts, raw: left })
}

/// Gives what is older than the samples to the finest tier that has it.
fn fill(question: &Question<'_>, parts: &mut [(Part, TimeRange)]) {
    let Some(coarsest) = parts.iter().map(|(part, _)| part.resolution).max() else { return };
    let range = question.range;
    // Windows move to the borders of spans: what lies around the range may belong to them.
    let start = range.start.saturating_sub(coarsest).max(super::columns::TIMES.start);
    let end = range.end.saturating_add(coarsest).min(super::columns::TIMES.end);
    // A span that reaches to where samples are is told by them.
    let end = border_at_or_after(end, coarsest).min(question.gone_before.saturating_sub(1));
    let wanted = TimeRange::new(start.div_euclid(coarsest) * coarsest + 1, end);
    if wanted.is_empty() {
        return;
    }
    let mut left = vec![wanted];
    for taken in parts.iter().flat_map(|(part, _)| &part.exact) {
        left = left.iter().flat_map(|l| minus(*l, *taken)).collect();
    }
    for (part, window) in parts.iter_mut().rev() {
        for gap in left.clone() {
            let first = border_at_or_after(gap.start.max(window.start) - 1, part.resolution);
            let end = gap.end.min(window.end).div_euclid(part.resolution) * part.resolution;
            let spans = TimeRange::new(first + 1, end);
            if !spans.is_empty() {
                part.fill.push(spans);
                left = left.iter().flat_map(|l| minus(*l, spans)).collect();
            }
        }
    }
}

/// The whole spans within a gap of the range. Where only the newest sample before an end counts, the span that the
/// range begins in is one of them.
fn whole_spans(
    gap: TimeRange,
    range: TimeRange,
    window: TimeRange,
    resolution: i64,
    need: Need,
) -> TimeRange {
    let start = gap.start.max(window.start);
    let first = border_at_or_after(start - 1, resolution);
    let from = if need == Need::Newest && start == range.start && first > start - 1 {
        (first - resolution).max(window.start - 1)
    } else {
        first
    };
    let end = gap.end.min(window.end).div_euclid(resolution) * resolution;
    TimeRange::new(from + 1, end)
}

/// Knows the spans that windows cut, by resolution.
struct Cutter {
    known: Vec<(i64, Vec<i64>)>,
}

impl Cutter {
    /// Starts (open) of the spans within `whole` that are cut.
    fn spans(&mut self, cuts: &Cuts, resolution: i64, whole: TimeRange) -> Vec<i64> {
        if !self.known.iter().any(|(r, _)| *r == resolution) {
            let inside = cuts.each().filter(|t| t.rem_euclid(resolution) != 0);
            let mut spans: Vec<i64> = inside.map(|t| t.div_euclid(resolution) * resolution).collect();
            spans.sort_unstable();
            spans.dedup();
            self.known.push((resolution, spans));
        }
        let Some((_, all)) = self.known.iter().find(|(r, _)| *r == resolution) else { return Vec::new() };
        let from = all.partition_point(|s| *s + 1 < whole.start);
        let to = all.partition_point(|s| *s < whole.end).max(from);
        all[from..to].to_vec()
    }
}

/// Whether at most half of what the samples would cost is left after the spans that are cut are read as samples.
fn is_worth_it(whole: TimeRange, cuts: &[i64], resolution: i64, page: i64) -> bool {
    if whole.is_empty() {
        return false;
    }
    let length = whole.end - whole.start + 1;
    let page = page.max(resolution);
    let mut reached = i64::MIN;
    let mut still_read = 0i64;
    for cut in cuts {
        let from = reached.max(*cut);
        reached = cut.saturating_add(page).max(reached);
        still_read = still_read.saturating_add(reached - from);
    }
    cuts.is_empty() || still_read.saturating_mul(2) <= length
}

/// `whole` without the spans that are cut, which are in order.
fn without(whole: TimeRange, cuts: &[i64], resolution: i64) -> Vec<TimeRange> {
    let mut left = Vec::with_capacity(cuts.len() + 1);
    let mut start = whole.start;
    for cut in cuts {
        left.push(TimeRange::new(start, *cut));
        start = cut + resolution + 1;
    }
    left.push(TimeRange::new(start, whole.end));
    left.retain(|r| !r.is_empty());
    left
}

/// What is left of `a` without `b`.
fn minus(a: TimeRange, b: TimeRange) -> Vec<TimeRange> {
    if !a.overlaps(b) {
        return vec![a];
    }
    let before = TimeRange::new(a.start, b.start - 1);
    let after = TimeRange::new(b.end.saturating_add(1), a.end);
    [before, after].into_iter().filter(|r| !r.is_empty()).collect()
}
