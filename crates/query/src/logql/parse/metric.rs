//! Expressions that yield numbers.

use std::sync::Arc;

use model::Pattern;
use model::labels::is_plain_label_name;

use super::{Parsed, Parser};
use crate::logql::ast::{
    Binary, BinaryOp, Cardinality, Grouping, LogExpr, MetricExpr, RangeAggregation, RangeOp, Span, Unwrap,
    VectorAggregation, VectorMatching, VectorOp,
};
use crate::logql::lex::Token;

/// What is computed over the same lines.
const MOST_VARIANTS: usize = 64;

const OPERATORS: [BinaryOp; 15] = [
    BinaryOp::Add,
    BinaryOp::Sub,
    BinaryOp::Mul,
    BinaryOp::Div,
    BinaryOp::Mod,
    BinaryOp::Pow,
    BinaryOp::Eq,
    BinaryOp::Ne,
    BinaryOp::Lt,
    BinaryOp::Le,
    BinaryOp::Gt,
    BinaryOp::Ge,
    BinaryOp::And,
    BinaryOp::Or,
    BinaryOp::Unless,
];

impl Parser<'_> {
    /// An expression whose operators bind at least as tightly as `least`.
    pub(super) fn metric(&mut self, least: u8) -> Parsed<MetricExpr> {
        self.deeper()?;
        let before = self.depth;
        let mut lhs = self.operand()?;
        while let Some(op) = self.operator().filter(|op| op.precedence() >= least) {
            // A chain is as deep as it is long.
            self.deeper()?;
            lhs = self.binary(lhs, op)?;
        }
        self.depth = before - 1;
        Ok(lhs)
    }

    fn operator(&self) -> Option<BinaryOp> {
        let text = match self.peek() {
            Token::Sign(sign) => sign,
            Token::Word(word) => word.as_str(),
            _ => return None,
        };
        OPERATORS.into_iter().find(|op| op.as_str() == text)
    }

    fn binary(&mut self, lhs: MetricExpr, op: BinaryOp) -> Parsed<MetricExpr> {
        self.advance();
        let return_bool = op.is_comparison() && self.eat_word("bool");
        let (matching, matching_written) = self.matching(op)?;
        let tighter = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
        let rhs = self.metric(tighter)?;
        let span = lhs.span().to(rhs.span());
        if op.is_set() {
            for (side, leg) in [(&lhs, "left"), (&rhs, "right")] {
                if side.is_scalar() {
                    let message = format!(
                        "unexpected literal for {leg} leg of logical/set binary operation ({})",
                        op.as_str()
                    );
                    return Err(self.error(side.span(), message));
                }
            }
        }
        let (lhs, rhs) = (Box::new(lhs), Box::new(rhs));
        Ok(MetricExpr::Binary(Binary { span, op, lhs, rhs, return_bool, matching, matching_written }))
    }

    fn matching(&mut self, op: BinaryOp) -> Parsed<(VectorMatching, bool)> {
        let cardinality = if op.is_set() { Cardinality::ManyToMany } else { Cardinality::OneToOne };
        let mut matching = VectorMatching { cardinality, ..VectorMatching::default() };
        let on = self.eat_word("on");
        if !on && !self.eat_word("ignoring") {
            return Ok((matching, false));
        }
        matching.on = on;
        matching.labels = self.names()?;
        let span = self.span();
        let left = self.eat_word("group_left");
        if left || self.eat_word("group_right") {
            if op.is_set() {
                return Err(self.error(span, "no grouping allowed for set operations"));
            }
            matching.cardinality = if left { Cardinality::ManyToOne } else { Cardinality::OneToMany };
            if *self.peek() == Token::Sign("(") {
                matching.include = self.names()?;
            }
        }
        Ok((matching, true))
    }

    fn operand(&mut self) -> Parsed<MetricExpr> {
        let span = self.span();
        match self.peek().clone() {
            Token::Sign("(") => {
                self.advance();
                let inner = self.metric(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Sign(sign @ ("-" | "+")) => {
                self.advance();
                let Token::Number(value) = *self.peek() else { return Err(self.unexpected("NUMBER")) };
                self.advance();
                let value = if sign == "-" { -value } else { value };
                Ok(MetricExpr::Number { span: span.to(self.before()), value })
            }
            Token::Number(value) => {
                self.advance();
                Ok(MetricExpr::Number { span, value })
            }
            Token::Word(word) => self.call(&word, span),
            _ => Err(self.unexpected("")),
        }
    }

    fn call(&mut self, word: &str, start: Span) -> Parsed<MetricExpr> {
        let range = RangeOp::ALL.into_iter().find(|op| op.as_str() == word);
        let vector = VectorOp::ALL.into_iter().find(|op| op.as_str() == word);
        if range.is_none()
            && vector.is_none()
            && !matches!(word, "sort" | "sort_desc" | "label_replace" | "vector" | "variants")
        {
            return Err(self.unexpected(""));
        }
        self.advance();
        if let Some(op) = range {
            return self.range_aggregation(op, start);
        }
        if let Some(op) = vector {
            return self.vector_aggregation(op, start);
        }
        match word {
            "label_replace" => self.label_replace(start),
            "variants" => self.variants(start),
            "vector" => {
                self.expect("(")?;
                let negative = self.eat("-");
                let Token::Number(value) = *self.peek() else { return Err(self.unexpected("NUMBER")) };
                self.advance();
                self.expect(")")?;
                let value = if negative { -value } else { value };
                Ok(MetricExpr::VectorOf { span: start.to(self.before()), value })
            }
            _ => {
                if self.is_word("by") || self.is_word("without") {
                    return Err(self.no_grouping_of_sort());
                }
                self.expect("(")?;
                let expr = Box::new(self.metric(0)?);
                self.expect(")")?;
                if self.is_word("by") || self.is_word("without") {
                    return Err(self.no_grouping_of_sort());
                }
                Ok(MetricExpr::Sort { span: start.to(self.before()), descending: word == "sort_desc", expr })
            }
        }
    }

    fn no_grouping_of_sort(&self) -> super::ParseError {
        self.error(self.span(), "sort and sort_desc doesn't allow grouping by ")
    }

    fn grouping(&mut self) -> Parsed<Option<Grouping>> {
        let without = self.eat_word("without");
        if !without && !self.eat_word("by") {
            return Ok(None);
        }
        Ok(Some(Grouping { without, labels: self.names()? }))
    }

    fn vector_aggregation(&mut self, op: VectorOp, start: Span) -> Parsed<MetricExpr> {
        let mut grouping = self.grouping()?;
        self.expect("(")?;
        let param = self.count_of_series(op)?;
        let expr = Box::new(self.metric(0)?);
        self.expect(")")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        if expr.is_scalar() {
            let message = format!("unexpected literal as operand of {}", op.as_str());
            return Err(self.error(expr.span(), message));
        }
        let span = start.to(self.before());
        Ok(MetricExpr::Vector(VectorAggregation { span, op, param, expr, grouping }))
    }

    fn count_of_series(&mut self, op: VectorOp) -> Parsed<Option<u64>> {
        let span = self.span();
        let name = op.as_str();
        let given = match (self.peek(), self.peek_after()) {
            (Token::Number(value), Token::Sign(",")) => Some(*value),
            _ => None,
        };
        match (op.has_param(), given) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err(self.error(span, format!("unsupported parameter for operation {name}("))),
            (true, None) => Err(self.error(span, format!("parameter required for operation {name}"))),
            (true, Some(value)) => {
                if value.fract() != 0.0 || value > f64::from(u32::MAX) {
                    return Err(self.error(span, format!("invalid parameter {name}({value},")));
                }
                if value < 1.0 {
                    let message = format!("invalid parameter (must be greater than 0) {name}({value}");
                    return Err(self.error(span, message));
                }
                self.advance();
                self.advance();
                Ok(Some(value as u64))
            }
        }
    }

    fn variants(&mut self, start: Span) -> Parsed<MetricExpr> {
        self.expect("(")?;
        let mut variants = Vec::new();
        loop {
            if variants.len() == MOST_VARIANTS {
                return Err(self.error(self.span(), format!("more than {MOST_VARIANTS} variants")));
            }
            let variant = self.metric(0)?;
            if variant.is_scalar() {
                return Err(self.error(variant.span(), "unexpected literal as a variant"));
            }
            variants.push(variant);
            if !self.eat(",") {
                break;
            }
        }
        self.expect(")")?;
        if !self.eat_word("of") {
            return Err(self.unexpected("of"));
        }
        self.expect("(")?;
        let begin = self.span();
        let Window { log, unwrap, range_ns, offset_ns } = self.window()?;
        if unwrap.is_some() {
            return Err(self.error(begin, "the lines of variants are given without unwrap"));
        }
        self.expect(")")?;
        let span = start.to(self.before());
        let (op, param, grouping) = (RangeOp::Count, None, None);
        let of = RangeAggregation {
            span: begin.to(self.before()),
            op,
            param,
            log,
            unwrap,
            range_ns,
            offset_ns,
            grouping,
        };
        Ok(MetricExpr::Variants { span, variants, of: Arc::new(of) })
    }

    fn label_replace(&mut self, start: Span) -> Parsed<MetricExpr> {
        self.expect("(")?;
        let expr = Box::new(self.metric(0)?);
        let mut texts: [String; 4] = Default::default();
        let mut spans = [Span::default(); 4];
        for (text, span) in texts.iter_mut().zip(&mut spans) {
            self.expect(",")?;
            *span = self.span();
            *text = self.text()?;
        }
        self.expect(")")?;
        if let Err(error) = Pattern::new(&texts[3]) {
            let message = format!("invalid regex in label_replace: {}", error.message);
            return Err(self.error(spans[3], message));
        }
        if !is_plain_label_name(&texts[0]) {
            let message = format!("invalid destination label name in label_replace: {}", texts[0]);
            return Err(self.error(spans[0], message));
        }
        Ok(MetricExpr::LabelReplace { span: start.to(self.before()), expr, texts })
    }

    fn range_aggregation(&mut self, op: RangeOp, start: Span) -> Parsed<MetricExpr> {
        self.expect("(")?;
        let name = op.as_str();
        let given = match (self.peek(), self.peek_after()) {
            (Token::Number(value), Token::Sign(",")) => Some(*value),
            _ => None,
        };
        match (op, given) {
            (RangeOp::Quantile, None) => {
                return Err(self.error(self.span(), format!("parameter required for operation {name}")));
            }
            (RangeOp::Quantile, Some(_)) => {
                self.advance();
                self.advance();
            }
            (_, Some(_)) => {
                let message =
                    format!("parameter {} not supported for operation {name}", given.unwrap_or(0.0));
                return Err(self.error(self.span(), message));
            }
            (_, None) => {}
        }
        let window = self.window()?;
        self.expect(")")?;
        let span_of_group = self.span();
        let grouping = self.grouping()?;
        if grouping.is_some() && !op.may_group() {
            return Err(self.error(span_of_group, format!("grouping not allowed for {name} aggregation")));
        }
        let span = start.to(self.before());
        match &window.unwrap {
            Some(_) if !op.takes_values() => {
                return Err(self.error(span, format!("invalid aggregation {name} with unwrap")));
            }
            None if !op.counts_lines() => {
                return Err(self.error(span, format!("invalid aggregation {name} without unwrap")));
            }
            _ => {}
        }
        let Window { log, unwrap, range_ns, offset_ns } = window;
        Ok(MetricExpr::Range(Arc::new(RangeAggregation {
            span,
            op,
            param: given,
            log,
            unwrap,
            range_ns,
            offset_ns,
            grouping,
        })))
    }

    /// `{app="web"} | json | unwrap x [5m] offset 1h`; the range may stand behind the selector, too.
    fn window(&mut self) -> Parsed<Window> {
        if self.eat("(") {
            self.deeper()?;
            let mut window = self.window_or_log()?;
            self.depth -= 1;
            self.expect(")")?;
            if window.1.is_none() {
                window.1 = Some(self.range()?);
            }
            return self.finished(window);
        }
        let window = self.window_or_log()?;
        self.finished(window)
    }

    fn finished(&mut self, (log, range, unwrap): Unfinished) -> Parsed<Window> {
        let Some((range_ns, offset_ns)) = range else { return Err(self.unexpected("RANGE")) };
        Ok(Window { log, unwrap, range_ns, offset_ns })
    }

    fn window_or_log(&mut self) -> Parsed<Unfinished> {
        let start = self.span();
        let matchers = if *self.peek() == Token::Sign("(") {
            self.advance();
            self.deeper()?;
            let (inner, range, unwrap) = self.window_or_log()?;
            self.depth -= 1;
            self.expect(")")?;
            if range.is_some() || unwrap.is_some() {
                return Ok((inner, range, unwrap));
            }
            inner
        } else {
            LogExpr { span: start, matchers: self.selector(false)?, stages: Vec::new() }
        };
        let mut log = matchers;
        let mut range = match self.peek() {
            Token::Sign("[") => Some(self.range()?),
            _ => None,
        };
        let (stages, unwrap) = self.stages()?;
        log.stages.extend(stages);
        log.span = start.to(self.before());
        if range.is_none() && *self.peek() == Token::Sign("[") {
            range = Some(self.range()?);
        }
        Ok((log, range, unwrap.map(|(_, unwrap)| unwrap)))
    }

    /// `[5m] offset 1h`
    fn range(&mut self) -> Parsed<(i64, i64)> {
        self.expect("[")?;
        let span = self.span();
        let range_ns = self.duration()?;
        if range_ns <= 0 {
            return Err(self.error(span, "the range must be greater than 0"));
        }
        self.expect("]")?;
        if !self.eat_word("offset") {
            return Ok((range_ns, 0));
        }
        let negative = self.eat("-");
        let offset = self.duration()?;
        Ok((range_ns, if negative { -offset } else { offset }))
    }

    fn duration(&mut self) -> Parsed<i64> {
        match *self.peek() {
            Token::Duration(ns) => {
                self.advance();
                Ok(ns)
            }
            _ => Err(self.unexpected("DURATION")),
        }
    }
}

/// Lines, their window and offset if they have one yet, and what is unwrapped of them.
type Unfinished = (LogExpr, Option<(i64, i64)>, Option<Unwrap>);

struct Window {
    log: LogExpr,
    unwrap: Option<Unwrap>,
    range_ns: i64,
    offset_ns: i64,
}
