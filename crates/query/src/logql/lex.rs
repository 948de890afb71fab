//! Text to tokens.

use super::ast::Span;
use super::error::ParseError;
use super::units::{parse_bytes, parse_duration};
use crate::promql::quote::unquote;

/// The most tokens a query may have: what is built from it stays small.
const MAX_TOKENS: usize = 100_000;

/// A token. Words are names or keywords by where they stand, which the parser knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Word(String),
    /// The value of a text in quotes.
    Text(String),
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
    /// `--strict`
    Flag(String),
    /// An operator, a bracket or a comma.
    Sign(&'static str),
    End,
}

impl Token {
    /// As errors name it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("IDENTIFIER {word:?}"),
            Self::Text(_) => "STRING".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Bytes(_) => "BYTES".to_owned(),
            Self::Flag(_) => "PARSER_FLAG".to_owned(),
            Self::Sign(sign) => (*sign).to_owned(),
            Self::End => "$end".to_owned(),
        }
    }
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) token: Token,
    pub(super) span: Span,
}

/// Longer ones first.
const SIGNS: [&str; 29] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "|", "=", ">", "<", "{", "}", "(", ")", "[",
    "]", ",", "+", "-", "*", "/", "%", "^", ":", ".",
];

/// All tokens of a query, with [`Token::End`] behind them.
pub(super) fn lex(query: &str) -> Result<Vec<Item>, ParseError> {
    let mut items = Vec::new();
    let mut at = 0;
    loop {
        at += blanks(&query[at..]);
        let (token, length) = next(query, at)?;
        let end = token == Token::End;
        items.push(Item { token, span: Span::new(at, at + length) });
        at += length;
        if end {
            return Ok(items);
        }
        if items.len() > MAX_TOKENS {
            let span = Span::new(at, at);
            return Err(ParseError::new(query, span, format!("the query has more than {MAX_TOKENS} words")));
        }
    }
}

/// Bytes of blanks and comments at the beginning.
fn blanks(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        match rest.strip_prefix('#') {
            Some(comment) => rest = comment.find('\n').map_or("", |end| &comment[end..]),
            None => return text.len() - rest.len(),
        }
    }
}

fn next(query: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let rest = &query[at..];
    let Some(first) = rest.chars().next() else { return Ok((Token::End, 0)) };
    if first == '"' || first == '`' {
        return text(query, at, first);
    }
    if first.is_ascii_digit() || (first == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
        return number(query, at);
    }
    if first.is_alphabetic() || first == '_' {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
        return Ok((Token::Word(rest[..end].to_owned()), end));
    }
    if let Some(flag) = rest.strip_prefix("--")
        && flag.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        let end = flag.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(flag.len());
        return Ok((Token::Flag(flag[..end].to_owned()), end + 2));
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => Ok((Token::Sign(sign), sign.len())),
        None => {
            let span = Span::new(at, at + first.len_utf8());
            Err(ParseError::new(query, span, format!("syntax error: unexpected character {first:?}")))
        }
    }
}

fn text(query: &str, at: usize, quote: char) -> Result<(Token, usize), ParseError> {
    let rest = &query[at..];
    let mut escaped = false;
    let mut end = None;
    for (place, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' && quote == '"' {
            escaped = true;
        } else if c == quote {
            end = Some(place + 1);
            break;
        } else if c == '\n' && quote == '"' {
            break;
        }
    }
    let refuse = |end, message: &str| Err(ParseError::new(query, Span::new(at, end), message));
    let Some(end) = end else { return refuse(query.len(), "literal not terminated") };
    match unquote(&rest[..end]).map(String::from_utf8) {
        Some(Ok(value)) => Ok((Token::Text(value), end)),
        Some(Err(_)) => refuse(at + end, "the text is not UTF-8"),
        None => refuse(at + end, "invalid char escape"),
    }
}

/// A number, a duration or a size: what can be read of a run of digits and letters.
fn number(query: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let rest = &query[at..];
    let mut end = 0;
    for (place, c) in rest.char_indices() {
        let exponent = matches!(c, '+' | '-')
            && rest[..place].ends_with(['e', 'E'])
            && rest[..place - 1].bytes().all(|b| b.is_ascii_digit() || b == b'.');
        if !(c.is_alphanumeric() || c == '.' || exponent) {
            break;
        }
        end = place + c.len_utf8();
    }
    let run = &rest[..end];
    let span = Span::new(at, at + end);
    let digits = run.bytes().any(|b| b.is_ascii_digit());
    if let Some(hex) = run.strip_prefix("0x").or_else(|| run.strip_prefix("0X"))
        && let Ok(value) = u64::from_str_radix(hex, 16)
    {
        return Ok((Token::Number(value as f64), end));
    }
    // `inf` and `nan` begin with no digit.
    if digits && let Ok(value) = run.parse::<f64>() {
        return Ok((Token::Number(value), end));
    }
    if let Some(ns) = parse_duration(run) {
        return Ok((Token::Duration(ns), end));
    }
    if let Some(bytes) = parse_bytes(run) {
        return Ok((Token::Bytes(bytes), end));
    }
    Err(ParseError::new(query, span, format!("syntax error: {run:?} is no number, duration or size")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(query: &str) -> Vec<Token> {
        lex(query).unwrap().into_iter().map(|item| item.token).collect()
    }

    #[test]
    fn numbers_durations_and_sizes_are_told_apart() {
        assert_eq!(
            tokens("1.5e+3 5m 10KB 0x1f .5 1e3"),
            [
                Token::Number(1500.0),
                Token::Duration(300_000_000_000),
                Token::Bytes(10_000),
                Token::Number(31.0),
                Token::Number(0.5),
                Token::Number(1000.0),
                Token::End
            ]
        );
    }

    #[test]
    fn comments_and_flags() {
        assert_eq!(
            tokens("| logfmt --keep-empty # all of it\n|= `a\\`"),
            [
                Token::Sign("|"),
                Token::Word("logfmt".to_owned()),
                Token::Flag("keep-empty".to_owned()),
                Token::Sign("|="),
                Token::Text("a\\".to_owned()),
                Token::End
            ]
        );
    }

    #[test]
    fn what_is_no_token_is_named_with_its_place() {
        for (query, wanted) in [
            ("{app=\"a}", "parse error at line 1, col 6: literal not terminated"),
            ("{a=\"b\"}\n ~", "parse error at line 2, col 2: syntax error: unexpected character '~'"),
            ("5x", "parse error at line 1, col 1: syntax error: \"5x\" is no number, duration or size"),
            ("\"\\q\"", "parse error at line 1, col 1: invalid char escape"),
        ] {
            assert_eq!(lex(query).unwrap_err().to_string(), wanted);
        }
    }
}
