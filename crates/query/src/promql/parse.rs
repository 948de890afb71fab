//! Tokens to tree: a Pratt parser by hand.
//!
//! The first mistake is worded and placed as Prometheus does it. A mistake of grammar ends parsing; one of meaning is
//! noted and parsing goes on. A rule that knows what it expected reports the token it met; a rule that does not hands
//! [`Abort::Unreported`] up to one that does, in the end to [`parse_with`].

mod binary;
mod duration;
mod expr;
mod literal;
mod metric;
mod selector;
#[cfg(test)]
mod tests;

pub(super) use literal::parse_number;
pub(super) use metric::parse_metric;

use model::Matcher;

use super::ast::{Expr, MAX_DEPTH, MAX_NESTING, Span};
use super::check::check;
use super::error::{MAX_ERRORS, ParseError, ParseErrors};
use super::lex::{Item, Keyword, Lexer, Token};

/// What is allowed beyond the stable language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseOptions {
    /// Experimental functions and aggregations.
    pub experimental_functions: bool,
    /// Arithmetic in ranges, steps and offsets; part of the stable language since Prometheus 3.14.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed`.
    pub extended_selectors: bool,
    /// `fill`, `fill_left` and `fill_right`.
    pub fill_modifiers: bool,
}

impl ParseOptions {
    /// Everything allowed.
    pub const ALL: Self = Self {
        experimental_functions: true,
        duration_expressions: true,
        extended_selectors: true,
        fill_modifiers: true,
    };
}

impl Default for ParseOptions {
    fn default() -> Self {
        Self {
            experimental_functions: false,
            duration_expressions: true,
            extended_selectors: false,
            fill_modifiers: false,
        }
    }
}

/// Parses and checks a query of the stable language.
pub fn parse(query: &str) -> Result<Expr, ParseErrors> {
    parse_with(query, &ParseOptions::default())
}

/// Parses and checks a query.
pub fn parse_with(query: &str, options: &ParseOptions) -> Result<Expr, ParseErrors> {
    let mut parser = Parser::new(query, *options);
    let result = parser.whole_expression();
    let Some(mut expr) = parser.finish(result)? else {
        return Err(ParseErrors(vec![ParseError::new(
            query,
            Span::default(),
            "no expression found in input",
        )]));
    };
    let errors = check(query, &mut expr);
    if errors.is_empty() { Ok(expr) } else { Err(ParseErrors(errors)) }
}

/// Parses a bare selector such as `up{job="a"}`, as the `match[]` parameters have it. It may select everything.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseErrors> {
    let mut parser = Parser::new(text, ParseOptions::default());
    let result = parser.whole_selector();
    parser.finish(result)
}

/// Why parsing stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Abort {
    /// The current token does not fit and nobody has said so yet.
    Unreported,
    /// The error is noted.
    Reported,
}

/// An expression and the height of its tree. Boxed: rules call each other deeply, and small results keep their stack
/// frames small.
type Parsed = Result<(Box<Expr>, usize), Abort>;

struct Parser<'a> {
    query: &'a str,
    lexer: Lexer<'a>,
    current: Item,
    /// End of the token before the current one.
    last_end: usize,
    options: ParseOptions,
    /// How many rules that can contain themselves are being parsed.
    nesting: usize,
    errors: Vec<ParseError>,
    /// The lexer failed; its error is noted and there are no more tokens.
    broken: bool,
}

impl<'a> Parser<'a> {
    fn new(query: &'a str, options: ParseOptions) -> Self {
        let current = Item { token: Token::Eof, span: Span::default() };
        let mut parser = Self {
            query,
            lexer: Lexer::new(query),
            current,
            last_end: 0,
            options,
            nesting: 0,
            errors: Vec::new(),
            broken: false,
        };
        parser.advance();
        parser
    }

    /// The result, or all that was noted.
    fn finish<T>(mut self, result: Result<T, Abort>) -> Result<T, ParseErrors> {
        if matches!(result, Err(Abort::Unreported)) {
            self.unexpected("", "");
        }
        match result {
            Ok(value) if self.errors.is_empty() => Ok(value),
            _ => Err(ParseErrors(self.errors)),
        }
    }

