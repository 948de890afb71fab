//! A store that has no room, before any share of the memory limit says so.

use std::sync::atomic::{AtomicBool, Ordering};

use model::{Appended, RejectReason, Rejected};

use super::*;

/// Takes so many series, and no samples where it is told so.
struct Narrow {
    store: Arc<MemoryMetrics>,
    most: usize,
    full: AtomicBool,
}

impl MetricWriter for Narrow {
    fn resolve(&self, tenant: &Tenant, labels: &[Labels], out: &mut Vec<Option<SeriesRef>>) -> Result<()> {
        for set in labels {
            let known = self.store.dump().iter().any(|(there, _)| there == set);
            let folded = set.iter().any(|(_, value)| value == "__folded__");
            if known || folded || self.store.len() < self.most {
                self.store.resolve(tenant, std::slice::from_ref(set), out)?;
            } else {
                out.push(None);
            }
        }
        Ok(())
    }

    fn append(&self, tenant: &Tenant, batch: MetricBatch<'_>) -> Result<Appended> {
        if self.full.load(Ordering::SeqCst) {
            let limit = |index| Rejected { index, reason: RejectReason::Limit };
            return Ok(Appended { accepted: 0, rejected: (0..batch.refs.len()).map(limit).collect() });
        }
        self.store.append(tenant, batch)
    }

    fn metadata(&self, tenant: &Tenant, families: &[Family]) -> Result<()> {
        self.store.metadata(tenant, families)
    }
}

fn narrow(most: usize) -> (Door, Arc<Narrow>) {
    let mut door = Door::new(Config::default());
    let narrow = Arc::new(Narrow { store: door.store.clone(), most, full: AtomicBool::new(false) });
    door.intake = Intake::new(narrow.clone(), Arc::new(MemoryEvents::new()), Limits::default())
        .with_cardinality(door.budgets.clone());
    let family = Family { name: "m_total".to_owned(), kind: "counter".to_owned(), ..Family::default() };
    door.intake.metadata(&Tenant::default(), &[family]).unwrap();
    (door, narrow)
}

fn bomb(users: std::ops::Range<usize>, v: f64) -> Vec<(Labels, f64)> {
    users.map(|user| (member("m_total", "x", user), v)).collect()
}

#[test]
fn what_the_store_has_no_room_for_folds_at_once_and_is_not_refused() {
    let (mut door, _) = narrow(100);
    // No share of the limit is exceeded: the store itself has no room.
    assert_eq!(door.scrape(START, &bomb(0..1_500, 2.0)), 1_500, "nobody is refused");
    assert_eq!(value(&door.store, "sum(m_total)", START), 3_000.0);
    let report = door.budgets.report(10);
    assert_eq!(
        (report.folds[0].why, report.folds[0].members, report.memory_short),
        (Why::Memory, 1_400, true)
    );
    // It stays short for a while, whatever the share of the limit is.
    door.clock.set_ms(START + INTERVAL);
    door.budgets.refresh();
    assert!(door.budgets.is_short_of_memory());
    door.clock.set_ms(START + 2 * 60_000);
    door.budgets.refresh();
    assert!(!door.budgets.is_short_of_memory());
    assert_eq!(door.scrape(START + 2 * 60_000, &bomb(0..1_500, 3.0)), 1_500);
    assert_eq!(value(&door.store, "sum(m_total)", START + 2 * 60_000), 4_500.0);
}

#[test]
fn members_whose_sum_is_not_stored_are_not_acknowledged() {
    let (mut door, narrow) = narrow(100);
    door.scrape(START, &bomb(0..1_500, 2.0));
    let members: Vec<SeriesRef> = door.refs.values().copied().filter(|series| series.is_folded()).collect();
    narrow.full.store(true, Ordering::SeqCst);
    let append = |v: f64| {
        let (t, v) = (vec![START + INTERVAL; members.len()], vec![v; members.len()]);
        let batch = MetricBatch { refs: &members, t: &t, v: &v, ..MetricBatch::default() };
        door.intake.append(&Tenant::default(), batch).unwrap()
    };
    let refused = append(5.0);
    assert_eq!((refused.accepted, refused.rejected.len()), (0, members.len()));
    assert!(refused.rejected.iter().all(|rejected| rejected.reason == RejectReason::Memory));
    narrow.full.store(false, Ordering::SeqCst);
    // Sent again, it counts once.
    assert_eq!(append(5.0).accepted, members.len());
    let sum = value(&door.store, "sum(m_total{user='__folded__'})", START + INTERVAL);
    assert_eq!(sum, 5.0 * members.len() as f64);
}
