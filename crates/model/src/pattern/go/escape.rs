//! What follows a backslash.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

use super::{Parsed, Parser, SyntaxError};

impl Parser<'_> {
    /// An escape outside of a class; its backslash, at `start`, has been read.
    pub(super) fn escaped(&mut self, start: usize) -> Parsed<Hir> {
        let look = match self.peek() {
            Some('A') => Some(Look::Start),
            Some('z') => Some(Look::End),
            Some('b') => Some(Look::WordAscii),
            Some('B') => Some(Look::WordAsciiNegate),
            _ => None,
        };
        if let Some(look) = look {
            self.at += 1;
            return Ok(Hir::look(look));
        }
        if let Some(class) = self.escaped_class(start)? {
            return Ok(Hir::class(Class::Unicode(class)));
        }
        let c = self.escaped_char(start)?;
        Ok(self.literal(c))
    }

    /// `\d`, `\pL` and their like, folded as the flags say; `None` for other escapes.
    pub(super) fn escaped_class(&mut self, start: usize) -> Parsed<Option<ClassUnicode>> {
        let Some(c) = self.peek() else { return Ok(None) };
        let ranges: &[(char, char)] = match c.to_ascii_lowercase() {
            'd' => &[('0', '9')],
            's' => &[('\t', '\n'), ('\u{c}', '\r'), (' ', ' ')],
            'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            'p' => return self.unicode_class(start).map(Some),
            _ => return Ok(None),
        };
        self.at += 1;
        let mut class =
            self.folded(ClassUnicode::new(ranges.iter().map(|(a, b)| ClassUnicodeRange::new(*a, *b))));
        if c.is_ascii_uppercase() {
            class.negate();
        }
        Ok(Some(class))
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`, `\P...`: a general category or a script.
    fn unicode_class(&mut self, start: usize) -> Parsed<ClassUnicode> {
        const WRONG: &str = "invalid character class range";
        let mut negate = self.bump() == Some('P');
        let name = if self.eat("{") {
            let Some((name, _)) = self.rest().split_once('}') else {
                return Err(SyntaxError::new(WRONG, self.text.get(start..).unwrap_or("")));
            };
            self.at += name.len() + 1;
            name
        } else {
            let at = self.at;
            self.bump();
            self.since(at)
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negate = !negate;
                name
            }
            None => name,
        };
        let known = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let class = if known { lookup(name) } else { None };
        let mut class = self.folded(class.ok_or_else(|| SyntaxError::new(WRONG, self.since(start)))?);
        if negate {
            class.negate();
        }
        Ok(class)
    }

    /// An escape that stands for one character, in a class or outside.
    pub(super) fn escaped_char(&mut self, start: usize) -> Parsed<char> {
        let Some(c) = self.bump() else {
            return Err(SyntaxError::new("trailing backslash at end of expression", ""));
        };
        let invalid = |parser: &Self| SyntaxError::new("invalid escape sequence", parser.since(start));
        match c {
            // One digit but 0 would be a reference to a group.
            '1'..='7' if !self.peek().is_some_and(|c| c.is_digit(8)) => Err(invalid(self)),
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or(0);
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    self.at += 1;
                    code = code * 8 + digit;
                }
                char::from_u32(code).ok_or_else(|| invalid(self))
            }
            'x' => self.hexadecimal(start),
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(invalid(self)),
        }
    }

    /// `\x7f` or `\x{10ffff}`
    fn hexadecimal(&mut self, start: usize) -> Parsed<char> {
        let digits = if self.eat("{") {
            let end = self.rest().find('}').unwrap_or(self.rest().len());
            let digits = self.rest().get(..end).unwrap_or("");
            self.at += end;
            if !self.eat("}") {
                return Err(SyntaxError::new("invalid escape sequence", self.since(start)));
            }
            digits
        } else {
            let end = self.rest().char_indices().nth(2).map_or(self.rest().len(), |(at, _)| at);
            let digits = self.rest().get(..end).unwrap_or("");
            self.at += end;
            if digits.chars().count() < 2 { "" } else { digits }
        };
        let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = if plain { u32::from_str_radix(digits, 16).ok() } else { None };
        code.and_then(char::from_u32)
            .ok_or_else(|| SyntaxError::new("invalid escape sequence", self.since(start)))
    }
}

/// The characters of a category or script.
fn lookup(name: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(&format!(r"\p{{{name}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // A class of one character is given as that character.
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(c, c)]))
        }
        _ => None,
    }
}
