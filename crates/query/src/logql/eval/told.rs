//! Counting lines by what parsers find in them, without running a pipeline line by line: a store gives the texts that
//! parsers find ([`reading`]), from templates where these tell them, and all stages behind run once for lines of which all
//! that is asked for is the same.

mod reading;
mod shape;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::records::{
    Columns, FieldColumn, Keep, KeyPlace, KeySource, Origin, Reading, Recipe, Template, TextColumn, Values,
};
use model::{Error, Labels};

use super::plan::spellings;
use crate::logql::ast::{LabelFilter, LabelValue, Named, Stage};
use crate::logql::pipeline::entry::{DETECTED_LEVEL, ERROR_DETAILS, EXTRACTED, Entry, Sent, Wish};
use crate::logql::pipeline::{Pipeline, asked, names_in_template};
use reading::Parser;

/// The field that a level is found in.
const LEVEL: &str = "level";

/// What lines are counted by.
pub(super) struct Told {
    /// The parts of the key.
    pub(super) by: Vec<Vec<KeySource>>,
    /// What messages say.
    pub(super) reading: Arc<Read>,
}

/// What stages find in lines and make of it.
pub(super) struct Read {
    wish: Wish,
    parsers: Vec<Parser>,
    steps: Vec<Step>,
    /// What each part of the key is, and its name.
    parts: Vec<(KeyPlace, Arc<str>)>,
    /// The labels that series are named by, sorted.
    names: Vec<String>,
    /// A batch of one line that came with nothing.
    nothing: Columns,
    /// Whether there were lines that a stage fails on.
    failed: AtomicBool,
}

enum Step {
    /// Stages that look at labels only.
    Stages(Pipeline),
    /// What this parser found.
    Found(usize),
}

impl std::fmt::Debug for Read {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Read").field("names", &self.names).finish_non_exhaustive()
    }
}

/// How a store can count the lines that pass `stages` by labels of these names (sorted); `None` where stages look at more
/// than what parsers find and labels say.
pub(super) fn told(stages: &[Stage], names: &[String], wish: &Wish) -> Option<Told> {
    let Wish::Names(asked) = wish else { return None };
    // A label that was found gets such a name where the line came with one: the order of all that is found matters then.
    if asked.iter().any(|name| name.ends_with(EXTRACTED)) || asks_for_details(stages, names) {
        return None;
    }
    let (mut parsers, mut steps): (Vec<Parser>, Vec<Step>) = (Vec::new(), Vec::new());
    let mut plain: Vec<Stage> = Vec::new();
    let flush = |plain: &mut Vec<Stage>, steps: &mut Vec<Step>| -> Option<()> {
        if !plain.is_empty() {
            steps.push(Step::Stages(Pipeline::new(plain, wish.clone()).ok()?));
            plain.clear();
        }
        Some(())
    };
    let mut texts = 0;
    // A line that nobody looks at again may as well stay as it is.
    let looked_at = stages.iter().rposition(|stage| {
        !matches!(
            stage,
            Stage::Label(_) | Stage::Drop(_) | Stage::Keep(_) | Stage::LabelFormat(_) | Stage::LineFormat(_)
        )
    });
    for (at, stage) in stages.iter().enumerate() {
        match stage {
            Stage::LineFormat(text) if looked_at.is_none_or(|last| last < at) => {
                drop(names_in_template(text)?)
            }
            Stage::Label(_) | Stage::Drop(_) | Stage::Keep(_) | Stage::LabelFormat(_) => {
                plain.push(stage.clone())
            }
            Stage::Line(_) | Stage::LineFormat(_) | Stage::Decolorize | Stage::Unpack => return None,
            Stage::Json(_) | Stage::Logfmt { .. } | Stage::Regexp(_) | Stage::Pattern(_) => {
                flush(&mut plain, &mut steps)?;
                let parser = Parser::new(stage, asked, texts)?;
                texts += parser.texts();
                steps.push(Step::Found(parsers.len()));
                parsers.push(parser);
            }
        }
    }
    flush(&mut plain, &mut steps)?;
    let (mut by, mut parts) = (Vec::new(), Vec::new());
    let mut add = |place, name: &str, sources: Vec<KeySource>| {
        by.push(sources);
        parts.push((place, Arc::from(name)));
    };
    let source = |place, name: &str| KeySource { place, name: name.to_owned(), lower: false };
    let mut detected: BTreeSet<&str> = BTreeSet::new();
    for name in asked.iter().map(String::as_str) {
        let mut sent = vec![source(KeyPlace::Sent, name)];
        sent.extend(spellings(name).iter().map(|dotted| source(KeyPlace::Sent, dotted)));
        add(KeyPlace::Sent, name, sent);
        add(KeyPlace::Label, name, vec![source(KeyPlace::Label, name)]);
        detected.insert(name);
        if name == DETECTED_LEVEL {
            detected.insert(LEVEL);
        }
    }
    for name in detected {
        // What the first stage always sets is never looked for elsewhere.
        let first =
            matches!(steps.first(), Some(Step::Found(0))) && parsers.first().is_some_and(|p| p.sets(name));
        if !first || (name == LEVEL && asked.contains(DETECTED_LEVEL)) {
            add(KeyPlace::Detected, name, vec![source(KeyPlace::Detected, name)]);
        }
    }
    let failed = AtomicBool::new(false);
    let nothing = line(&[], &[]);
    let reading = Read { wish: wish.clone(), parsers, steps, parts, names: names.to_vec(), nothing, failed };
    Some(Told { by, reading: Arc::new(reading) })
}

