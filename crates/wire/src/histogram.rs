//! What a native histogram from outside must fulfil, and lowering its resolution.
//!
//! The rules are those of Prometheus' `model/histogram`: a histogram that breaks one would make the functions over it
//! wrong, so it is refused before it is stored.

pub use model::histogram::CUSTOM_SCHEMA;
use model::{Histogram, Span};

/// The coarsest exponential schema.
pub const MIN_SCHEMA: i32 = -4;
/// The finest exponential schema that is stored.
pub const MAX_SCHEMA: i32 = 8;
/// Schemas up to here are read and lowered to [`MAX_SCHEMA`].
const MAX_READABLE_SCHEMA: i32 = 52;

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
}

/// Checks a histogram. With `integer`, the buckets must also add up to the count, as they must in a histogram that was
/// sent with whole numbers.
pub fn check(h: &Histogram, integer: bool) -> Result<(), BadHistogram> {
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
    check_counts("positive side: ", &h.positive_buckets)?;
    if integer { check_sum(h) } else { Ok(()) }
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

/// Lowers an exponential schema that is finer than what is stored to the finest that is. What does not fit its spans
/// is left as it is: [`check`] refuses it.
pub fn lower_to_stored(h: &mut Histogram) {
    if !(MAX_SCHEMA + 1..=MAX_READABLE_SCHEMA).contains(&h.schema) {
        return;
    }
    let fits = |spans: &[Span], have: usize| check_spans("", spans, have).is_ok();
    if !fits(&h.positive_spans, h.positive_buckets.len())
        || !fits(&h.negative_spans, h.negative_buckets.len())
    {
        return;
    }
    lower_schema(h, MAX_SCHEMA);
}

/// Merges buckets so that an exponential histogram has `schema`, which must be coarser than its own.
pub fn lower_schema(h: &mut Histogram, schema: i32) {
    let by = h.schema - schema;
    if by <= 0 {
        return;
    }
    (h.positive_spans, h.positive_buckets) = merge(&h.positive_spans, &h.positive_buckets, by);
    (h.negative_spans, h.negative_buckets) = merge(&h.negative_spans, &h.negative_buckets, by);
    h.schema = schema;
}

fn merge(spans: &[Span], counts: &[f64], by: i32) -> (Vec<Span>, Vec<f64>) {
    let mut out = SpanBuilder::default();
    let mut index = 0i32;
    let mut counts = counts.iter();
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length {
            let Some(count) = counts.next() else { return out.finish() };
            // Bucket i covers (base^(i-1), base^i]: the target is the ceiling of i / 2^by.
            let target =
                if by >= 32 { i32::from(index > 0) } else { ((i64::from(index) - 1) >> by) as i32 + 1 };
            out.add(target, *count);
            index = index.saturating_add(1);
        }
    }
    out.finish()
}

/// Adds the buckets of two histograms of one schema.
pub fn add_buckets(a: (&[Span], &[f64]), b: (&[Span], &[f64])) -> (Vec<Span>, Vec<f64>) {
    let mut out = SpanBuilder::default();
    let (mut a, mut b) = (indexed(a.0, a.1).peekable(), indexed(b.0, b.1).peekable());
    loop {
        let first = match (a.peek(), b.peek()) {
            (Some(x), Some(y)) => x.0 <= y.0,
            (x, _) => x.is_some(),
        };
        let Some((index, count)) = (if first { a.next() } else { b.next() }) else { return out.finish() };
        out.add(index, count);
    }
}

/// Index and count of each bucket, in rising order of the index where the spans are valid.
pub fn indexed<'a>(spans: &'a [Span], counts: &'a [f64]) -> impl Iterator<Item = (i32, f64)> + 'a {
    let mut next = 0i32;
    let indexes = spans.iter().flat_map(move |span| {
        let start = next.saturating_add(span.offset);
        next = start.saturating_add(i32::try_from(span.length).unwrap_or(i32::MAX));
        start..next
    });
    indexes.zip(counts.iter().copied())
}

/// Builds spans from buckets in rising order of their index.
#[derive(Debug, Clone, Default)]
pub struct SpanBuilder {
    spans: Vec<Span>,
    counts: Vec<f64>,
    last: Option<i32>,
}

impl SpanBuilder {
    /// Adds `count` to bucket `index`, which must not be lower than the last one.
    pub fn add(&mut self, index: i32, count: f64) {
        match (self.last, self.spans.last_mut(), self.counts.last_mut()) {
            (Some(last), _, Some(held)) if last == index => *held += count,
            (Some(last), Some(span), _) if last.checked_add(1) == Some(index) => {
                span.length += 1;
                self.counts.push(count);
            }
            (last, _, _) => {
                let offset = last.map_or(index, |last| index.saturating_sub(last).saturating_sub(1));
                self.spans.push(Span { offset, length: 1 });
                self.counts.push(count);
            }
        }
        self.last = Some(index);
    }

    /// Spans and counts.
    pub fn finish(self) -> (Vec<Span>, Vec<f64>) {
        (self.spans, self.counts)
    }
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
        assert_eq!(check(&valid(), true), Ok(()));
        assert_eq!(check(&custom(), true), Ok(()));
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
            let error = check(&histogram, true).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}\n{wanted}");
        }
        assert_eq!(
            check(&Histogram { count: 8.5, ..valid() }, false),
            Ok(()),
            "float counts need not add up"
        );
        let far = Histogram { positive_spans: vec![Span { offset: i32::MAX, length: 3 }], ..valid() };
        assert_eq!(check(&far, false), Err(BadHistogram::IndexRange));
    }

    #[test]
    fn a_finer_schema_is_lowered() {
        let mut h = Histogram {
            schema: 9,
            positive_spans: vec![Span { offset: -3, length: 4 }, Span { offset: 5, length: 1 }],
            positive_buckets: vec![1.0, 2.0, 4.0, 8.0, 16.0],
            ..Histogram::default()
        };
        lower_to_stored(&mut h);
        // -3, -2 | -1, 0 | 6: upper bounds 2^(i/512) fall into the buckets -1, 0 and 3 of schema 8.
        assert_eq!(h.schema, 8);
        assert_eq!(h.positive_buckets, [3.0, 12.0, 16.0]);
        assert_eq!(h.positive_spans, [Span { offset: -1, length: 2 }, Span { offset: 2, length: 1 }]);
        let mut untouched = valid();
        lower_to_stored(&mut untouched);
        assert_eq!(untouched, valid());
    }
}
