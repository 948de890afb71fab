//! From the log back to the head.

use std::collections::{BTreeMap, HashMap};

use disk::log::Place;
use model::Labels;
use model::metrics::Family;
use parking_lot::RwLockWriteGuard;
use tracing::warn;

use crate::config::Options;
use crate::head::{Head, Index, Lookup, Outcome, Rules, SHARDS, SeriesId, Shard};
use crate::wal::{self, Visitor};

/// Warnings kept word by word; more are only counted.
const MAX_WARNINGS: usize = 10;

/// What the log held beside samples.
#[derive(Default)]
pub(super) struct Replayed {
    pub(super) families: BTreeMap<String, Family>,
    pub(super) positions: HashMap<String, Vec<u8>>,
    pub(super) corrupt_records: u64,
    pub(super) warnings: Vec<String>,
}

/// Applies records to an empty head.
pub(super) struct Replay<'a> {
    shards: Vec<RwLockWriteGuard<'a, Shard>>,
    index: &'a mut Index,
    lookup: &'a Lookup,
    /// The numbers that series had when they were logged.
    numbers: HashMap<u64, Option<SeriesId>, foldhash::fast::RandomState>,
    max_families: usize,
    found: Replayed,
    /// Samples of series whose definition was lost.
    orphans: u64,
}

impl<'a> Replay<'a> {
    pub(super) fn new(head: &'a Head, index: &'a mut Index, lookup: &'a Lookup, options: &Options) -> Self {
        Self {
            shards: (0..SHARDS).map(|s| head.write(s)).collect(),
            index,
            lookup,
            numbers: HashMap::default(),
            max_families: options.max_families,
            found: Replayed::default(),
            orphans: 0,
        }
    }

    pub(super) fn record(&mut self, place: Place, record: &[u8]) {
        if let Err(corrupt) = wal::read(record, self) {
            self.found.corrupt_records += 1;
            let Place { segment, offset } = place;
            let text = format!("log segment {segment}: record at offset {offset} is not readable: {corrupt}");
            warn!("{text}");
            if self.found.warnings.len() < MAX_WARNINGS {
                self.found.warnings.push(text);
            }
        }
    }

    pub(super) fn finish(mut self) -> Replayed {
        if self.orphans > 0 {
            let text = format!("log: {} samples of series whose labels were lost are gone", self.orphans);
            warn!("{text}");
            self.found.warnings.push(text);
        }
        self.found
    }
}

impl Visitor for Replay<'_> {
    fn define(&mut self, series: u64, canonical: &str) {
        let hash = self.lookup.hash(canonical);
        if let Some(known) = self.lookup.get(hash) {
            self.numbers.insert(series, Some(SeriesId::from_ref(known)));
            return;
        }
        let Some(labels) = Labels::from_canonical(canonical) else {
            self.numbers.insert(series, None);
            return;
        };
        let id = self.index.restore(&labels);
        self.shards[Head::shard_of(id.slot)].admit(Head::place_of(id.slot), id.generation);
        self.lookup.insert(hash, id.to_ref());
        self.numbers.insert(series, Some(id));
    }

    fn sample(&mut self, series: u64, t: i64, bits: u64) {
        let Some(Some(id)) = self.numbers.get(&series) else {
            self.orphans += 1;
            return;
        };
        let shard = &mut self.shards[Head::shard_of(id.slot)];
        let outcome = shard.append(Head::place_of(id.slot), id.generation, t, bits, &Rules::ANY);
        if matches!(outcome, Outcome::Refused(model::RejectReason::Limit)) {
            self.orphans += 1;
        }
    }

    fn position(&mut self, source: &str, position: &[u8]) {
        match self.found.positions.get_mut(source) {
            Some(known) => {
                known.clear();
                known.extend_from_slice(position);
            }
            None => {
                self.found.positions.insert(source.to_owned(), position.to_vec());
            }
        }
    }

    fn family(&mut self, family: Family) {
        let families = &mut self.found.families;
        if families.len() < self.max_families || families.contains_key(&family.name) {
            families.insert(family.name.clone(), family);
        }
    }
}
