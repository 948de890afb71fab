//! Expressions: operators, parentheses, calls and aggregations.

use super::binary::{Modifiers, operator};
use super::{Abort, Parsed, Parser};
use crate::promql::ast::{
    Aggregate, AggregateOp, Binary, BinaryOp, Call, Expr, NumberLiteral, Paren, Span, Unary,
};
use crate::promql::lex::{Item, Keyword, Token};
use crate::promql::quote::go_string;
use crate::promql::signature::Signature;

impl Parser<'_> {
    /// Operands joined by operators that bind at least as tightly as `min`.
    pub(super) fn expression(&mut self, min: u8) -> Parsed {
        let (mut lhs, mut height) = self.unary()?;
        while let Some(op) = operator(self.current.token) {
            if op.precedence() < min || self.broken {
                break;
            }
            (lhs, height) = self.right_side(op, lhs, height)?;
        }
        Ok((lhs, height))
    }

    fn right_side(&mut self, op: BinaryOp, lhs: Box<Expr>, lhs_height: usize) -> Parsed {
        let op_span = self.advance().span;
        let modifiers = self.binary_modifiers()?;
        let tighter = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
        let (rhs, rhs_height) = self.nested(|p| p.expression(tighter))?;
        let height = self.above(lhs_height.max(rhs_height))?;
        let span = lhs.span().to(rhs.span());
        self.check_fill(span, &modifiers.matching);
        Ok((binary(op, op_span, lhs, rhs, modifiers), height))
    }

    /// A sign binds as tightly as `*`: `-1^2` is `-(1^2)`.
    fn unary(&mut self) -> Parsed {
        let Some((start, negative)) = self.sign() else {
            let operand = self.operand()?;
            return self.postfix(operand);
        };
        let (expr, height) = self.nested(|p| p.expression(BinaryOp::Pow.precedence()))?;
        let height = if matches!(*expr, Expr::Number(_)) { height } else { self.above(height)? };
        Ok((signed(start, negative, expr), height))
    }

    fn operand(&mut self) -> Parsed {
        if self.broken {
            return Err(Abort::Reported);
        }
        match self.current.token {
            Token::Number | Token::Duration | Token::String => self.literal(),
            Token::LeftParen => self.paren(),
            Token::Aggregate(op) if self.starts_aggregation() => self.aggregation(op),
            token if can_be_called(token) && self.peek() == Some(Token::LeftParen) => self.call(),
            token if token == Token::LeftBrace || token.is_metric_name() => self.selector(),
            _ => Err(Abort::Unreported),
        }
    }

    fn literal(&mut self) -> Parsed {
        let expr = match self.current.token {
            Token::String => Expr::String(self.string()?),
            _ => Expr::Number(self.number()?),
        };
        Ok((Box::new(expr), 1))
    }

    fn selector(&mut self) -> Parsed {
        Ok((Box::new(Expr::Vector(self.vector_selector()?)), 1))
    }

    fn paren(&mut self) -> Parsed {
        let start = self.advance().span.start;
        let (expr, height) = self.nested(|p| p.expression(0))?;
        self.expect(Token::RightParen)?;
        let height = self.above(height)?;
        Ok((boxed(Expr::Paren(Paren { span: self.span_from(start), expr })), height))
    }

    fn call(&mut self) -> Parsed {
        let name = self.advance();
        let text = self.text(name);
        let function = Signature::find(text);
        let (args, height) = self.arguments()?;
        let span = self.span_from(name.span.start);
        let Some(function) = function else {
            self.error(name.span, format!("unknown function with name {}", go_string(text)));
            return Ok((stand_in(span), height));
        };
        if function.experimental && !self.options.experimental_functions {
            self.error(name.span, format!("function {} is not enabled", go_string(text)));
        }
        let height = self.above(height)?;
        Ok((boxed(Expr::Call(Call { span, function, args })), height))
    }

    /// `(a, b)`, and the height of the highest argument.
    fn arguments(&mut self) -> Result<(Vec<Expr>, usize), Abort> {
        self.expect(Token::LeftParen)?;
        let mut args = Vec::new();
        let mut highest = 0;
        if self.eat(Token::RightParen).is_some() {
            return Ok((args, highest));
        }
        loop {
            let (arg, height) = self.nested(|p| p.expression(0))?;
            args.push(*arg);
            highest = highest.max(height);
            let comma = self.eat(Token::Comma);
            if let Some(comma) = comma
                && self.at(Token::RightParen)
            {
                self.error(comma.span, "trailing commas not allowed in function call args");
            }
            if self.eat(Token::RightParen).is_some() {
                return Ok((args, highest));
            }
            if comma.is_none() {
                return Err(Abort::Unreported);
            }
        }
    }

    /// Whether the word is followed by what makes it an aggregation; else it names a metric.
    fn starts_aggregation(&self) -> bool {
        matches!(self.peek(), Some(Token::LeftParen | Token::Keyword(Keyword::By | Keyword::Without)))
    }

    fn aggregation(&mut self, op: AggregateOp) -> Parsed {
        let name = self.advance();
        let result = self.aggregation_parts();
        match self.report(result, "aggregation", "") {
            Ok(parts) => self.aggregate(op, name, parts),
            Err(abort) => {
                if self.broken {
                    let span = self.span_from(name.span.start);
                    self.error(span, "no arguments for aggregate expression provided");
                }
                Err(abort)
            }
        }
    }

    /// Grouping and arguments in either order.
    fn aggregation_parts(&mut self) -> Result<AggregateParts, Abort> {
        let mut parts = AggregateParts::default();
        let before = self.grouping(&mut parts)?;
        (parts.args, parts.height) = self.arguments()?;
        if !before {
            self.grouping(&mut parts)?;
        }
        Ok(parts)
    }

    fn grouping(&mut self, parts: &mut AggregateParts) -> Result<bool, Abort> {
        let without = self.at_keyword(Keyword::Without);
        let found = without || self.at_keyword(Keyword::By);
        if found {
            self.advance();
            parts.without = without;
            parts.grouping = self.grouping_labels()?;
        }
        Ok(found)
    }

    fn aggregate(&mut self, op: AggregateOp, name: Item, parts: AggregateParts) -> Parsed {
        let span = self.span_from(name.span.start);
        let count = parts.args.len();
        let mut args = parts.args.into_iter();
        let param = if op.has_param() { args.next().map(Box::new) } else { None };
        let expected = 1 + usize::from(op.has_param());
        let message = if count == 0 {
            "no arguments for aggregate expression provided".to_owned()
        } else if op.is_experimental() && !self.options.experimental_functions {
            let name = op.as_str();
            let flag = "--enable-feature=promql-experimental-functions";
            format!("{name}() is experimental and must be enabled with {flag}")
        } else if count != expected {
            format!(
                "wrong number of arguments for aggregate expression provided, expected {expected}, got {count}"
            )
        } else if let Some(expr) = args.next() {
            let height = self.above(parts.height)?;
            let (grouping, without) = (parts.grouping, parts.without);
            let node = Aggregate { span, op, expr: Box::new(expr), param, grouping, without };
            return Ok((boxed(Expr::Aggregate(node)), height));
        } else {
            String::new() // not reached: `count` and `expected` agree
        };
        self.error(span, message);
        Ok((stand_in(span), 1))
    }
}

