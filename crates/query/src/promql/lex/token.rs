//! The kinds of tokens and how messages name them.

use super::Span;
use crate::promql::ast::{AggregateOp, BinaryOp};
use crate::promql::quote::go_string;

/// A token and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) struct Item {
    pub(in crate::promql) token: Token,
    pub(in crate::promql) span: Span,
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum Token {
    Eof,
    Identifier,
    /// A word with a colon: only a metric's name.
    MetricIdentifier,
    Number,
    Duration,
    String,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    /// `=`
    Equal,
    /// `=~`
    EqualRegex,
    /// `!~`
    NotRegex,
    At,
    Op(BinaryOp),
    Aggregate(AggregateOp),
    Keyword(Keyword),
}

/// Words with a meaning, besides operators and aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum Keyword {
    Bool,
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Offset,
    Anchored,
    Smoothed,
    Start,
    End,
    Step,
    Range,
    MaxOf,
    MinOf,
}

impl Token {
    /// The token of a word, if it is more than a name.
    pub(in crate::promql) fn keyword(word: &str) -> Option<Self> {
        let lower = word.to_ascii_lowercase();
        if let Some(op) = AggregateOp::ALL.into_iter().find(|op| op.as_str() == lower) {
            return Some(Self::Aggregate(op));
        }
        Some(match lower.as_str() {
            "and" => Self::Op(BinaryOp::And),
            "or" => Self::Op(BinaryOp::Or),
            "unless" => Self::Op(BinaryOp::Unless),
            "atan2" => Self::Op(BinaryOp::Atan2),
            "inf" | "nan" => Self::Number,
            "bool" => Self::Keyword(Keyword::Bool),
            "by" => Self::Keyword(Keyword::By),
            "without" => Self::Keyword(Keyword::Without),
            "on" => Self::Keyword(Keyword::On),
            "ignoring" => Self::Keyword(Keyword::Ignoring),
            "group_left" => Self::Keyword(Keyword::GroupLeft),
            "group_right" => Self::Keyword(Keyword::GroupRight),
            "fill" => Self::Keyword(Keyword::Fill),
            "fill_left" => Self::Keyword(Keyword::FillLeft),
            "fill_right" => Self::Keyword(Keyword::FillRight),
            "offset" => Self::Keyword(Keyword::Offset),
            "anchored" => Self::Keyword(Keyword::Anchored),
            "smoothed" => Self::Keyword(Keyword::Smoothed),
            "start" => Self::Keyword(Keyword::Start),
            "end" => Self::Keyword(Keyword::End),
            "step" => Self::Keyword(Keyword::Step),
            "range" => Self::Keyword(Keyword::Range),
            "max_of" => Self::Keyword(Keyword::MaxOf),
            "min_of" => Self::Keyword(Keyword::MinOf),
            _ => return None,
        })
    }

    /// Whether this word may name a metric.
    pub(in crate::promql) const fn is_metric_name(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregate(_) => true,
            Self::Op(op) => op.is_set(),
            Self::Keyword(keyword) => !matches!(
                keyword,
                Keyword::Bool | Keyword::On | Keyword::Ignoring | Keyword::GroupLeft | Keyword::GroupRight
            ),
            _ => false,
        }
    }

    /// Whether this word may name a label in a grouping.
    pub(in crate::promql) const fn is_grouping_label(self) -> bool {
        match self {
            Self::Identifier | Self::MetricIdentifier | Self::Aggregate(_) => true,
            Self::Op(op) => op.is_set() || matches!(op, BinaryOp::Atan2),
            Self::Keyword(keyword) => !matches!(keyword, Keyword::Without),
            _ => false,
        }
    }

    /// How a message names this token, whose text is `text`.
    pub(in crate::promql) fn describe(self, text: &str) -> String {
        match self {
            Self::Eof => "end of input".to_owned(),
            Self::Identifier => format!("identifier {}", go_string(text)),
            Self::MetricIdentifier => format!("metric identifier {}", go_string(text)),
            Self::Number => format!("number {}", shortened(text)),
            Self::Duration => format!("duration {}", shortened(text)),
            Self::String => format!("string {}", shortened(text)),
            Self::Op(_) | Self::EqualRegex | Self::NotRegex | Self::At => format!("<op:{text}>"),
            Self::Aggregate(_) => format!("<aggr:{text}>"),
            Self::Keyword(
                Keyword::Start
                | Keyword::End
                | Keyword::Step
                | Keyword::Range
                | Keyword::MaxOf
                | Keyword::MinOf,
            ) => shortened(text),
            Self::Keyword(_) => format!("<{text}>"),
            _ => go_string(text),
        }
    }
}

/// Quoted, and cut after ten characters where it is longer than ten bytes.
fn shortened(text: &str) -> String {
    if text.len() <= 10 {
        return go_string(text);
    }
    let head: String = text.chars().take(10).collect();
    format!("{}...", go_string(&head))
}
