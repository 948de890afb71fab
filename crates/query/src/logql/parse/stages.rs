//! Pipelines.

use super::{Parsed, Parser};
use crate::logql::ast::{
    Conversion, Extraction, LabelValue, LineFilter, LineOp, Named, Span, Stage, Term, Unwrap,
};
use crate::logql::lex::Token;
use crate::logql::pipeline::{check_template, ip, json, pattern, regexp};

/// Stages, and the `unwrap` behind them with its place.
type Piped = (Vec<Stage>, Option<(Span, Unwrap)>);

impl Parser<'_> {
    /// What follows a selector, and where an `unwrap` ended it.
    pub(super) fn stages(&mut self) -> Parsed<Piped> {
        let mut stages = Vec::new();
        loop {
            if let Some(filter) = self.line_filter()? {
                stages.push(Stage::Line(filter));
                continue;
            }
            if !self.eat("|") {
                return Ok((stages, None));
            }
            let span = self.span();
            if self.is_word("unwrap") && matches!(self.peek_after(), Token::Word(_)) {
                self.advance();
                return Ok((stages, Some((span, self.unwrap()?))));
            }
            stages.push(self.stage()?);
        }
    }

    fn line_filter(&mut self) -> Parsed<Option<LineFilter>> {
        let ops = [
            LineOp::Contains,
            LineOp::ContainsNot,
            LineOp::Matches,
            LineOp::MatchesNot,
            LineOp::Pattern,
            LineOp::PatternNot,
        ];
        let Some(op) = ops.into_iter().find(|op| *self.peek() == Token::Sign(op.as_str())) else {
            return Ok(None);
        };
        self.advance();
        let mut terms = vec![self.term(op)?];
        while self.eat_word("or") {
            terms.push(self.term(op)?);
        }
        Ok(Some(LineFilter { op, terms }))
    }

    fn term(&mut self, op: LineOp) -> Parsed<Term> {
        let span = self.span();
        if self.is_word("ip") {
            let (text, at) = self.ip()?;
            if !matches!(op, LineOp::Contains | LineOp::ContainsNot) {
                let message = format!("ip: operation {:?} is not allowed with ip()", op.as_str());
                return Err(self.error(at, message));
            }
            return Ok(Term { text, ip: true });
        }
        let text = self.text()?;
        let checked = match op {
            LineOp::Contains | LineOp::ContainsNot => Ok(()),
            LineOp::Matches | LineOp::MatchesNot => {
                model::pattern::Search::new(&text).map(drop).map_err(|e| e.message)
            }
            LineOp::Pattern | LineOp::PatternNot => pattern::Pattern::filter(&text).map(drop),
        };
        checked.map_err(|message| self.error(span, message))?;
        Ok(Term { text, ip: false })
    }

    /// `ip("10.0.0.0/8")`
    pub(super) fn ip(&mut self) -> Parsed<(String, Span)> {
        self.advance();
        self.expect("(")?;
        let span = self.span();
        let text = self.text()?;
        self.expect(")")?;
        ip::Addresses::parse(&text).map_err(|message| self.error(span, message))?;
        Ok((text, span))
    }

    /// A stage behind its `|`.
    fn stage(&mut self) -> Parsed<Stage> {
        let compares = matches!(
            self.peek_after(),
            Token::Sign("=" | "!=" | "=~" | "!~" | "==" | ">" | ">=" | "<" | "<=")
        );
        let word = match self.peek() {
            Token::Word(word) if !compares => word.clone(),
            _ => return self.label_filter().map(Stage::Label),
        };
        let span = self.span();
        if matches!(
            word.as_str(),
            "json"
                | "logfmt"
                | "regexp"
                | "pattern"
                | "unpack"
                | "decolorize"
                | "line_format"
                | "label_format"
                | "drop"
                | "keep"
        ) {
            self.advance();
        }
        match word.as_str() {
            "json" => {
                let fields = self.extractions()?;
                for field in &fields {
                    json::Path::parse(&field.path).map_err(|e| self.error(span, e))?;
                }
                Ok(Stage::Json(fields))
            }
            "logfmt" => self.logfmt(),
            "unpack" => Ok(Stage::Unpack),
            "decolorize" => Ok(Stage::Decolorize),
            "regexp" => {
                let (span, text) = (self.span(), self.text()?);
                regexp::Regexp::new(&text).map_err(|e| self.error(span, e))?;
                Ok(Stage::Regexp(text))
            }
            "pattern" => {
                let (span, text) = (self.span(), self.text()?);
                pattern::Pattern::parser(&text).map_err(|e| self.error(span, e))?;
                Ok(Stage::Pattern(text))
            }
            "line_format" => {
                let (span, text) = (self.span(), self.text()?);
                check_template(&text).map_err(|e| self.error(span, format!("invalid line template: {e}")))?;
                Ok(Stage::LineFormat(text))
            }
            "label_format" => self.label_format(),
            "drop" => self.named().map(Stage::Drop),
            "keep" => self.named().map(Stage::Keep),
            _ => self.label_filter().map(Stage::Label),
        }
    }

    fn logfmt(&mut self) -> Parsed<Stage> {
        let (mut strict, mut keep_empty) = (false, false);
        while let Token::Flag(flag) = self.peek() {
            match flag.as_str() {
                "strict" => strict = true,
                "keep-empty" => keep_empty = true,
                _ => return Err(self.error(self.span(), format!("unknown parser flag --{flag}"))),
            }
            self.advance();
        }
        let fields = self.extractions()?;
        Ok(Stage::Logfmt { strict, keep_empty, fields })
    }

    /// `a="b", c`; may be nothing.
    fn extractions(&mut self) -> Parsed<Vec<Extraction>> {
        let mut all = Vec::new();
        if !matches!(self.peek(), Token::Word(word) if !is_modifier(word)) {
            return Ok(all);
        }
        loop {
            let name = self.name()?;
            let path = if self.eat("=") { self.text()? } else { name.clone() };
            all.push(Extraction { name, path });
            if !self.eat(",") {
                return Ok(all);
            }
        }
    }

    fn label_format(&mut self) -> Parsed<Stage> {
        let mut all: Vec<(String, LabelValue)> = Vec::new();
        loop {
            let span = self.span();
            let name = self.name()?;
            if name == "__error__" || name == "__error_details__" {
                return Err(self.error(span, format!("{name} cannot be formatted")));
            }
            if all.iter().any(|(known, _)| *known == name) {
                let message =
                    format!("multiple label name {name:?} not allowed in a single format operation");
                return Err(self.error(span, message));
            }
            self.expect("=")?;
            let span = self.span();
            let value = match self.peek() {
                Token::Word(_) => LabelValue::Rename(self.name()?),
                _ => {
                    let text = self.text()?;
                    check_template(&text)
                        .map_err(|e| self.error(span, format!("invalid template for label {name:?}: {e}")))?;
                    LabelValue::Template(text)
                }
            };
            all.push((name, value));
            if !self.eat(",") {
                return Ok(Stage::LabelFormat(all));
            }
        }
    }

    /// `a, b="c"`
    fn named(&mut self) -> Parsed<Vec<Named>> {
        let mut all = Vec::new();
        loop {
            let name = self.name()?;
            let compares = matches!(self.peek(), Token::Sign("=" | "!=" | "=~" | "!~"));
            // `keep a != "b"` is a matcher: a line filter there needs something before it.
            all.push(match compares {
                true => {
                    let op = self.match_op()?;
                    Named::Matching(self.matcher(name, op)?)
                }
                false => Named::Name(name),
            });
            if !self.eat(",") {
                return Ok(all);
            }
        }
    }

    /// What follows `| unwrap`.
    fn unwrap(&mut self) -> Parsed<Unwrap> {
        let span = self.span();
        let word = self.name()?;
        let (conversion, label) = if self.eat("(") {
            let conversion = match word.as_str() {
                "duration" => Conversion::Duration,
                "duration_seconds" => Conversion::DurationSeconds,
                "bytes" => Conversion::Bytes,
                _ => return Err(self.error(span, format!("syntax error: unknown conversion {word:?}"))),
            };
            let label = self.name()?;
            self.expect(")")?;
            (conversion, label)
        } else {
            (Conversion::None, word)
        };
        let mut filters = Vec::new();
        while self.eat("|") {
            filters.push(self.label_filter()?);
        }
        Ok(Unwrap { label, conversion, filters })
    }
}

/// Words that may follow a pipeline and are no label then.
fn is_modifier(word: &str) -> bool {
    matches!(word, "offset" | "or" | "and" | "unless")
}