#[derive(Default)]
struct AggregateParts {
    grouping: Vec<String>,
    without: bool,
    args: Vec<Expr>,
    height: usize,
}

/// Whether a word before a parenthesis may name a function.
fn can_be_called(token: Token) -> bool {
    matches!(
        token,
        Token::Identifier
            | Token::Keyword(
                Keyword::Start
                    | Keyword::End
                    | Keyword::Step
                    | Keyword::Range
                    | Keyword::MaxOf
                    | Keyword::MinOf
            )
    )
}

/// Stands for an expression whose mistake is noted; no caller sees it.
fn stand_in(span: Span) -> Box<Expr> {
    Box::new(Expr::Number(NumberLiteral { span, value: 0.0, duration: false }))
}

/// Out of line: the node is built in a frame of its own.
#[inline(never)]
fn boxed(expr: Expr) -> Box<Expr> {
    Box::new(expr)
}

fn binary(op: BinaryOp, op_span: Span, lhs: Box<Expr>, rhs: Box<Expr>, modifiers: Modifiers) -> Box<Expr> {
    let span = lhs.span().to(rhs.span());
    let Modifiers { return_bool, matching } = modifiers;
    Box::new(Expr::Binary(Binary { span, op, op_span, lhs, rhs, return_bool, matching }))
}

/// The sign of a number becomes part of it.
fn signed(start: usize, negative: bool, mut expr: Box<Expr>) -> Box<Expr> {
    let span = Span::new(start, expr.span().end);
    if let Expr::Number(literal) = &mut *expr {
        literal.span = span;
        literal.value = if negative { -literal.value } else { literal.value };
        return expr;
    }
    Box::new(Expr::Unary(Unary { span, negative, expr }))
}
