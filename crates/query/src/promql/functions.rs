//! What the functions compute. Their names and types are in [`signature`](super::signature).
//!
//! A function of single samples works on whole rows; one of windows has a kernel in `window` that is run over each
//! series while it is decoded.

mod absent;
mod classic;
mod histogram;
mod info;
mod label;
mod math;
mod mixed;
mod over_time;
mod rate;
mod regression;
mod smoothed;
mod sort;
mod start;
mod summaries;
mod time;
pub(crate) mod window;

pub(crate) use mixed::{add_to_mean, collision, reconciled};
pub(crate) use rate::Extents;

use super::ast::{Call, Expr, ValueType};
use super::engine::QueryError;
use super::eval::{Cells, Evaluated, Evaluator, Outcome, Row, Rows, Steps};
use super::number::{nan_max, nan_min};

impl Evaluator<'_> {
    /// Computes a call at all `steps`.
    pub(crate) fn call(&self, call: &Call, steps: Steps) -> Outcome<Evaluated> {
        let name = call.function.name;
        if let Some(value) = self.constant(name) {
            return Ok(Evaluated::Scalar(vec![value; steps.len]));
        }
        if call.args.iter().any(|arg| arg.value_type() == ValueType::Matrix) {
            return self.window_call(call, steps).map(Evaluated::Vector);
        }
        if let Some(f) = math::function(name) {
            return self.float_function(call, steps, |_, v| f(v)).map(Evaluated::Vector);
        }
        if let Some(part) = time::part(name) {
            return self.time_function(call, steps, part).map(Evaluated::Vector);
        }
        match name {
            "time" => {
                let seconds = (0..steps.len).map(|i| steps.time(i) as f64 / 1000.0);
                Ok(Evaluated::Scalar(seconds.collect()))
            }
            "scalar" => self.to_scalar(call, steps).map(Evaluated::Scalar),
            "min_of" => self.of_two(call, steps, nan_min),
            "max_of" => self.of_two(call, steps, nan_max),
            _ => self.vector_call(call, steps).map(Evaluated::Vector),
        }
    }

    fn vector_call(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        match call.function.name {
            "vector" => self.to_vector(call, steps),
            "timestamp" => self.timestamp(call, steps),
            "start_timestamp" => self.start_timestamp(call, steps),
            "clamp" | "clamp_min" | "clamp_max" => self.clamp(call, steps),
            "round" => self.round(call, steps),
            "absent" => self.absent(call, steps),
            "sort" | "sort_desc" => self.sort_by_value(call, steps),
            "sort_by_label" | "sort_by_label_desc" => self.sort_by_label(call, steps),
            "label_replace" => self.label_replace(call, steps),
            "label_join" => self.label_join(call, steps),
            "histogram_quantile" => self.histogram_quantile(call, steps),
            "histogram_quantiles" => self.histogram_quantiles(call, steps),
            "histogram_fraction" => self.histogram_fraction(call, steps),
            "histogram_count" | "histogram_sum" | "histogram_avg" | "histogram_stddev"
            | "histogram_stdvar" => self.histogram_number(call, steps),
            "info" => self.info(call, steps),
            other => Err(QueryError::Execution(format!("unknown function with name \"{other}\""))),
        }
    }

    /// The functions that are the same during a whole query.
    fn constant(&self, name: &str) -> Option<f64> {
        let seconds = |ms: i64| ms as f64 / 1000.0;
        match name {
            "pi" => Some(std::f64::consts::PI),
            "start" => Some(seconds(self.query.start)),
            "end" => Some(seconds(self.query_end)),
            "range" => Some(seconds(self.query_end - self.query.start)),
            "step" if self.query_end == self.query.start => Some(0.0),
            "step" => Some(seconds(self.query.step)),
            _ => None,
        }
    }

    /// The argument at `index`; the parser has seen to it that it is there.
    pub(crate) fn arg<'e>(&self, call: &'e Call, index: usize) -> Outcome<&'e Expr> {
        call.args.get(index).map(Expr::unparenthesized).ok_or_else(|| {
            QueryError::Execution(format!("argument {} of {} is missing", index + 1, call.function.name))
        })
    }

    /// Replaces every float of the first argument; histograms are left out.
    pub(crate) fn float_function(
        &self,
        call: &Call,
        steps: Steps,
        mut f: impl FnMut(usize, f64) -> f64,
    ) -> Outcome<Rows> {
        let mut rows = self.vector(self.arg(call, 0)?, steps)?;
        for row in &mut rows.rows {
            self.check()?;
            row.cells.map_floats(&mut f);
        }
        rows.prune();
        rows.drop_names(self.delayed(), false)?;
        Ok(rows)
    }

    fn to_scalar(&self, call: &Call, steps: Steps) -> Outcome<Vec<f64>> {
        let rows = self.vector(self.arg(call, 0)?, steps)?;
        let mut values = vec![f64::NAN; steps.len];
        let mut found = vec![false; steps.len];
        for row in &rows.rows {
            for i in 0..steps.len {
                if let Some(v) = row.cells.float(i) {
                    values[i] = if found[i] { f64::NAN } else { v };
                    found[i] = true;
                }
            }
        }
        Ok(values)
    }

    fn to_vector(&self, call: &Call, steps: Steps) -> Outcome<Rows> {
        let values = self.scalar(self.arg(call, 0)?, steps)?;
        let mut cells = Cells::absent(steps.len);
        for (i, v) in values.into_iter().enumerate() {
            cells.set(i, v);
        }
        Rows::counted(vec![Row::new(model::Labels::empty(), cells)], &self.meter)
    }

    fn of_two(&self, call: &Call, steps: Steps, f: fn(f64, f64) -> f64) -> Outcome<Evaluated> {
        let a = self.scalar(self.arg(call, 0)?, steps)?;
        let b = self.scalar(self.arg(call, 1)?, steps)?;
        Ok(Evaluated::Scalar(a.into_iter().zip(b).map(|(a, b)| f(a, b)).collect()))
    }
}
