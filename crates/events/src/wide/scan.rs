//! What a scan asks, and the rows of one source that answer it.

use std::ops::Range;
use std::sync::Arc;

use disk::varint::Corrupt;
use model::records::{Columns, FieldRef, Origin, RecordScan};
use model::{Error, Labels, Result};

use super::arena::Picked;
use super::columns::Builder;
use super::condition::{Test, written};
use super::merge::Open;
use super::record::Content;

/// A scan, prepared.
pub(super) struct Plan {
    pub(super) scan: RecordScan,
    pub(super) body: Vec<Test>,
    pub(super) fields: Vec<(String, Test)>,
}

impl Plan {
    pub(super) fn new(scan: &RecordScan) -> Self {
        Self {
            body: scan.body.iter().map(Test::new).collect(),
            fields: scan.fields.iter().map(|(name, test)| (name.clone(), Test::new(test))).collect(),
            scan: scan.clone(),
        }
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
}

/// Opens sources for a scan.
pub(super) struct Opener {
    pub(super) plan: Arc<Plan>,
}

impl Open for Opener {
    type Source = Source;

    fn open(&mut self, source: Source) -> Result<Option<Columns>> {
        match source {
            Source::Memory(picked, range) => from_memory(&self.plan, &picked, range)
                .map_err(|e| Error::internal("records in memory cannot be read").with_detail(e)),
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
