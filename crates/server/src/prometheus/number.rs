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
    if v.is_nan() {
        out.push_str("NaN");
    } else if v.is_infinite() {
        out.push_str(if v > 0.0 { "+Inf" } else { "-Inf" });
    } else if v == v.trunc() && v.abs() < EXACT && !(v == 0.0 && v.is_sign_negative()) {
        out.push_str(itoa::Buffer::new().format(v as i64));
    } else {
        push_digits(out, v);
    }
}

/// Below this every whole number is its own shortest form.
const EXACT: f64 = (1u64 << 53) as f64;

/// Lays the shortest digits out without an exponent.
fn push_digits(out: &mut String, v: f64) {
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(v);
    let Some((mantissa, exponent)) = text.split_once('e') else {
        out.push_str(text.strip_suffix(".0").unwrap_or(text));
        return;
    };
    let mantissa = match mantissa.strip_prefix('-') {
        Some(rest) => {
            out.push('-');
            rest
        }
        None => mantissa,
    };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let zeros = |out: &mut String, n: usize| (0..n).for_each(|_| out.push('0'));
    if exponent < 0 {
        // One digit stands before the point.
        out.push_str("0.");
        zeros(out, usize::try_from(-exponent - 1).unwrap_or(0));
        out.push_str(whole);
        out.push_str(fraction);
        return;
    }
    let moved = usize::try_from(exponent).unwrap_or(0);
    out.push_str(whole);
    match fraction.split_at_checked(moved) {
        Some((before, "")) => out.push_str(before),
        Some((before, after)) => {
            out.push_str(before);
            out.push('.');
            out.push_str(after);
        }
        None => {
            out.push_str(fraction);
            zeros(out, moved - fraction.len());
        }
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
    if ms < 0 {
        out.push('-');
    }
    let ms = ms.unsigned_abs();
    out.push_str(itoa::Buffer::new().format(ms / 1000));
    let rest = (ms % 1000) as u16;
    if rest > 0 {
        out.push('.');
        for digit in [rest / 100, rest / 10 % 10, rest % 10] {
            out.push(char::from(b'0' + digit as u8));
        }
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

    /// Of two shortest forms that are equally near, the standard library takes the greater one, Go the even one.
    #[test]
    fn digits_are_as_few_as_those_of_the_standard_library() {
        let check = |v: f64| {
            let mut out = String::new();
            push_plain(&mut out, v);
            assert_eq!(out.len(), v.to_string().len(), "{out}: {:x}", v.to_bits());
            assert_eq!(out.parse::<f64>().unwrap().to_bits(), v.to_bits(), "{out}");
        };
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        for n in 0..200_000u32 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let any = f64::from_bits(state);
            if any.is_finite() {
                check(any);
            }
            check((state >> 20) as f64 / f64::from(n % 1_000 + 1));
            check((state >> 11) as f64 * 10f64.powi((n % 40) as i32 - 20));
            check((state >> (n % 64)) as i64 as f64);
        }
        [f64::MIN_POSITIVE, f64::MAX, f64::MIN, 5e-324, 1e15, 1e16, 1e17, 123_456_789e10, 2f64.powi(53)]
            .into_iter()
            .for_each(check);
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
