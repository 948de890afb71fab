//! Budgets of series: where their decisions are kept, and how much memory is in use.

use std::path::Path;
use std::sync::Arc;

use disk::Fs;
use disk::header::Kind;
use disk::ledger::Ledger;
use intake::cardinality::{Cardinality, Config, Keep, Surroundings};
use model::metrics::MetricReader;
use model::{Budget, CancelFlag, Clock, Ctx, Result, Tenant};

use crate::memory;

const KIND: Kind = Kind { tag: b'c', name: "folded labels", version: 1, oldest: 1 };
/// More metrics than are ever folded at one time.
const MOST: usize = 10_000;

const FOLDER: &str = "cardinality";

/// Which labels fold: the ledger in `<data>/bonghwa/cardinality`.
pub(crate) struct Decisions(Ledger<String>);

impl Decisions {
    /// Opens it below the program's folder.
    pub(crate) fn open(fs: Arc<dyn Fs>, ours: &Path) -> Result<Arc<Self>> {
        let (ledger, recovery) = Ledger::open(fs, &ours.join(FOLDER), KIND, MOST)?;
        for warning in &recovery.warnings {
            tracing::warn!(warning, "folded labels");
        }
        Ok(Arc::new(Self(ledger)))
    }

    /// Copies it below another folder of the program.
    pub(crate) fn copy_to(&self, fs: Arc<dyn Fs>, ours: &Path) -> Result<()> {
        self.0.copy_to(fs, &ours.join(FOLDER), KIND)
    }
}

impl Keep for Decisions {
    fn entries(&self) -> Vec<(String, String)> {
        self.0.entries()
    }

    fn put(&self, key: &str, text: &str) -> Result<()> {
        self.0.put(key, text.to_owned())
    }

    fn remove(&self, key: &str) -> Result<()> {
        self.0.remove(key).map(|_| ())
    }
}

/// What the share of series in memory counts for when it is full, in percent of the limit: with the default of 80, labels
/// fold when it is nine tenths full.
const FULL_HEAD_PERCENT: f64 = 88.0;

/// Budgets before `store`. Types of metrics that it knows are known from the start.
pub(crate) fn open(
    decisions: Arc<Decisions>,
    store: &Arc<tsdb::Store>,
    clock: Arc<dyn Clock>,
    allowance: (Budget, u64),
    config: Config,
) -> Result<Arc<Cardinality>> {
    let (budget, limit) = allowance;
    // What is free in the budget says less: a quarter of the limit may be reserved whatever is resident.
    let memory_percent = {
        let budget = budget.clone();
        // Series in memory have a share of it: when that is nearly full, there is room for folded ones still.
        let head = store.head_budget().clone();
        move || {
            let all = 100.0 * memory::resident().max(budget.used()) as f64 / limit.max(1) as f64;
            all.max(FULL_HEAD_PERCENT * head.used() as f64 / head.limit().max(1) as f64)
        }
    };
    let around = Surroundings {
        census: store.clone(),
        keep: Some(decisions),
        clock,
        memory_percent: Box::new(memory_percent),
    };
    let cardinality = Cardinality::new(around, config);
    let ctx = Ctx { tenant: Tenant::default(), deadline: None, cancel: CancelFlag::default(), budget };
    cardinality.learn(&store.families(&ctx, None)?);
    Ok(Arc::new(cardinality))
}
