//! What a histogram must satisfy before it is stored: the rules of Prometheus' `model/histogram`. One that breaks a rule
//! would make the functions over it wrong.

use super::{Histogram, Span};

/// The schema of histograms with custom bounds.
pub const CUSTOM_SCHEMA: i32 = -53;
/// Buckets of one side at most: more than any client makes.
pub const MAX_BUCKETS: usize = 16_384;
/// The coarsest exponential schema.
pub const MIN_SCHEMA: i32 = -4;
/// The finest exponential schema that is stored.
pub const MAX_SCHEMA: i32 = 8;

/// Why a histogram is refused, in Prometheus' words.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say what each means")]
pub enum BadHistogram {
    #[error(
        "{side}spans need {need} buckets, have {have} buckets: histogram spans specify different number of buckets than provided"
    )]
    BucketCount { side: &'static str, need: u64, have: usize },
    #[error("{side}span number {number} with offset {offset}: histogram has a span whose offset is negative")]
    NegativeOffset { side: &'static str, number: usize, offset: i32 },
    #[error(
        "{side}bucket number {number} has observation count of {count}: histogram has a bucket whose observation count is negative"
    )]
    NegativeBucket { side: &'static str, number: usize, count: f64 },
    #[error("observation count is {0}: histogram's observation count is negative")]
    NegativeCount(f64),
    #[error(
        "{buckets} observations found in buckets, but the Count field is {count}: histogram's observation count should equal the number of observations found in the buckets (in absence of NaN)"
    )]
    CountMismatch { buckets: f64, count: f64 },
    #[error(
        "{buckets} observations found in buckets, but the Count field is {count}: histogram's observation count should be at least the number of observations found in the buckets"
    )]
    CountTooSmall { buckets: f64, count: f64 },
    #[error(
        "histogram has an invalid schema, which must be between -4 and 8 for exponential buckets, or -53 for custom buckets, got schema {0}"
    )]
    Schema(i32),
    #[error("custom buckets: {0}")]
    Custom(&'static str),
    #[error(
        "custom buckets: only {bounds} custom bounds defined which is insufficient to cover total span length of {spans}: histogram custom bounds are too few"
    )]
    TooFewBounds { bounds: usize, spans: u64 },
    #[error("histogram with exponential schema must not have custom bounds")]
    UnexpectedBounds,
    #[error("bucket indexes are out of range")]
    IndexRange,
    #[error("histogram with {0} buckets, allowed are {most}", most = MAX_BUCKETS)]
    TooMany(usize),
}

impl Histogram {
    /// Whether spans, buckets, bounds and schema fit each other.
    pub fn check(&self) -> Result<(), BadHistogram> {
        check(self)
    }

    /// The same of a histogram that was sent with whole numbers: its buckets must also add up to the count.
    pub fn check_whole(&self) -> Result<(), BadHistogram> {
        check(self)?;
        check_sum(self)
    }
}

fn check(h: &Histogram) -> Result<(), BadHistogram> {
    if let Some(many) = [h.positive_buckets.len(), h.negative_buckets.len(), h.custom_values.len()]
        .into_iter()
        .chain([h.positive_spans.len(), h.negative_spans.len()])
        .find(|n| *n > MAX_BUCKETS)
    {
        return Err(BadHistogram::TooMany(many));
    }
    if h.schema == CUSTOM_SCHEMA {
        check_custom(h)?;
    } else if (MIN_SCHEMA..=MAX_SCHEMA).contains(&h.schema) {
        check_spans("positive side: ", &h.positive_spans, h.positive_buckets.len())?;
        check_spans("negative side: ", &h.negative_spans, h.negative_buckets.len())?;
        check_counts("negative side: ", &h.negative_buckets)?;
        check_counts("zero bucket: ", &[h.zero_count])?;
        if !h.custom_values.is_empty() {
            return Err(BadHistogram::UnexpectedBounds);
        }
    } else {
        return Err(BadHistogram::Schema(h.schema));
    }
    if h.count < 0.0 {
        return Err(BadHistogram::NegativeCount(h.count));
    }
    check_counts("positive side: ", &h.positive_buckets)
}

fn check_sum(h: &Histogram) -> Result<(), BadHistogram> {
    let buckets =
        h.zero_count + h.positive_buckets.iter().sum::<f64>() + h.negative_buckets.iter().sum::<f64>();
    let count = h.count;
    match h.sum.is_nan() {
        true if buckets > count => Err(BadHistogram::CountTooSmall { buckets, count }),
        false if buckets != count => Err(BadHistogram::CountMismatch { buckets, count }),
        _ => Ok(()),
    }
}

fn check_spans(side: &'static str, spans: &[Span], have: usize) -> Result<(), BadHistogram> {
    let (mut need, mut index) = (0u64, 0i64);
    for (n, span) in spans.iter().enumerate() {
        if n > 0 && span.offset < 0 {
            return Err(BadHistogram::NegativeOffset { side, number: n + 1, offset: span.offset });
        }
        need += u64::from(span.length);
        index += i64::from(span.offset) + i64::from(span.length);
    }
    if need != have as u64 {
        return Err(BadHistogram::BucketCount { side, need, have });
    }
    if i32::try_from(index).is_err() {
        return Err(BadHistogram::IndexRange);
    }
    Ok(())
}

