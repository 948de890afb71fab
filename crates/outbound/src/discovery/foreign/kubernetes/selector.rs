//! Label selectors of Kubernetes: requirements separated by commas, as its API reads them.

/// The longest name and value of a label.
const LONGEST: usize = 63;
/// The longest prefix of a label's name.
const LONGEST_PREFIX: usize = 253;

/// Checks `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, `a>1`, `a<1`, and several of them.
pub(super) fn check(text: &str) -> Result<(), String> {
    let wrong = |why: String| format!("unable to parse requirement: {why} (label selector '{text}')");
    let mut rest = Tokens { text };
    if rest.peek() == Token::End {
        return Ok(());
    }
    loop {
        requirement(&mut rest).map_err(wrong)?;
        match rest.next() {
            Token::End => return Ok(()),
            Token::Comma if rest.peek() != Token::End => {}
            Token::Comma => return Err(wrong("found '', expected: identifier after ','".to_owned())),
            other => return Err(wrong(format!("found '{other}', expected: ',' or 'end of string'"))),
        }
    }
}

fn requirement(rest: &mut Tokens<'_>) -> Result<(), String> {
    let absent = rest.peek() == Token::Operator("!");
    if absent {
        rest.next();
    }
    let name = match rest.next() {
        Token::Word(name) => name,
        other => return Err(format!("found '{other}', expected: identifier")),
    };
    check_name(name)?;
    if absent {
        return Ok(());
    }
    match rest.peek() {
        Token::Word("in" | "notin") => {
            rest.next();
            values(rest)
        }
        Token::Operator(operator @ (">" | "<")) => {
            rest.next();
            match rest.next() {
                Token::Word(number) if number.parse::<i64>().is_ok() => Ok(()),
                _ => Err(format!("for '{operator}' the value must be an integer")),
            }
        }
        Token::Operator("=" | "==" | "!=") => {
            rest.next();
            // Nothing at all is the empty value.
            match rest.peek() {
                Token::Word(value) => {
                    rest.next();
                    check_value(value)
                }
                _ => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn values(rest: &mut Tokens<'_>) -> Result<(), String> {
    match rest.next() {
        Token::Open => {}
        other => return Err(format!("found '{other}', expected: '('")),
    }
    loop {
        match rest.next() {
            Token::Word(value) => {
                check_value(value)?;
                match rest.next() {
                    Token::Comma => {}
                    Token::Close => return Ok(()),
                    other => return Err(format!("found '{other}', expected: ',' or ')'")),
                }
            }
            // The empty value.
            Token::Comma => {}
            Token::Close => return Ok(()),
            other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
        }
    }
}

fn check_name(name: &str) -> Result<(), String> {
    let (prefix, plain) = match name.rsplit_once('/') {
        Some((prefix, plain)) => (Some(prefix), plain),
        None => (None, name),
    };
    let domain = |part: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty() && part.chars().all(fits) && !part.starts_with('-') && !part.ends_with('-')
    };
    let prefix_fits = prefix.is_none_or(|p| p.len() <= LONGEST_PREFIX && p.split('.').all(domain));
    if plain.is_empty() || !prefix_fits || !is_plain(plain) {
        return Err(format!("invalid label key {name:?}"));
    }
    Ok(())
}

fn check_value(value: &str) -> Result<(), String> {
    if is_plain(value) { Ok(()) } else { Err(format!("invalid label value: {value:?}")) }
}

/// Letters and digits, with `-`, `_` and `.` between them, at most 63.
fn is_plain(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let edge = |c: char| c.is_ascii_alphanumeric();
    text.len() <= LONGEST
        && text.chars().all(inner)
        && text.chars().next().is_none_or(edge)
        && text.chars().next_back().is_none_or(edge)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Operator(&'t str),
    Comma,
    Open,
    Close,
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Word(text) | Self::Operator(text) => text,
            Self::Comma => ",",
            Self::Open => "(",
            Self::Close => ")",
            Self::End => "",
        })
    }
}

struct Tokens<'t> {
    text: &'t str,
}

impl<'t> Tokens<'t> {
    fn peek(&self) -> Token<'t> {
        Tokens { text: self.text }.next()
    }

    fn next(&mut self) -> Token<'t> {
        self.text = self.text.trim_start_matches([' ', '\t', '\r', '\n']);
        let take = |rest: &mut Self, bytes: usize| {
            let (token, after) = rest.text.split_at(bytes);
            rest.text = after;
            token
        };
        let special = |c: char| "=!(),<>".contains(c) || c.is_ascii_whitespace();
        let Some(first) = self.text.chars().next() else { return Token::End };
        match first {
            ',' => {
                take(self, 1);
                Token::Comma
            }
            '(' => {
                take(self, 1);
                Token::Open
            }
            ')' => {
                take(self, 1);
                Token::Close
            }
            _ if self.text.starts_with("==") || self.text.starts_with("!=") => Token::Operator(take(self, 2)),
            '=' | '!' | '<' | '>' => Token::Operator(take(self, 1)),
            _ => {
                let end = self.text.find(special).unwrap_or(self.text.len());
                Token::Word(take(self, end))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_that_kubernetes_takes() {
        for text in [
            "",
            "a",
            "!a",
            "a=b",
            "a==b",
            "a!=b",
            "a=",
            "a=,b=c",
            "x in (a,b)",
            "x notin (a, b), y",
            "x in (,)",
            "x in ()",
            "app.kubernetes.io/name=web, tier!=front,!canary",
            "n>1,m<20",
            " a = b ",
        ] {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
        for (text, why) in [
            ("a,", "expected: identifier after ','"),
            (",a", "found ',', expected: identifier"),
            ("a b", "found 'b', expected: ',' or 'end of string'"),
            ("a=b c", "found 'c', expected: ','"),
            ("x in a", "found 'a', expected: '('"),
            ("x in (a", "found '', expected: ',' or ')'"),
            ("x in (a b)", "found 'b', expected: ',' or ')'"),
            ("a>b", "for '>' the value must be an integer"),
            ("!=a", "found '!=', expected: identifier"),
            ("-a=b", "invalid label key \"-a\""),
            ("A.B/c=d", "invalid label key \"A.B/c\""),
            ("a=b$", "invalid label value: \"b$\""),
            ("a=()", "found '(', expected: ','"),
        ] {
            let said = check(text).unwrap_err();
            assert!(said.contains(why) && said.contains(text), "{text:?}: {said}");
        }
        assert!(check(&format!("a={}", "x".repeat(64))).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends(text in "[a!=<>(), in.-/\u{e4}]{0,40}") {
            let _ = check(&text);
        }
    }
}
