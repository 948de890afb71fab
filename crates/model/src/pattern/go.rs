//! Go's regular-expression syntax (package `regexp/syntax`, the flags of `regexp.Compile`) to the intermediate form
//! of `regex-syntax`.
//!
//! It is not the syntax of Rust's `regex`: here `\d \s \w \b` are ASCII, `\Q..\E` and octal escapes exist, a brace
//! that begins no repetition is a brace, `[[]`, `[]a]`, `[\d-z]` and `[a&&b]` are plain classes; `(?x)`, `a**` and
//! more than 1,000 repetitions are refused.

mod class;
mod escape;

use std::fmt;

use regex_syntax::hir::{Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, Look, Repetition};

/// How deep groups may be nested; building and compiling recurse over them.
const MAX_DEPTH: usize = 200;
/// The most repetitions, nested ones multiplied.
const MAX_REPEAT: usize = 1000;

/// What is wrong with an expression, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    what: &'static str,
    part: String,
}

impl SyntaxError {
    fn new(what: &'static str, part: &str) -> Self {
        Self { what, part: part.to_owned() }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.what, self.part)
    }
}

type Parsed<T> = Result<T, SyntaxError>;

/// Parses a whole expression.
pub(super) fn parse(text: &str) -> Parsed<Hir> {
    let mut parser =
        Parser { text, at: 0, flags: Flags::default(), captures: 0, names: Vec::new(), depth: 0 };
    let node = parser.alternation()?;
    if !parser.rest().is_empty() {
        return Err(SyntaxError::new("unexpected )", text));
    }
    Ok(node.hir)
}

/// What `(?ismU)` switches.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    multi_line: bool,
    dot_matches_newline: bool,
    swap_greed: bool,
}

/// A part of the expression.
struct Node {
    hir: Hir,
    /// Repetitions in it, nested ones multiplied.
    repeats: usize,
}

