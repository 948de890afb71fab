//! Every function's name, arguments and result. What they compute is in `functions/`.
//!
//! The functions are those of Prometheus 3.14.

use super::ast::ValueType;
use ValueType::{Matrix, Scalar, String, Vector};

/// The largest number of arguments of a function that takes any number.
const MANY: usize = usize::MAX;

/// What a call of a function must look like.
#[derive(Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its name.
    pub name: &'static str,
    /// The types of its arguments; the last one holds for all further ones.
    pub args: &'static [ValueType],
    /// How many arguments there must be.
    pub min_args: usize,
    /// How many arguments there may be, `usize::MAX` for any number.
    pub max_args: usize,
    /// What it yields.
    pub returns: ValueType,
    /// Whether it must be switched on.
    pub experimental: bool,
}

impl Signature {
    /// All functions, sorted by name.
    pub fn all() -> &'static [Self] {
        &FUNCTIONS
    }

    /// The function of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        let at = FUNCTIONS.binary_search_by(|f| f.name.cmp(name)).ok()?;
        FUNCTIONS.get(at)
    }

    /// The type that the argument at `index` must have.
    pub fn arg_type(&self, index: usize) -> Option<ValueType> {
        self.args.get(index).or_else(|| self.args.last().filter(|_| index < self.max_args)).copied()
    }
}

const fn stable(
    name: &'static str,
    args: &'static [ValueType],
    min_args: usize,
    max_args: usize,
    returns: ValueType,
) -> Signature {
    Signature { name, args, min_args, max_args, returns, experimental: false }
}

const fn experimental(
    name: &'static str,
    args: &'static [ValueType],
    min_args: usize,
    max_args: usize,
    returns: ValueType,
) -> Signature {
    Signature { name, args, min_args, max_args, returns, experimental: true }
}

