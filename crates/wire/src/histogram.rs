//! Lowering the resolution of native histograms, and their buckets one by one. What one from outside must fulfil says
//! [`Histogram::check`].

pub use model::histogram::{CUSTOM_SCHEMA, MAX_SCHEMA, MIN_SCHEMA};
use model::{Histogram, Span};

/// Schemas up to here are read and lowered to [`MAX_SCHEMA`].
pub const MAX_READABLE_SCHEMA: i32 = 52;

/// Lowers an exponential schema that is finer than what is stored to the finest that is. What does not fit its spans
/// is left as it is: [`Histogram::check`] refuses it.
pub fn lower_to_stored(h: &mut Histogram) {
    if !(MAX_SCHEMA + 1..=MAX_READABLE_SCHEMA).contains(&h.schema) {
        return;
    }
    let fits = |spans: &[Span], have: usize| {
        spans.iter().map(|s| u64::from(s.length)).sum::<u64>() == have as u64
            && spans.iter().skip(1).all(|s| s.offset >= 0)
    };
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
