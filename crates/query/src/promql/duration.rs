//! Durations such as `1h30m`: reading, writing, and the arithmetic of duration expressions.

use std::fmt::Write;

use super::ast::{BinaryOp, Duration, DurationExpr, Expr, Span};

/// Units from the largest to the smallest, in milliseconds.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest duration in seconds: what fits 64 bits of nanoseconds, as in Prometheus.
const MAX_SECONDS: f64 = 9_223_372_036.854_775;
/// The same in milliseconds.
const MAX_MS: i64 = 9_223_372_036_854;

/// Reads a duration (`5m`, `1h30m`, `1d500ms`; `0` needs no unit) into milliseconds. Units go from large to small,
/// each at most once.
pub fn parse_duration(text: &str) -> Result<i64, String> {
    let invalid = || format!("not a valid duration string: {}", super::quote::go_string(text));
    match text {
        "" => return Err("empty duration string".to_owned()),
        "0" => return Ok(0),
        _ => {}
    }
    let mut rest = text;
    let mut total: i64 = 0;
    let mut last: Option<usize> = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let value: u64 = number.parse().map_err(|_| invalid())?;
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() {
            return Err(invalid());
        }
        let Some((index, (_, ms))) = UNITS.iter().enumerate().find(|(_, (name, _))| *name == unit) else {
            let quote = super::quote::go_string;
            return Err(format!("unknown unit {} in duration {}", quote(unit), quote(text)));
        };
        if last.is_some_and(|l| l >= index) {
            return Err(invalid());
        }
        last = Some(index);
        total = i64::try_from(value)
            .ok()
            .and_then(|v| v.checked_mul(*ms))
            .and_then(|v| v.checked_add(total))
            .filter(|v| *v <= MAX_MS)
            .ok_or("duration out of range")?;
        rest = tail;
    }
    Ok(total)
}

/// Writes milliseconds with the largest units; years and weeks only where nothing remains.
pub fn format_duration(ms: i64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if ms < 0 {
        out.push('-');
    }
    let mut rest = ms.unsigned_abs();
    for (unit, length) in UNITS {
        let length = length.unsigned_abs();
        let exact_only = matches!(unit, "y" | "w");
        if rest < length || (exact_only && !rest.is_multiple_of(length)) {
            continue;
        }
        let _ = write!(out, "{}{unit}", rest / length); // writing to a String cannot fail
        rest %= length;
    }
    out
}

/// Whether this many seconds are more than a duration can be.
pub(super) fn out_of_range(seconds: f64) -> bool {
    seconds.abs() > MAX_SECONDS
}

/// Seconds to milliseconds: parts of a millisecond are cut, but not what rounding took from a whole one.
pub(super) fn seconds_to_ms(seconds: f64) -> i64 {
    let ms = seconds * 1000.0;
    let nearest = ms.round();
    (if (ms - nearest).abs() < 1e-3 { nearest } else { ms.trunc() }) as i64
}

/// What a duration expression may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DurationContext {
    /// `step()`: the step of the query in milliseconds, 0 for an instant query.
    pub step_ms: i64,
    /// `range()`: from start to end of the query in milliseconds.
    pub range_ms: i64,
}

/// A duration expression without a usable value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{}: {message}", span.start, span.end)]
pub struct DurationError {
    /// The expression.
    pub span: Span,
    /// What is wrong.
    pub message: String,
}

/// Computes every duration expression of a tree into [`Duration::ms`].
pub fn resolve_durations(expr: &mut Expr, context: &DurationContext) -> Result<(), DurationError> {
    match expr {
        Expr::Vector(selector) => resolve(selector.offset.as_mut(), context, true)?,
        Expr::Matrix(matrix) => {
            resolve(matrix.selector.offset.as_mut(), context, true)?;
            resolve(Some(&mut matrix.range), context, false)?;
        }
        Expr::Subquery(subquery) => {
            resolve(subquery.offset.as_mut(), context, true)?;
            resolve(subquery.step.as_mut(), context, false)?;
            resolve(Some(&mut subquery.range), context, false)?;
        }
        _ => {}
    }
    for child in expr.children_mut() {
        resolve_durations(child, context)?;
    }
    Ok(())
}

