//! What each line passes: stages compiled once a query, run line by line over borrowed text.
//!
//! Start reading at [`Pipeline::run`]; [`entry`] is what stages read and change.

pub(super) mod detect;
pub(crate) mod entry;
pub(crate) mod filter;
pub(crate) mod ip;
pub(crate) mod json;
pub(crate) mod line;
pub(crate) mod logfmt;
pub(crate) mod pattern;
pub(crate) mod regexp;
mod templates;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::ast::{LabelFilter, LabelValue, Named, Stage};
use entry::{Entry, Wish};
pub(crate) use templates::{check as check_template, names as names_in_template};

/// A stage, ready to run.
enum Step {
    Line(line::Filter),
    Json(Vec<(String, json::Path)>),
    JsonAll,
    Logfmt { strict: bool, keep_empty: bool, fields: Vec<(String, String)> },
    Regexp(regexp::Regexp),
    Pattern(pattern::Pattern),
    Unpack,
    Decolorize,
    LineFormat(templates::Text),
    LabelFormat(Vec<(String, Format)>),
    Label(filter::Filter),
    Drop(Vec<Named>),
    Keep(Vec<Named>),
}

enum Format {
    Rename(String),
    Template(templates::Text),
}

/// Stages in their order.
pub(crate) struct Pipeline {
    steps: Vec<Step>,
    /// Which labels are asked for in the end.
    wish: Wish,
}

impl Pipeline {
    /// Compiles stages; `wish` says which labels somebody asks for behind them. An error is one that the parser would
    /// have named, too.
    pub(crate) fn new(stages: &[Stage], wish: Wish) -> Result<Self, String> {
        let steps = stages.iter().map(step).collect::<Result<_, _>>()?;
        Ok(Self { steps, wish })
    }

    /// Whether every line passes as it is.
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Passes a line through all stages; `false`: it is filtered out.
    pub(crate) fn run(&self, entry: &mut Entry<'_>) -> bool {
        self.steps.iter().all(|step| self.step(step, entry))
    }

    fn step(&self, step: &Step, entry: &mut Entry<'_>) -> bool {
        match step {
            Step::Line(filter) => return filter.passes(&entry.line),
            Step::Label(filter) => return filter.passes(entry),
            Step::JsonAll => parse(entry, &self.wish, |text, found| json::all(text, found)),
            Step::Json(fields) => {
                // What is asked for by name is set even where it is empty.
                parse_named(entry, |text, found| json::some(text, fields, found));
            }
            Step::Logfmt { strict, keep_empty, fields } if fields.is_empty() => {
                parse(entry, &self.wish, |text, found| logfmt::all(text, *strict, *keep_empty, found));
            }
            Step::Logfmt { strict, fields, .. } => {
                parse_named(entry, |text, found| logfmt::some(text, *strict, fields, found));
            }
            Step::Regexp(regexp) => parse(entry, &self.wish, |text, found| {
                regexp.captures(text, found);
                Ok(())
            }),
            Step::Pattern(pattern) => parse(entry, &self.wish, |text, found| {
                pattern.captures(text, found);
                Ok(())
            }),
            Step::Unpack => unpack(entry),
            Step::Decolorize => line::decolorize(&mut entry.line),
            Step::LineFormat(template) => match template.expand(entry) {
                Ok(text) => entry.line = Cow::Owned(text),
                Err(error) => entry.fail("TemplateFormatErr", error),
            },
            Step::LabelFormat(formats) => label_format(formats, entry),
            Step::Drop(names) => {
                for name in names {
                    if matches_named(name, entry) {
                        entry.remove(name.name());
                    }
                }
            }
            Step::Keep(names) => entry.retain(|entry, name| {
                names.iter().any(|named| named.name() == name && matches_named(named, entry))
            }),
        }
        true
    }
}

fn matches_named(named: &Named, entry: &Entry<'_>) -> bool {
    match named {
        Named::Name(_) => true,
        Named::Matching(matcher) => matcher.matches(&entry.get(&matcher.name).unwrap_or_default()),
    }
}

fn step(stage: &Stage) -> Result<Step, String> {
    Ok(match stage {
        Stage::Line(filter) => Step::Line(line::Filter::new(filter)?),
        Stage::Json(fields) if fields.is_empty() => Step::JsonAll,
        Stage::Json(fields) => Step::Json(
            fields
                .iter()
                .map(|f| Ok((f.name.clone(), json::Path::parse(&f.path)?)))
                .collect::<Result<_, String>>()?,
        ),
        Stage::Logfmt { strict, keep_empty, fields } => Step::Logfmt {
            strict: *strict,
            keep_empty: *keep_empty,
            fields: fields.iter().map(|f| (f.name.clone(), f.path.clone())).collect(),
        },
        Stage::Regexp(text) => Step::Regexp(regexp::Regexp::new(text)?),
        Stage::Pattern(text) => Step::Pattern(pattern::Pattern::parser(text)?),
        Stage::Unpack => Step::Unpack,
        Stage::Decolorize => Step::Decolorize,
        Stage::LineFormat(text) => Step::LineFormat(templates::Text::new(text)?),
        Stage::LabelFormat(formats) => Step::LabelFormat(
            formats
                .iter()
                .map(|(name, value)| {
                    let value = match value {
                        LabelValue::Rename(from) => Format::Rename(from.clone()),
                        LabelValue::Template(text) => Format::Template(templates::Text::new(text)?),
                    };
                    Ok((name.clone(), value))
                })
                .collect::<Result<_, String>>()?,
        ),
        Stage::Label(filter) => Step::Label(filter::Filter::new(filter)?),
        Stage::Drop(names) => Step::Drop(names.clone()),
        Stage::Keep(names) => Step::Keep(names.clone()),
    })
}

