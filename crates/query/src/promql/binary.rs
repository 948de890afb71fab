//! Binary operators and signs.

mod matching;
mod op;
mod set;

use super::annotations::incompatible_operands;
use super::ast::{Binary, BinaryOp, Unary};
use super::engine::QueryError;
use super::eval::{Cell, Cells, Evaluated, Evaluator, Outcome, Rows, Steps};
use super::native;
use op::{Element, apply, scalar_op};

impl Evaluator<'_> {
    /// Computes `-expr` or `+expr`.
    pub(crate) fn unary(&self, unary: &Unary, steps: Steps) -> Outcome<Evaluated> {
        let value = self.eval(&unary.expr, steps)?;
        if !unary.negative {
            return Ok(value);
        }
        match value {
            Evaluated::Scalar(values) => Ok(Evaluated::Scalar(values.into_iter().map(|v| -v).collect())),
            Evaluated::Vector(mut rows) => {
                for row in &mut rows.rows {
                    negate(&mut row.cells);
                }
                rows.drop_names(self.delayed(), false)?;
                Ok(Evaluated::Vector(rows))
            }
            Evaluated::Text(_) => Err(QueryError::Execution("a string has no sign".to_owned())),
        }
    }

    /// Computes `lhs op rhs`.
    pub(crate) fn binary(&self, binary: &Binary, steps: Steps) -> Outcome<Evaluated> {
        let lhs = self.eval(&binary.lhs, steps)?;
        if matches!(binary.op, BinaryOp::And)
            && matches!(&lhs, Evaluated::Vector(rows) if rows.rows.is_empty())
        {
            return Ok(lhs);
        }
        let rhs = self.eval(&binary.rhs, steps)?;
        match (lhs, rhs) {
            (Evaluated::Scalar(a), Evaluated::Scalar(b)) => {
                let values = a.into_iter().zip(b).map(|(a, b)| scalar_op(binary.op, a, b));
                Ok(Evaluated::Scalar(values.collect()))
            }
            (Evaluated::Vector(rows), Evaluated::Scalar(scalar)) => {
                self.with_scalar(binary, rows, &scalar, false).map(Evaluated::Vector)
            }
            (Evaluated::Scalar(scalar), Evaluated::Vector(rows)) => {
                self.with_scalar(binary, rows, &scalar, true).map(Evaluated::Vector)
            }
            (Evaluated::Vector(lhs), Evaluated::Vector(rhs)) if binary.op.is_set() => {
                self.set_operation(binary, lhs, rhs, steps).map(Evaluated::Vector)
            }
            (Evaluated::Vector(lhs), Evaluated::Vector(rhs)) => {
                self.vectors(binary, lhs, rhs, steps).map(Evaluated::Vector)
            }
            _ => Err(QueryError::Execution("a binary operator takes scalars and vectors".to_owned())),
        }
    }

    /// A vector and a scalar; `swapped`: the scalar stands on the left.
    fn with_scalar(&self, binary: &Binary, mut rows: Rows, scalar: &[f64], swapped: bool) -> Outcome<Rows> {
        let arithmetic = op::changes_schema(binary.op);
        for row in &mut rows.rows {
            self.check()?;
            if arithmetic && !row.cells.has_histograms() {
                let op = binary.op;
                match swapped {
                    true => row.cells.map_floats(|i, v| scalar_op(op, scalar[i], v)),
                    false => row.cells.map_floats(|i, v| scalar_op(op, v, scalar[i])),
                }
                continue;
            }
            for (i, scalar) in scalar.iter().enumerate() {
                if let Some(cell) = row.cells.get(i) {
                    match self.scalar_element(binary, cell, *scalar, swapped) {
                        Some(value) => row.cells.put(i, value),
                        None => row.cells.clear(i),
                    }
                }
            }
        }
        rows.prune();
        if arithmetic || binary.return_bool {
            rows.drop_names(self.delayed(), false)?;
        }
        Ok(rows)
    }

    fn scalar_element(&self, binary: &Binary, cell: Cell, scalar: f64, swapped: bool) -> Option<Cell> {
        let element = match swapped {
            true => apply(binary.op, &Cell::Float(scalar), &cell),
            false => apply(binary.op, &cell, &Cell::Float(scalar)),
        };
        let (kept, value) = match element {
            Element::Value(value) => (true, value),
            Element::Compared(kept) => (kept, cell),
            Element::Incompatible(a, b) => {
                self.notes.info(binary.span, incompatible_operands(a, binary.op.as_str(), b));
                return None;
            }
            Element::Mismatch => return None,
            Element::Noted { .. } => return None,
        };
        if binary.return_bool {
            return Some(Cell::Float(f64::from(u8::from(kept))));
        }
        kept.then_some(value)
    }
}

fn negate(cells: &mut Cells) {
    if !cells.has_histograms() {
        cells.map_floats(|_, v| -v);
        return;
    }
    for i in 0..cells.len() {
        match cells.get(i) {
            Some(Cell::Float(v)) => cells.set(i, -v),
            Some(Cell::Histogram(h)) => cells.put(i, Cell::Histogram(native::scale(&h, -1.0).into())),
            None => {}
        }
    }
}
