//! History through the door: the same limits, the same counters.

use model::{Ctx, Error, HistoryWriter, Imported, MetricHistory, Result, SeriesData};

use crate::door::{Intake, over_limit};
use crate::metrics::{Reason, count};

impl MetricHistory for Intake {
    fn begin<'a>(&'a self, ctx: &'a Ctx) -> Result<Box<dyn HistoryWriter + 'a>> {
        let history =
            self.history.as_ref().ok_or_else(|| Error::invalid("this store takes no history in"))?;
        Ok(Box::new(Writer { intake: self, store: history.begin(ctx)?, refused: 0, counted: 0 }))
    }
}

struct Writer<'a> {
    intake: &'a Intake,
    store: Box<dyn HistoryWriter + 'a>,
    refused: u64,
    /// Samples that the counter of accepted ones has.
    counted: u64,
}

impl Writer<'_> {
    fn count(&mut self, stored: u64) {
        self.intake.counters.samples_accepted.inc_by(stored.saturating_sub(self.counted));
        self.counted = stored.max(self.counted);
    }
}

impl HistoryWriter for Writer<'_> {
    fn add(&mut self, data: &SeriesData) -> Result<()> {
        let config = &self.intake.config;
        let rejected = &self.intake.counters.samples_rejected;
        if let Some(reason) = over_limit(config, &data.labels) {
            count(&self.intake.counters.series_refused, reason);
            self.refused += data.len() as u64;
            return Ok(());
        }
        let buckets = |h: &model::Histogram| h.positive_buckets.len() + h.negative_buckets.len();
        let fits = |h: &model::Histogram| buckets(h) <= config.histogram_bucket_limit;
        let result = if data.histograms.iter().all(|(_, h)| fits(h)) {
            self.store.add(data)
        } else {
            let mut kept = SeriesData { labels: data.labels.clone(), ..SeriesData::default() };
            kept.append(data);
            let mut wide: Vec<i64> =
                data.histograms.iter().filter(|(_, h)| !fits(h)).map(|(t, _)| *t).collect();
            wide.sort_unstable();
            kept.keep(|t| wide.binary_search(&t).is_err());
            self.refused += wide.len() as u64;
            rejected.get_or_create(&Reason { reason: "limit" }).inc_by(wide.len() as u64);
            self.store.add(&kept)
        };
        let stored = self.store.report().samples;
        self.count(stored);
        result
    }

    fn report(&self) -> Imported {
        let report = self.store.report();
        Imported { refused: report.refused + self.refused, ..report }
    }

    fn finish(self: Box<Self>) -> Result<Imported> {
        let Self { intake, store, refused, counted } = *self;
        let report = store.finish()?;
        intake.counters.samples_accepted.inc_by(report.samples.saturating_sub(counted));
        Ok(Imported { refused: report.refused + refused, ..report })
    }
}
