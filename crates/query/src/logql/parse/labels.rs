//! Label filters.

use super::{Parsed, Parser};
use crate::logql::ast::{Compare, LabelFilter};
use crate::logql::lex::Token;
use model::MatchOp;

impl Parser<'_> {
    /// `a >= 5 and (b = "c" or d > 1s), e != "f"`
    pub(super) fn label_filter(&mut self) -> Parsed<LabelFilter> {
        let mut any = vec![self.all_of()?];
        while self.eat_word("or") {
            any.push(self.all_of()?);
        }
        Ok(LabelFilter::or(any))
    }

    fn all_of(&mut self) -> Parsed<LabelFilter> {
        let mut all = vec![self.one_filter()?];
        loop {
            // A blank between two filters means `and`, too.
            let follows = matches!(self.peek(), Token::Word(word) if !is_keyword(word))
                || *self.peek() == Token::Sign("(");
            if !self.eat_word("and") && !self.eat(",") && !follows {
                return Ok(LabelFilter::and(all));
            }
            all.push(self.one_filter()?);
        }
    }

    fn one_filter(&mut self) -> Parsed<LabelFilter> {
        if self.eat("(") {
            self.deeper()?;
            let inner = self.label_filter()?;
            self.depth -= 1;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        let Token::Sign(sign) = *self.peek() else { return Err(self.unexpected("a comparison")) };
        let compare = match sign {
            "=" | "==" => Some(Compare::Equal),
            "!=" => Some(Compare::NotEqual),
            "<" => Some(Compare::Less),
            "<=" => Some(Compare::LessEqual),
            ">" => Some(Compare::Greater),
            ">=" => Some(Compare::GreaterEqual),
            "=~" | "!~" => None,
            _ => return Err(self.unexpected("a comparison")),
        };
        self.advance();
        let equality = matches!(sign, "=" | "!=" | "=~" | "!~");
        if self.is_word("ip") && matches!(sign, "=" | "!=") {
            let (text, _) = self.ip()?;
            return Ok(LabelFilter::Ip { name, negative: sign == "!=", text });
        }
        if matches!(self.peek(), Token::Text(_)) {
            if !equality {
                return Err(self.unexpected("NUMBER or DURATION or BYTES"));
            }
            let op = match sign {
                "=" => MatchOp::Equal,
                "!=" => MatchOp::NotEqual,
                "=~" => MatchOp::Regex,
                _ => MatchOp::NotRegex,
            };
            return self.matcher(name, op).map(LabelFilter::Text);
        }
        let Some(op) = compare else { return Err(self.unexpected("STRING")) };
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let filter = match *self.peek() {
            Token::Number(value) => {
                LabelFilter::Number { name, op, value: if negative { -value } else { value } }
            }
            Token::Duration(ns) => LabelFilter::Duration { name, op, ns: if negative { -ns } else { ns } },
            Token::Bytes(bytes) if !negative => LabelFilter::Bytes { name, op, bytes },
            _ => return Err(self.unexpected("STRING or NUMBER or DURATION or BYTES")),
        };
        self.advance();
        Ok(filter)
    }
}

impl LabelFilter {
    /// All of `parts`, of which there is at least one.
    fn and(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::And(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        Self::And(flat)
    }

    /// One of `parts`, of which there is at least one.
    fn or(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut flat = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                Self::Or(inner) => flat.extend(inner),
                part => flat.push(part),
            }
        }
        Self::Or(flat)
    }
}

/// Words that end a list of filters.
fn is_keyword(word: &str) -> bool {
    matches!(word, "and" | "or" | "unless" | "offset" | "by" | "without" | "on" | "ignoring" | "bool")
}
