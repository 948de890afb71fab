//! A series' name and labels, as series descriptions have them: `name{a="b"}`.

use model::labels::METRIC_NAME;
use model::{Labels, LabelsBuilder};

use super::{Abort, ParseErrors, ParseOptions, Parser};
use crate::promql::lex::Token;

/// Parses `name{label="value"}` with plain values only.
pub(in crate::promql) fn parse_metric(text: &str) -> Result<Labels, ParseErrors> {
    let mut parser = Parser::new(text, ParseOptions::default());
    let result = parser.metric();
    parser.finish(result)
}

impl Parser<'_> {
    fn metric(&mut self) -> Result<Labels, Abort> {
        let mut labels = LabelsBuilder::new();
        if self.current.token.is_metric_name() {
            let item = self.advance();
            labels.set(METRIC_NAME, self.text(item));
        }
        if self.eat(Token::LeftBrace).is_some() {
            while self.eat(Token::RightBrace).is_none() {
                self.label(&mut labels)?;
                if self.eat(Token::Comma).is_none() && !self.at(Token::RightBrace) {
                    return Err(self.fail("label set", "\",\" or \"}\""));
                }
            }
        }
        self.expect(Token::Eof)?;
        Ok(labels.build())
    }

    fn label(&mut self, labels: &mut LabelsBuilder) -> Result<(), Abort> {
        let (name, quoted) = if let Some(item) = self.eat(Token::String) {
            (self.string_value(item).value, true)
        } else if let Some(item) = self.eat(Token::Identifier) {
            (self.text(item).to_owned(), false)
        } else {
            return Err(self.fail("label set", "identifier or \"}\""));
        };
        if self.eat(Token::Equal).is_none() {
            if quoted {
                labels.set(METRIC_NAME, name);
                return Ok(());
            }
            return Err(self.fail("label set", "\"=\""));
        }
        let Some(item) = self.eat(Token::String) else {
            return Err(self.fail("label set", "string"));
        };
        labels.set(name, self.string_value(item).value);
        Ok(())
    }
}