/// A failed parser: its `__error__` and what was wrong.
pub(crate) type Failure = (&'static str, String);

/// Runs a parser that finds labels on its own: what nobody asks for is left out, and what has the name of a label that
/// the line came with gets another one.
fn parse(
    entry: &mut Entry<'_>,
    wish: &Wish,
    parser: impl for<'t> Fn(&'t str, &mut dyn FnMut(&str, Cow<'t, str>)) -> Result<(), Failure>,
) {
    let line = std::mem::take(&mut entry.line);
    let result = match line {
        Cow::Borrowed(text) => {
            let result = parser(text, &mut |name, value| entry.add_parsed(wish, name, value));
            entry.line = Cow::Borrowed(text);
            result
        }
        Cow::Owned(text) => {
            let result = parser(&text, &mut |name, value| {
                entry.add_parsed(wish, name, Cow::Owned(value.into_owned()))
            });
            entry.line = Cow::Owned(text);
            result
        }
    };
    if let Err((error, details)) = result {
        entry.fail(error, details);
    }
}

/// Runs a parser that is asked for labels by name.
fn parse_named(
    entry: &mut Entry<'_>,
    parser: impl for<'t> Fn(&'t str, &mut dyn FnMut(&str, Cow<'t, str>)) -> Result<(), Failure>,
) {
    let line = std::mem::take(&mut entry.line);
    let result = parser(&line, &mut |name, value| entry.add_named(name, value.into_owned()));
    entry.line = line;
    if let Err((error, details)) = result {
        entry.fail(error, details);
    }
}

/// A packed entry is an object of texts; `_entry` is the line, the others become labels.
fn unpack(entry: &mut Entry<'_>) {
    let line = entry.line.clone();
    if line.is_empty() {
        return;
    }
    let mut found: Vec<(String, String)> = Vec::new();
    let result = json::texts(&line, &mut |name, value| found.push((name.to_owned(), value)));
    if let Err((error, details)) = result {
        entry.fail(error, details);
        return;
    }
    // Without an entry inside it was not packed.
    let Some(at) = found.iter().position(|(name, _)| name == "_entry") else { return };
    let (_, packed) = found.swap_remove(at);
    for (name, value) in found {
        entry.add_parsed(&Wish::All, &name, Cow::Owned(value));
    }
    entry.line = Cow::Owned(packed);
}

fn label_format(formats: &[(String, Format)], entry: &mut Entry<'_>) {
    for (name, format) in formats {
        match format {
            Format::Rename(from) => {
                if let Some(value) = entry.get(from).map(Cow::into_owned) {
                    entry.set_parsed(name, value);
                    entry.remove(from);
                }
            }
            Format::Template(template) => match template.expand(entry) {
                Ok(value) => entry.set_parsed(name, value),
                Err(error) => entry.fail("TemplateFormatErr", error),
            },
        }
    }
}

/// The labels that stages ask for by name; `None` where they may ask for any.
pub(crate) fn asked(stages: &[Stage]) -> Option<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for stage in stages {
        match stage {
            Stage::Label(filter) => ask(filter, &mut names),
            // A template may look at all labels.
            Stage::LineFormat(text) => names.extend(templates::names(text)?),
            Stage::LabelFormat(formats) => {
                for (_, value) in formats {
                    match value {
                        LabelValue::Rename(from) => _ = names.insert(from.clone()),
                        LabelValue::Template(text) => names.extend(templates::names(text)?),
                    }
                }
            }
            Stage::Drop(named) | Stage::Keep(named) => {
                names.extend(named.iter().map(|named| named.name().to_owned()));
            }
            Stage::Line(_)
            | Stage::Json(_)
            | Stage::Logfmt { .. }
            | Stage::Regexp(_)
            | Stage::Pattern(_)
            | Stage::Unpack
            | Stage::Decolorize => {}
        }
    }
    Some(names)
}

/// Adds the labels that a filter asks for.
pub(crate) fn ask(filter: &LabelFilter, names: &mut BTreeSet<String>) {
    filter.names(&mut |name| _ = names.insert(name.to_owned()));
}