/// Which lines are worth reading: those that pass the filters of labels among `stages`, as far as they tell by labels, fields
/// and what parsers find.
pub(super) fn keep(stages: &[Stage]) -> Option<Keep> {
    let rewrites = |stage: &Stage| matches!(stage, Stage::LineFormat(_) | Stage::Decolorize | Stage::Unpack);
    let before = stages.iter().position(rewrites).unwrap_or(stages.len());
    filtered(stages).or_else(|| filtered(stages.get(..before)?))
}

fn filtered(stages: &[Stage]) -> Option<Keep> {
    // Filters of lines only take more away.
    let mut stages: Vec<Stage> =
        stages.iter().filter(|stage| !matches!(stage, Stage::Line(_))).cloned().collect();
    let last = stages.iter().rposition(|stage| matches!(stage, Stage::Label(_)))?;
    stages.truncate(last + 1);
    let Told { by, reading } = told(&stages, &[], &Wish::Names(asked(&stages)?))?;
    Some(Keep { by, reading })
}

/// Whether somebody looks at what was wrong with a line.
fn asks_for_details(stages: &[Stage], names: &[String]) -> bool {
    let of_filter = |filter: &LabelFilter| {
        let mut asks = false;
        filter.names(&mut |name| asks |= name == ERROR_DETAILS);
        asks
    };
    let of_stage = |stage: &Stage| match stage {
        Stage::Label(filter) => of_filter(filter),
        Stage::LabelFormat(formats) => formats.iter().any(|(name, value)| {
            name == ERROR_DETAILS || matches!(value, LabelValue::Rename(from) if from == ERROR_DETAILS)
        }),
        Stage::Drop(named) | Stage::Keep(named) => {
            named.iter().any(|named| matches!(named, Named::Matching(_)) && named.name() == ERROR_DETAILS)
        }
        _ => false,
    };
    stages.iter().any(of_stage) || names.iter().any(|name| name == ERROR_DETAILS)
}

impl Read {
    /// Whether there were lines that a stage fails on: what was counted is no answer then.
    pub(super) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    fn fail(&self) -> Error {
        self.failed.store(true, Ordering::Relaxed);
        Error::internal("a line has to pass the pipeline")
    }
}

impl Reading for Read {
    fn texts(&self) -> usize {
        self.parsers.iter().map(Parser::texts).sum()
    }

    fn of_template(&self, template: &Template<'_>) -> Option<Recipe> {
        let mut recipe = Recipe::default();
        self.parsers.iter().all(|parser| parser.of_template(template, &mut recipe)).then_some(recipe)
    }

    fn of_message(&self, message: &str, found: &mut dyn FnMut(usize, &str)) {
        self.parsers.iter().for_each(|parser| parser.of_message(message, found));
    }

    fn key(&self, by: &[&str], texts: &[Option<&str>]) -> model::Result<Option<String>> {
        let made;
        let columns = match by.iter().all(|text| text.is_empty()) {
            true => &self.nothing,
            false => {
                made = line(&self.parts, by);
                &made
            }
        };
        let sent = Sent::new(columns, &self.wish);
        let mut entry = Entry::new(columns, 0, &sent);
        for step in &self.steps {
            match step {
                Step::Stages(pipeline) if !pipeline.run(&mut entry) => return Ok(None),
                Step::Stages(_) => {}
                Step::Found(at) => {
                    let Some(parser) = self.parsers.get(*at) else { continue };
                    if !parser.put(texts, &self.wish, &mut entry) {
                        return Err(self.fail());
                    }
                }
            }
        }
        if entry.has_error() {
            return Err(self.fail());
        }
        let mut key = String::new();
        entry.group(&self.names, &mut key);
        Ok(Some(key))
    }
}

/// A batch of one line that came with these labels and fields.
fn line(parts: &[(KeyPlace, Arc<str>)], by: &[&str]) -> Columns {
    let (mut labels, mut fields): (Vec<(&str, &str)>, Vec<FieldColumn>) = (Vec::new(), Vec::new());
    for ((place, name), value) in parts.iter().zip(by).filter(|(_, value)| !value.is_empty()) {
        let origin = match place {
            KeyPlace::Label => {
                labels.push((name, value));
                continue;
            }
            KeyPlace::Sent => Origin::Sent,
            KeyPlace::Detected => Origin::Detected,
        };
        let mut column = TextColumn::default();
        column.push(value);
        fields.push(FieldColumn { name: Arc::clone(name), origin, values: Values::Text(column) });
    }
    let streams = vec![Labels::from_pairs(labels)];
    Columns { times: vec![0], stream: vec![0], streams, fields, ..Columns::default() }
}

/// A text as an entry takes it that outlives what a store gave.
fn owned<'a>(text: &str) -> Cow<'a, str> {
    Cow::Owned(text.to_owned())
}