fn check_counts(side: &'static str, counts: &[f64]) -> Result<(), BadHistogram> {
    match counts.iter().position(|count| *count < 0.0) {
        Some(at) => Err(BadHistogram::NegativeBucket { side, number: at + 1, count: counts[at] }), // just found
        None => Ok(()),
    }
}

fn check_custom(h: &Histogram) -> Result<(), BadHistogram> {
    for (at, bound) in h.custom_values.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| h.custom_values.get(at));
        if bound.is_nan() {
            return Err(BadHistogram::Custom("histogram custom bounds must not be NaN"));
        }
        if before.is_some_and(|before| bound <= before) {
            return Err(BadHistogram::Custom("histogram custom bounds must be in strictly increasing order"));
        }
        if *bound == f64::INFINITY {
            return Err(BadHistogram::Custom("histogram custom bounds must be finite"));
        }
    }
    if let Some(first) = h.positive_spans.first()
        && first.offset < 0
    {
        return Err(BadHistogram::NegativeOffset {
            side: "custom buckets: ",
            number: 1,
            offset: first.offset,
        });
    }
    check_spans("custom buckets: ", &h.positive_spans, h.positive_buckets.len())?;
    // No offset is negative: `check_spans` and the line above refused those.
    let spans =
        h.positive_spans.iter().map(|s| u64::from(s.offset.unsigned_abs()) + u64::from(s.length)).sum();
    if h.custom_values.len() as u64 + 1 < spans {
        return Err(BadHistogram::TooFewBounds { bounds: h.custom_values.len(), spans });
    }
    if h.zero_count != 0.0 {
        return Err(BadHistogram::Custom("must have zero count of 0"));
    }
    if h.zero_threshold != 0.0 {
        return Err(BadHistogram::Custom("must have zero threshold of 0"));
    }
    if !h.negative_spans.is_empty() || !h.negative_buckets.is_empty() {
        return Err(BadHistogram::Custom("must not have negative buckets"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn valid() -> Histogram {
        Histogram {
            schema: 1,
            count: 7.0,
            sum: 9.0,
            zero_count: 1.0,
            zero_threshold: 0.001,
            positive_spans: vec![Span { offset: -1, length: 2 }, Span { offset: 2, length: 1 }],
            positive_buckets: vec![1.0, 2.0, 3.0],
            ..Histogram::default()
        }
    }

    fn custom() -> Histogram {
        Histogram {
            schema: CUSTOM_SCHEMA,
            count: 3.0,
            positive_spans: vec![Span { offset: 0, length: 3 }],
            positive_buckets: vec![1.0, 2.0, 0.0],
            custom_values: vec![0.5, 1.0],
            ..Histogram::default()
        }
    }

    #[test]
    fn each_rule_refuses_what_breaks_it() {
        assert_eq!(valid().check_whole(), Ok(()));
        assert_eq!(custom().check_whole(), Ok(()));
        let broken: [(&str, Histogram); 12] = [
            ("spans need 3 buckets, have 2", Histogram { positive_buckets: vec![1.0; 2], ..valid() }),
            ("negative side: spans need 0 buckets", Histogram { negative_buckets: vec![1.0], ..valid() }),
            (
                "span number 2 with offset -1",
                Histogram {
                    positive_spans: vec![Span { offset: 0, length: 2 }, Span { offset: -1, length: 1 }],
                    ..valid()
                },
            ),
            (
                "bucket number 2 has observation count of -1",
                Histogram { positive_buckets: vec![1.0, -1.0, 1.0], ..valid() },
            ),
            ("observation count is -1", Histogram { count: -1.0, ..valid() }),
            (
                "7 observations found in buckets, but the Count field is 8",
                Histogram { count: 8.0, ..valid() },
            ),
            ("should be at least", Histogram { count: 6.0, sum: f64::NAN, ..valid() }),
            ("got schema 9", Histogram { schema: 9, ..valid() }),
            ("must not have custom bounds", Histogram { custom_values: vec![1.0], ..valid() }),
            ("strictly increasing", Histogram { custom_values: vec![1.0, 1.0], ..custom() }),
            ("custom bounds are too few", Histogram { custom_values: vec![1.0], ..custom() }),
            ("must be finite", Histogram { custom_values: vec![1.0, f64::INFINITY], ..custom() }),
        ];
        for (wanted, histogram) in broken {
            let error = histogram.check_whole().unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}\n{wanted}");
        }
        assert_eq!(Histogram { count: 8.5, ..valid() }.check(), Ok(()), "float counts need not add up");
        let far = Histogram { positive_spans: vec![Span { offset: i32::MAX, length: 3 }], ..valid() };
        assert_eq!(far.check(), Err(BadHistogram::IndexRange));
        let wide = Histogram { positive_spans: vec![Span { offset: 0, length: 1 }; 20_000], ..valid() };
        assert_eq!(wide.check(), Err(BadHistogram::TooMany(20_000)));
        Histogram { sum: crate::stale_nan(), ..Histogram::default() }.check_whole().unwrap();
    }
}
