//! What an eval must yield.

use model::Histogram;
use query::promql::series_desc::{SeriesDesc, parse_series_desc};
use query::promql::{Expr, parse};
use regex_automata::meta::Regex;

use super::script::{EvalKind, range, split_word};

/// How a message must look.
#[derive(Debug, Clone)]
pub enum Message {
    /// Any.
    Any,
    /// Exactly so.
    Exactly(String),
    /// The expression matches somewhere.
    Matches(Box<Regex>),
}

impl Message {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Any);
        }
        if let Some(exact) = text.strip_prefix("msg:") {
            return Ok(Self::Exactly(exact.trim().to_owned()));
        }
        match text.strip_prefix("regex:") {
            Some(re) => Self::regex(re.trim()),
            None => Err(format!("expected msg: or regex:, not {text:?}")),
        }
    }

    fn regex(text: &str) -> Result<Self, String> {
        let regex = Regex::new(text).map_err(|e| format!("invalid regular expression {text:?}: {e}"))?;
        Ok(Self::Matches(Box::new(regex)))
    }

    /// Whether `text` is such a message.
    pub fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(want) => want == text,
            Self::Matches(regex) => regex.is_match(text),
        }
    }
}

/// All expectations of an eval.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Evaluation must fail with this message.
    pub fail: Option<Message>,
    /// Warnings that must be there.
    pub warn: Vec<Message>,
    /// Infos that must be there.
    pub info: Vec<Message>,
    /// No warning may be there.
    pub no_warn: bool,
    /// No info may be there.
    pub no_info: bool,
    /// The vector must come in the written order.
    pub ordered: bool,
    /// The result is this text.
    pub string: Option<String>,
    /// The result is a matrix over these times.
    pub matrix: Option<EvalKind>,
    /// The result is this scalar.
    pub number: Option<f64>,
    /// The series of the result.
    pub series: Vec<SeriesDesc>,
}

impl Expected {
    /// What the command's own word asks for.
    pub fn of_command(word: &str) -> Option<Self> {
        let mut expected = Self::default();
        match word.to_lowercase().as_str() {
            "eval" => {}
            "eval_fail" => expected.fail = Some(Message::Any),
            "eval_warn" => expected.warn.push(Message::Any),
            "eval_info" => expected.info.push(Message::Any),
            "eval_ordered" => expected.ordered = true,
            _ => return None,
        }
        Some(expected)
    }

    /// Takes one line of the block; `true`: the block ends with it.
    pub fn line(&mut self, line: &str, instant: bool) -> Result<bool, String> {
        let (word, rest) = split_word(line);
        match word {
            "expect" => self.expectation(rest, instant).map(|()| false),
            "expected_fail_message" => self.old_failure(Message::Exactly(rest.to_owned())),
            "expected_fail_regexp" => Message::regex(rest).and_then(|m| self.old_failure(m)),
            _ => {
                if let Some(number) = number(line) {
                    self.number = Some(number);
                    return Ok(true);
                }
                let series = parse_series_desc(line).map_err(|e| e.to_string())?;
                if instant && self.matrix.is_none() && series.values.len() != 1 {
                    return Err("an instant query yields exactly one value a series".to_owned());
                }
                self.series.push(series);
                Ok(false)
            }
        }
    }

    fn old_failure(&mut self, message: Message) -> Result<bool, String> {
        if self.fail.is_none() {
            return Err("a failure message without eval_fail".to_owned());
        }
        self.fail = Some(message);
        Ok(false)
    }

    fn expectation(&mut self, text: &str, instant: bool) -> Result<(), String> {
        let (word, rest) = split_word(text);
        if !instant && matches!(word, "ordered" | "string" | "range") {
            return Err(format!("expect {word} is for instant queries"));
        }
        match word {
            "fail" if self.fail.is_some() => return Err("a second expect fail".to_owned()),
            "fail" => self.fail = Some(Message::parse(rest)?),
            "warn" => self.warn.push(Message::parse(rest)?),
            "info" => self.info.push(Message::parse(rest)?),
            "no_warn" => self.no_warn = true,
            "no_info" => self.no_info = true,
            "ordered" => self.ordered = true,
            "string" => self.string = Some(literal(rest)?),
            "range" => {
                let (vector, times) = split_word(rest);
                if vector != "vector" {
                    return Err("expected: expect range vector from ...".to_owned());
                }
                self.matrix = Some(range(times)?.0);
            }
            other => return Err(format!("unknown expectation {other:?}")),
        }
        Ok(())
    }

    /// Refuses expectations that exclude each other.
    pub fn check(&self) -> Result<(), String> {
        if (self.no_warn && !self.warn.is_empty()) || (self.no_info && !self.info.is_empty()) {
            return Err("an annotation is both expected and forbidden".to_owned());
        }
        Ok(())
    }
}

fn literal(text: &str) -> Result<String, String> {
    match parse(text) {
        Ok(Expr::String(literal)) => Ok(literal.value),
        _ => Err(format!("{text:?} is no string literal")),
    }
}

/// A number as Go's integer and float parsers take it.
fn number(text: &str) -> Option<f64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let radix = |prefix: &str, radix: u32| {
        let digits = digits.to_lowercase();
        i64::from_str_radix(digits.strip_prefix(prefix)?, radix).ok().map(|v| sign * v as f64)
    };
    radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2)).or_else(|| text.parse().ok())
}

/// The buckets of a histogram as it is compared: no empty ones.
pub(super) type Buckets = Vec<(i32, f64)>;

/// Index and count of the buckets that are not empty, of both sides.
pub(super) fn buckets(h: &Histogram) -> (Buckets, Buckets) {
    let side = |spans: &[model::Span], counts: &[f64]| {
        let mut at = 0i32;
        let mut indexes = Vec::new();
        for span in spans {
            at += span.offset;
            for _ in 0..span.length {
                indexes.push(at);
                at += 1;
            }
        }
        indexes.into_iter().zip(counts.iter().copied()).filter(|(_, c)| *c != 0.0).collect()
    };
    (side(&h.positive_spans, &h.positive_buckets), side(&h.negative_spans, &h.negative_buckets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_go_takes_them() {
        assert_eq!((number("0x2a"), number("-0b11"), number("1e3")), (Some(42.0), Some(-3.0), Some(1000.0)));
        assert!(number("NaN").is_some_and(f64::is_nan));
        assert_eq!((number("+Inf"), number("foo 1"), number("{} 1")), (Some(f64::INFINITY), None, None));
    }
}
