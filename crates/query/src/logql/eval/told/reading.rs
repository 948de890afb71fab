//! What a parser finds in a message, by numbers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use model::labels::is_plain_label_name;
use model::records::{Form, Recipe, Template, Told};

use super::shape;
use crate::logql::ast::Stage;
use crate::logql::pipeline::entry::{EXTRACTED, Entry, Wish, sanitized};
use crate::logql::pipeline::pattern::Pattern;
use crate::logql::pipeline::regexp::Regexp;
use crate::logql::pipeline::{Failure, json, logfmt};

/// Of a message with more labels an entry may not take all: it has to pass the pipeline.
const MOST: usize = 500;
/// Stands for the error of such a message.
const TOO_MANY: &str = "?";

/// A parser, and which of the labels that it finds are asked for.
pub(super) struct Parser {
    kind: Kind,
    /// The labels that are asked for.
    labels: Vec<String>,
    /// The number of the first of their texts; behind them comes why the parser failed.
    first: usize,
}

enum Kind {
    JsonAll,
    Json(Vec<(String, json::Path)>),
    LogfmtAll { strict: bool, keep_empty: bool },
    Logfmt { strict: bool, fields: Vec<(String, String)> },
    Pattern(Pattern),
    Regexp(Regexp),
}

/// Takes names and what was found.
type Found<'f, 't> = &'f mut dyn FnMut(&str, Cow<'t, str>);

impl Parser {
    /// A parser of which these labels are `asked` for; `None` where what it finds is told by more than their values.
    pub(super) fn new(stage: &Stage, asked: &BTreeSet<String>, first: usize) -> Option<Self> {
        let named = |label: &String| asked.contains(label).then(|| label.clone());
        let (kind, labels) = match stage {
            Stage::Json(fields) if fields.is_empty() => (Kind::JsonAll, None),
            Stage::Json(fields) => {
                let paths = fields.iter().map(|f| Some((f.name.clone(), json::Path::parse(&f.path).ok()?)));
                (
                    Kind::Json(paths.collect::<Option<_>>()?),
                    Some(fields.iter().filter_map(|f| named(&f.name)).collect()),
                )
            }
            Stage::Logfmt { strict, keep_empty, fields } if fields.is_empty() => {
                (Kind::LogfmtAll { strict: *strict, keep_empty: *keep_empty }, None)
            }
            Stage::Logfmt { strict, fields, .. } => {
                let keys = fields.iter().map(|f| (f.name.clone(), f.path.clone())).collect();
                let labels = fields.iter().filter_map(|f| named(&f.name)).collect();
                (Kind::Logfmt { strict: *strict, fields: keys }, Some(labels))
            }
            Stage::Regexp(text) => (Kind::Regexp(Regexp::new(text).ok()?), None),
            Stage::Pattern(text) => (Kind::Pattern(Pattern::parser(text).ok()?), None),
            _ => return None,
        };
        let mut labels: Vec<String> = labels.unwrap_or_else(|| asked.iter().cloned().collect());
        labels.sort_unstable();
        labels.dedup();
        let extracts = matches!(stage, Stage::Json(fields) | Stage::Logfmt { fields, .. }
            if fields.iter().any(|f| f.name.ends_with(EXTRACTED)));
        (!extracts).then_some(Self { kind, labels, first })
    }

    /// How many texts it gives.
    pub(super) fn texts(&self) -> usize {
        self.labels.len() + 1
    }

    /// Whether it sets a label whatever the message is.
    pub(super) fn sets(&self, label: &str) -> bool {
        match &self.kind {
            Kind::Json(fields) => fields.iter().any(|(name, _)| name == label),
            Kind::Logfmt { fields, .. } => fields.iter().any(|(name, _)| name == label),
            _ => false,
        }
    }

    fn names_fields(&self) -> bool {
        matches!(self.kind, Kind::Json(_) | Kind::Logfmt { .. })
    }