/// All functions, sorted by name: arguments, fewest, most, result.
pub static FUNCTIONS: [Signature; 90] = [
    stable("abs", &[Vector], 1, 1, Vector),
    stable("absent", &[Vector], 1, 1, Vector),
    stable("absent_over_time", &[Matrix], 1, 1, Vector),
    stable("acos", &[Vector], 1, 1, Vector),
    stable("acosh", &[Vector], 1, 1, Vector),
    stable("asin", &[Vector], 1, 1, Vector),
    stable("asinh", &[Vector], 1, 1, Vector),
    stable("atan", &[Vector], 1, 1, Vector),
    stable("atanh", &[Vector], 1, 1, Vector),
    stable("avg_over_time", &[Matrix], 1, 1, Vector),
    stable("ceil", &[Vector], 1, 1, Vector),
    stable("changes", &[Matrix], 1, 1, Vector),
    stable("clamp", &[Vector, Scalar, Scalar], 3, 3, Vector),
    stable("clamp_max", &[Vector, Scalar], 2, 2, Vector),
    stable("clamp_min", &[Vector, Scalar], 2, 2, Vector),
    stable("cos", &[Vector], 1, 1, Vector),
    stable("cosh", &[Vector], 1, 1, Vector),
    stable("count_over_time", &[Matrix], 1, 1, Vector),
    stable("day_of_month", &[Vector], 0, 1, Vector),
    stable("day_of_week", &[Vector], 0, 1, Vector),
    stable("day_of_year", &[Vector], 0, 1, Vector),
    stable("days_in_month", &[Vector], 0, 1, Vector),
    stable("deg", &[Vector], 1, 1, Vector),
    stable("delta", &[Matrix], 1, 1, Vector),
    stable("deriv", &[Matrix], 1, 1, Vector),
    experimental("double_exponential_smoothing", &[Matrix, Scalar, Scalar], 3, 3, Vector),
    experimental("end", &[], 0, 0, Scalar),
    stable("exp", &[Vector], 1, 1, Vector),
    stable("first_over_time", &[Matrix], 1, 1, Vector),
    stable("floor", &[Vector], 1, 1, Vector),
    stable("histogram_avg", &[Vector], 1, 1, Vector),
    stable("histogram_count", &[Vector], 1, 1, Vector),
    stable("histogram_fraction", &[Scalar, Scalar, Vector], 3, 3, Vector),
    stable("histogram_quantile", &[Scalar, Vector], 2, 2, Vector),
    experimental("histogram_quantiles", &[Vector, String, Scalar, Scalar], 3, 12, Vector),
    stable("histogram_stddev", &[Vector], 1, 1, Vector),
    stable("histogram_stdvar", &[Vector], 1, 1, Vector),
    stable("histogram_sum", &[Vector], 1, 1, Vector),
    stable("hour", &[Vector], 0, 1, Vector),
    stable("idelta", &[Matrix], 1, 1, Vector),
    stable("increase", &[Matrix], 1, 1, Vector),
    experimental("info", &[Vector, Vector], 1, 2, Vector),
    stable("irate", &[Matrix], 1, 1, Vector),
    stable("label_join", &[Vector, String, String, String], 3, MANY, Vector),
    stable("label_replace", &[Vector, String, String, String, String], 5, 5, Vector),
    stable("last_over_time", &[Matrix], 1, 1, Vector),
    stable("ln", &[Vector], 1, 1, Vector),
    stable("log10", &[Vector], 1, 1, Vector),
    stable("log2", &[Vector], 1, 1, Vector),
    experimental("mad_over_time", &[Matrix], 1, 1, Vector),
    experimental("max_of", &[Scalar, Scalar], 2, 2, Scalar),
    stable("max_over_time", &[Matrix], 1, 1, Vector),
    experimental("min_of", &[Scalar, Scalar], 2, 2, Scalar),
    stable("min_over_time", &[Matrix], 1, 1, Vector),
    stable("minute", &[Vector], 0, 1, Vector),
    stable("month", &[Vector], 0, 1, Vector),
    stable("pi", &[], 0, 0, Scalar),
    stable("predict_linear", &[Matrix, Scalar], 2, 2, Vector),
    stable("present_over_time", &[Matrix], 1, 1, Vector),
    stable("quantile_over_time", &[Scalar, Matrix], 2, 2, Vector),
    stable("rad", &[Vector], 1, 1, Vector),
    experimental("range", &[], 0, 0, Scalar),
    stable("rate", &[Matrix], 1, 1, Vector),
    stable("resets", &[Matrix], 1, 1, Vector),
    stable("round", &[Vector, Scalar], 1, 2, Vector),
    stable("scalar", &[Vector], 1, 1, Scalar),
    stable("sgn", &[Vector], 1, 1, Vector),
    stable("sin", &[Vector], 1, 1, Vector),
    stable("sinh", &[Vector], 1, 1, Vector),
    stable("sort", &[Vector], 1, 1, Vector),
    experimental("sort_by_label", &[Vector, String], 1, MANY, Vector),
    experimental("sort_by_label_desc", &[Vector, String], 1, MANY, Vector),
    stable("sort_desc", &[Vector], 1, 1, Vector),
    stable("sqrt", &[Vector], 1, 1, Vector),
    experimental("start", &[], 0, 0, Scalar),
    experimental("start_timestamp", &[Vector], 1, 1, Vector),
    stable("stddev_over_time", &[Matrix], 1, 1, Vector),
    stable("stdvar_over_time", &[Matrix], 1, 1, Vector),
    experimental("step", &[], 0, 0, Scalar),
    stable("sum_over_time", &[Matrix], 1, 1, Vector),
    stable("tan", &[Vector], 1, 1, Vector),
    stable("tanh", &[Vector], 1, 1, Vector),
    stable("time", &[], 0, 0, Scalar),
    stable("timestamp", &[Vector], 1, 1, Vector),
    experimental("ts_of_first_over_time", &[Matrix], 1, 1, Vector),
    experimental("ts_of_last_over_time", &[Matrix], 1, 1, Vector),
    experimental("ts_of_max_over_time", &[Matrix], 1, 1, Vector),
    experimental("ts_of_min_over_time", &[Matrix], 1, 1, Vector),
    stable("vector", &[Scalar], 1, 1, Vector),
    stable("year", &[Vector], 0, 1, Vector),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_found() {
        assert!(FUNCTIONS.is_sorted_by(|a, b| a.name < b.name));
        for function in &FUNCTIONS {
            assert_eq!(Signature::find(function.name), Some(function));
        }
        assert_eq!(Signature::find("Rate"), None);
    }

    #[test]
    fn further_arguments_have_the_last_type() {
        let join = Signature::find("label_join").unwrap();
        assert_eq!((join.arg_type(0), join.arg_type(9)), (Some(Vector), Some(String)));
        assert_eq!(Signature::find("abs").unwrap().arg_type(1), None);
    }
}
