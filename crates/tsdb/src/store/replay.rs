//! From the log back to the head.

use std::collections::{BTreeMap, HashMap};

use disk::log::Place;
use model::metrics::Family;
use model::{Exemplar, Histogram, Labels};
use parking_lot::RwLockWriteGuard;
use tracing::warn;

use crate::codec::put_histogram;
use crate::config::Options;
use crate::exemplars::Exemplars;
use crate::head::{Encoded, Head, Index, Lookup, Outcome, Rules, SHARDS, SeriesId, Shard};
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
    exemplars: &'a mut Exemplars,
    encoded: Vec<u8>,
    /// The numbers that series had when they were logged.
    numbers: HashMap<u64, Option<SeriesId>, foldhash::fast::RandomState>,
    max_families: usize,
    found: Replayed,
    /// Samples of series whose definition was lost.
    orphans: u64,
}

impl<'a> Replay<'a> {
    pub(super) fn new(
        head: &'a Head,
        index: &'a mut Index,
        lookup: &'a Lookup,
        exemplars: &'a mut Exemplars,
        options: &Options,
    ) -> Self {
        Self {
            shards: (0..SHARDS).map(|s| head.write(s)).collect(),
            index,
            lookup,
            exemplars,
            encoded: Vec::new(),
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

    fn sample(&mut self, series: u64, t: i64, start: i64, bits: u64) {
        let Some(Some(id)) = self.numbers.get(&series) else {
            self.orphans += 1;
            return;
        };
        let shard = &mut self.shards[Head::shard_of(id.slot)];
        let outcome = shard.append(Head::place_of(id.slot), id.generation, t, start, bits, &Rules::ANY);
        if matches!(outcome, Outcome::Refused(model::RejectReason::Limit)) {
            self.orphans += 1;
        }
    }

    fn histogram(&mut self, series: u64, t: i64, start: i64, histogram: Histogram) {
        let Some(Some(id)) = self.numbers.get(&series) else {
            self.orphans += 1;
            return;
        };
        if histogram.check().is_err() {
            self.orphans += 1;
            return;
        }
        self.encoded.clear();
        put_histogram(&mut self.encoded, &histogram);
        let shard = &mut self.shards[Head::shard_of(id.slot)];
        let sample = Encoded { t, start, bytes: &self.encoded };
        let outcome = shard.append_histogram(Head::place_of(id.slot), id.generation, sample, &Rules::ANY);
        if matches!(outcome, Outcome::Refused(model::RejectReason::Limit)) {
            self.orphans += 1;
        }
    }

    fn exemplar(&mut self, series: u64, exemplar: Exemplar) {
        let Some(Some(id)) = self.numbers.get(&series) else { return };
        if let Some(labels) = self.index.labels(id.slot, &mut String::new()) {
            self.exemplars.add(&labels, &exemplar);
        }
    }

    fn kept_exemplar(&mut self, canonical: &str, exemplar: Exemplar) {
        if let Some(labels) = Labels::from_canonical(canonical) {
            self.exemplars.add(&labels, &exemplar);
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
