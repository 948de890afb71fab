//! Selectors, and what may follow an expression: a range, `offset`, `@`, `anchored`, `smoothed`.

use model::labels::METRIC_NAME;
use model::{MatchOp, Matcher};

use super::{Abort, Parsed, Parser};
use crate::promql::ast::{
    At, BinaryOp, Duration, Expr, Extension, MatrixSelector, Span, Subquery, VectorSelector,
};
use crate::promql::lex::{Item, Keyword, Token};

/// Marks the selector of a range over something else. Its error is noted, so no caller sees it.
const NO_SELECTOR: Span = Span::new(usize::MAX, usize::MAX);

impl Parser<'_> {
    /// `name`, `name{...}` or `{...}`.
    pub(super) fn vector_selector(&mut self) -> Result<VectorSelector, Abort> {
        let start = self.current.span.start;
        let name = if self.current.token.is_metric_name() {
            let item = self.advance();
            Some(self.text(item).to_owned())
        } else {
            None
        };
        let mut matchers = Vec::new();
        if name.is_none() || self.at(Token::LeftBrace) {
            self.matchers(&mut matchers)?;
        }
        matchers.extend(name.as_ref().map(|n| Matcher::equal(METRIC_NAME, n)));
        let span = self.span_from(start);
        Ok(VectorSelector { span, name, matchers, offset: None, at: None, extension: None })
    }

    fn matchers(&mut self, out: &mut Vec<Matcher>) -> Result<(), Abort> {
        self.expect(Token::LeftBrace)?;
        if self.eat(Token::RightBrace).is_some() {
            return Ok(());
        }
        loop {
            if let Some(matcher) = self.matcher()? {
                out.push(matcher);
            }
            if self.eat(Token::RightBrace).is_some() {
                return Ok(());
            }
            if self.eat(Token::Comma).is_none() {
                return Err(self.fail("label matching", "\",\" or \"}\""));
            }
            if self.eat(Token::RightBrace).is_some() {
                return Ok(());
            }
        }
    }

    /// `name="value"`, or a quoted metric name alone. `None`: a mistake in it is noted.
    fn matcher(&mut self) -> Result<Option<Matcher>, Abort> {
        let start = self.current.span.start;
        let (name, quoted) = if let Some(item) = self.eat(Token::String) {
            (self.text_of_string(item), true)
        } else if let Some(item) = self.eat(Token::Identifier) {
            (self.text(item).to_owned(), false)
        } else {
            return Err(self.fail("label matching", "identifier or \"}\""));
        };
        let op = match self.current.token {
            _ if self.broken => return Err(Abort::Reported),
            Token::Equal => MatchOp::Equal,
            Token::Op(BinaryOp::Ne) => MatchOp::NotEqual,
            Token::EqualRegex => MatchOp::Regex,
            Token::NotRegex => MatchOp::NotRegex,
            _ if quoted => return Ok(Some(Matcher::equal(METRIC_NAME, name))),
            _ => return Err(self.fail("label matching", "label matching operator")),
        };
        self.advance();
        let Some(item) = self.eat(Token::String) else {
            return Err(self.fail("label matching", "string"));
        };
        let value = self.text_of_string(item);
        match Matcher::new(name, op, value) {
            Ok(matcher) => Ok(Some(matcher)),
            Err(error) => {
                self.error(Span::new(start, item.span.end), error.message);
                Ok(None)
            }
        }
    }

    /// The value of a string that must be text.
    fn text_of_string(&mut self, item: Item) -> String {
        let literal = self.string_value(item);
        if literal.bytes.is_some() {
            self.error(item.span, "label names and values must be valid UTF-8");
        }
        literal.value
    }

    /// Everything that follows an operand and belongs to it.
    pub(super) fn postfix(&mut self, (mut expr, mut height): (Box<Expr>, usize)) -> Parsed {
        loop {
            match self.current.token {
                _ if self.broken => return Ok((expr, height)),
                Token::LeftBracket => {
                    expr = self.bracket(expr)?;
                    height = self.above(height)?;
                }
                Token::At => self.at_modifier(&mut expr)?,
                Token::Keyword(Keyword::Offset) => self.offset(&mut expr)?,
                Token::Keyword(Keyword::Anchored) => self.extension(&mut expr, Extension::Anchored),
                Token::Keyword(Keyword::Smoothed) => self.extension(&mut expr, Extension::Smoothed),
                _ => return Ok((expr, height)),
            }
        }
    }

    /// `[range]` or `[range:step]`
    fn bracket(&mut self, expr: Box<Expr>) -> Result<Box<Expr>, Abort> {
        const DURATION: &str = "number, duration, step(), or range()";
        let open = self.advance().span;
        let range = self.positive_duration();
        let range = self.report(range, "subquery or range selector", DURATION)?;
        if self.eat(Token::RightBracket).is_some() {
            return Ok(Box::new(self.matrix(*expr, range, self.span_from(open.start))));
        }
        if self.eat(Token::Colon).is_none() {
            return Err(self.fail("subquery or range", "\":\" or \"]\""));
        }
        let mut step = None;
        if self.eat(Token::RightBracket).is_none() {
            let parsed = self.positive_duration();
            let expected = "number, duration, step(), range(), or \"]\"";
            step = Some(self.report(parsed, "subquery selector", expected)?);
            if self.eat(Token::RightBracket).is_none() {
                return Err(self.fail("subquery selector", "\"]\""));
            }
        }
        let span = self.span_from(expr.span().start);
        Ok(Box::new(Expr::Subquery(Subquery { span, expr, range, step, offset: None, at: None })))
    }

    fn matrix(&mut self, expr: Expr, range: Duration, brackets: Span) -> Expr {
        let span = expr.span().to(brackets);
        let problem = match &expr {
            Expr::Vector(selector) if selector.offset.is_some() => "no offset modifiers allowed before range",
            Expr::Vector(selector) if selector.at.is_some() => "no @ modifiers allowed before range",
            Expr::Vector(_) => "",
            _ => "ranges only allowed for vector selectors",
        };
        if !problem.is_empty() {
            self.error(brackets, problem);
        }
        let selector = match expr {
            Expr::Vector(selector) => selector,
            _ => VectorSelector {
                span: NO_SELECTOR,
                name: None,
                matchers: Vec::new(),
                offset: None,
                at: None,
                extension: None,
            },
        };
        Expr::Matrix(MatrixSelector { span, selector, range })
    }

    fn offset(&mut self, expr: &mut Expr) -> Result<(), Abort> {
        self.advance();
        let duration = self.offset_duration();
        let duration = self.report(duration, "offset", "number, duration, step(), or range()")?;
        // No offset and an offset of nothing are the same.
        let duration = Some(duration).filter(|d| d.ms != 0 || d.expr.is_some());
        let Some(modifiers) = self.modifiers(expr, "offset") else {
            return Ok(());
        };
        let twice = modifiers.offset.is_some();
        if !twice {
            *modifiers.offset = duration;
        }
        let span = *modifiers.span;
        if twice {
            self.error(span, "offset may not be set multiple times");
        }
        self.extend(expr);
        Ok(())
    }

    fn at_modifier(&mut self, expr: &mut Expr) -> Result<(), Abort> {
        self.advance();
        let parsed = self.at_value(expr.span());
        let at = self.report(parsed, "@", "timestamp")?;
        let Some(modifiers) = self.modifiers(expr, "@") else {
            return Ok(());
        };
        let twice = modifiers.at.is_some();
        if !twice {
            *modifiers.at = Some(at);
        }
        let span = *modifiers.span;
        if twice {
            self.error(span, "@ <timestamp> may not be set multiple times");
        }
        self.extend(expr);
        Ok(())
    }

    /// A time in seconds, `start()` or `end()`.
    fn at_value(&mut self, of: Span) -> Result<At, Abort> {
        let preprocessor = match self.current.token {
            Token::Keyword(Keyword::Start) => Some(At::Start),
            Token::Keyword(Keyword::End) => Some(At::End),
            _ => None,
        };
        if let Some(at) = preprocessor {
            self.advance();
            self.expect(Token::LeftParen)?;
            self.expect(Token::RightParen)?;
            return Ok(at);
        }
        let seconds = self.signed_number()?.value;
        // The bounds are those of 64-bit milliseconds' seconds in Prometheus.
        if !seconds.is_finite() || seconds.abs() >= i64::MAX as f64 {
            let shown = match seconds {
                s if s.is_nan() => "NaN".to_owned(),
                s if s.is_infinite() => (if s > 0.0 { "+Inf" } else { "-Inf" }).to_owned(),
                s => format!("{s:.6}"),
            };
            self.error(of, format!("timestamp out of bounds for @ modifier: {shown}"));
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }

    fn extension(&mut self, expr: &mut Expr, extension: Extension) {
        let span = expr.span();
        let name = match extension {
            Extension::Anchored => "anchored",
            Extension::Smoothed => "smoothed",
        };
        self.advance();
        if !self.options.extended_selectors {
            self.error(span, format!("{name} modifier is experimental and not enabled"));
            return;
        }
        let selector = match expr {
            Expr::Vector(selector) => selector,
            Expr::Matrix(matrix) => &mut matrix.selector,
            Expr::Subquery(_) => {
                return self.error(span, format!("{name} modifier is not supported for subqueries"));
            }
            _ => return self.error(span, format!("{name} modifier not implemented")),
        };
        let other = selector.extension.replace(extension);
        if other.is_some_and(|o| o != extension) {
            self.error(span, "anchored and smoothed modifiers cannot be used together");
        }
        self.extend(expr);
    }

    /// The modifiers of a selector or subquery; a mistake is noted for anything else.
    fn modifiers<'e>(&mut self, expr: &'e mut Expr, name: &str) -> Option<Modifiers<'e>> {
        match expr {
            Expr::Vector(n) => Some(Modifiers { span: &n.span, offset: &mut n.offset, at: &mut n.at }),
            Expr::Matrix(n) if n.selector.span == NO_SELECTOR => {
                self.error(n.span, "ranges only allowed for vector selectors");
                None
            }
            Expr::Matrix(n) => {
                Some(Modifiers { span: &n.span, offset: &mut n.selector.offset, at: &mut n.selector.at })
            }
            Expr::Subquery(n) => Some(Modifiers { span: &n.span, offset: &mut n.offset, at: &mut n.at }),
            other => {
                let what = "an instant vector selector or range vector selector or a subquery";
                self.error(other.span(), format!("{name} modifier must be preceded by {what}"));
                None
            }
        }
    }

    /// Makes the node reach to the last token read.
    fn extend(&self, expr: &mut Expr) {
        match expr {
            Expr::Vector(n) => n.span.end = self.last_end,
            Expr::Matrix(n) => n.span.end = self.last_end,
            Expr::Subquery(n) => n.span.end = self.last_end,
            _ => {}
        }
    }
}

struct Modifiers<'e> {
    span: &'e Span,
    offset: &'e mut Option<Duration>,
    at: &'e mut Option<At>,
}
