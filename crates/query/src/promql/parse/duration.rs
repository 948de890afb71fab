//! Durations in brackets and after `offset`: plain ones, and arithmetic where it is allowed.

use super::{Abort, Parser};
use crate::promql::ast::{BinaryOp, Duration, DurationExpr, NumberLiteral, Span};
use crate::promql::duration::{out_of_range, seconds_to_ms};
use crate::promql::lex::{Keyword, Token};

type ParsedDuration = Result<(DurationExpr, usize), Abort>;

impl Parser<'_> {
    /// A duration that must be positive, as a range or step.
    pub(super) fn positive_duration(&mut self) -> Result<Duration, Abort> {
        let (expr, _) = self.duration_expression(0)?;
        if let DurationExpr::Literal(literal) = &expr
            && seconds_to_ms(literal.value) <= 0
        {
            self.error(literal.span, "duration must be greater than 0");
        }
        Ok(finished(expr))
    }

    /// What follows `offset`. Only one operand belongs to it: `x offset 5m * 2` is a product.
    pub(super) fn offset_duration(&mut self) -> Result<Duration, Abort> {
        let Some((start, negative)) = self.sign() else {
            return Ok(finished(self.duration_operand()?.0));
        };
        let operand =
            if self.at(Token::LeftParen) { self.duration_paren(false)? } else { self.duration_operand()? };
        Ok(finished(self.signed_duration(start, negative, operand)?.0))
    }

    fn duration_expression(&mut self, min: u8) -> ParsedDuration {
        let (mut lhs, mut height) = self.duration_unary()?;
        while let Token::Op(op) = self.current.token {
            if op.precedence() < min || !is_arithmetic(op) || self.broken {
                break;
            }
            let op_span = self.advance().span;
            let tighter = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
            let (rhs, rhs_height) = self.nested(|p| p.duration_expression(tighter))?;
            self.check_enabled(lhs.span());
            height = self.above(height.max(rhs_height))?;
            if let DurationExpr::Literal(NumberLiteral { value: 0.0, .. }) = rhs {
                match op {
                    BinaryOp::Div => self.zero_divisor(&mut lhs, op_span, "division by zero"),
                    BinaryOp::Mod => self.zero_divisor(&mut lhs, op_span, "modulo by zero"),
                    _ => lhs = binary(op, lhs, rhs),
                }
            } else {
                lhs = binary(op, lhs, rhs);
            }
        }
        Ok((lhs, height))
    }

    /// Notes the mistake and goes on with zero.
    fn zero_divisor(&mut self, lhs: &mut DurationExpr, op_span: Span, message: &str) {
        self.error(op_span, message);
        *lhs = DurationExpr::Literal(NumberLiteral { span: lhs.span(), value: 0.0, duration: false });
    }

    fn duration_unary(&mut self) -> ParsedDuration {
        let Some((start, negative)) = self.sign() else {
            return self.duration_operand();
        };
        let operand = self.nested(|p| p.duration_expression(BinaryOp::Pow.precedence()))?;
        self.signed_duration(start, negative, operand)
    }

    fn signed_duration(
        &mut self,
        start: usize,
        negative: bool,
        (expr, height): (DurationExpr, usize),
    ) -> ParsedDuration {
        let span = Span::new(start, expr.span().end);
        match expr {
            DurationExpr::Literal(mut literal) => {
                literal.span = span;
                literal.value = if negative { -literal.value } else { literal.value };
                Ok((DurationExpr::Literal(literal), height))
            }
            // A plus means nothing, and is left out.
            expr if !negative => Ok((expr, height)),
            expr => {
                let height = self.above(height)?;
                Ok((DurationExpr::Unary { span, negative, expr: Box::new(expr) }, height))
            }
        }
    }

    fn duration_operand(&mut self) -> ParsedDuration {
        match self.current.token {
            Token::LeftParen => self.duration_paren(true),
            Token::Keyword(keyword @ (Keyword::Step | Keyword::Range)) => {
                let start = self.advance().span.start;
                self.expect(Token::LeftParen)?;
                self.expect(Token::RightParen)?;
                let span = self.span_from(start);
                self.check_enabled(span);
                let step = keyword == Keyword::Step;
                Ok((if step { DurationExpr::Step(span) } else { DurationExpr::Range(span) }, 1))
            }
            Token::Keyword(keyword @ (Keyword::MaxOf | Keyword::MinOf)) => {
                self.extreme(keyword == Keyword::MaxOf)
            }
            _ => {
                let mut literal = self.number()?;
                if out_of_range(literal.value) {
                    self.error(literal.span, "duration out of range");
                    literal.value = 0.0;
                }
                Ok((DurationExpr::Literal(literal), 1))
            }
        }
    }

    fn extreme(&mut self, max: bool) -> ParsedDuration {
        let start = self.advance().span.start;
        self.expect(Token::LeftParen)?;
        let (lhs, lhs_height) = self.nested(|p| p.duration_expression(0))?;
        self.expect(Token::Comma)?;
        let (rhs, rhs_height) = self.nested(|p| p.duration_expression(0))?;
        self.expect(Token::RightParen)?;
        let span = self.span_from(start);
        self.check_enabled(span);
        let height = self.above(lhs_height.max(rhs_height))?;
        Ok((DurationExpr::Extreme { span, max, lhs: Box::new(lhs), rhs: Box::new(rhs) }, height))
    }

    /// `offset -(5m)` was allowed before duration expressions were, hence `must_be_enabled`.
    fn duration_paren(&mut self, must_be_enabled: bool) -> ParsedDuration {
        let start = self.advance().span.start;
        let (expr, height) = self.nested(|p| p.duration_expression(0))?;
        self.expect(Token::RightParen)?;
        if must_be_enabled {
            self.check_enabled(expr.span());
        }
        let height = self.above(height)?;
        Ok((DurationExpr::Paren { span: self.span_from(start), expr: Box::new(expr) }, height))
    }

    fn check_enabled(&mut self, span: Span) {
        if !self.options.duration_expressions {
            self.error(span, "experimental duration expression is not enabled");
        }
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    matches!(
        op,
        BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Pow
    )
}

fn binary(op: BinaryOp, lhs: DurationExpr, rhs: DurationExpr) -> DurationExpr {
    DurationExpr::Binary { span: lhs.span().to(rhs.span()), op, lhs: Box::new(lhs), rhs: Box::new(rhs) }
}

fn finished(expr: DurationExpr) -> Duration {
    match expr {
        DurationExpr::Literal(literal) => {
            Duration { span: literal.span, ms: seconds_to_ms(literal.value), expr: None }
        }
        expr => Duration { span: expr.span(), ms: 0, expr: Some(Box::new(expr)) },
    }
}
