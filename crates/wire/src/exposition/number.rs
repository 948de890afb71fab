//! Floats as the exposition formats spell them.

/// The one NaN that a sample may hold; the stale marker is another (Prometheus `model/value`).
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// Reads a float: decimal, `Inf`, `NaN` in any case; no digit separators, no hexadecimal, nothing out of range.
pub fn parse_float(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    if value.is_finite() {
        return Some(value);
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if value.is_nan() {
        return (unsigned.len() == text.len()).then(|| f64::from_bits(NORMAL_NAN_BITS));
    }
    // 1e999 overflows: that is a number out of range, not infinity.
    unsigned.starts_with(['i', 'I']).then_some(value)
}

/// A float as Prometheus 3 writes it into `le` and `quantile`: shortest digits, an exponent below 1e-4 and from 1e6 on,
/// always recognisable as a float.
pub fn format_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    // `{:e}` always writes an exponent.
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let plain = if value == 0.0 { "0".to_owned() } else { value.to_string() };
        return if plain.contains('.') { plain } else { plain + ".0" };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The normal spelling of a number in a label value; `None` where it is not a number or already normal.
pub(crate) fn normal_float(text: &str) -> Option<String> {
    let normal = format_float(parse_float(text)?);
    (normal != text).then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_out_of_range_and_other_notations_are_refused() {
        for bad in ["1e999", "-1e999", "0x1p-3", "1_2", "0x10", "+NaN", "", ".", "1e", "true", "1,5", "i"] {
            assert_eq!(parse_float(bad), None, "{bad}");
        }
        assert_eq!(parse_float("-INFINITY"), Some(f64::NEG_INFINITY));
        assert_eq!(parse_float("nAn").map(f64::to_bits), Some(NORMAL_NAN_BITS));
        assert_eq!(parse_float("-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
    }

    #[test]
    fn floats_in_labels_have_one_spelling() {
        for (from, to) in [
            ("1", "1.0"),
            ("0", "0.0"),
            ("0.5", "0.5"),
            ("1e3", "1000.0"),
            ("+Inf", "+Inf"),
            ("1000000", "1e+06"),
            ("2.5e-7", "2.5e-07"),
        ] {
            assert_eq!(format_float(parse_float(from).unwrap()), to, "{from}");
        }
        assert_eq!(normal_float("le"), None);
        assert_eq!(normal_float("0.25"), None);
    }
}
