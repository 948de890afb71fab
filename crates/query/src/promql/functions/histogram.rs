//! `histogram_*` over instant vectors: classic buckets are gathered once a query, their counts step by step.

use hashbrown::HashMap;
use model::Labels;

use super::classic::{ClassicBucket, bucket_fraction, bucket_quantile};
use crate::promql::annotations::{Forced, bad_bucket, invalid_quantile, with_name};
use crate::promql::ast::{Call, Span};
use crate::promql::eval::{Cell, Cells, Evaluator, Outcome, Row, Rows, Steps};
use crate::promql::native;
use crate::promql::number::{go_f, go_v};

/// The label of a classic bucket's upper bound.
const BUCKET: &str = "le";

/// A classic histogram: which rows are its buckets, sorted by bound.
struct Group {
    labels: Labels,
    buckets: Vec<(f64, usize)>,
    /// The row of a native histogram with the same labels.
    native: Option<usize>,
}

/// What one histogram yields at one step.
enum Source<'a> {
    Classic(&'a mut Vec<ClassicBucket>),
    Native(&'a model::Histogram),
}

impl Evaluator<'_> {
    pub(super) fn histogram_quantile(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let quantile_arg = self.arg(call, 0)?;
        let q = self.scalar(quantile_arg, steps)?;
        let arg = self.arg(call, 1)?;
        let rows = self.vector(arg, steps)?;
        self.warn_of_quantiles(&q, quantile_arg.span());
        let mut result = self.per_histogram(&rows, arg.span(), steps, |source, labels, i| {
            self.quantile_of(source, q[i], labels, arg.span(), steps.time(i))
        })?;
        result.drop_names(self.delayed(), false)?;
        Ok(result)
    }

    /// Several quantiles at once, each with its own label.
    pub(super) fn histogram_quantiles(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let arg = self.arg(call, 0)?;
        let label = self.text(self.arg(call, 1)?)?.to_owned();
        let rows = self.vector(arg, steps)?;
        let mut all = Rows::empty(&self.meter);
        for at in 2..call.args.len() {
            let quantile_arg = self.arg(call, at)?;
            let q = self.scalar(quantile_arg, steps)?;
            self.warn_of_quantiles(&q, quantile_arg.span());
            let mut some = self.per_histogram(&rows, arg.span(), steps, |source, labels, i| {
                self.quantile_of(source, q[i], labels, arg.span(), steps.time(i))
            })?;
            for row in some.rows.drain(..) {
                split_by_quantile(row, &label, &q, &mut all.rows);
            }
            all.charge.absorb(some.charge);
        }
        all.merge(false)?;
        all.drop_names(self.delayed(), false)?;
        Ok(all)
    }

    pub(super) fn histogram_fraction(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let lower = self.scalar(self.arg(call, 0)?, steps)?;
        let upper = self.scalar(self.arg(call, 1)?, steps)?;
        let arg = self.arg(call, 2)?;
        let rows = self.vector(arg, steps)?;
        let mut result = self.per_histogram(&rows, arg.span(), steps, |source, labels, i| match source {
            Source::Classic(buckets) => bucket_fraction(lower[i], upper[i], buckets),
            Source::Native(h) => {
                let (share, note) = native::fraction(lower[i], upper[i], h);
                if let Some(note) = note {
                    self.notes.info(arg.span(), with_name(note, labels.metric_name()));
                }
                share
            }
        })?;
        result.drop_names(self.delayed(), false)?;
        Ok(result)
    }

    /// Functions that take a number from each native histogram.
    pub(super) fn histogram_number(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let number: fn(&model::Histogram) -> f64 = match call.function.name {
            "histogram_count" => |h| h.count,
            "histogram_sum" => |h| h.sum,
            "histogram_avg" => |h| h.sum / h.count,
            "histogram_stddev" => |h| native::variance(h).sqrt(),
            _ => native::variance,
        };
        let mut rows = self.vector(self.arg(call, 0)?, steps)?;
        for row in &mut rows.rows {
            let mut cells = Cells::absent(steps.len);
            for i in 0..steps.len {
                if let Some(h) = row.cells.histogram(i) {
                    cells.set(i, number(h));
                }
            }
            row.cells = cells;
        }
        rows.prune();
        rows.drop_names(self.delayed(), false)?;
        Ok(rows)
    }

    fn warn_of_quantiles(&self, q: &[f64], span: Span) {
        for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
            self.notes.warn(span, invalid_quantile(*q));
        }
    }

    fn quantile_of(&self, source: Source<'_>, q: f64, labels: &Labels, span: Span, t: i64) -> f64 {
        let metric = if self.delayed() { labels.metric_name() } else { "" };
        match source {
            Source::Classic(buckets) => {
                let (value, repair) = bucket_quantile(q, buckets);
                if let Some(repair) = repair {
                    let forced = Forced {
                        first_ms: t,
                        last_ms: t,
                        min_bucket: repair.min_bucket,
                        max_bucket: repair.max_bucket,
                        max_diff: repair.max_diff,
                        count: 1,
                    };
                    self.notes.forced_monotonicity(span, metric, forced);
                }
                value
            }
            Source::Native(h) => {
                let (value, note) = native::quantile(q, h);
                if let Some(note) = note {
                    self.notes.info(span, with_name(note, metric));
                }
                value
            }
        }
    }

    /// Calls `f` for every histogram, classic or native, at every step at which it has a value.
    fn per_histogram(
        &self,
        rows: &Rows,
        span: Span,
        steps: Steps,
        f: impl Fn(Source<'_>, &Labels, usize) -> f64,
    ) -> Outcome<Rows> {
        let groups = self.groups(rows, span);
        let mut result = Vec::with_capacity(groups.len());
        let mut buckets = Vec::new();
        for group in &groups {
            self.check()?;
            let mut cells = Cells::absent(steps.len);
            for i in 0..steps.len {
                buckets.clear();
                buckets.extend(group.buckets.iter().filter_map(|(upper, at)| {
                    let count = rows.rows[*at].cells.float(i)?;
                    Some(ClassicBucket { upper: *upper, count })
                }));
                let native = group.native.and_then(|at| rows.rows[at].cells.histogram(i));
                match (native, buckets.is_empty()) {
                    (Some(h), true) => cells.set(i, f(Source::Native(h), &group.labels, i)),
                    (Some(_), false) => {
                        let metric = if self.delayed() { group.labels.metric_name() } else { "" };
                        let text = "vector contains a mix of classic and native histograms";
                        self.notes.warn(span, with_name(text, metric));
                    }
                    (None, false) => cells.set(i, f(Source::Classic(&mut buckets), &group.labels, i)),
                    (None, true) => {}
                }
            }
            if !cells.is_empty() {
                result.push(Row::new(group.labels.clone(), cells));
            }
        }
        Rows::counted(result, &self.meter)
    }

    /// Sorts rows into histograms by their labels without the bound.
    fn groups(&self, rows: &Rows, span: Span) -> Vec<Group> {
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        let mut group_of = |labels: Labels, groups: &mut Vec<Group>| {
            *index.entry(labels.clone()).or_insert_with(|| {
                groups.push(Group { labels, buckets: Vec::new(), native: None });
                groups.len() - 1
            })
        };
        for (at, row) in rows.rows.iter().enumerate() {
            let (mut floats, mut histograms) = (false, false);
            for i in 0..row.cells.len() {
                match row.cells.get(i) {
                    Some(Cell::Float(_)) => floats = true,
                    Some(Cell::Histogram(_)) => histograms = true,
                    None => {}
                }
            }
            if histograms {
                let group = group_of(row.labels.clone(), &mut groups);
                groups[group].native = Some(at);
            }
            if floats {
                let bound = row.labels.get_or_empty(BUCKET);
                match parse_bound(bound) {
                    Some(upper) => {
                        let group = group_of(row.labels.filter(|name| name != BUCKET), &mut groups);
                        groups[group].buckets.push((upper, at));
                    }
                    None => {
                        let metric = if self.delayed() { row.labels.metric_name() } else { "" };
                        self.notes.warn(span, bad_bucket(bound, metric));
                    }
                }
            }
        }
        for group in &mut groups {
            group.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        groups
    }
}

/// A bound as Go's `ParseFloat` takes it.
fn parse_bound(text: &str) -> Option<f64> {
    // Rust also takes a dot without digits around an exponent and spells infinity alike; NaN is no bound.
    text.parse::<f64>().ok().filter(|v| !v.is_nan())
}

/// Gives a row its quantile label; where the quantile changes from step to step, one row for each.
fn split_by_quantile(row: Row, label: &str, q: &[f64], out: &mut Vec<Row>) {
    let labelled = |labels: &Labels, q: f64| labels.to_builder().set(label, open_metrics(q)).build();
    let constant = q.windows(2).all(|pair| pair[0].to_bits() == pair[1].to_bits());
    if constant {
        let labels = labelled(&row.labels, q.first().copied().unwrap_or(f64::NAN));
        out.push(Row { labels, ..row });
        return;
    }
    for (i, q) in q.iter().enumerate() {
        if let Some(v) = row.cells.float(i) {
            let mut cells = Cells::absent(row.cells.len());
            cells.set(i, v);
            out.push(Row { labels: labelled(&row.labels, *q), drop_name: row.drop_name, cells });
        }
    }
}

/// A number as OpenMetrics writes label values: whole ones with `.0`.
fn open_metrics(v: f64) -> String {
    let text = go_v(v);
    if v.is_finite() && v == v.trunc() && !text.contains(['e', '.']) {
        return format!("{}.0", go_f(v));
    }
    text
}
