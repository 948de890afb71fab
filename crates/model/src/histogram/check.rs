//! What a histogram must satisfy before it is stored: the rules of Prometheus for float histograms.

use super::{Histogram, Span};
use crate::error::{Error, Result};

/// The schema of histograms with custom bounds.
pub const CUSTOM_SCHEMA: i32 = -53;
/// Buckets of one side at most: more than any client makes.
pub const MAX_BUCKETS: usize = 16_384;

impl Histogram {
    /// Fails with kind `Invalid` where spans, buckets, bounds and schema contradict each other.
    pub fn check(&self) -> Result<()> {
        if self.schema == CUSTOM_SCHEMA {
            self.check_custom()?;
        } else {
            if !(-4..=8).contains(&self.schema) {
                let schema = self.schema;
                return Err(Error::invalid(format_args!(
                    "invalid histogram schema {schema}: it must be -4 to 8, or {CUSTOM_SCHEMA} for custom buckets"
                )));
            }
            if !self.custom_values.is_empty() {
                return Err(Error::invalid("histogram with exponential schema must not have custom bounds"));
            }
            check_side("negative", &self.negative_spans, &self.negative_buckets)?;
        }
        check_side("positive", &self.positive_spans, &self.positive_buckets)
    }

    fn check_custom(&self) -> Result<()> {
        let bounds = &self.custom_values;
        if bounds.len() > MAX_BUCKETS {
            return Err(too_many(bounds.len()));
        }
        if let Some(bound) = bounds.iter().find(|b| !b.is_finite()) {
            return Err(Error::invalid(format_args!(
                "histogram custom bounds must be finite, found {bound}"
            )));
        }
        if let Some(pair) = bounds.windows(2).find(|w| w[0] >= w[1]) {
            return Err(Error::invalid(format_args!(
                "previous bound is {} and current is {}: histogram custom bounds must be in strictly increasing order",
                pair[0], pair[1]
            )));
        }
        let covered = covered(&self.positive_spans);
        if covered < 0 || covered > bounds.len() as i64 + 1 {
            return Err(Error::invalid(format_args!(
                "only {} custom bounds defined which is insufficient to cover total span length of {covered}: \
                 histogram custom bounds are too few",
                bounds.len()
            )));
        }
        if self.zero_count != 0.0 || self.zero_threshold != 0.0 {
            return Err(Error::invalid("custom buckets: must have zero count and threshold of 0"));
        }
        if !self.negative_spans.is_empty() || !self.negative_buckets.is_empty() {
            return Err(Error::invalid("custom buckets: must not have negative spans or buckets"));
        }
        Ok(())
    }
}

/// Where the last bucket of these spans ends.
fn covered(spans: &[Span]) -> i64 {
    spans.iter().map(|s| i64::from(s.offset).saturating_add(i64::from(s.length))).fold(0, i64::saturating_add)
}

fn check_side(side: &str, spans: &[Span], buckets: &[f64]) -> Result<()> {
    if buckets.len() > MAX_BUCKETS || spans.len() > MAX_BUCKETS {
        return Err(too_many(buckets.len().max(spans.len())));
    }
    for (number, span) in spans.iter().enumerate().skip(1) {
        if span.offset < 0 {
            return Err(Error::invalid(format_args!(
                "{side} side: span number {} with offset {}: histogram has a span whose offset is negative",
                number + 1,
                span.offset
            )));
        }
    }
    let need = spans.iter().map(|s| u64::from(s.length)).fold(0, u64::saturating_add);
    if need != buckets.len() as u64 {
        return Err(Error::invalid(format_args!(
            "{side} side: spans need {need} buckets, have {} buckets: histogram spans specify different number of \
             buckets than provided",
            buckets.len()
        )));
    }
    if let Some((number, count)) = buckets.iter().enumerate().find(|(_, count)| **count < 0.0) {
        return Err(Error::invalid(format_args!(
            "{side} side: bucket number {} has observation count of {count}: histogram has a bucket whose \
             observation count is negative",
            number + 1
        )));
    }
    Ok(())
}

fn too_many(found: usize) -> Error {
    Error::invalid(format_args!("histogram with {found} buckets, allowed are {MAX_BUCKETS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Histogram {
        Histogram {
            count: 6.0,
            sum: 9.0,
            positive_spans: vec![Span { offset: -3, length: 2 }, Span { offset: 4, length: 1 }],
            positive_buckets: vec![1.0, 2.0, 3.0],
            ..Histogram::default()
        }
    }

    fn message(change: impl FnOnce(&mut Histogram)) -> String {
        let mut histogram = good();
        change(&mut histogram);
        histogram.check().unwrap_err().message
    }

    #[test]
    fn contradictions_are_named() {
        good().check().unwrap();
        Histogram { sum: crate::stale_nan(), ..Histogram::default() }.check().unwrap();
        assert!(message(|h| h.schema = 9).contains("invalid histogram schema 9"));
        assert!(message(|h| h.positive_spans[1].offset = -1).contains("span number 2 with offset -1"));
        assert!(message(|h| h.positive_spans[1].length = 2).contains("spans need 4 buckets, have 3 buckets"));
        assert!(message(|h| h.positive_buckets[2] = -1.0).contains("bucket number 3"));
        assert!(message(|h| h.negative_buckets = vec![1.0]).contains("negative side"));
        assert!(message(|h| h.custom_values = vec![1.0]).contains("must not have custom bounds"));
        assert!(
            message(|h| h.positive_spans = vec![Span { offset: 0, length: 1 }; 20_000]).contains("allowed")
        );
    }

    #[test]
    fn custom_bounds_must_increase_and_suffice() {
        let custom = |bounds: &[f64]| Histogram {
            schema: CUSTOM_SCHEMA,
            positive_spans: vec![Span { offset: 1, length: 2 }],
            positive_buckets: vec![1.0, 2.0],
            custom_values: bounds.to_vec(),
            ..Histogram::default()
        };
        custom(&[1.0, 2.0]).check().unwrap();
        for (bounds, part) in [
            (&[1.0][..], "too few"),
            (&[2.0, 2.0], "strictly increasing"),
            (&[1.0, f64::INFINITY], "finite"),
            (&[1.0, f64::NAN], "finite"),
        ] {
            assert!(custom(bounds).check().unwrap_err().message.contains(part), "{bounds:?}");
        }
        let negative = Histogram { negative_buckets: vec![1.0], ..custom(&[1.0, 2.0]) };
        assert!(negative.check().unwrap_err().message.contains("negative spans"));
    }
}
