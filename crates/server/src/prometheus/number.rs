//! Numbers and times as Prometheus' JSON has them.

/// Appends a sample's value: Go's shortest form, `e` notation below 1e-6 and from 1e21 on.
pub fn push_value(out: &mut String, v: f64) {
    let size = v.abs();
    if v.is_finite() && size != 0.0 && !(1e-6..1e21).contains(&size) {
        push_exponent(out, v)
    } else {
        push_plain(out, v)
    }
}

/// The text of a sample's value.
pub(crate) fn value_text(v: f64) -> String {
    let mut out = String::new();
    push_value(&mut out, v);
    out
}

/// Appends the shortest decimal form without an exponent, as Go's `FormatFloat(v, 'f', -1, 64)`.
pub fn push_plain(out: &mut String, v: f64) {
    use std::fmt::Write as _;
    if v.is_nan() {
        out.push_str("NaN");
    } else if v.is_infinite() {
        out.push_str(if v > 0.0 { "+Inf" } else { "-Inf" });
    } else {
        // Rust's display form of a float is the shortest that reads back, without an exponent.
        let _ = write!(out, "{v}");
    }
}

/// Go's `'e'` form: at least two digits of exponent, with a sign.
fn push_exponent(out: &mut String, v: f64) {
    use std::fmt::Write as _;
    let text = format!("{v:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |d| ('-', d));
    let _ = write!(out, "{mantissa}e{sign}{digits:0>2}");
}

/// Appends milliseconds as seconds: three decimals, or none.
pub fn push_time(out: &mut String, ms: i64) {
    use std::fmt::Write as _;
    if ms < 0 {
        out.push('-');
    }
    let ms = ms.unsigned_abs();
    let _ = write!(out, "{}", ms / 1000);
    if !ms.is_multiple_of(1000) {
        let _ = write!(out, ".{:03}", ms % 1000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(v: f64) -> String {
        let mut out = String::new();
        push_value(&mut out, v);
        out
    }

    #[test]
    fn values_have_gos_form() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e300, "-1.5e+300"),
            (1e-6, "0.000001"),
            (9.5e-7, "9.5e-07"),
            (5e-324, "5e-324"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
            (f64::NAN, "NaN"),
        ];
        for (v, text) in cases {
            assert_eq!(value(v), text);
        }
        let mut out = String::new();
        push_plain(&mut out, 1e21);
        assert_eq!(out, "1000000000000000000000");
    }

    #[test]
    fn times_have_three_decimals_or_none() {
        for (ms, text) in
            [(0, "0"), (1500, "1.500"), (1_435_781_430_781, "1435781430.781"), (-5, "-0.005"), (7, "0.007")]
        {
            let mut out = String::new();
            push_time(&mut out, ms);
            assert_eq!(out, text);
        }
    }
}
