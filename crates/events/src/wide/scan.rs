//! What a scan asks, and the rows of one source that answer it.

use std::ops::Range;
use std::sync::Arc;

use disk::varint::Corrupt;
use model::records::{Columns, FieldRef, Origin, RecordScan};
use model::{Budget, Error, Labels, Result};

use super::arena::Picked;
use super::block::{self, Asked};
use super::columns::Builder;
use super::condition::{Test, written};
use super::filter::Filter;
use super::merge::Open;
use super::part::{Entry, Part};
use super::record::Content;

/// A scan, prepared.
pub(super) struct Plan {
    pub(super) scan: RecordScan,
    pub(super) body: Vec<Test>,
    pub(super) fields: Vec<(String, Test)>,
    /// Whether filters of blocks may know something.
    pub(super) has_words: bool,
}

impl Plan {
    pub(super) fn new(scan: &RecordScan) -> Self {
        let body: Vec<Test> = scan.body.iter().map(Test::new).collect();
        let fields: Vec<(String, Test)> =
            scan.fields.iter().map(|(name, test)| (name.clone(), Test::new(test))).collect();
        let has_words =
            body.iter().any(Test::has_words) || fields.iter().any(|(_, test)| test.values().is_some());
        Self { body, fields, has_words, scan: scan.clone() }
    }

    /// Whether the filter of a block leaves open that something in it fulfils the tests.
    pub(super) fn may_hold(&self, filter: &Filter<'_>) -> bool {
        let value = |test: &Test| test.values().is_none_or(|words| words.iter().any(|w| filter.may_have(w)));
        self.body.iter().all(|test| test.may_hold(filter)) && self.fields.iter().all(|(_, test)| value(test))
    }

    pub(super) fn wants_stream(&self, labels: &Labels) -> bool {
        self.scan.streams.iter().all(|m| m.matches_labels(labels))
    }

    pub(super) fn wants_field(&self, name: &str) -> bool {
        self.scan.wanted.fields.as_ref().is_none_or(|wanted| wanted.iter().any(|w| w == name))
    }

    /// Whether a message and its fields fulfil the tests.
    fn holds(&self, content: &Content<'_>, names: &[u32], all: &[Arc<str>]) -> Result<bool, Corrupt> {
        if !self.body.iter().all(|test| test.holds(content.body)) {
            return Ok(false);
        }
        for (name, test) in &self.fields {
            let mut found: Option<(Origin, FieldRef<'_>)> = None;
            let mut fields = content.fields();
            while let Some((number, origin, value)) = fields.next()? {
                let better = found.is_none_or(|(before, _)| origin < before);
                if better && *all[names[number as usize] as usize] == **name {
                    found = Some((origin, value));
                }
            }
            if !test.holds(&found.map_or("".into(), |(_, value)| written(value))) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A place that has rows.
pub(super) enum Source {
    /// A run of rows of memory, in the asked order.
    Memory(Arc<Picked>, Range<usize>),
    /// A block, by its place in the part, and between which times of it.
    Block(Arc<PartScan>, usize, Option<(i64, i64)>),
}

/// A part, and which of its streams a scan wants.
pub(super) struct PartScan {
    pub(super) part: Arc<Part>,
    pub(super) wanted: Vec<bool>,
}

impl PartScan {
    pub(super) fn new(part: &Arc<Part>, plan: &Plan) -> Self {
        Self { part: Arc::clone(part), wanted: part.streams.iter().map(|s| plan.wants_stream(s)).collect() }
    }

    /// The blocks that may have rows of a scan, with their places.
    pub(super) fn blocks<'a>(&'a self, scan: &'a RecordScan) -> impl Iterator<Item = (usize, &'a Entry)> {
        let may = |(_, entry): &(usize, &Entry)| {
            entry.min_t <= scan.end_ns
                && entry.max_t >= scan.start_ns
                // The part was opened with streams that it has.
                && self.wanted[entry.streams.0 as usize..=entry.streams.1 as usize].contains(&true)
        };
        self.part.blocks.iter().enumerate().filter(may)
    }

    /// Which share of the streams of a block is wanted.
    pub(super) fn share(&self, entry: &Entry) -> f64 {
        let streams = &self.wanted[entry.streams.0 as usize..=entry.streams.1 as usize];
        streams.iter().filter(|wanted| **wanted).count() as f64 / streams.len() as f64
    }

    pub(super) fn asked<'a>(&'a self, plan: &'a Plan) -> Asked<'a> {
        let streams = &self.part.streams;
        Asked { plan, streams, wanted: &self.wanted, natural: false, except: &[], range: None }
    }
}

/// Opens sources for a scan.
pub(super) struct Opener {
    pub(super) plan: Arc<Plan>,
    pub(super) budget: Budget,
}

impl Open for Opener {
    type Source = Source;

    fn sifts(&self) -> bool {
        self.plan.has_words
    }

    fn may_have(&self, source: &Source) -> Result<bool> {
        match source {
            Source::Memory(..) => Ok(true),
            Source::Block(scan, at, _) => scan.part.may_have(*at, &self.plan),
        }
    }

    fn open(&self, source: Source) -> Result<Option<Columns>> {
        match source {
            Source::Memory(picked, range) => from_memory(&self.plan, &picked, range)
                .map_err(|e| Error::internal("records in memory cannot be read").with_detail(e)),
            Source::Block(scan, at, range) => {
                let entry = &scan.part.blocks[at];
                // What is read to be tested is more than what is left of it.
                let _held = self.budget.reserve(entry.bytes / 2 + u64::from(entry.len))?;
                let (head, bytes) = scan.part.head(entry)?;
                let asked = Asked { range, ..scan.asked(&self.plan) };
                scan.part.noting(block::open(&head, &bytes, &asked))
            }
        }
    }
}

fn from_memory(plan: &Plan, picked: &Picked, range: Range<usize>) -> Result<Option<Columns>, Corrupt> {
    let mut builder = Builder::new(plan.scan.wanted.body);
    let wanted: Vec<bool> = picked.names.iter().map(|name| plan.wants_field(name)).collect();
    let any = wanted.contains(&true);
    for row in &picked.rows[range] {
        let (content, names) = picked.content(row)?;
        if !plan.holds(&content, names, &picked.names)? {
            continue;
        }
        builder.row(row.time_ns, row.stream, || picked.streams[row.stream as usize].clone(), content.body);
        if !any {
            continue;
        }
        let mut fields = content.fields();
        while let Some((number, origin, value)) = fields.next()? {
            let name = names[number as usize];
            if wanted[name as usize] {
                builder.field((name, &picked.names[name as usize]), origin, value);
            }
        }
    }
    let columns = builder.finish();
    Ok((!columns.is_empty()).then_some(columns))
}
