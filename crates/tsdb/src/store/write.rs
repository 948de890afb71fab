//! The way in: references for label sets, and batches of samples.

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use disk::log::Ticket;
use model::metrics::Family;
use model::{
    Appended, Error, ErrorKind, ExemplarSample, HistogramSample, Labels, MetricBatch, MetricWriter,
    RejectReason, Rejected, Result, SeriesRef, Tenant, TimeRange,
};
use parking_lot::{RwLockReadGuard, RwLockWriteGuard};

use super::Store;
use crate::codec::put_histogram;
use crate::head::{Encoded, Head, Index, NOTHING, Outcome, Rules, SHARDS, SeriesId, Shard};
use crate::wal::{self, RECORD_BYTES, SamplesWriter};

/// Samples whose places in memory are read together, before they are appended to: a cache miss of each would otherwise
/// be waited for.
const AHEAD: usize = 32;
/// The longest name of a source and the longest position.
const MAX_POSITION: usize = 64 << 10;

thread_local! {
    /// The record under construction: its memory is used again.
    static RECORD: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Store {
    fn rules(&self) -> Rules {
        let now = self.clock.now_ms();
        let o = &self.options;
        Rules {
            newest: if o.future_ms == 0 { i64::MAX } else { now.saturating_add(o.future_ms) },
            oldest: self.oldest_kept(now),
            out_of_order: self.out_of_order_ms(),
            now,
        }
    }

    /// The series with these labels (canonical form), if it is in memory.
    fn find_hashed(&self, hash: u64, canonical: &str) -> Option<SeriesRef> {
        let index = self.index.read();
        let slot = self.lookup.find(hash, |slot| index.is(slot, canonical))?;
        index.id(slot).map(SeriesId::to_ref)
    }

    fn create(&self, labels: &Labels, hash: u64) -> Result<Option<SeriesRef>> {
        let _one_at_a_time = self.membership.lock();
        if let Some(known) = self.find_hashed(hash, labels.canonical()) {
            return Ok(Some(known));
        }
        let id = match self.index.write().create(labels) {
            Ok(id) => id,
            Err(e) if e.kind == ErrorKind::Limited => {
                self.metrics.series_refused.inc();
                return Ok(None);
            }
            Err(e) => return Err(e),
        };
        self.head.write(Head::shard_of(id.slot)).admit(Head::place_of(id.slot), id.generation);
        self.lookup.insert(hash, id.slot);
        self.metrics.series_created.inc();
        self.metrics.series.inc();
        Ok(Some(id.to_ref()))
    }

    /// Takes what may be taken, in memory and in line for the log. `taken` becomes the range of its times, after an
    /// error too.
    fn apply(
        &self,
        batch: &MetricBatch<'_>,
        record: &mut Vec<u8>,
        taken: &mut TimeRange,
    ) -> Result<(Appended, Ticket)> {
        let rules = self.rules();
        // Held until the record is in line: a flush must find both sides of its cut complete.
        let epoch = self.epoch.read();
        let mut applying = Applying::new(self, *epoch, batch);
        let mut appended = Appended::default();
        let mut writer = SamplesWriter::new(record);
        let plain = batch.refs.len().saturating_sub(batch.rising);
        for (index, series) in batch.refs.iter().enumerate() {
            if index.is_multiple_of(AHEAD) {
                applying.touch(batch.refs.get(index..).unwrap_or_default());
            }
            let id = SeriesId::from_ref(*series);
            let (t, bits) = (batch.t[index], batch.v[index].to_bits());
            let start = batch.start.get(index).copied().unwrap_or(0);
            let outcome = match index < plain {
                true => applying.append(id, t, start, bits, &rules),
                false => applying.append_rising(id, t, bits, &rules),
            };
            match outcome {
                Outcome::Taken => {
                    appended.accepted += 1;
                    *taken = taken.union(TimeRange::new(t, t));
                    applying.define(id, &mut writer);
                    writer.sample(*series, t, start, bits);
                    if writer.len() >= RECORD_BYTES {
                        self.log.enqueue(record)?;
                        writer = SamplesWriter::new(record);
                    }
                }
                Outcome::Repeated => appended.accepted += 1,
                Outcome::Refused(reason) => appended.rejected.push(Rejected { index, reason }),
            }
        }
        let mut encoded = Vec::new();
        for (index, sample) in (batch.refs.len()..).zip(batch.histograms) {
            encoded.clear();
            match applying.append_histogram(sample, &rules, &mut encoded) {
                Outcome::Taken => {
                    appended.accepted += 1;
                    *taken = taken.union(TimeRange::new(sample.t, sample.t));
                    applying.define(SeriesId::from_ref(sample.series), &mut writer);
                    writer.histogram(sample.series, sample.t, sample.start, &encoded);
                    if writer.len() >= RECORD_BYTES {
                        self.log.enqueue(record)?;
                        writer = SamplesWriter::new(record);
                    }
                }
                Outcome::Repeated => appended.accepted += 1,
                Outcome::Refused(reason) => appended.rejected.push(Rejected { index, reason }),
            }
        }
        if applying.defined > 0 {
            self.defined_bytes.fetch_add(applying.defined, Ordering::Relaxed);
        }
        if let Some(position) = batch.position {
            writer.position(position);
            self.positions.write().insert(position.source.to_owned(), position.position.to_vec());
        }
        // A repeated sample may still be in line, put there by somebody else: wait for it too.
        let ticket = if writer.len() > 1 { self.log.enqueue(record)? } else { self.log.enqueued() };
        Ok((appended, ticket))
    }

    fn count(&self, appended: &Appended, batch: &MetricBatch<'_>) {
        let floats = batch.refs.len();
        let kind = |rejected: &Rejected| if rejected.index < floats { "float" } else { "histogram" };
        let refused_floats = appended.rejected.iter().filter(|r| r.index < floats).count();
        let taken_floats = floats - refused_floats;
        self.metrics.take("float", taken_floats as u64);
        self.metrics.take("histogram", appended.accepted.saturating_sub(taken_floats) as u64);
        for rejected in &appended.rejected {
            self.metrics.reject(kind(rejected), rejected.reason);
        }
    }

    fn check_batch(&self, batch: &MetricBatch<'_>) -> Result<()> {
        let n = batch.refs.len();
        if batch.t.len() != n || batch.v.len() != n || !(batch.start.is_empty() || batch.start.len() == n) {
            return Err(Error::invalid("the slices of a batch have different lengths"));
        }
        let Some(position) = batch.position else { return Ok(()) };
        if position.source.len() > MAX_POSITION || position.position.len() > MAX_POSITION {
            return Err(Error::too_large("a position is longer than 64 KiB"));
        }
        let positions = self.positions.read();
        if positions.len() >= self.options.max_families && !positions.contains_key(position.source) {
            return Err(Error::limited("too many sources have a position"));
        }
        Ok(())
    }
}

/// The shards of a batch, locked together so that the batch is seen whole.
struct Applying<'a> {
    store: &'a Store,
    epoch: u32,
    shards: [Option<RwLockWriteGuard<'a, Shard>>; SHARDS],
    index: Option<RwLockReadGuard<'a, Index>>,
    canonical: String,
    /// Bytes of definitions.
    defined: u64,
}

impl<'a> Applying<'a> {
    fn new(store: &'a Store, epoch: u32, batch: &MetricBatch<'_>) -> Self {
        let mut touched = [false; SHARDS];
        for series in batch.refs.iter().chain(batch.histograms.iter().map(|h| &h.series)) {
            touched[Head::shard_of(SeriesId::from_ref(*series).slot)] = true;
        }
        // Everybody locks in this order.
        let shards = std::array::from_fn(|shard| touched[shard].then(|| store.head.write(shard)));
        Self { store, epoch, shards, index: None, canonical: String::new(), defined: 0 }
    }

    #[inline]
    fn append(&mut self, id: SeriesId, t: i64, start: i64, bits: u64, rules: &Rules) -> Outcome {
        match &mut self.shards[Head::shard_of(id.slot)] {
            Some(shard) => shard.append(Head::place_of(id.slot), id.generation, t, start, bits, rules),
            None => Outcome::Refused(RejectReason::UnknownSeries),
        }
    }

    /// Reads what appending to the first of these will look at: by reads that do not wait for each other, as appends,
    /// one after the other, would.
    fn touch(&self, refs: &[SeriesRef]) {
        let mut cells = [None; AHEAD];
        let mut sum = 0;
        for (series, cell) in refs.iter().zip(&mut cells) {
            let slot = SeriesId::from_ref(*series).slot;
            let Some(shard) = &self.shards[Head::shard_of(slot)] else { continue };
            let (word, active) = shard.touch(Head::place_of(slot));
            sum ^= word;
            *cell = Some((shard, active));
        }
        for (shard, active) in cells.into_iter().flatten() {
            sum ^= shard.touch_buffer(active);
        }
        std::hint::black_box(sum);
    }

    fn append_rising(&mut self, id: SeriesId, t: i64, bits: u64, rules: &Rules) -> Outcome {
        match &mut self.shards[Head::shard_of(id.slot)] {
            Some(shard) => shard.append_rising(Head::place_of(id.slot), id.generation, t, bits, rules),
            None => Outcome::Refused(RejectReason::UnknownSeries),
        }
    }

    /// Encodes a histogram and appends it.
    fn append_histogram(
        &mut self,
        sample: &HistogramSample<'_>,
        rules: &Rules,
        encoded: &mut Vec<u8>,
    ) -> Outcome {
        if sample.value.check().is_err() {
            return Outcome::Refused(RejectReason::Invalid);
        }
        put_histogram(encoded, sample.value);
        let id = SeriesId::from_ref(sample.series);
        let sample = Encoded { t: sample.t, start: sample.start, bytes: encoded };
        match &mut self.shards[Head::shard_of(id.slot)] {
            Some(shard) => shard.append_histogram(Head::place_of(id.slot), id.generation, sample, rules),
            None => Outcome::Refused(RejectReason::UnknownSeries),
        }
    }

    /// Writes the labels of a series that this epoch of the log does not know.
    #[inline]
    fn define(&mut self, id: SeriesId, writer: &mut SamplesWriter<'_>) {
        let must = match &mut self.shards[Head::shard_of(id.slot)] {
            Some(shard) => shard.must_define(Head::place_of(id.slot), self.epoch),
            None => false,
        };
        if must {
            let store = self.store;
            let index = self.index.get_or_insert_with(|| store.index.read());
            if index.canonical(id.slot, &mut self.canonical) {
                let before = writer.len();
                writer.define(&self.canonical);
                self.defined += (writer.len() - before) as u64;
            }
        }
    }
}

impl MetricWriter for Store {
    fn resolve(&self, tenant: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        self.check_tenant(tenant)?;
        out.clear();
        out.reserve(labels.len());
        for set in labels {
            let hash = self.lookup.hash(set.canonical());
            out.push(match self.find_hashed(hash, set.canonical()) {
                Some(known) => Some(known),
                None => self.create(set, hash)?,
            });
        }
        Ok(())
    }

    fn append(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        self.check_tenant(tenant)?;
        self.check_batch(&batch)?;
        self.log.ready()?;
        let mut taken = NOTHING;
        let applied = RECORD.with_borrow_mut(|record| {
            let applied = self.apply(&batch, record, &mut taken);
            if record.capacity() > 2 * RECORD_BYTES {
                *record = Vec::new();
            }
            applied
        });
        self.changes.note(taken);
        let (appended, ticket) = applied?;
        self.log.commit(ticket)?;
        self.count(&appended, &batch);
        self.feed.note(appended.accepted, taken.end);
        Ok(appended)
    }

    fn metadata(&self, tenant: &Tenant, families: &[Family]) -> Result<()> {
        self.check_tenant(tenant)?;
        let mut new: Vec<&Family> = {
            let known = self.families.read();
            families.iter().filter(|family| known.get(&family.name) != Some(*family)).collect()
        };
        if new.is_empty() {
            // It may still be in line, put there by somebody whose write failed.
            return self.log.commit(self.log.enqueued());
        }
        self.log.ready()?;
        let ticket = {
            let _epoch = self.epoch.read();
            let mut known = self.families.write();
            new.retain(|family| known.take(family));
            for record in wal::families(new.into_iter()) {
                self.log.enqueue(&record)?;
            }
            self.log.enqueued()
        };
        self.log.commit(ticket)
    }

    fn exemplars(&self, tenant: &Tenant, exemplars: &[ExemplarSample]) -> Result<model::ExemplarsTaken> {
        self.append_exemplars(tenant, exemplars)
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.positions.read().get(source).cloned()
    }
}
