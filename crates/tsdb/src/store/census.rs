//! What the head says of its series, so that budgets can be kept.

use model::labels::METRIC_NAME;
use model::metrics::SeriesCensus;
use model::{Labels, Matcher, Result};

use super::Store;

impl SeriesCensus for Store {
    fn known(&self, labels: &[Labels]) -> Vec<bool> {
        let index = self.index.read();
        let known = |set: &Labels| {
            let canonical = set.canonical();
            self.lookup.find(self.lookup.hash(canonical), |slot| index.is(slot, canonical)).is_some()
        };
        labels.iter().map(known).collect()
    }

    fn total(&self) -> u64 {
        self.index.read().live().len()
    }

    fn by_metric(&self) -> Vec<(String, u64)> {
        let index = self.index.read();
        index.counts(METRIC_NAME).map(|(name, series)| (name.to_owned(), series)).collect()
    }

    fn by_target(&self) -> Vec<((String, String), u64)> {
        let index = self.index.read();
        let groups = index.grouped(["job", "instance"], index.live());
        groups.into_iter().map(|([job, at], series)| ((job.to_owned(), at.to_owned()), series)).collect()
    }

    fn shape(&self, matchers: &[Matcher]) -> Result<Vec<(String, u64)>> {
        let index = self.index.read();
        let series = index.select(matchers)?;
        Ok(index.shape(&series).into_iter().map(|(name, values)| (name.to_owned(), values)).collect())
    }

    fn metrics_of(&self, matchers: &[Matcher]) -> Result<Vec<(String, u64)>> {
        let index = self.index.read();
        let series = index.select(matchers)?;
        let groups = index.grouped([METRIC_NAME], &series);
        Ok(groups.into_iter().map(|([name], series)| (name.to_owned(), series)).collect())
    }
}
