//! What the stores and collectors had to give up for want of memory, looked up every second for the status page.

use std::sync::Arc;

use model::{Budget, Clock, Load, RejectReason};
use prometheus_client::metrics::counter::Counter;

/// Remembers what was counted so far.
pub(crate) struct Watch {
    store: Arc<tsdb::Store>,
    clock: Arc<dyn Clock>,
    /// Budgets whose refusals are what was shed.
    budgets: Vec<(Load, Budget, u64)>,
    /// Series refused at the door, over a budget of series or while memory is short.
    at_door: Counter,
    door: u64,
    series: u64,
    samples: u64,
}

impl Watch {
    pub(crate) fn new(
        store: &Arc<tsdb::Store>,
        scrapes: Budget,
        rules: Budget,
        at_door: Counter,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let compactions = store.compaction_budget().clone();
        let budgets = [(Load::Scrapes, scrapes), (Load::Rules, rules), (Load::Compactions, compactions)];
        let mut watch = Self {
            store: store.clone(),
            clock,
            budgets: budgets.map(|(load, budget)| (load, budget, 0)).into(),
            door: at_door.get(),
            at_door,
            series: 0,
            samples: 0,
        };
        // What happened before nobody watched is not new.
        (watch.series, watch.samples) = watch.refused();
        watch
    }

    /// Series and samples refused so far.
    fn refused(&self) -> (u64, u64) {
        let metrics = self.store.metrics();
        (metrics.series_refused.get(), metrics.rejected_so_far(RejectReason::Limit))
    }

    /// Notes what is new; where memory is short, caches give some back.
    pub(crate) fn look(&mut self, budget: &Budget, limit: u64, resident: u64) {
        let (sheds, now) = (budget.sheds().clone(), self.clock.now_ms());
        let (series, samples) = self.refused();
        let why = || match self.store.head_budget().reason() {
            text if text.is_empty() => "a limit on series or on samples in memory".to_owned(),
            text => text,
        };
        if series > self.series {
            sheds.note(Load::Series, series - self.series, why(), now);
        }
        if samples > self.samples {
            sheds.note(Load::Samples, samples - self.samples, why(), now);
        }
        (self.series, self.samples) = (series, samples);
        let door = self.at_door.get();
        let why =
            "a budget of series, or the memory limit where it is nearly used up: see the page Cardinality";
        sheds.note(Load::Series, door.saturating_sub(self.door), why, now);
        self.door = door;
        for (load, budget, known) in &mut self.budgets {
            let refused = budget.refused();
            sheds.note(*load, refused.saturating_sub(*known), budget.reason(), now);
            *known = refused;
        }
        if budget.is_short() || resident > limit / 10 * 9 {
            let freed = self.store.shrink_cache();
            let why = format_args!("{resident} of {limit} bytes are resident, {} reserved", budget.used());
            sheds.note(Load::Cache, freed, why, now);
        }
    }
}
