//! Limits of a job on native histograms.

use model::Histogram;
use wire::histogram::{CUSTOM_SCHEMA, MAX_SCHEMA, MIN_SCHEMA, lower_schema, lower_to_stored};

use super::Appender;

impl Appender {
    /// Lowers the resolution of a histogram to what the job allows. The error fails the scrape.
    pub(super) fn storable(&self, name: &str, mut h: Histogram, integer: bool) -> Result<Histogram, String> {
        lower_to_stored(&mut h);
        let checked = if integer { h.check_whole() } else { h.check() };
        checked.map_err(|e| format!("histogram {name:?}: {e}"))?;
        if h.schema != CUSTOM_SCHEMA && self.job.native_histogram_min_bucket_factor > 1.0 {
            let coarsest = schema_of(self.job.native_histogram_min_bucket_factor);
            if h.schema > coarsest {
                lower_schema(&mut h, coarsest);
            }
        }
        let limit = self.job.native_histogram_bucket_limit;
        let buckets = |h: &Histogram| (h.positive_buckets.len() + h.negative_buckets.len()) as u64;
        while limit > 0 && buckets(&h) > limit {
            if h.schema == CUSTOM_SCHEMA || h.schema == MIN_SCHEMA {
                return Err(format!("histogram bucket limit exceeded (metric: {name}, limit: {limit})"));
            }
            let coarser = h.schema - 1;
            lower_schema(&mut h, coarser);
        }
        Ok(h)
    }
}

/// The coarsest schema whose growth factor from bucket to bucket is at most `factor`, as Prometheus picks it.
fn schema_of(factor: f64) -> i32 {
    let floor = factor.log2().log2().floor();
    if floor.is_nan() {
        MAX_SCHEMA
    } else {
        (-floor).clamp(f64::from(MIN_SCHEMA), f64::from(MAX_SCHEMA)) as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_of_growth_factors() {
        for (factor, schema) in [(1.002, 8), (1.1, 3), (1.5, 1), (2.0, 0), (4.0, -1), (1e9, -4)] {
            assert_eq!(schema_of(factor), schema, "{factor}");
        }
    }
}
