//! `absent` and `absent_over_time`: 1 where a selector yields nothing, with the labels that it asked for.

use model::Labels;
use model::labels::METRIC_NAME;
use model::matcher::MatchOp;

use crate::promql::ast::{Call, Expr};
use crate::promql::eval::{Cells, Evaluator, Outcome, Row, Rows, Steps};

impl Evaluator<'_> {
    pub(super) fn absent(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let arg = self.arg(call, 0)?;
        let rows = self.vector(arg, steps)?;
        self.where_absent(&rows, arg, steps)
    }

    /// 1 at every step where none of `rows` has a value.
    pub(super) fn where_absent(&self, rows: &Rows, arg: &Expr, steps: Steps) -> Outcome<Rows> {
        let mut cells = Cells::constant(1.0, steps.len);
        for row in &rows.rows {
            for i in (0..steps.len).filter(|i| row.cells.is_present(*i)) {
                cells.clear(i);
            }
        }
        let mut result = Rows::counted(vec![Row::new(asked_labels(arg), cells)], &self.meter)?;
        result.prune();
        Ok(result)
    }
}

/// The labels that a selector asks for by `=`, each once; a label with further conditions is left out.
fn asked_labels(expr: &Expr) -> Labels {
    let matchers = match expr {
        Expr::Vector(selector) => &selector.matchers,
        Expr::Matrix(matrix) => &matrix.selector.matchers,
        _ => return Labels::empty(),
    };
    let mut builder = Labels::empty().to_builder();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in matchers.iter().filter(|m| m.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            builder.set(matcher.name.clone(), matcher.value.clone());
            seen.push(&matcher.name);
        } else {
            builder.remove(&matcher.name);
        }
    }
    builder.build()
}
