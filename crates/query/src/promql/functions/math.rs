//! Functions of one float.

use crate::promql::ast::Call;
use crate::promql::eval::{Evaluator, Outcome, Rows, Steps};
use crate::promql::number::{nan_max, nan_min};

/// The function of this name, if it maps a float to a float.
pub(super) fn function(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "abs" => f64::abs,
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "sqrt" => f64::sqrt,
        "ln" => f64::ln,
        "log2" => f64::log2,
        "log10" => f64::log10,
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "asinh" => f64::asinh,
        "acosh" => f64::acosh,
        "atanh" => f64::atanh,
        "rad" => |v| v * std::f64::consts::PI / 180.0,
        "deg" => |v| v * 180.0 / std::f64::consts::PI,
        "sgn" => sign,
        _ => return None,
    })
}

fn sign(v: f64) -> f64 {
    if v < 0.0 {
        -1.0
    } else if v > 0.0 {
        1.0
    } else {
        v
    }
}

impl Evaluator<'_> {
    pub(super) fn clamp(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let second = self.scalar(self.arg(call, 1)?, steps)?;
        match call.function.name {
            "clamp_min" => self.float_function(call, steps, |i, v| nan_max(second[i], v)),
            "clamp_max" => self.float_function(call, steps, |i, v| nan_min(second[i], v)),
            _ => {
                let most = self.scalar(self.arg(call, 2)?, steps)?;
                let mut rows =
                    self.float_function(call, steps, |i, v| nan_max(second[i], nan_min(most[i], v)))?;
                // An empty interval has no values.
                for i in (0..steps.len).filter(|i| most[*i] < second[*i]) {
                    rows.rows.iter_mut().for_each(|row| row.cells.clear(i));
                }
                rows.prune();
                Ok(rows)
            }
        }
    }

    pub(super) fn round(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let nearest = match call.args.len() {
            0 | 1 => vec![1.0; steps.len],
            _ => self.scalar(self.arg(call, 1)?, steps)?,
        };
        // Multiplying by the inverse loses less than dividing. Ties go up.
        let inverse: Vec<f64> = nearest.into_iter().map(|n| 1.0 / n).collect();
        self.float_function(call, steps, |i, v| (v * inverse[i] + 0.5).floor() / inverse[i])
    }
}
