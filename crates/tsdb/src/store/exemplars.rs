//! Exemplars of the store: in, out, and into the next segment of the log.

use model::{
    Ctx, ExemplarReader, ExemplarSample, ExemplarsTaken, Labels, Matcher, Result, SeriesExemplars, SeriesRef,
    Tenant, TimeRange,
};

use super::Store;
use crate::head::{Head, SeriesId};
use crate::wal::{ExemplarsWriter, RECORD_BYTES};

/// A record that has this many exemplars goes out; the rest goes with the next.
const RECORD_EXEMPLARS: usize = 4_096;

impl Store {
    pub(super) fn append_exemplars(
        &self,
        tenant: &Tenant,
        exemplars: &[ExemplarSample],
    ) -> Result<ExemplarsTaken> {
        self.check_tenant(tenant)?;
        if exemplars.is_empty() {
            return Ok(ExemplarsTaken::default());
        }
        self.log.ready()?;
        let mut all = ExemplarsTaken::default();
        let ticket = {
            // Held until the records are in line: a flush must find both sides of its cut complete.
            let epoch = self.epoch.read();
            let mut ring = self.exemplars.lock();
            for (number, part) in exemplars.chunks(RECORD_EXEMPLARS).enumerate() {
                let mut record = None;
                for (at, sample) in part.iter().enumerate() {
                    let Some(labels) = self.labels_of(sample.series) else { continue };
                    if ring.is_late(&labels, &sample.exemplar) {
                        all.out_of_order.push(number * RECORD_EXEMPLARS + at);
                        continue;
                    }
                    if !ring.add(&labels, &sample.exemplar) {
                        continue;
                    }
                    all.taken += 1;
                    let id = SeriesId::from_ref(sample.series);
                    let must_define =
                        self.head.write(Head::shard_of(id.slot)).must_define(Head::place_of(id.slot), *epoch);
                    let canonical = must_define.then(|| labels.canonical());
                    let writer = record.get_or_insert_with(ExemplarsWriter::new);
                    writer.exemplar(sample.series, canonical, &sample.exemplar);
                }
                if let Some(record) = record {
                    self.log.enqueue(&record.finish())?;
                }
            }
            self.metrics.exemplars_appended.inc_by(all.taken as u64);
            self.metrics.named.late_exemplars.inc_by(all.out_of_order.len() as u64);
            self.metrics.show_exemplars(&ring);
            self.log.enqueued()
        };
        self.log.commit(ticket)?;
        Ok(all)
    }

    fn labels_of(&self, series: SeriesRef) -> Option<Labels> {
        let id = SeriesId::from_ref(series);
        let index = self.index.read();
        index.id(id.slot).filter(|known| *known == id)?;
        index.labels(id.slot, &mut String::new())
    }

    /// What the next segment of the log must repeat: records, and how many exemplars had arrived.
    pub(super) fn kept_exemplars(&self, seen: u64) -> (Vec<Vec<u8>>, u64) {
        self.exemplars.lock().records_since(seen, RECORD_BYTES)
    }
}

impl ExemplarReader for Store {
    fn exemplars(&self, ctx: &Ctx, sets: &[Vec<Matcher>], range: TimeRange) -> Result<Vec<SeriesExemplars>> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        Ok(self.exemplars.lock().select(sets, range))
    }
}
