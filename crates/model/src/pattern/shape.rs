//! What an anchored expression is, where that is simple enough to match without an automaton.

use std::ops::ControlFlow;

use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look, Repetition};

/// The most texts that are worth naming.
const MAX_TEXTS: usize = 1024;
/// The most bytes they may take together.
const MAX_BYTES: usize = 64 << 10;

/// How an expression can be matched.
#[derive(Debug)]
pub(super) enum Shape {
    /// Exactly these texts, sorted.
    Texts(Vec<String>),
    /// `.*`
    Everything,
    /// `.+`
    NotEmpty,
    /// `text.*`
    Prefix(String),
    /// `.*text`
    Suffix(String),
    /// `.*text.*`
    Contains(String),
    /// Something else that begins with `prefix`.
    Other {
        /// Possibly empty.
        prefix: String,
    },
}

impl Shape {
    /// The shape of `^...$`.
    pub(super) fn of(hir: &Hir) -> Self {
        let Some(parts) = anchored(hir) else {
            return Self::Other { prefix: String::new() };
        };
        if let Some(mut texts) = texts(parts) {
            texts.sort_unstable();
            texts.dedup();
            return Self::Texts(texts);
        }
        match parts {
            [any] if is_any(any, 0) => Self::Everything,
            [any] if is_any(any, 1) => Self::NotEmpty,
            [text, any] if is_any(any, 0) && literal(text).is_some() => Self::Prefix(own(text)),
            [any, text] if is_any(any, 0) && literal(text).is_some() => Self::Suffix(own(text)),
            [any, text, more] if is_any(any, 0) && is_any(more, 0) && literal(text).is_some() => {
                Self::Contains(own(text))
            }
            _ => Self::Other { prefix: parts.first().map(own).unwrap_or_default() },
        }
    }

    /// Whether it cannot answer for every text by itself.
    pub(super) fn needs_automaton(&self) -> bool {
        matches!(self, Self::Other { .. })
    }

    /// Whether `text` matches; `None` where the automaton must say.
    pub(super) fn is_match(&self, text: &str) -> Option<bool> {
        Some(match self {
            Self::Texts(texts) => texts.binary_search_by(|t| t.as_str().cmp(text)).is_ok(),
            Self::Everything => true,
            Self::NotEmpty => !text.is_empty(),
            Self::Prefix(prefix) => text.starts_with(prefix.as_str()),
            Self::Suffix(suffix) => text.ends_with(suffix.as_str()),
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Other { prefix } if !text.starts_with(prefix.as_str()) => false,
            Self::Other { .. } => return None,
        })
    }
}

/// What is between the anchors at both ends. Adjacent literals are one part.
fn anchored(hir: &Hir) -> Option<&[Hir]> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let (first, rest) = parts.split_first()?;
    let (last, inner) = rest.split_last()?;
    let ends =
        matches!(first.kind(), HirKind::Look(Look::Start)) && matches!(last.kind(), HirKind::Look(Look::End));
    ends.then_some(inner)
}

fn uncaptured(mut hir: &Hir) -> &Hir {
    while let HirKind::Capture(capture) = hir.kind() {
        hir = &capture.sub;
    }
    hir
}

fn literal(hir: &Hir) -> Option<&str> {
    match uncaptured(hir).kind() {
        HirKind::Literal(literal) => std::str::from_utf8(&literal.0).ok(),
        _ => None,
    }
}

/// The text of a literal, else nothing.
fn own(hir: &Hir) -> String {
    literal(hir).unwrap_or("").to_owned()
}

/// Whether this is any text of at least `least` characters (0 or 1).
fn is_any(hir: &Hir, least: u32) -> bool {
    match uncaptured(hir).kind() {
        HirKind::Repetition(Repetition { min, max: None, sub, .. }) if *min == least => {
            *uncaptured(sub) == Hir::dot(Dot::AnyChar)
        }
        _ => false,
    }
}

/// All texts that the parts match one after the other, if they are few.
fn texts(parts: &[Hir]) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for part in parts {
        let next = texts_of(part)?;
        if all.len().checked_mul(next.len())? > MAX_TEXTS {
            return None;
        }
        all = all.iter().flat_map(|head| next.iter().map(move |tail| format!("{head}{tail}"))).collect();
        if all.iter().map(String::len).sum::<usize>() > MAX_BYTES {
            return None;
        }
    }
    Some(all)
}

/// The depth is that of the expression, which its parser bounds.
fn texts_of(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![String::new()]),
        HirKind::Literal(literal) => Some(vec![std::str::from_utf8(&literal.0).ok()?.to_owned()]),
        HirKind::Class(Class::Unicode(class)) => {
            let mut out = Vec::new();
            let full = class.ranges().iter().try_for_each(|range| {
                for c in range.start()..=range.end() {
                    out.push(c.to_string());
                    if out.len() > MAX_TEXTS {
                        return ControlFlow::Break(());
                    }
                }
                ControlFlow::Continue(())
            });
            full.is_continue().then_some(out)
        }
        HirKind::Capture(capture) => texts_of(&capture.sub),
        HirKind::Concat(parts) => texts(parts),
        HirKind::Alternation(parts) => {
            let mut out = Vec::new();
            for part in parts {
                out.append(&mut texts_of(part)?);
                if out.len() > MAX_TEXTS {
                    return None;
                }
            }
            Some(out)
        }
        HirKind::Repetition(Repetition { min: 0, max: Some(1), sub, .. }) => {
            let mut out = texts_of(sub)?;
            out.push(String::new());
            Some(out)
        }
        _ => None,
    }
}
