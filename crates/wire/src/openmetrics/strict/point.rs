//! The samples of one metric at one time.

use crate::exposition::{Kind, parse_float};

/// What was seen of a point.
#[derive(Debug, Default)]
pub(super) struct Point {
    /// Sample name endings, with the bound, quantile or state.
    seen: Vec<(&'static str, Option<String>)>,
    last_bound: Option<f64>,
    last_bucket: Option<f64>,
    negative_bucket: bool,
    count: Option<f64>,
    sum: Option<f64>,
}

impl Point {
    /// Takes a sample: its ending, the value of its special label, and its value.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        suffix: &'static str,
        special: Option<&str>,
        value: f64,
    ) -> Result<(), String> {
        let key = (suffix, special.map(str::to_owned));
        if self.seen.contains(&key) {
            return Err("the sample is there twice".to_owned());
        }
        self.seen.push(key);
        let counts = matches!(suffix, "_total" | "_count" | "_bucket" | "_gcount");
        if (counts || matches!(suffix, "_sum" | "_gsum")) && value.is_nan() {
            return Err("counts and sums cannot be NaN".to_owned());
        }
        if (counts || suffix == "_sum") && value < 0.0 {
            return Err("counts and sums cannot be negative".to_owned());
        }
        match (kind, suffix) {
            (Kind::Histogram | Kind::GaugeHistogram, "_bucket") => self.bucket(special, value)?,
            (Kind::Summary, "") => {
                let quantile = special.and_then(parse_float).filter(|q| (0.0..=1.0).contains(q));
                if quantile.is_none() {
                    return Err("a quantile between 0 and 1 is needed".to_owned());
                }
                if value < 0.0 {
                    return Err("quantiles cannot be negative".to_owned());
                }
            }
            (Kind::StateSet, _) if special.is_none() => {
                return Err("a state needs a label with the name of the family".to_owned());
            }
            (Kind::StateSet, _) if value != 0.0 && value != 1.0 => {
                return Err("a state is 0 or 1".to_owned());
            }
            (Kind::Info, _) if value != 1.0 => return Err("an info is 1".to_owned()),
            _ => {}
        }
        match suffix {
            "_count" | "_gcount" => self.count = Some(value),
            "_sum" | "_gsum" => self.sum = Some(value),
            _ => {}
        }
        Ok(())
    }

    fn bucket(&mut self, bound: Option<&str>, value: f64) -> Result<(), String> {
        let bound = bound.and_then(parse_float).filter(|le| !le.is_nan());
        let bound = bound.ok_or("a bucket needs a label le with a number")?;
        if self.last_bound.is_some_and(|last| last >= bound) {
            return Err("buckets are not in order".to_owned());
        }
        if self.last_bucket.is_some_and(|last| last > value) {
            return Err("buckets count fewer than the bucket before".to_owned());
        }
        self.negative_bucket |= bound < 0.0;
        self.last_bound = Some(bound);
        self.last_bucket = Some(value);
        Ok(())
    }

    /// Checks the point as a whole.
    pub(super) fn finish(&self, kind: Kind) -> Result<(), String> {
        if !matches!(kind, Kind::Histogram | Kind::GaugeHistogram) {
            return Ok(());
        }
        if self.last_bound != Some(f64::INFINITY) {
            return Err("a histogram without a +Inf bucket".to_owned());
        }
        if self.count.is_some() != self.sum.is_some() {
            return Err("a histogram needs both count and sum, or neither".to_owned());
        }
        if self.count.is_some() && self.count != self.last_bucket {
            return Err("the count is not that of the +Inf bucket".to_owned());
        }
        match (kind, self.sum) {
            (Kind::Histogram, Some(_)) if self.negative_bucket => {
                Err("a histogram with negative buckets has no sum".to_owned())
            }
            (Kind::GaugeHistogram, Some(sum)) if sum < 0.0 && !self.negative_bucket => {
                Err("a negative sum without negative buckets".to_owned())
            }
            _ => Ok(()),
        }
    }
}