impl From<Hir> for Node {
    fn from(hir: Hir) -> Self {
        Self { hir, repeats: 1 }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    flags: Flags,
    captures: u32,
    names: Vec<&'a str>,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn eat(&mut self, wanted: &str) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len();
        }
        found
    }

    /// The text from `start` to here.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or("")
    }

    fn alternation(&mut self) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::new("expression nests too deeply", self.text));
        }
        let mut branches = vec![self.concat()?];
        while self.eat("|") {
            branches.push(self.concat()?);
        }
        self.depth -= 1;
        let repeats = branches.iter().map(|b| b.repeats).max().unwrap_or(1);
        let hir = Hir::alternation(branches.into_iter().map(|b| b.hir).collect());
        Ok(Node { hir, repeats })
    }

    fn concat(&mut self) -> Parsed<Node> {
        let mut items: Vec<Node> = Vec::new();
        let mut last_repetition = None;
        while let Some(c) = self.peek() {
            let start = self.at;
            let bounds = match c {
                '|' | ')' => break,
                '*' | '+' | '?' => {
                    self.at += 1;
                    Some(if c == '?' { (0, Some(1)) } else { (u32::from(c == '+'), None) })
                }
                '{' => self.counted()?,
                _ => None,
            };
            let Some((min, max)) = bounds else {
                last_repetition = None;
                self.item(&mut items)?;
                continue;
            };
            let lazy = self.eat("?");
            if let Some(first) = last_repetition {
                return Err(SyntaxError::new("invalid nested repetition operator", self.since(first)));
            }
            last_repetition = Some(start);
            let Some(node) = items.pop() else {
                let op = self.since(start);
                return Err(SyntaxError::new("missing argument to repetition operator", op));
            };
            let greedy = lazy == self.flags.swap_greed;
            items.push(self.repeated(node, min, max, greedy, start)?);
        }
        let repeats = items.iter().map(|i| i.repeats).max().unwrap_or(1);
        Ok(Node { hir: Hir::concat(items.into_iter().map(|i| i.hir).collect()), repeats })
    }

    fn repeated(&self, node: Node, min: u32, max: Option<u32>, greedy: bool, start: usize) -> Parsed<Node> {
        let count = max.unwrap_or(min) as usize;
        let repeats = if count >= 2 { count.saturating_mul(node.repeats) } else { node.repeats };
        if repeats > MAX_REPEAT {
            return Err(SyntaxError::new("invalid repeat count", self.since(start)));
        }
        let hir = Hir::repetition(Repetition { min, max, greedy, sub: Box::new(node.hir) });
        Ok(Node { hir, repeats })
    }

    /// `{n}`, `{n,}` or `{n,m}`. `None`: the brace is only a brace, and nothing is read.
    fn counted(&mut self) -> Parsed<Option<(u32, Option<u32>)>> {
        let Some(inner) = self.rest().strip_prefix('{').and_then(|t| t.split_once('}')).map(|(i, _)| i)
        else {
            return Ok(None);
        };
        let (min, max) = match inner.split_once(',') {
            Some((min, "")) => (count(min), None),
            Some((min, max)) => (count(min), Some(count(max))),
            None => (count(inner), Some(count(inner))),
        };
        let (Some(min), Some(max)) = (min, max.map_or(Some(None), |m| m.map(Some))) else {
            return Ok(None);
        };
        let start = self.at;
        self.at += inner.len() + 2;
        let most = MAX_REPEAT as u32;
        if min > most || max.is_some_and(|m| m > most || m < min) {
            return Err(SyntaxError::new("invalid repeat count", self.since(start)));
        }
        Ok(Some((min, max)))
    }

    /// One item that can be repeated, or flags, or quoted text.
    fn item(&mut self, items: &mut Vec<Node>) -> Parsed<()> {
        let start = self.at;
        let Some(c) = self.bump() else { return Ok(()) };
        let hir = match c {
            '(' => {
                if let Some(node) = self.group(start)? {
                    items.push(node);
                }
                return Ok(());
            }
            '[' => self.bracket(start)?,
            '.' if self.flags.dot_matches_newline => Hir::dot(Dot::AnyChar),
            '.' => Hir::dot(Dot::AnyCharExceptLF),
            '^' => Hir::look(if self.flags.multi_line { Look::StartLF } else { Look::Start }),
            '$' => Hir::look(if self.flags.multi_line { Look::EndLF } else { Look::End }),
            '\\' if self.eat("Q") => {
                let (quoted, length) = match self.rest().split_once("\\E") {
                    Some((quoted, _)) => (quoted, quoted.len() + 2),
                    None => (self.rest(), self.rest().len()),
                };
                self.at += length;
                items.extend(quoted.chars().map(|c| Node::from(self.literal(c))));
                return Ok(());
            }
            '\\' => self.escaped(start)?,
            c => self.literal(c),
        };
        items.push(hir.into());
        Ok(())
    }

    /// One character, in either case where `(?i)` holds.
    fn literal(&self, c: char) -> Hir {
        if self.flags.fold_case {
            return self.class(ClassUnicode::new([ClassUnicodeRange::new(c, c)]));
        }
        Hir::literal(c.to_string().into_bytes())
    }

    fn class(&self, class: ClassUnicode) -> Hir {
        Hir::class(Class::Unicode(self.folded(class)))
    }

    fn folded(&self, mut class: ClassUnicode) -> ClassUnicode {
        if self.flags.fold_case {
            class.case_fold_simple();
        }
        class
    }

    /// What follows `(`, up to and with `)`. `None`: it was only flags for what follows.
    fn group(&mut self, start: usize) -> Parsed<Option<Node>> {
        let before = self.flags;
        let mut capture = None;
        if self.rest().starts_with('?') {
            if self.rest().starts_with("?P<") || self.rest().starts_with("?<") {
                capture = Some(Some(self.capture_name(start)?));
            } else if !self.group_flags(start)? {
                return Ok(None);
            }
        } else {
            capture = Some(None);
        }
        let index = self.captures + 1;
        if capture.is_some() {
            self.captures = index;
        }
        let node = self.alternation()?;
        if !self.eat(")") {
            return Err(SyntaxError::new("missing closing )", self.text));
        }
        self.flags = before;
        Ok(Some(match capture {
            Some(name) => {
                let name = name.map(Box::from);
                let hir = Hir::capture(Capture { index, name, sub: Box::new(node.hir) });
                Node { hir, repeats: node.repeats }
            }
            None => node,
        }))
    }

    /// `?P<name>` or `?<name>`
    fn capture_name(&mut self, start: usize) -> Parsed<&'a str> {
        const WRONG: &str = "invalid named capture";
        let whole = self.text.get(start..).unwrap_or("");
        let open = self.rest().find('<').map_or(0, |at| at + 1);
        let Some(end) = self.rest().find('>') else {
            return Err(SyntaxError::new(WRONG, whole));
        };
        let name = self.rest().get(open..end).unwrap_or("");
        self.at += end + 1;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(SyntaxError::new(WRONG, self.since(start)));
        }
        if self.names.contains(&name) {
            return Err(SyntaxError::new("duplicate capture group name", name));
        }
        self.names.push(name);
        Ok(name)
    }

    /// `?flags)` (false) or `?flags:` (true).
    fn group_flags(&mut self, start: usize) -> Parsed<bool> {
        self.at += 1; // the question mark
        let mut flags = self.flags;
        let (mut on, mut any) = (true, false);
        loop {
            let Some(c) = self.bump() else {
                return Err(SyntaxError::new("missing closing )", self.text));
            };
            let flag = match c {
                'i' => &mut flags.fold_case,
                'm' => &mut flags.multi_line,
                's' => &mut flags.dot_matches_newline,
                'U' => &mut flags.swap_greed,
                '-' if on => {
                    (on, any) = (false, false);
                    continue;
                }
                ':' | ')' if on || any => {
                    if c == ':' {
                        // The caller restores the flags at the end of the group.
                        self.flags = flags;
                        return Ok(true);
                    }
                    self.flags = flags;
                    return Ok(false);
                }
                _ => {
                    let part = self.since(start);
                    return Err(SyntaxError::new("invalid or unsupported Perl syntax", part));
                }
            };
            *flag = on;
            any = true;
        }
    }
}

/// A count as Go reads it: digits without a leading zero; too large a number is still a count.
fn count(digits: &str) -> Option<u32> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    Some(digits.parse().unwrap_or(u32::MAX))
}
