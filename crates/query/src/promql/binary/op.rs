//! Operators on single values.

use std::sync::Arc;

use model::{Histogram, ResetHint};

use crate::promql::ast::BinaryOp;
use crate::promql::eval::Cell;
use crate::promql::native::{self, Sum};

/// What an operator makes of two values.
pub(super) enum Element {
    /// A new value.
    Value(Cell),
    /// Whether the comparison holds; the left value stays.
    Compared(bool),
    /// A new value about which there is something to tell.
    Noted { value: Cell, collision: bool, reconciled: bool },
    /// The operator does not go with these types.
    Incompatible(&'static str, &'static str),
    /// Histograms whose buckets cannot be brought together.
    Mismatch,
}

/// Whether the result is no longer of the same metric.
pub(super) fn changes_schema(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add
            | BinaryOp::Sub
            | BinaryOp::Mul
            | BinaryOp::Div
            | BinaryOp::DivOrNan
            | BinaryOp::Mod
            | BinaryOp::Pow
            | BinaryOp::Atan2
    )
}

/// The operator on two floats; a comparison yields 0 or 1. Operators without a meaning for scalars do not get here.
#[inline]
pub(super) fn scalar_op(op: BinaryOp, a: f64, b: f64) -> f64 {
    let truth = |holds: bool| f64::from(u8::from(holds));
    match op {
        BinaryOp::Add => a + b,
        BinaryOp::Sub => a - b,
        BinaryOp::Mul => a * b,
        BinaryOp::Div => a / b,
        BinaryOp::DivOrNan => {
            if b == 0.0 {
                f64::NAN
            } else {
                a / b
            }
        }
        BinaryOp::Mod => a % b,
        BinaryOp::Pow => a.powf(b),
        BinaryOp::Atan2 => a.atan2(b),
        BinaryOp::Eq => truth(a == b),
        BinaryOp::Ne => truth(a != b),
        BinaryOp::Lt => truth(a < b),
        BinaryOp::Le => truth(a <= b),
        BinaryOp::Gt => truth(a > b),
        BinaryOp::Ge => truth(a >= b),
        BinaryOp::TrimUpper | BinaryOp::TrimLower | BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
            f64::NAN
        }
    }
}

/// The operator on two values of either kind.
pub(super) fn apply(op: BinaryOp, a: &Cell, b: &Cell) -> Element {
    match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => floats(op, *a, *b),
        (Cell::Float(a), Cell::Histogram(b)) => match op {
            BinaryOp::Mul => compacted(native::scale(b, *a)),
            _ => Element::Incompatible("float", "histogram"),
        },
        (Cell::Histogram(a), Cell::Float(b)) => match op {
            BinaryOp::Mul => compacted(native::scale(a, *b)),
            BinaryOp::Div => compacted(native::divide(a, *b)),
            BinaryOp::TrimUpper => histogram(native::trim(a, *b, true)),
            BinaryOp::TrimLower => histogram(native::trim(a, *b, false)),
            _ => Element::Incompatible("histogram", "float"),
        },
        (Cell::Histogram(a), Cell::Histogram(b)) => match op {
            BinaryOp::Add => sum(a, b, 1.0),
            BinaryOp::Sub => sum(a, b, -1.0),
            BinaryOp::Eq => Element::Compared(native::equal(a, b)),
            BinaryOp::Ne => Element::Compared(!native::equal(a, b)),
            _ => Element::Incompatible("histogram", "histogram"),
        },
    }
}

fn floats(op: BinaryOp, a: f64, b: f64) -> Element {
    if op.is_comparison() {
        return Element::Compared(scalar_op(op, a, b) != 0.0);
    }
    match op {
        BinaryOp::TrimUpper | BinaryOp::TrimLower => Element::Incompatible("float", "float"),
        _ => Element::Value(Cell::Float(scalar_op(op, a, b))),
    }
}

fn histogram(h: Histogram) -> Element {
    Element::Value(Cell::Histogram(Arc::new(h)))
}

fn compacted(mut h: Histogram) -> Element {
    native::compact(&mut h);
    histogram(h)
}

fn sum(a: &Histogram, b: &Histogram, factor: f64) -> Element {
    let mut sum = Sum::new(a);
    if sum.add(b, factor).is_err() {
        return Element::Mismatch;
    }
    let mut h = sum.finish();
    if factor < 0.0 {
        h.reset_hint = ResetHint::Gauge;
    }
    Element::Noted {
        value: Cell::Histogram(Arc::new(h)),
        collision: sum.collision,
        reconciled: sum.reconciled,
    }
}