    /// `None`: there is nothing but blanks and comments.
    fn whole_expression(&mut self) -> Result<Option<Expr>, Abort> {
        if self.current.token == Token::Eof && !self.broken {
            return Ok(None);
        }
        let (expr, _) = self.expression(0)?;
        self.expect(Token::Eof)?;
        Ok(Some(*expr))
    }

    fn whole_selector(&mut self) -> Result<Vec<Matcher>, Abort> {
        let selector = self.vector_selector()?;
        self.expect(Token::Eof)?;
        Ok(selector.matchers)
    }

    /// Steps to the next token and returns the current one.
    fn advance(&mut self) -> Item {
        let item = self.current;
        self.last_end = item.span.end;
        if self.broken {
            return item;
        }
        match self.lexer.next() {
            Ok(next) => self.current = next,
            Err(error) => {
                self.broken = true;
                self.current = Item { token: Token::Eof, span: error.span };
                self.error(error.span, error.message);
            }
        }
        item
    }

    fn at(&self, token: Token) -> bool {
        !self.broken && self.current.token == token
    }

    fn at_keyword(&self, keyword: Keyword) -> bool {
        self.at(Token::Keyword(keyword))
    }

    /// Steps over `token` if it is there.
    fn eat(&mut self, token: Token) -> Option<Item> {
        self.at(token).then(|| self.advance())
    }

    fn expect(&mut self, token: Token) -> Result<Item, Abort> {
        self.eat(token).ok_or(Abort::Unreported)
    }

    fn text(&self, item: Item) -> &'a str {
        self.query.get(item.span.start..item.span.end).unwrap_or("")
    }

    /// What the token after the current one is, without stepping. A broken next token is no token.
    fn peek(&self) -> Option<Token> {
        self.lexer.clone().next().ok().map(|item| item.token)
    }

    fn error(&mut self, span: Span, message: impl Into<String>) {
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(ParseError::new(self.query, span, message));
        }
    }

    /// Notes that the current token does not fit. What the lexer refused is not reported twice.
    fn unexpected(&mut self, context: &str, expected: &str) {
        if self.broken {
            return;
        }
        let mut message = format!("unexpected {}", self.current.token.describe(self.text(self.current)));
        if !context.is_empty() {
            message.push_str(" in ");
            message.push_str(context);
        }
        if !expected.is_empty() {
            message.push_str(", expected ");
            message.push_str(expected);
        }
        self.error(self.current.span, message);
    }

    /// [`unexpected`](Self::unexpected), and the end of parsing.
    fn fail(&mut self, context: &str, expected: &str) -> Abort {
        self.unexpected(context, expected);
        Abort::Reported
    }

    /// Reports what nobody below has reported.
    fn report<T>(&mut self, result: Result<T, Abort>, context: &str, expected: &str) -> Result<T, Abort> {
        match result {
            Err(Abort::Unreported) => Err(self.fail(context, expected)),
            other => other,
        }
    }

    /// Runs a rule that can contain itself, unless it is nested too deeply.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, Abort>) -> Result<T, Abort> {
        self.nesting += 1;
        let result = if self.nesting > MAX_NESTING { Err(self.too_deep(MAX_NESTING)) } else { rule(self) };
        self.nesting -= 1;
        result
    }

    /// The height of a tree over subtrees of height `below`.
    fn above(&mut self, below: usize) -> Result<usize, Abort> {
        if below >= MAX_DEPTH { Err(self.too_deep(MAX_DEPTH)) } else { Ok(below + 1) }
    }

    fn too_deep(&mut self, most: usize) -> Abort {
        let message = format!("expression is nested too deeply, at most {most} levels are allowed");
        self.error(self.current.span, message);
        Abort::Reported
    }

    fn span_from(&self, start: usize) -> Span {
        Span::new(start, self.last_end)
    }
}
