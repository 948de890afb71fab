//! `limitk` and `limit_ratio`: some of the series, whatever their values.

use xxhash_rust::xxh64::xxh64;

use crate::promql::aggregate::topk::in_sequence;
use crate::promql::aggregate::{counts, groups};
use crate::promql::annotations::invalid_ratio;
use crate::promql::ast::{Aggregate, Expr};
use crate::promql::engine::QueryError;
use crate::promql::eval::{Cells, Evaluator, Outcome, Rows, Steps};
use model::Labels;

impl Evaluator<'_> {
    /// The first `k` series of each group.
    pub(super) fn limitk(
        &self,
        aggregate: &Aggregate,
        param: &[f64],
        rows: Rows,
        steps: Steps,
    ) -> Outcome<Rows> {
        let Some(k) = counts(param)? else { return Ok(Rows::empty(&self.meter)) };
        let mut kept: Vec<Cells> = rows.rows.iter().map(|_| Cells::absent(steps.len)).collect();
        let mut sequence = Vec::new();
        for group in groups(&rows, aggregate) {
            for (i, k) in k.iter().enumerate() {
                self.check()?;
                let present = group.rows.iter().filter(|at| rows.rows[**at].cells.is_present(i));
                for at in present.take(*k) {
                    if let Some(cell) = rows.rows[*at].cells.get(i) {
                        kept[*at].put(i, cell);
                        sequence.push(*at);
                    }
                }
            }
        }
        Rows::counted(in_sequence(rows, kept, sequence, steps), &self.meter)
    }

    /// A share of the series, chosen by their labels: always the same ones, and `r` and `r - 1` share no series.
    pub(super) fn limit_ratio(
        &self,
        aggregate: &Aggregate,
        param: &[f64],
        mut rows: Rows,
        steps: Steps,
    ) -> Outcome<Rows> {
        if param.iter().all(|r| *r == 0.0) {
            return Ok(Rows::empty(&self.meter));
        }
        if param.iter().any(|r| r.is_nan()) {
            return Err(QueryError::Execution("Ratio value is NaN".to_owned()));
        }
        let span = aggregate.param.as_deref().map_or(aggregate.span, |p| Expr::unparenthesized(p).span());
        for r in param.iter().filter(|r| r.abs() > 1.0) {
            self.notes.warn(span, invalid_ratio(*r, r.signum()));
        }
        for row in &mut rows.rows {
            self.check()?;
            let place = place(&row.labels);
            for (i, r) in param.iter().enumerate().take(steps.len) {
                let r = r.clamp(-1.0, 1.0);
                let chosen = if r >= 0.0 { place < r } else { place >= 1.0 + r };
                if !chosen || r == 0.0 {
                    row.cells.clear(i);
                }
            }
        }
        rows.prune();
        Ok(rows)
    }
}

/// Where in 0..1 a series lies, by its labels alone: by the hash that Prometheus has of them (xxh64 over names and
/// values, each behind its length), so that both choose the same series.
fn place(labels: &Labels) -> f64 {
    let mut bytes = Vec::with_capacity(labels.canonical().len() + 8);
    for part in labels.iter().flat_map(|(name, value)| [name, value]) {
        match u8::try_from(part.len()) {
            Ok(length) if length < u8::MAX => bytes.push(length),
            // Three bytes hold any length that a label can have.
            _ => bytes.extend([u8::MAX].into_iter().chain(part.len().to_le_bytes().into_iter().take(3))),
        }
        bytes.extend_from_slice(part.as_bytes());
    }
    xxh64(&bytes, 0) as f64 / u64::MAX as f64
}
