//! The label set between braces.

use super::{Cursor, Pair, ParseError, Text};

/// How the two formats differ inside braces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// Blanks may stand between tokens, commas may be missing, strings may span lines.
    pub(crate) loose: bool,
    /// A quoted string alone is the metric's name (not in exemplars).
    pub(crate) names: bool,
}

/// Reads labels up to and including the closing brace; the cursor stands behind the opening one.
pub(crate) fn label_set<'a>(
    cur: &mut Cursor<'a>,
    dialect: Dialect,
    name: &mut Option<Text<'a>>,
    pairs: &mut Vec<Pair<'a>>,
) -> Result<(), ParseError> {
    loop {
        blanks(cur, dialect);
        let start = cur.at();
        let label = match cur.peek() {
            Some(b'}') => {
                cur.bump();
                return Ok(());
            }
            Some(b'"') => {
                let text = string(cur, dialect, "a closing quote")?;
                blanks(cur, dialect);
                if dialect.names && matches!(cur.peek(), Some(b',' | b'}')) {
                    if name.replace(text).is_some() {
                        return Err(cur.error_at(start, "the metric name is already set"));
                    }
                    cur.eat(b',');
                    continue;
                }
                text
            }
            _ => Text::plain(cur.label_name()),
        };
        if label.raw.is_empty() {
            return Err(cur.expected("a label name"));
        }
        blanks(cur, dialect);
        if !cur.eat(b'=') {
            return Err(cur.expected("'='"));
        }
        blanks(cur, dialect);
        let value = string(cur, dialect, "a label value in double quotes")?;
        pairs.push(Pair { name: label, value });
        blanks(cur, dialect);
        if !cur.eat(b',') && !dialect.loose && cur.peek() != Some(b'}') {
            return Err(cur.expected("',' or '}'"));
        }
    }
}

fn blanks(cur: &mut Cursor<'_>, dialect: Dialect) {
    if dialect.loose {
        cur.skip_blanks();
    }
}

fn string<'a>(cur: &mut Cursor<'a>, dialect: Dialect, what: &str) -> Result<Text<'a>, ParseError> {
    if cur.peek() == Some(b'"') {
        cur.quoted(dialect.loose).ok_or_else(|| cur.error("a string is not closed"))
    } else {
        Err(cur.expected(what))
    }
}
