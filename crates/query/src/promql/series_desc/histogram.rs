//! Native histograms in descriptions: `{{schema:0 sum:5 count:4 buckets:[1 2 1]}}`.

use model::{Histogram, ResetHint, Span as BucketSpan};

use super::scan::{Fault, Scanner};
use super::{MAX_VALUES, SequenceValue, is_blank, number};
use crate::promql::native::Sum;

/// The schema of histograms with custom bounds.
const CUSTOM_SCHEMA: i32 = -53;
/// Buckets of one histogram; more would only be a slip.
const MAX_BUCKETS: usize = 10_000;

/// Reads an item whose `{{` has been read.
pub(super) fn item(scanner: &mut Scanner<'_>, out: &mut Vec<SequenceValue>) -> Result<(), Fault> {
    let start = scanner.at();
    let first = description(scanner)?;
    let sign = match () {
        () if scanner.eat("+{{") => Some(1.0),
        () if scanner.eat("-{{") => Some(-1.0),
        () => None,
    };
    let Some(sign) = sign else {
        let count = scanner.repetition()?.unwrap_or(0);
        out.extend(std::iter::repeat_n(first.into_value(), count + 1));
        return Ok(());
    };
    let step = description(scanner)?;
    let Some(count) = scanner.repetition()? else {
        return Err(scanner.fault("expected how often to repeat, e.g. x10"));
    };
    let buckets = first.histogram.positive_buckets.len() + step.histogram.positive_buckets.len() + 1;
    if count.saturating_mul(buckets) > MAX_VALUES {
        return Err(Fault::new(start, scanner.at(), "too many histogram buckets"));
    }
    let mut current = first.histogram;
    out.push(value(current.clone(), step.hint_written));
    for _ in 0..count {
        current = added(&current, &step.histogram, sign).map_err(|m| Fault::new(start, scanner.at(), m))?;
        out.push(value(current.clone(), step.hint_written));
    }
    Ok(())
}

/// `a + sign * b`; the resolution of `a` must not be finer than that of `b`.
fn added(a: &Histogram, b: &Histogram, sign: f64) -> Result<Histogram, String> {
    let mut sum = Sum::new(a);
    if a.schema > b.schema || sum.add(b, sign).is_err() {
        let (from, to) = (b.schema, a.schema);
        return Err(format!("error combining histograms: cannot merge from schema {from} to {to}"));
    }
    Ok(sum.finish())
}

struct Description {
    histogram: Histogram,
    hint_written: bool,
}

impl Description {
    fn into_value(self) -> SequenceValue {
        value(self.histogram, self.hint_written)
    }
}

fn value(histogram: Histogram, hint_written: bool) -> SequenceValue {
    SequenceValue::Histogram { histogram: Box::new(histogram), hint_written }
}

/// Reads `key:value` pairs up to `}}`.
fn description(scanner: &mut Scanner<'_>) -> Result<Description, Fault> {
    let mut histogram = Histogram::default();
    let (mut offset, mut negative_offset, mut hint_written) = (0, 0, false);
    let mut seen: Vec<&str> = Vec::new();
    loop {
        scanner.take_while(is_blank);
        if scanner.eat("}}") {
            break;
        }
        let start = scanner.at();
        let key = scanner.take_while(|c| c.is_ascii_alphabetic() || c == '_');
        if seen.contains(&key) {
            return Err(Fault::new(start, scanner.at(), format!("duplicate key \"{key}\" in histogram")));
        }
        seen.push(key);
        let known = matches!(
            key,
            "schema"
                | "sum"
                | "count"
                | "z_bucket"
                | "z_bucket_w"
                | "buckets"
                | "offset"
                | "n_buckets"
                | "n_offset"
                | "custom_values"
                | "counter_reset_hint"
        );
        if !known {
            return Err(Fault::new(
                start,
                scanner.at().max(start + 1),
                format!("bad histogram descriptor found: \"{key}\""),
            ));
        }
        if !scanner.eat(":") {
            return Err(scanner.fault("missing `:` for histogram descriptor"));
        }
        match key {
            "schema" => histogram.schema = integer(scanner)?,
            "sum" => histogram.sum = number(scanner)?,
            "count" => histogram.count = number(scanner)?,
            "z_bucket" => histogram.zero_count = number(scanner)?,
            "z_bucket_w" => histogram.zero_threshold = number(scanner)?,
            "buckets" => histogram.positive_buckets = list(scanner)?,
            "n_buckets" => histogram.negative_buckets = list(scanner)?,
            "offset" => offset = integer(scanner)?,
            "n_offset" => negative_offset = integer(scanner)?,
            "custom_values" => histogram.custom_values = list(scanner)?,
            _ => {
                histogram.reset_hint = hint(scanner)?;
                hint_written = true;
            }
        }
    }
    if !(histogram.schema == CUSTOM_SCHEMA || (-4..=8).contains(&histogram.schema)) {
        return Err(scanner.fault(format!("unknown histogram schema {}", histogram.schema)));
    }
    histogram.positive_spans = spans(offset, histogram.positive_buckets.len());
    histogram.negative_spans = spans(negative_offset, histogram.negative_buckets.len());
    Ok(Description { histogram, hint_written })
}

fn spans(offset: i32, buckets: usize) -> Vec<BucketSpan> {
    // A list has at most MAX_BUCKETS entries.
    let length = u32::try_from(buckets).unwrap_or(u32::MAX);
    if length == 0 { Vec::new() } else { vec![BucketSpan { offset, length }] }
}

fn integer(scanner: &mut Scanner<'_>) -> Result<i32, Fault> {
    let start = scanner.at();
    let negative = scanner.sign();
    let digits = scanner.take_while(|c| c.is_ascii_digit());
    // Bucket indexes beyond this stand for no float.
    match digits.parse::<i32>().ok().filter(|v| *v <= 1 << 20) {
        Some(value) => Ok(if negative { -value } else { value }),
        None => Err(Fault::new(start, scanner.at(), "expected a whole number")),
    }
}

/// `[a b c]`
fn list(scanner: &mut Scanner<'_>) -> Result<Vec<f64>, Fault> {
    let start = scanner.at();
    if !scanner.eat("[") {
        return Err(scanner.fault("expected a list, e.g. [5 10 7]"));
    }
    let mut values = Vec::new();
    loop {
        scanner.take_while(is_blank);
        if scanner.eat("]") {
            return Ok(values);
        }
        values.push(number(scanner)?);
        if values.len() > MAX_BUCKETS {
            return Err(Fault::new(start, scanner.at(), format!("more than {MAX_BUCKETS} buckets")));
        }
    }
}

fn hint(scanner: &mut Scanner<'_>) -> Result<ResetHint, Fault> {
    let start = scanner.at();
    match scanner.take_while(|c| c.is_ascii_alphabetic() || c == '_') {
        "unknown" => Ok(ResetHint::Unknown),
        "reset" => Ok(ResetHint::Reset),
        "not_reset" => Ok(ResetHint::NotReset),
        "gauge" => Ok(ResetHint::Gauge),
        other => {
            let message = format!("unknown counter reset hint \"{other}\"");
            Err(Fault::new(start, scanner.at(), message))
        }
    }
}
