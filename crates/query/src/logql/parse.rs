//! Tokens to tree: a recursive descent, with a Pratt parser for binary operators in `metric`.

mod labels;
mod metric;
mod stages;
#[cfg(test)]
mod tests;

use model::{MatchOp, Matcher};

use super::ast::{Expr, LogExpr, MAX_DEPTH, Span};
use super::error::ParseError;
use super::lex::{Item, Token, lex};

type Parsed<T> = Result<T, ParseError>;

/// Why a selector that every stream fulfils is refused, as Loki says it.
const EMPTY_SELECTOR: &str = "queries require at least one regexp or equality matcher that does not have an \
     empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

/// Parses a query. At least one matcher of every selector must refuse a stream without the label.
pub fn parse(query: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(query)?;
    let expr = parser.expr()?;
    parser.end()?;
    Ok(expr)
}

/// Parses a selector alone: `{app="web"}`. With `any`, one that every stream fulfils is taken, `{}` too.
pub fn parse_matchers(text: &str, any: bool) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text)?;
    let matchers = parser.selector(any)?;
    parser.end()?;
    Ok(matchers)
}

pub(super) struct Parser<'a> {
    query: &'a str,
    items: Vec<Item>,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(query: &'a str) -> Parsed<Self> {
        Ok(Self { query, items: lex(query)?, at: 0, depth: 0 })
    }

    fn expr(&mut self) -> Parsed<Expr> {
        // `({app="web"})` is a log query, `(rate(...))` is none.
        let first = self.items.iter().skip(self.at).find(|item| item.token != Token::Sign("("));
        if first.is_some_and(|item| item.token == Token::Sign("{")) {
            return self.log_in_parens().map(Expr::Log);
        }
        self.metric(0).map(Expr::Metric)
    }

    fn log_in_parens(&mut self) -> Parsed<LogExpr> {
        if !self.eat("(") {
            return self.log();
        }
        self.deeper()?;
        let mut log = self.log_in_parens()?;
        self.depth -= 1;
        self.expect(")")?;
        let stages = self.stages()?;
        log.stages.extend(stages.0);
        if let Some((span, _)) = stages.1 {
            return Err(self.error(span, "syntax error: unexpected unwrap"));
        }
        Ok(log)
    }

    /// A log query: there is nothing to unwrap for.
    fn log(&mut self) -> Parsed<LogExpr> {
        let start = self.span();
        let matchers = self.selector(false)?;
        let (stages, unwrap) = self.stages()?;
        if let Some((span, _)) = unwrap {
            return Err(self.error(span, "syntax error: unexpected unwrap"));
        }
        Ok(LogExpr { span: start.to(self.before()), matchers, stages })
    }

    /// `{a="b", c=~"d"}`
    fn selector(&mut self, any: bool) -> Parsed<Vec<Matcher>> {
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.eat("}") {
            if !matchers.is_empty() {
                self.expect(",")?;
                if self.eat("}") {
                    break;
                }
            }
            let name = self.name()?;
            let op = self.match_op()?;
            matchers.push(self.matcher(name, op)?);
        }
        if !any && !matchers.iter().any(|m| !m.matches_empty()) {
            return Err(ParseError::whole(EMPTY_SELECTOR));
        }
        Ok(matchers)
    }

    fn match_op(&mut self) -> Parsed<MatchOp> {
        for (sign, op) in [
            ("=", MatchOp::Equal),
            ("!=", MatchOp::NotEqual),
            ("=~", MatchOp::Regex),
            ("!~", MatchOp::NotRegex),
        ] {
            if self.eat(sign) {
                return Ok(op);
            }
        }
        Err(self.unexpected("= or != or =~ or !~"))
    }

    /// The value of a matcher whose operator has been read.
    fn matcher(&mut self, name: String, op: MatchOp) -> Parsed<Matcher> {
        let span = self.span();
        let value = self.text()?;
        Matcher::new(name, op, value).map_err(|e| self.error(span, e.message))
    }

    fn peek(&self) -> &Token {
        // The last token is the end, and `at` never goes beyond it.
        &self.items[self.at].token
    }

    fn peek_after(&self) -> &Token {
        &self.items[(self.at + 1).min(self.items.len() - 1)].token
    }

    fn span(&self) -> Span {
        self.items[self.at].span
    }

    /// Where the token before stands.
    fn before(&self) -> Span {
        self.items[self.at.saturating_sub(1)].span
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.items.len() - 1);
    }

    fn eat(&mut self, sign: &'static str) -> bool {
        let found = *self.peek() == Token::Sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found == word)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, sign: &'static str) -> Parsed<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected(sign)) }
    }

    fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Word(word) => {
                let word = word.clone();
                self.advance();
                Ok(word)
            }
            _ => Err(self.unexpected("IDENTIFIER")),
        }
    }

    fn text(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Text(text) => {
                let text = text.clone();
                self.advance();
                Ok(text)
            }
            _ => Err(self.unexpected("STRING")),
        }
    }

    /// `(a, b)`
    fn names(&mut self) -> Parsed<Vec<String>> {
        self.expect("(")?;
        let mut names = Vec::new();
        while !self.eat(")") {
            if !names.is_empty() {
                self.expect(",")?;
            }
            names.push(self.name()?);
        }
        Ok(names)
    }

    fn end(&self) -> Parsed<()> {
        match self.peek() {
            Token::End => Ok(()),
            _ => Err(self.unexpected("")),
        }
    }

    fn deeper(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(self.span(), format!("the query is more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    fn error(&self, span: Span, message: impl Into<String>) -> ParseError {
        ParseError::new(self.query, span, message)
    }

    fn unexpected(&self, wanted: &str) -> ParseError {
        let found = self.peek().describe();
        let expecting = if wanted.is_empty() { String::new() } else { format!(", expecting {wanted}") };
        self.error(self.span(), format!("syntax error: unexpected {found}{expecting}"))
    }
}