fn resolve(
    duration: Option<&mut Duration>,
    context: &DurationContext,
    may_be_negative: bool,
) -> Result<(), DurationError> {
    let Some(duration) = duration else {
        return Ok(());
    };
    let Some(expr) = &duration.expr else {
        return Ok(());
    };
    let span = expr.span();
    let fail = |message: &str| Err(DurationError { span, message: message.to_owned() });
    let seconds = evaluate(expr, context)?;
    if !seconds.is_finite() {
        return fail("duration is NaN or infinite");
    }
    if seconds <= 0.0 && !may_be_negative {
        return fail("duration must be greater than 0");
    }
    if out_of_range(seconds) {
        return fail("duration is out of range");
    }
    duration.ms = seconds_to_ms(seconds);
    Ok(())
}

/// The value in seconds. The depth of a tree is bounded by the parser.
fn evaluate(expr: &DurationExpr, context: &DurationContext) -> Result<f64, DurationError> {
    Ok(match expr {
        DurationExpr::Literal(literal) => literal.value,
        DurationExpr::Step(_) => context.step_ms as f64 / 1000.0,
        DurationExpr::Range(_) => context.range_ms as f64 / 1000.0,
        DurationExpr::Unary { negative, expr, .. } => {
            let value = evaluate(expr, context)?;
            if *negative { -value } else { value }
        }
        DurationExpr::Paren { expr, .. } => evaluate(expr, context)?,
        DurationExpr::Extreme { max, lhs, rhs, .. } => {
            let (lhs, rhs) = (evaluate(lhs, context)?, evaluate(rhs, context)?);
            match (lhs.is_nan() || rhs.is_nan(), max) {
                (true, _) => f64::NAN,
                (false, true) => lhs.max(rhs),
                (false, false) => lhs.min(rhs),
            }
        }
        DurationExpr::Binary { span, op, lhs, rhs } => {
            let (lhs, rhs) = (evaluate(lhs, context)?, evaluate(rhs, context)?);
            let fail = |message: &str| Err(DurationError { span: *span, message: message.to_owned() });
            match op {
                BinaryOp::Add => lhs + rhs,
                BinaryOp::Sub => lhs - rhs,
                BinaryOp::Mul => lhs * rhs,
                BinaryOp::Div if rhs == 0.0 => return fail("division by zero"),
                BinaryOp::Div => lhs / rhs,
                BinaryOp::Mod if rhs == 0.0 => return fail("modulo by zero"),
                BinaryOp::Mod => lhs % rhs,
                BinaryOp::Pow => lhs.powf(rhs),
                // The parser makes no others.
                _ => return fail("unexpected operator in a duration expression"),
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, ms) in [
            ("0s", 0),
            ("10ms", 10),
            ("1s500ms", 1_500),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1y", 31_536_000_000),
            ("2w", 1_209_600_000),
            ("12d", 1_036_800_000),
            ("366d", 31_622_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(ms), "{text}");
            assert_eq!(format_duration(ms), text);
        }
        assert_eq!(parse_duration("0"), Ok(0));
        assert_eq!(parse_duration("7d").map(format_duration).as_deref(), Ok("1w"));
        assert_eq!(format_duration(-90_000), "-1m30s");
    }

    #[test]
    fn refuses_what_prometheus_refuses() {
        for (text, message) in [
            ("", "empty duration string"),
            ("1", "not a valid duration string: \"1\""),
            ("5m1h", "not a valid duration string: \"5m1h\""),
            ("5m5m", "not a valid duration string: \"5m5m\""),
            ("-5m", "not a valid duration string: \"-5m\""),
            ("5y1hs", "unknown unit \"hs\" in duration \"5y1hs\""),
            ("300y", "duration out of range"),
            ("99999999999999999999s", "not a valid duration string: \"99999999999999999999s\""),
        ] {
            assert_eq!(parse_duration(text), Err(message.to_owned()));
        }
    }

    #[test]
    fn seconds_become_whole_milliseconds() {
        assert_eq!(seconds_to_ms(4.18), 4_180);
        assert_eq!(seconds_to_ms(-0.0015), -1);
        assert_eq!(seconds_to_ms(0.0004), 0);
        assert_eq!(seconds_to_ms(797_217_530.015), 797_217_530_015);
    }
}
