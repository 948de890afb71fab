//! Rule files as Prometheus and Loki write them: one format, two languages of expressions.

mod check;
mod written;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use model::rule::{RuleLanguage, Texts};
use query::logql::ast::MetricExpr;
use query::promql::{Expr, ParseOptions};

/// A rule file is a few kilobytes; generated ones reach megabytes.
const MAX_BYTES: u64 = 64 << 20;

/// How files are read.
#[derive(Debug, Clone, Default)]
pub struct ParseSettings {
    /// Syntax of expressions that is switched on.
    pub expressions: ParseOptions,
    /// Names of labels and metrics must be of the classic syntax.
    pub legacy_names: bool,
    /// Fields that are not known are read over.
    pub ignore_unknown: bool,
    /// The language of expressions.
    pub language: RuleLanguage,
}

/// A group as a file defines it, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupDefinition {
    /// Name, unique within the file.
    pub name: String,
    /// The language of its expressions.
    pub language: RuleLanguage,
    /// How often it is evaluated, ms; `None`: the global interval.
    pub interval_ms: Option<i64>,
    /// How far in the past expressions are evaluated, ms; `None`: the global offset.
    pub query_offset_ms: Option<i64>,
    /// Most series or alerts of one rule; 0: no limit.
    pub limit: usize,
    /// Rules in the order of evaluation.
    pub rules: Vec<RuleDefinition>,
}

/// A rule as a file defines it, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDefinition {
    /// Name of the recorded series, or of the alert.
    pub name: String,
    /// The expression.
    pub expr: Expression,
    /// The expression in its printed form.
    pub query: String,
    /// Labels that are added, those of the group included; an empty one removes.
    pub labels: Texts,
    /// What the rule does.
    pub kind: RuleKind,
}

/// What a rule evaluates.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// Reads metrics.
    Promql(Box<Expr>),
    /// Reads logs.
    Logql(Box<MetricExpr>),
}

/// What a rule does with the result of its expression.
#[derive(Debug, Clone, PartialEq)]
pub enum RuleKind {
    /// Stores it under a new name.
    Recording,
    /// Raises an alert for every element.
    Alerting {
        /// How long the element must be there before the alert fires, ms.
        for_ms: i64,
        /// How long the alert goes on firing after the element is gone, ms.
        keep_firing_for_ms: i64,
        /// Texts that describe the alert, as templates.
        annotations: Texts,
    },
}

/// Reads the text of a rule file. The mistakes, each with its place, are in the order in which they stand.
pub fn parse(text: &str, settings: &ParseSettings) -> Result<Vec<GroupDefinition>, Vec<String>> {
    let groups = written::read(text, settings.ignore_unknown, settings.language).map_err(|e| vec![e])?;
    check::groups(groups, settings)
}

/// Reads a rule file; every mistake begins with the file's name.
pub fn read(path: &Path, settings: &ParseSettings) -> Result<Vec<GroupDefinition>, Vec<String>> {
    let shown = path.display();
    let text = text_of(path).map_err(|e| vec![format!("{shown}: {e}")])?;
    parse(&text, settings).map_err(|all| all.into_iter().map(|e| format!("{shown}: {e}")).collect())
}

fn text_of(path: &Path) -> Result<String, String> {
    let reason = |e: std::io::Error| format!("cannot be read: {e}");
    let size = std::fs::metadata(path).map_err(reason)?.len();
    if size > MAX_BYTES {
        return Err(format!("is larger than {MAX_BYTES} bytes"));
    }
    let bytes = std::fs::read(path).map_err(reason)?;
    String::from_utf8(bytes).map_err(|e| format!("byte {} is not UTF-8", e.utf8_error().valid_up_to()))
}

/// The files that `patterns` name, relative to `folder`: `*`, `?` and `[...]` in any part of a path, as in Go's
/// `filepath.Glob`. Sorted within each pattern; a pattern may name none.
pub fn matching(folder: &Path, patterns: &[String]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for pattern in patterns {
        let mut found = vec![if pattern.starts_with('/') { PathBuf::from("/") } else { folder.to_owned() }];
        for part in pattern.split('/').filter(|part| !matches!(*part, "" | ".")) {
            found = found.iter().flat_map(|base| children(base, part)).collect();
        }
        found.retain(|path| path.is_file());
        files.append(&mut found);
    }
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// Entries of a folder that fit one part of a pattern.
fn children(base: &Path, part: &str) -> Vec<PathBuf> {
    /// Entries that are looked at in one folder.
    const MOST: usize = 100_000;
    if !part.contains(['*', '?', '[']) {
        let path = base.join(part);
        return if path.exists() { vec![path] } else { Vec::new() };
    }
    let Ok(entries) = std::fs::read_dir(base) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .take(MOST)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_str().is_some_and(|name| fits(part.as_bytes(), name.as_bytes())))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

/// Whether a name fits a pattern of `*`, `?` and `[a-z]`.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return name.is_empty() };
    match first {
        b'*' => (0..=name.len()).any(|taken| fits(rest, &name[taken..])),
        b'?' => !name.is_empty() && fits(rest, &name[1..]),
        b'[' => match (rest.iter().position(|b| *b == b']'), name.split_first()) {
            (Some(end), Some((c, after))) if end > 0 => {
                in_class(&rest[..end], *c) && fits(&rest[end + 1..], after)
            }
            _ => false,
        },
        c => name.first() == Some(c) && fits(rest, &name[1..]),
    }
}

fn in_class(class: &[u8], c: u8) -> bool {
    let (negated, class) = match class.split_first() {
        Some((b'^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut at = 0;
    let mut inside = false;
    while at < class.len() {
        if class.get(at + 1) == Some(&b'-') && at + 2 < class.len() {
            inside |= (class[at]..=class[at + 2]).contains(&c);
            at += 3;
        } else {
            inside |= class[at] == c;
            at += 1;
        }
    }
    inside != negated
}
