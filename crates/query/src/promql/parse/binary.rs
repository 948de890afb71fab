//! What stands between a binary operator and its right operand, and lists of labels.

use super::{Abort, Parser};
use crate::promql::ast::{BinaryOp, Cardinality, Span, VectorMatching};
use crate::promql::lex::{Keyword, Token};
use crate::promql::quote::go_string;

/// `bool`, and how series match.
pub(super) struct Modifiers {
    pub(super) return_bool: bool,
    pub(super) matching: VectorMatching,
}

impl Parser<'_> {
    /// `bool on(labels) group_left(labels) fill(value)`, each of it optional.
    pub(super) fn binary_modifiers(&mut self) -> Result<Modifiers, Abort> {
        let return_bool = self.eat(Token::Keyword(Keyword::Bool)).is_some();
        let mut matching = VectorMatching::default();
        let on = self.at_keyword(Keyword::On);
        if on || self.at_keyword(Keyword::Ignoring) {
            self.advance();
            matching.on = on;
            matching.labels = self.grouping_labels()?;
            let left = self.at_keyword(Keyword::GroupLeft);
            if left || self.at_keyword(Keyword::GroupRight) {
                self.advance();
                matching.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
                if self.at(Token::LeftParen) {
                    matching.include = self.grouping_labels()?;
                }
            }
        }
        self.fill_modifiers(&mut matching)?;
        Ok(Modifiers { return_bool, matching })
    }

    fn fill_modifiers(&mut self, matching: &mut VectorMatching) -> Result<(), Abort> {
        if self.eat(Token::Keyword(Keyword::Fill)).is_some() {
            let value = self.fill_value()?;
            matching.fill_left = Some(value);
            matching.fill_right = Some(value);
            return Ok(());
        }
        loop {
            let side = if self.at_keyword(Keyword::FillLeft) {
                &mut matching.fill_left
            } else if self.at_keyword(Keyword::FillRight) {
                &mut matching.fill_right
            } else {
                return Ok(());
            };
            if side.is_some() {
                return Err(Abort::Unreported);
            }
            self.advance();
            *side = Some(self.fill_value()?);
        }
    }

    fn fill_value(&mut self) -> Result<f64, Abort> {
        self.expect(Token::LeftParen)?;
        let literal = self.signed_number()?;
        self.expect(Token::RightParen)?;
        Ok(literal.value)
    }

    /// `fill` is experimental.
    pub(super) fn check_fill(&mut self, span: Span, matching: &VectorMatching) {
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        if fills && !self.options.fill_modifiers {
            self.error(span, "binop fill modifiers are experimental and not enabled");
        }
    }

    /// `(a, b, "c d")`
    pub(super) fn grouping_labels(&mut self) -> Result<Vec<String>, Abort> {
        const CONTEXT: &str = "grouping opts";
        if self.eat(Token::LeftParen).is_none() {
            return Err(self.fail(CONTEXT, "\"(\""));
        }
        let mut labels = Vec::new();
        loop {
            // A comma may follow the last label, but not stand alone.
            if (!labels.is_empty() || self.at(Token::RightParen)) && self.eat(Token::RightParen).is_some() {
                return Ok(labels);
            }
            labels.push(self.grouping_label()?);
            if self.eat(Token::Comma).is_none() && !self.at(Token::RightParen) {
                return Err(self.fail(CONTEXT, "\",\" or \")\""));
            }
        }
    }

    fn grouping_label(&mut self) -> Result<String, Abort> {
        if !self.broken && self.current.token.is_grouping_label() {
            let item = self.advance();
            return Ok(self.text(item).to_owned());
        }
        let Some(item) = self.eat(Token::String) else {
            return Err(self.fail("grouping opts", "label"));
        };
        let literal = self.string_value(item);
        if literal.value.is_empty() || literal.bytes.is_some() {
            let name = go_string(&literal.value);
            self.error(item.span, format!("invalid label name for grouping: {name}"));
        }
        Ok(literal.value)
    }
}

/// The operators that a token may be between two expressions.
pub(super) fn operator(token: Token) -> Option<BinaryOp> {
    match token {
        Token::Op(op) => Some(op),
        _ => None,
    }
}
