//! Text to tokens, one at a time.
//!
//! What a character means depends on where it stands: between braces every word is a label name, between brackets
//! only durations may stand. Words are keywords in any case; the parser decides where a keyword is a name.

mod number;
#[cfg(test)]
mod tests;
mod token;

pub(super) use token::{Item, Keyword, Token};

use super::ast::{BinaryOp, Span};
use super::quote::{go_char, go_string};

/// Text that is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LexError {
    pub(super) span: Span,
    pub(super) message: String,
}

type Lexed = Result<Token, String>;

/// Where the lexer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Outside of braces and brackets.
    Statement,
    /// After `{`.
    Braces,
    /// After `[`: nothing but a duration expression may begin here.
    BracketStart,
    /// After the first number in brackets.
    Bracket,
}

/// A scanner over one query.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    input: &'a str,
    /// Next character to look at.
    pos: usize,
    /// Start of the token being read.
    start: usize,
    mode: Mode,
    parens: usize,
    got_colon: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(input: &'a str) -> Self {
        Self { input, pos: 0, start: 0, mode: Mode::Statement, parens: 0, got_colon: false }
    }

    /// The next token. After an error the rest of the input means nothing.
    pub(super) fn next(&mut self) -> Result<Item, LexError> {
        self.skip_blanks();
        self.start = self.pos;
        let lexed = match self.mode {
            Mode::Statement => self.statement(),
            Mode::Braces => self.braces(),
            Mode::BracketStart => self.bracket_start(),
            Mode::Bracket => self.bracket(),
        };
        match lexed {
            Ok(token) => Ok(Item { token, span: Span::new(self.start, self.pos) }),
            Err(message) => {
                Err(LexError { span: Span::new(self.start.min(self.input.len()), self.input.len()), message })
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'a str {
        self.input.get(self.pos..).unwrap_or("")
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.pos += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.pos += wanted.len_utf8();
        }
        found
    }

    fn eat_while(&mut self, mut accept: impl FnMut(char) -> bool) {
        while self.peek().is_some_and(&mut accept) {
            self.bump();
        }
    }

    fn text(&self) -> &'a str {
        self.input.get(self.start..self.pos).unwrap_or("")
    }

    /// Blanks anywhere, comments outside of the start of a bracket.
    fn skip_blanks(&mut self) {
        loop {
            self.eat_while(is_blank);
            if self.mode == Mode::BracketStart || self.peek() != Some('#') {
                return;
            }
            self.eat_while(|c| c != '\n' && c != '\r');
        }
    }

    fn statement(&mut self) -> Lexed {
        let Some(c) = self.bump() else {
            return self.end();
        };
        match c {
            c if is_alpha(c) || c == ':' => Ok(self.word()),
            '{' => {
                self.mode = Mode::Braces;
                Ok(Token::LeftBrace)
            }
            '[' => {
                self.mode = Mode::BracketStart;
                self.got_colon = false;
                Ok(Token::LeftBracket)
            }
            ']' => Err("unexpected right bracket ']'".to_owned()),
            c => self.shared(c),
        }
    }

    /// What means the same in statements and in brackets.
    fn shared(&mut self, c: char) -> Lexed {
        Ok(match c {
            ',' => Token::Comma,
            '*' => Token::Op(BinaryOp::Mul),
            '/' => Token::Op(BinaryOp::Div),
            '%' => Token::Op(BinaryOp::Mod),
            '+' => Token::Op(BinaryOp::Add),
            '-' => Token::Op(BinaryOp::Sub),
            '^' => Token::Op(BinaryOp::Pow),
            '@' => Token::At,
            '(' => {
                self.parens += 1;
                Token::LeftParen
            }
            ')' => return self.right_paren(),
            '=' | '!' | '<' | '>' => return self.comparison(c),
            '"' | '\'' => return self.quoted(c),
            '`' => return self.raw_quoted(),
            '0'..='9' => return self.number_or_duration(),
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => return self.number_or_duration(),
            c => return Err(format!("unexpected character: {}", go_char(c))),
        })
    }

    fn end(&self) -> Lexed {
        match self.mode {
            _ if self.parens > 0 => Err("unclosed left parenthesis".to_owned()),
            Mode::Bracket => Err("unclosed left bracket".to_owned()),
            _ => Ok(Token::Eof),
        }
    }

    fn right_paren(&mut self) -> Lexed {
        match self.parens.checked_sub(1) {
            Some(left) => {
                self.parens = left;
                Ok(Token::RightParen)
            }
            None => {
                self.start = self.pos;
                Err("unexpected right parenthesis ')'".to_owned())
            }
        }
    }

    fn comparison(&mut self, c: char) -> Lexed {
        let equal = self.eat('=');
        Ok(match (c, equal) {
            ('=', true) => Token::Op(BinaryOp::Eq),
            ('=', false) if self.peek() == Some('~') => {
                return Err("unexpected character after '=': '~'".to_owned());
            }
            ('=', false) => Token::Equal,
            ('!', true) => Token::Op(BinaryOp::Ne),
            ('<', true) => Token::Op(BinaryOp::Le),
            ('>', true) => Token::Op(BinaryOp::Ge),
            ('<', false) if self.eat('/') => Token::Op(BinaryOp::TrimUpper),
            ('<', false) => Token::Op(BinaryOp::Lt),
            ('>', false) if self.eat('/') => Token::Op(BinaryOp::TrimLower),
            ('>', false) => Token::Op(BinaryOp::Gt),
            _ => {
                let next = self.peek().unwrap_or(char::REPLACEMENT_CHARACTER);
                return Err(format!("unexpected character after '!': {}", go_char(next)));
            }
        })
    }

    /// A name or keyword; its first character has been read.
    fn word(&mut self) -> Token {
        self.eat_while(|c| is_alphanumeric(c) || c == ':');
        let word = self.text();
        match Token::keyword(word) {
            // `fill` is a name unless it is called: older queries use it as one.
            Some(Token::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.rest().trim_start_matches(is_blank).starts_with('(') =>
            {
                Token::Identifier
            }
            Some(token) => token,
            None if word.contains(':') => Token::MetricIdentifier,
            None => Token::Identifier,
        }
    }

    fn braces(&mut self) -> Lexed {
        let Some(c) = self.bump() else {
            return Err("unexpected end of input inside braces".to_owned());
        };
        Ok(match c {
            c if is_alpha(c) => {
                self.eat_while(is_alphanumeric);
                Token::Identifier
            }
            ',' => Token::Comma,
            '"' | '\'' => return self.quoted(c),
            '`' => return self.raw_quoted(),
            '=' if self.eat('~') => Token::EqualRegex,
            '=' => Token::Equal,
            '!' if self.eat('~') => Token::NotRegex,
            '!' if self.eat('=') => Token::Op(BinaryOp::Ne),
            '!' => {
                let next = self.peek().unwrap_or(char::REPLACEMENT_CHARACTER);
                return Err(format!("unexpected character after '!' inside braces: {}", go_char(next)));
            }
            '{' => return Err("unexpected left brace '{'".to_owned()),
            '}' => {
                self.mode = Mode::Statement;
                Token::RightBrace
            }
            c => return Err(format!("unexpected character inside braces: {}", go_char(c))),
        })
    }

    /// Before the first number of a bracket.
    fn bracket_start(&mut self) -> Lexed {
        let Some(c) = self.bump() else {
            return Err("unexpected end of input in duration expression".to_owned());
        };
        let unexpected = |c| Err(format!("unexpected character in duration expression: {}", go_char(c)));
        match c {
            ']' => Ok(self.right_bracket()),
            ':' => self.colon(),
            '0'..='9' => {
                self.mode = Mode::Bracket;
                self.number_or_duration()
            }
            '.' if self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                self.mode = Mode::Bracket;
                self.number_or_duration()
            }
            '(' | ')' | '+' | '-' | '*' | '/' | '%' | '^' | ',' => self.shared(c),
            c if is_alpha(c) => match self.duration_keyword() {
                Some(token) => Ok(token),
                None => unexpected(c),
            },
            c => unexpected(c),
        }
    }

    fn bracket(&mut self) -> Lexed {
        let Some(c) = self.bump() else {
            return self.end();
        };
        match c {
            ']' => Ok(self.right_bracket()),
            ':' => self.colon(),
            '[' => Err("unexpected left bracket '['".to_owned()),
            c if is_alpha(c) => match self.duration_keyword() {
                Some(token) => Ok(token),
                None => Err(format!("unexpected character: {}, expected ':'", go_char(c))),
            },
            c => self.shared(c),
        }
    }

    fn right_bracket(&mut self) -> Token {
        self.mode = Mode::Statement;
        Token::RightBracket
    }

    fn colon(&mut self) -> Lexed {
        if self.got_colon {
            return Err("unexpected colon ':'".to_owned());
        }
        self.got_colon = true;
        Ok(Token::Colon)
    }

    fn duration_keyword(&mut self) -> Option<Token> {
        self.eat_while(is_alpha);
        let token = Token::keyword(self.text())?;
        let fits =
            matches!(token, Token::Keyword(Keyword::Step | Keyword::Range | Keyword::MaxOf | Keyword::MinOf));
        fits.then_some(token)
    }

    /// A string with escapes; the opening quote has been read.
    fn quoted(&mut self, quote: char) -> Lexed {
        loop {
            match self.bump() {
                None | Some('\n') => return Err("unterminated quoted string".to_owned()),
                Some('\\') => self.escape(quote)?,
                Some(c) if c == quote => return Ok(Token::String),
                Some(_) => {}
            }
        }
    }

    /// Checks one escape sequence; the backslash has been read.
    fn escape(&mut self, quote: char) -> Result<(), String> {
        let unterminated = || "escape sequence not terminated".to_owned();
        let first = self.bump().ok_or_else(unterminated)?;
        let (digits, base, max) = match first {
            'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\' => return Ok(()),
            c if c == quote => return Ok(()),
            '0'..='7' => {
                self.pos -= 1; // the digit counts; it is one byte
                (3, 8, 0xff)
            }
            'x' => (2, 16, 0xff),
            'u' => (4, 16, 0x10_ffff),
            'U' => (8, 16, 0x10_ffff),
            c => return Err(format!("unknown escape sequence {}", unicode(c))),
        };
        let mut value: u32 = 0;
        for _ in 0..digits {
            let c = self.bump().ok_or_else(unterminated)?;
            let digit = c
                .to_digit(base)
                .ok_or_else(|| format!("illegal character {} in escape sequence", unicode(c)))?;
            value = value.wrapping_mul(base).wrapping_add(digit);
        }
        if value > max || (0xd800..0xe000).contains(&value) {
            return Err("escape sequence is an invalid Unicode code point".to_owned());
        }
        Ok(())
    }

    fn raw_quoted(&mut self) -> Lexed {
        loop {
            match self.bump() {
                None => return Err("unterminated raw string".to_owned()),
                Some('`') => return Ok(Token::String),
                Some(_) => {}
            }
        }
    }

    /// A number or duration; its first character has been read.
    fn number_or_duration(&mut self) -> Lexed {
        self.pos = self.start;
        let (token, length) = number::scan(self.rest());
        self.pos += length;
        token.ok_or_else(|| format!("bad number or duration syntax: {}", go_string(self.text())))
    }
}

/// `U+0041 'A'`
fn unicode(c: char) -> String {
    if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { format!("U+{:04X} '{c}'", u32::from(c)) }
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_ascii_alphanumeric()
}
