//! Columns of a tier become summaries, or the samples that stand for all others.

use std::sync::Arc;

use model::{Coarse, Digest, Fields, Need, Result, SeriesData, TimeRange};

use super::border_at_or_after;
use super::columns::Column;
use super::coverage::{Part, Plan};
use crate::block::{Block, BlockSeries, Page, Pages};
use crate::merge::{Run, merge};

/// Pages of one series in one part, and what is deleted of them.
pub(crate) struct TierPages {
    pub(crate) part: u32,
    pub(crate) pages: Vec<Page>,
    pub(crate) deleted: Option<Arc<[TimeRange]>>,
}

impl Plan {
    /// The columns that are read.
    fn wants(&self, column: Column) -> bool {
        let fields = match self.hint.map(|hint| hint.need) {
            Some(Need::Summaries(fields)) => fields,
            Some(Need::Newest) | None => Fields::default(),
        };
        match column {
            // Also for series with histograms, whose floats are not summed up.
            Column::Last | Column::Stale | Column::Histograms => true,
            Column::First => fields.first || fields.min,
            Column::Count => fields.count,
            Column::Sum => fields.sum,
            Column::Min => fields.min,
            Column::Max => fields.max,
            Column::Resets => fields.resets,
        }
    }

    /// The pages of a series that this plan reads; `None` where there is nothing in it.
    pub(crate) fn pages_of(&self, part: u32, series: BlockSeries) -> Option<TierPages> {
        let Part { exact, fill, .. } = self.parts.get(part as usize)?;
        let wanted = |page: &&Page| {
            Column::of(page.range.start).is_some_and(|column| {
                self.wants(column)
                    && exact.iter().chain(fill).any(|r| page.range.overlaps(column.shifted(*r)))
            })
        };
        let pages: Vec<Page> = series.pages.iter().filter(wanted).copied().collect();
        (!pages.is_empty()).then_some(TierPages { part, pages, deleted: series.deleted })
    }
}

/// Whether a series has native histograms in one of `ranges`: they cannot be summed up.
pub(crate) fn has_histograms(series: &BlockSeries, ranges: &[TimeRange]) -> bool {
    let of = |page: &Page| Column::of(page.range.start) == Some(Column::Histograms);
    let mut pages = series.pages.iter().filter(|page| of(page));
    pages.any(|page| ranges.iter().any(|r| page.range.overlaps(Column::Histograms.shifted(*r))))
}

/// Reads one part of one series.
struct Reader<'a> {
    block: &'a Block,
    resolution: i64,
    pages: &'a [Page],
    deleted: Option<&'a [TimeRange]>,
    decoder: &'a mut Pages,
}

impl Reader<'_> {
    fn has(&self, column: Column) -> bool {
        self.pages.iter().any(|page| Column::of(page.range.start) == Some(column))
    }

    /// What a column has within whole spans, with its times as they are.
    fn column(&mut self, column: Column, within: TimeRange, out: &mut Run) -> Result<()> {
        out.clear();
        let shifted = column.shifted(within);
        let pages = self.pages;
        for page in pages.iter().filter(|page| page.range.overlaps(shifted)) {
            self.decoder.read(self.block, page, out)?;
        }
        if let Some(deleted) = self.deleted {
            out.delete(deleted);
        }
        out.keep_within(&[shifted]);
        column.unshift(&mut out.t);
        for (t, _) in &mut out.histograms {
            let mut one = [*t];
            column.unshift(&mut one);
            *t = one[0];
        }
        Ok(())
    }

    fn summaries(
        &mut self,
        fields: Fields,
        within: TimeRange,
        run: &mut Run,
        out: &mut Vec<Digest>,
    ) -> Result<()> {
        let from = out.len();
        let mut begun = false;
        let mut take =
            |reader: &mut Self, column: Column, set: &dyn Fn(&mut Digest, i64, f64)| -> Result<()> {
                // A column that is not there is the same as another one.
                let stored = match column {
                    Column::Min if !reader.has(Column::Min) => Column::First,
                    Column::Max if !reader.has(Column::Max) => Column::Last,
                    other => other,
                };
                reader.column(stored, within, run)?;
                if !begun {
                    begun = true;
                    out.extend(run.t.iter().map(|t| {
                        let end = border_at_or_after(*t, reader.resolution);
                        Digest { from: end - reader.resolution, end, ..Digest::default() }
                    }));
                }
                if out.len() - from != run.t.len() {
                    return Err(reader.block.damaged("columns of different lengths"));
                }
                for ((summary, t), v) in out[from..].iter_mut().zip(&run.t).zip(&run.v) {
                    set(summary, *t, *v);
                }
                Ok(())
            };
        if fields.first {
            take(self, Column::First, &|s, t, v| (s.first_t, s.first) = (t, v))?;
        }
        if fields.last {
            take(self, Column::Last, &|s, t, v| (s.last_t, s.last) = (t, v))?;
        }
        if fields.count {
            take(self, Column::Count, &|s, _, v| s.count = v as u64)?;
        }
        if fields.sum {
            take(self, Column::Sum, &|s, _, v| s.sum = v)?;
        }
        if fields.min {
            take(self, Column::Min, &|s, _, v| s.min = v)?;
        }
        if fields.max {
            take(self, Column::Max, &|s, _, v| s.max = v)?;
        }
        if fields.resets && self.has(Column::Resets) {
            self.column(Column::Resets, within, run)?;
            let mut spans = out[from..].iter_mut();
            for (t, v) in run.t.iter().zip(&run.v) {
                if let Some(span) = spans.find(|s| s.end == *t) {
                    span.resets = *v;
                }
            }
        }
        Ok(())
    }

    /// Adds the samples that stand for a span: the last one, a stale marker after it, kept histograms.
    fn samples(&mut self, within: TimeRange, run: &mut Run, out: &mut Run) -> Result<()> {
        self.column(Column::Last, within, run)?;
        let mut stale = Run::default();
        self.column(Column::Stale, within, &mut stale)?;
        let mut both = [std::mem::take(run), stale];
        let mut woven = Run::default();
        merge(&mut both, TimeRange::ALL, &mut woven, run);
        out.t.append(&mut woven.t);
        out.v.append(&mut woven.v);
        self.column(Column::Histograms, within, run)?;
        out.histograms.append(&mut run.histograms);
        Ok(())
    }
}

