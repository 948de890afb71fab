//! Counting what messages have in common.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use model::Result;
use model::records::{Columns, FieldColumn, FieldRef, PatternSeries, TextColumn};
use parking_lot::Mutex;

use super::block::{Asked, Bytes, Counted, Head, messages, patterned};
use super::read::step_of;
use super::split::{pattern, pattern_hash, split};

/// The most templates that are told apart.
const MOST: usize = 50_000;
/// The most levels of a pattern.
const MOST_LEVELS: usize = 64;

/// Patterns under construction.
pub(super) struct Patterns {
    start_ns: i64,
    step_ns: i64,
    /// By template, so that the pattern of each is written once.
    by_template: HashMap<Vec<u8>, usize, FixedState>,
    by_hash: HashMap<u64, usize, FixedState>,
    found: Vec<Found>,
}

struct Found {
    series: PatternSeries,
    /// The step at hand and its count, which is not in `steps` yet.
    step: (i64, u64),
    steps: BTreeMap<i64, u64>,
    levels: HashMap<String, u64, FixedState>,
}

impl Found {
    fn count(&mut self, time_ns: i64, step: i64, level: &str) {
        let seen = &mut self.series.seen;
        *seen = (seen.0.min(time_ns), seen.1.max(time_ns));
        if self.step.0 != step {
            self.close();
            self.step = (step, 0);
        }
        self.step.1 += 1;
        self.add_level(level, 1);
    }

    fn add_level(&mut self, level: &str, records: u64) {
        if level.is_empty() {
            return;
        }
        if let Some(count) = self.levels.get_mut(level) {
            *count += records;
        } else if self.levels.len() < MOST_LEVELS {
            self.levels.insert(level.to_owned(), records);
        }
    }

    fn close(&mut self) {
        if self.step.1 > 0 {
            *self.steps.entry(self.step.0).or_default() += self.step.1;
            self.step.1 = 0;
        }
    }
}

fn level(fields: &[FieldColumn], row: usize) -> &str {
    let value = fields.iter().find_map(|f| f.get(row));
    if let Some(FieldRef::Text(level)) = value { level } else { "" }
}

/// Counts the records of a block, while others count others. Examples are read where they are wanted, once for all that is
/// new: they lie in columns that counting does not touch.
pub(super) fn add_block(
    patterns: &Mutex<Patterns>,
    head: &Head,
    bytes: &dyn Bytes,
    asked: &Asked<'_>,
    step_ns: i64,
    examples: bool,
) -> Result<()> {
    let counted = patterned(head, bytes, asked, step_ns)?;
    let new = patterns.lock().add_counted(&counted)?;
    if examples && !new.is_empty() {
        let rows: Vec<u32> = new.iter().map(|(_, row)| *row).collect();
        let texts = messages(head, bytes, &rows)?;
        patterns.lock().set_examples(&new, &texts);
    }
    if !counted.whole.is_empty() {
        let rows: Vec<u32> = counted.whole.iter().map(|whole| whole.row).collect();
        let texts = messages(head, bytes, &rows)?;
        let mut patterns = patterns.lock();
        for (number, whole) in counted.whole.iter().enumerate() {
            let level = counted.levels.get(whole.level as usize).map_or("", |level| level);
            patterns.add_message(texts.get(number).unwrap_or_default(), whole.time_ns, level)?;
        }
    }
    Ok(())
}

impl Patterns {
    /// Counts by steps of `step_ns`; 0: all from `start_ns` on in one.
    pub(super) fn new(start_ns: i64, step_ns: i64) -> Self {
        Self {
            start_ns,
            step_ns,
            by_template: HashMap::default(),
            by_hash: HashMap::default(),
            found: Vec::new(),
        }
    }

    /// The pattern of a template, if there is room for it.
    fn place(&mut self, template: &[u8], example: impl FnOnce() -> Result<String>) -> Result<Option<usize>> {
        if let Some(&at) = self.by_template.get(template) {
            return Ok(Some(at));
        }
        if self.by_template.len() >= MOST {
            return Ok(None);
        }
        let text = pattern(template);
        let hash = pattern_hash(&text);
        let at = match self.by_hash.get(&hash) {
            Some(&at) => at,
            None => {
                let series = PatternSeries {
                    hash,
                    pattern: text,
                    seen: (i64::MAX, i64::MIN),
                    level: String::new(),
                    example: example()?,
                    steps: Vec::new(),
                };
                let (step, steps, levels) = ((0, 0), BTreeMap::new(), HashMap::default());
                self.found.push(Found { series, step, steps, levels });
                self.by_hash.insert(hash, self.found.len() - 1);
                self.found.len() - 1
            }
        };
        self.by_template.insert(template.to_vec(), at);
        Ok(Some(at))
    }

    /// A message that is not split is none of a pattern.
    fn add_message(&mut self, body: &str, time_ns: i64, level: &str) -> Result<()> {
        let (mut template, mut variables) = (Vec::new(), Vec::new());
        if !split(body.as_bytes(), &mut template, &mut variables) {
            return Ok(());
        }
        if let Some(at) = self.place(&template, || Ok(body.to_owned()))? {
            let step = step_of(time_ns, self.start_ns, self.step_ns);
            self.found[at].count(time_ns, step, level);
        }
        Ok(())
    }

    /// Counts records with their messages.
    pub(super) fn add_batch(&mut self, batch: &Columns) -> Result<()> {
        (0..batch.len()).try_for_each(|row| {
            self.add_message(batch.body(row), batch.times[row], level(&batch.fields, row))
        })
    }

    /// Adds what was counted in a block. Gives the patterns that have no example yet, with a row of the block for each.
    fn add_counted(&mut self, counted: &Counted) -> Result<Vec<(usize, u32)>> {
        let mut without = Vec::new();
        for one in &counted.templates {
            let known = self.found.len();
            let Some(at) = self.place(&one.text, || Ok(String::new()))? else { continue };
            if at == known {
                without.push((at, one.row));
            }
            let found = &mut self.found[at];
            let seen = &mut found.series.seen;
            *seen = (seen.0.min(one.seen.0), seen.1.max(one.seen.1));
            for (step, count) in &one.steps {
                *found.steps.entry(*step).or_default() += count;
            }
            for (code, count) in &one.levels {
                found.add_level(counted.levels.get(*code as usize).map_or("", |level| level), *count);
            }
        }
        Ok(without)
    }

    fn set_examples(&mut self, places: &[(usize, u32)], texts: &TextColumn) {
        for (number, (at, _)) in places.iter().enumerate() {
            texts.get(number).unwrap_or_default().clone_into(&mut self.found[*at].series.example);
        }
    }

    /// The patterns, those of most records first.
    pub(super) fn finish(self, limit: usize) -> Vec<PatternSeries> {
        let series = |mut found: Found| {
            found.close();
            let most = found.levels.into_iter().max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0)));
            let total: u64 = found.steps.values().sum();
            let level = most.map_or_else(String::new, |(level, _)| level);
            (total, PatternSeries { level, steps: found.steps.into_iter().collect(), ..found.series })
        };
        let mut all: Vec<(u64, PatternSeries)> = self.found.into_iter().map(series).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.pattern.cmp(&b.1.pattern)));
        all.truncate(if limit == 0 { usize::MAX } else { limit });
        all.into_iter().map(|(_, series)| series).collect()
    }
}