    fn parse<'t>(&self, text: &'t str, found: Found<'_, 't>) -> Result<(), Failure> {
        match &self.kind {
            Kind::JsonAll => json::all(text, found),
            Kind::Json(fields) => json::some(text, fields, found),
            Kind::LogfmtAll { strict, keep_empty } => logfmt::all(text, *strict, *keep_empty, found),
            Kind::Logfmt { strict, fields } => logfmt::some(text, *strict, fields, found),
            Kind::Pattern(pattern) => {
                pattern.captures(text, found);
                Ok(())
            }
            Kind::Regexp(regexp) => {
                regexp.captures(text, found);
                Ok(())
            }
        }
    }

    /// The number of the text of a label that was found by this name.
    fn number(&self, name: &str) -> Option<usize> {
        let label = match is_plain_label_name(name) || self.names_fields() {
            true => Cow::Borrowed(name),
            false => sanitized(name),
        };
        self.labels.binary_search_by(|l| l.as_str().cmp(&label)).ok().map(|at| self.first + at)
    }

    /// Gives what it finds in a message.
    pub(super) fn of_message(&self, message: &str, found: &mut dyn FnMut(usize, &str)) {
        let mut names = 0;
        let result = self.parse(message, &mut |name, value| {
            names += 1;
            if let Some(number) = self.number(name) {
                found(number, &value);
            }
        });
        if let Err((error, _)) = result {
            found(self.first + self.labels.len(), error);
        }
        if names > MOST {
            found(self.first + self.labels.len(), TOO_MANY);
        }
    }

    /// Adds how what it finds follows from the messages of a template; `false`: not in the same way from all.
    pub(super) fn of_template(&self, template: &Template<'_>, recipe: &mut Recipe) -> bool {
        if self.fails(template.text) {
            // What is asked for by name is set all the same.
            let empty = || self.names_fields().then(|| Told::Fixed(String::new()));
            recipe.texts.extend(self.labels.iter().map(|_| empty()));
            recipe.texts.push(Some(Told::Fixed(json::FAILED.to_owned())));
            return true;
        }
        let Some(conditions) = self.conditions(template) else { return false };
        let Some(found) = self.found(template.text) else { return false };
        // What was unescaped has no variable in it if it is the same with others in their places.
        if found.iter().any(|value| matches!(value, Some(Cow::Owned(_)))) {
            let text = shape::with_ones(template);
            let again = self.found(&text).unwrap_or_default();
            let same = |(one, other)| !matches!(one, &Some(Cow::Owned(_))) || one == other;
            if found.len() != again.len() || !found.iter().zip(&again).all(same) {
                return false;
            }
        }
        for value in found {
            recipe.texts.push(match value {
                None => None,
                Some(Cow::Owned(text)) => Some(Told::Fixed(text)),
                Some(Cow::Borrowed("")) => Some(Told::Fixed(String::new())),
                Some(Cow::Borrowed(text)) => {
                    let Some(start) = place(template.text, text) else { return false };
                    Some(Told::Part(start..start + text.len()))
                }
            });
        }
        // Behind them: why it failed. It did not.
        recipe.texts.push(None);
        recipe.conditions.extend(conditions);
        true
    }

    /// Whether it is plain that it fails on a text, and on all that differ in their variables, at the beginning.
    fn fails(&self, text: &str) -> bool {
        match self.kind {
            Kind::JsonAll => !shape::begins(text).starts_with('{'),
            Kind::Json(_) => shape::is_no_json(text),
            _ => false,
        }
    }

    /// What it finds in a text, by label; `None`: it fails.
    fn found<'t>(&self, text: &'t str) -> Option<Vec<Option<Cow<'t, str>>>> {
        let mut all = vec![None; self.labels.len()];
        let mut names = 0;
        let result = self.parse(text, &mut |name, value| {
            names += 1;
            if let Some(slot) = self.number(name).and_then(|n| all.get_mut(n - self.first)) {
                *slot = Some(value);
            }
        });
        result.ok().filter(|()| names <= MOST).map(|()| all)
    }

    /// What variables must be for the parser to go the same way through all messages of a template; `None`: there is no
    /// saying.
    fn conditions(&self, template: &Template<'_>) -> Option<Vec<(usize, Form)>> {
        // A key with a variable in it is none of those that are asked for unless one of these has a word that is one, too.
        let named = |name: &str| shape::has_variable(name, template.is_variable);
        let asked = || self.labels.iter().any(|label| named(label));
        match &self.kind {
            Kind::JsonAll => shape::json(template, asked(), false),
            Kind::Json(fields) => {
                let asked = fields.iter().any(|(_, path)| path.keys().any(named));
                shape::json(template, asked, true)
            }
            Kind::LogfmtAll { .. } => shape::logfmt(template, asked()),
            Kind::Logfmt { fields, .. } => shape::logfmt(template, fields.iter().any(|(_, key)| named(key))),
            Kind::Pattern(pattern) => pattern.is_between_words(template.is_variable).then(Vec::new),
            Kind::Regexp(_) => None,
        }
    }

    /// Puts what was found into an entry; `false`: that is not enough to say how it goes on.
    pub(super) fn put(&self, texts: &[Option<&str>], wish: &Wish, entry: &mut Entry<'_>) -> bool {
        let text = |at: usize| texts.get(self.first + at).copied().flatten();
        for (at, label) in self.labels.iter().enumerate() {
            match text(at) {
                Some(value) if self.names_fields() => entry.add_named(label, value.to_owned()),
                Some(value) => entry.add_parsed(wish, label, super::owned(value)),
                None => {}
            }
        }
        match text(self.labels.len()).map(failure) {
            None => true,
            Some(None) => false,
            Some(Some(error)) => {
                entry.fail(error, String::new());
                true
            }
        }
    }
}

/// The error of a parser by its name.
fn failure(name: &str) -> Option<&'static str> {
    [json::FAILED, logfmt::FAILED].into_iter().find(|known| *known == name)
}

/// Where a part of a text begins in it.
fn place(text: &str, part: &str) -> Option<usize> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (text.get(start..start + part.len())? == part).then_some(start)
}
