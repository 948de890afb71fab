//! Numbers, durations and strings.

use super::{Abort, Parser};
use crate::promql::ast::{NumberLiteral, Span, StringLiteral};
use crate::promql::duration::parse_duration;
use crate::promql::lex::{Item, Token};
use crate::promql::quote::{go_string, unquote};

impl Parser<'_> {
    /// A number or a duration without sign.
    pub(super) fn number(&mut self) -> Result<NumberLiteral, Abort> {
        if let Some(item) = self.eat(Token::Number) {
            let text = self.text(item);
            let value = parse_number(text).unwrap_or_else(|reason| {
                let text = go_string(text);
                let message = format!("error parsing number: strconv.ParseFloat: parsing {text}: {reason}");
                self.error(item.span, message);
                0.0
            });
            return Ok(NumberLiteral { span: item.span, value, duration: false });
        }
        let item = self.expect(Token::Duration)?;
        let ms = parse_duration(self.text(item)).unwrap_or_else(|message| {
            self.error(item.span, message);
            0
        });
        Ok(NumberLiteral { span: item.span, value: ms as f64 / 1000.0, duration: true })
    }

    /// A number with or without sign, of which the sign is part.
    pub(super) fn signed_number(&mut self) -> Result<NumberLiteral, Abort> {
        let sign = self.sign();
        let mut literal = self.number()?;
        if let Some((start, negative)) = sign {
            literal.span.start = start;
            literal.value = if negative { -literal.value } else { literal.value };
        }
        Ok(literal)
    }

    /// Where a `+` or `-` stands, and whether it is `-`.
    pub(super) fn sign(&mut self) -> Option<(usize, bool)> {
        use crate::promql::ast::BinaryOp::{Add, Sub};
        let negative = self.at(Token::Op(Sub));
        (negative || self.at(Token::Op(Add))).then(|| (self.advance().span.start, negative))
    }

    pub(super) fn string(&mut self) -> Result<StringLiteral, Abort> {
        let item = self.expect(Token::String)?;
        Ok(self.string_value(item))
    }

    pub(super) fn string_value(&mut self, item: Item) -> StringLiteral {
        let span: Span = item.span;
        // The lexer has checked the escapes.
        let bytes = unquote(self.text(item)).unwrap_or_default();
        match String::from_utf8(bytes) {
            Ok(value) => StringLiteral { span, value, bytes: None },
            Err(error) => {
                let bytes = error.into_bytes();
                let value = String::from_utf8_lossy(&bytes).into_owned();
                StringLiteral { span, value, bytes: Some(bytes) }
            }
        }
    }
}

/// The value of a number as Go reads it: `0x` and leading-zero octal integers, then decimal floats; `_` between
/// digits, infinities and NaN in any case.
pub(in crate::promql) fn parse_number(text: &str) -> Result<f64, &'static str> {
    if let Some(integer) = parse_integer(text) {
        return Ok(integer as f64);
    }
    if !underscores_are_between_digits(text) {
        return Err("invalid syntax");
    }
    let plain = text.replace('_', "");
    let hexadecimal =
        plain.trim_start_matches(['+', '-']).starts_with(['x', 'X']) || plain.contains(['x', 'X']);
    let value: f64 = plain.parse().map_err(|_| "invalid syntax")?;
    if hexadecimal {
        return Err("invalid syntax");
    }
    let names_infinity = plain.chars().any(|c| matches!(c, 'i' | 'I'));
    if value.is_infinite() && !names_infinity {
        return Err("value out of range");
    }
    Ok(value)
}

fn parse_integer(text: &str) -> Option<i64> {
    if !underscores_are_between_digits(text) {
        return None;
    }
    let plain = text.replace('_', "");
    let lower = plain.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return parse_digits(digits, 16);
    }
    match lower.strip_prefix('0') {
        Some(digits) if !digits.is_empty() => parse_digits(digits, 8),
        // An underscore is only an integer's with a prefix; floats allow it, too, with the same value.
        _ => parse_digits(&lower, 10),
    }
}

fn parse_digits(digits: &str, base: u32) -> Option<i64> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(base)) {
        return None;
    }
    i64::from_str_radix(digits, base).ok()
}

/// Go allows `_` between digits and after a base prefix.
fn underscores_are_between_digits(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |b: Option<&u8>| b.is_some_and(u8::is_ascii_hexdigit);
    let prefix = |at: usize| at == 2 && matches!(bytes.get(1), Some(b'x' | b'X'));
    bytes
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'_')
        .all(|(at, _)| at > 0 && (digit(bytes.get(at - 1)) || prefix(at)) && digit(bytes.get(at + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_reads_them() {
        for (text, value) in [
            ("5.", 5.0),
            (".5", 0.5),
            ("5e-3", 0.005),
            ("0755", 493.0),
            ("09", 9.0),
            ("0x1F", 31.0),
            ("0X_1f", 31.0),
            ("1_000", 1000.0),
            ("1_000.5", 1000.5),
            ("inf", f64::INFINITY),
            ("INF", f64::INFINITY),
            ("9223372036854775808", 9_223_372_036_854_775_808.0),
        ] {
            assert_eq!(parse_number(text), Ok(value), "{text}");
        }
        assert!(parse_number("NaN").is_ok_and(f64::is_nan));
        assert_eq!(parse_number("1e999"), Err("value out of range"));
        for bad in ["0x", "0xffffffffffffffffff", "1e", "1__0", "_1", "1_"] {
            assert_eq!(parse_number(bad), Err("invalid syntax"), "{bad}");
        }
    }
}