/// Completes series with what tiers have; one a partition.
#[derive(Default)]
pub(crate) struct TierReader {
    decoders: Vec<Pages>,
    run: Run,
    extra: Run,
    scratch: Run,
}

impl TierReader {
    /// `samples` are those of the series as the store has them; those that the plan leaves to tiers go, and what tiers
    /// tell comes in their place, as samples or as summaries in `out`.
    pub(crate) fn complete(
        &mut self,
        plan: &Plan,
        tier: &[TierPages],
        samples: &mut Run,
        out: &mut SeriesData,
    ) -> Result<()> {
        samples.keep_within(&plan.raw);
        self.decoders.resize_with(plan.parts.len(), Pages::default);
        let oldest = [samples.t.first().copied(), samples.histograms.first().map(|h| h.0)];
        let oldest = oldest.into_iter().flatten().min().unwrap_or(i64::MAX);
        let histograms = |tier: &TierPages| {
            tier.pages.iter().any(|page| Column::of(page.range.start) == Some(Column::Histograms))
        };
        let fields = match plan.hint.map(|hint| hint.need) {
            Some(Need::Summaries(fields)) if !tier.iter().any(histograms) => Some(fields),
            _ => None,
        };
        self.extra.clear();
        for pages in tier {
            let Some(part) = plan.parts.get(pages.part as usize) else { continue };
            let mut reader = Reader {
                block: &part.block,
                resolution: part.resolution,
                pages: &pages.pages,
                deleted: pages.deleted.as_deref(),
                decoder: &mut self.decoders[pages.part as usize], // one a part
            };
            let whole = |r: &TimeRange| {
                let end = r.end.min(oldest.saturating_sub(1)).div_euclid(part.resolution) * part.resolution;
                TimeRange::new(r.start, end)
            };
            let fill: Vec<TimeRange> = part.fill.iter().map(whole).filter(|r| !r.is_empty()).collect();
            for (ranges, is_fill) in [(&part.exact, false), (&fill, true)] {
                for within in ranges {
                    let before = (self.extra.t.len() + self.extra.histograms.len(), out.summaries.len());
                    match fields {
                        Some(fields) => {
                            reader.summaries(fields, *within, &mut self.run, &mut out.summaries)?;
                        }
                        None => reader.samples(*within, &mut self.run, &mut self.extra)?,
                    }
                    let after = (self.extra.t.len() + self.extra.histograms.len(), out.summaries.len());
                    if is_fill && before != after {
                        let known = out.coarse.unwrap_or(Coarse { until: i64::MIN, resolution: 0 });
                        out.coarse = Some(Coarse {
                            until: known.until.max(within.end),
                            resolution: known.resolution.max(part.resolution),
                        });
                    }
                }
            }
        }
        out.summaries.sort_by_key(|s| s.from);
        if !self.extra.is_empty() {
            self.put_in_order();
            let mut both = [std::mem::take(samples), std::mem::take(&mut self.extra)];
            let range = match out.coarse {
                // Windows that begin in what is left look at what was before.
                Some(_) => TimeRange::new(i64::MIN, plan.range.end),
                None => plan.range,
            };
            merge(&mut both, range, samples, &mut self.scratch);
            let [_, extra] = both;
            self.extra = extra;
        }
        Ok(())
    }

    /// Parts come by resolution, not by time.
    fn put_in_order(&mut self) {
        if !self.extra.t.is_sorted() {
            let mut all: Vec<(i64, f64)> =
                self.extra.t.iter().copied().zip(self.extra.v.iter().copied()).collect();
            all.sort_by_key(|s| s.0);
            (self.extra.t, self.extra.v) = all.into_iter().unzip();
        }
        self.extra.histograms.sort_by_key(|h| h.0);
    }
}
