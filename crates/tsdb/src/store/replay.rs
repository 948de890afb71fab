//! From the log back to the head: one thread reads records and keeps the index, others take the samples.

mod applying;

use std::collections::{BTreeMap, HashMap};

use disk::log::Place;
use model::metrics::Family;
use model::{Exemplar, Histogram, Labels};
use tracing::warn;

use crate::codec::put_histogram;
use crate::config::Options;
use crate::exemplars::Exemplars;
use crate::head::{Index, Lookup, SeriesId};
use crate::wal::{self, Visitor};
pub(super) use applying::Applying;
use applying::What;

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

/// Longest label set that is taken back; it has no more labels than the index can count.
const MAX_LABELS_BYTES: usize = 4 * (u16::MAX as usize);
/// Slots that numbers of series may name: far more than fit into memory, few enough to list them.
const MAX_SLOTS: usize = 1 << 28;

/// The series behind a number in the log.
#[derive(Clone, Copy)]
struct Known {
    /// The generation that the log speaks of; 0: none.
    generation: u32,
    id: SeriesId,
}

/// Applies records to an empty head.
pub(super) struct Replay<'a, 'scope> {
    applying: Applying<'scope>,
    index: &'a mut Index,
    lookup: &'a Lookup,
    exemplars: &'a mut Exemplars,
    encoded: Vec<u8>,
    /// The series that numbers stood for when they were logged, by the slot in the number.
    numbers: Vec<Known>,
    max_families: usize,
    found: Replayed,
    /// Samples of series whose definition was lost.
    orphans: u64,
}

impl<'a, 'scope> Replay<'a, 'scope> {
    pub(super) fn new(
        applying: Applying<'scope>,
        index: &'a mut Index,
        lookup: &'a Lookup,
        exemplars: &'a mut Exemplars,
        options: &Options,
    ) -> Self {
        Self {
            applying,
            index,
            lookup,
            exemplars,
            encoded: Vec::new(),
            numbers: Vec::new(),
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

    /// The series behind a number, if the log said which it is.
    #[inline]
    fn known(&self, number: u64) -> Option<SeriesId> {
        let SeriesId { slot, generation } = SeriesId::from_raw(number);
        let known = self.numbers.get(slot as usize)?;
        (known.generation == generation && generation != 0).then_some(known.id)
    }

    fn learn(&mut self, number: u64, id: Option<SeriesId>) {
        let SeriesId { slot, generation } = SeriesId::from_raw(number);
        let nobody = SeriesId { slot: 0, generation: 0 };
        let slot = slot as usize;
        if slot >= MAX_SLOTS {
            return; // never given out; its samples are counted as orphans
        }
        if self.numbers.len() <= slot {
            self.numbers.resize(slot + 1, Known { generation: 0, id: nobody });
        }
        self.numbers[slot] = match id {
            Some(id) => Known { generation, id },
            None => Known { generation: 0, id: nobody },
        };
    }

    pub(super) fn finish(mut self) -> Replayed {
        self.index.restored();
        self.orphans += self.applying.finish();
        if self.orphans > 0 {
            let text = format!("log: {} samples of series whose labels were lost are gone", self.orphans);
            warn!("{text}");
            self.found.warnings.push(text);
        }
        self.found
    }
}

impl Visitor for Replay<'_, '_> {
    fn define(&mut self, series: u64, canonical: &str) {
        let hash = self.lookup.hash(canonical);
        let index = &*self.index;
        let there = self.lookup.find(hash, |slot| index.is(slot, canonical)).and_then(|slot| index.id(slot));
        if there.is_some() || canonical.len() > MAX_LABELS_BYTES {
            self.learn(series, there);
            return;
        }
        let Some(id) = self.index.restore(canonical) else {
            self.learn(series, None);
            return;
        };
        self.applying.push(id, What::Admitted);
        self.lookup.insert(hash, id.slot);
        self.learn(series, Some(id));
    }

    fn sample(&mut self, series: u64, t: i64, start: i64, bits: u64) {
        match self.known(series) {
            Some(id) => self.applying.push(id, What::Float { t, start, bits }),
            None => self.orphans += 1,
        }
    }

    fn histogram(&mut self, series: u64, t: i64, start: i64, histogram: Histogram) {
        let Some(id) = self.known(series).filter(|_| histogram.check().is_ok()) else {
            self.orphans += 1;
            return;
        };
        self.encoded.clear();
        put_histogram(&mut self.encoded, &histogram);
        self.applying.push(id, What::Histogram { t, start, encoded: self.encoded.as_slice().into() });
    }

    fn exemplar(&mut self, series: u64, exemplar: Exemplar) {
        let Some(id) = self.known(series) else { return };
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
