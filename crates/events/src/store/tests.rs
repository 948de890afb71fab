use std::collections::BTreeMap;

use disk::sim::SimFs;
use model::{Condition, Ctx, EventReader, EventScan, FieldValue, Labels, ManualClock, Order};
use proptest::prelude::*;

use super::*;

const NOW: i64 = 1_700_000_000_000;

struct Fixture {
    fs: SimFs,
    clock: Arc<ManualClock>,
    options: Options,
}

impl Fixture {
    fn new() -> Self {
        let options = Options { retention_bytes: Some(0), ..Options::default() };
        Self { fs: SimFs::new(), clock: Arc::new(ManualClock::at_ms(NOW)), options }
    }

    fn try_open(&self) -> Result<Store> {
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        Store::open(Arc::new(self.fs.clone()), Path::new("/data/events"), self.options.clone(), clock)
    }

    fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    /// Lets the flush become due and runs maintenance.
    fn flush(&self, store: &Store) {
        self.clock.advance_ms(self.options.flush_ms);
        store.maintain().unwrap();
    }
}

fn event(offset_s: i64, n: i64) -> Event {
    Event {
        time_ns: (NOW + offset_s * 1_000) * 1_000_000,
        stream: Labels::from_pairs([("container", if n % 2 == 0 { "even" } else { "odd" })]),
        body: format!("event {n}"),
        fields: BTreeMap::from([
            ("n".to_owned(), FieldValue::Int(n)),
            ("half".to_owned(), FieldValue::Float(n as f64 / 2.0)),
            ("even".to_owned(), FieldValue::Bool(n % 2 == 0)),
        ]),
    }
}

fn append(store: &Store, events: &[Event]) -> Result<Appended> {
    store.append(&Tenant::default(), EventKind::Container, events, None)
}

fn scan(order: Order) -> EventScan {
    EventScan {
        kind: EventKind::Container,
        start_ns: i64::MIN,
        end_ns: i64::MAX,
        conditions: Vec::new(),
        columns: Vec::new(),
        limit: 0,
        order,
    }
}

fn numbers(store: &Store, scan: &EventScan) -> Vec<i64> {
    let events = store.collect(&Ctx::unbounded(), scan).unwrap();
    events.iter().map(|e| e.fields["n"].as_int().unwrap()).collect()
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<i64>),
    Flush,
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop::collection::vec(0i64..300, 1..8).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_scan_gives_what_a_sorted_list_gives(
        steps in steps(), start in -10i64..300, len in 0i64..320, limit in 0usize..20, odd: bool, descending: bool,
    ) {
        let fixture = Fixture::new();
        let mut store = fixture.open();
        let mut model: Vec<(i64, i64)> = Vec::new();
        for step in steps {
            match step {
                Step::Append(offsets) => {
                    let first = model.len() as i64;
                    model.extend(offsets.iter().zip(first..).map(|(o, n)| (*o, n)));
                    let events: Vec<Event> = model[first as usize..].iter().map(|(o, n)| event(*o, *n)).collect();
                    prop_assert_eq!(append(&store, &events).unwrap().accepted, events.len());
                }
                Step::Flush => fixture.flush(&store),
                Step::Kill => {
                    drop(store);
                    fixture.fs.kill();
                    store = fixture.open();
                }
            }
        }
        let order = if descending { Order::Descending } else { Order::Ascending };
        let mut asked = scan(order);
        asked.start_ns = event(start, 0).time_ns;
        asked.end_ns = event(start + len, 0).time_ns;
        asked.limit = limit;
        if odd {
            asked.conditions.push(Condition::equals("container", "odd"));
        }
        let mut want: Vec<(i64, i64)> = model.iter().copied()
            .filter(|(o, n)| (start..=start + len).contains(o) && !(odd && n % 2 == 0)).collect();
        want.sort();
        if descending {
            want.reverse();
        }
        let found = store.collect(&Ctx::unbounded(), &asked).unwrap();
        prop_assert_eq!(found.len(), if limit == 0 { want.len() } else { want.len().min(limit) });
        // Events of one time have no order but that of arrival within a part.
        let times: Vec<i64> = found.iter().map(|e| e.time_ns).collect();
        let want_times: Vec<i64> = want.iter().take(found.len()).map(|(o, _)| event(*o, 0).time_ns).collect();
        prop_assert_eq!(times, want_times);
        let offsets: BTreeMap<i64, i64> = model.iter().map(|(o, n)| (*n, *o)).collect();
        for e in &found {
            let n = e.fields["n"].as_int().unwrap();
            prop_assert_eq!(e, &event(offsets[&n], n));
        }
        if limit == 0 {
            let mut ns: Vec<i64> = found.iter().map(|e| e.fields["n"].as_int().unwrap()).collect();
            ns.sort_unstable();
            let mut want_ns: Vec<i64> = want.iter().map(|(_, n)| *n).collect();
            want_ns.sort_unstable();
            prop_assert_eq!(ns, want_ns, "each exactly once");
        }
    }
}

/// A workload over appends, flushes and a merge that fails from operation `at`, then a crash.
fn crash_at(at: u64, power_failure: bool) -> bool {
    let mut fixture = Fixture::new();
    fixture.options.sync =
        if power_failure { disk::log::SyncPolicy::Batch } else { disk::log::SyncPolicy::Off };
    fixture.fs.fail_from(at);
    let mut acknowledged = 0;
    if let Ok(store) = fixture.try_open() {
        for n in 0..24 {
            let position = n.to_string();
            let position = Position { source: "s", position: position.as_bytes() };
            let events = [event(n, n)];
            if store.append(&Tenant::default(), EventKind::Container, &events, Some(position)).is_ok() {
                acknowledged = n + 1;
            }
            if n % 3 == 2 {
                fixture.clock.advance_ms(fixture.options.flush_ms);
                let _ = store.maintain();
            }
        }
    }
    let survived = !fixture.fs.failed();
    if power_failure {
        fixture.fs.crash()
    } else {
        fixture.fs.kill()
    }
    let store = fixture.open();
    let found = numbers(&store, &scan(Order::Ascending));
    assert!(found.len() as i64 >= acknowledged, "{found:?} of {acknowledged}, failure at {at}");
    assert_eq!(found, (0..found.len() as i64).collect::<Vec<_>>(), "each once, failure at {at}");
    if acknowledged > 0 {
        let position: i64 = String::from_utf8(store.position("s").unwrap()).unwrap().parse().unwrap();
        assert!(position >= acknowledged - 1, "position {position} of {acknowledged}, failure at {at}");
        assert!(position < found.len() as i64, "a position without its events, failure at {at}");
    }
    fixture.flush(&store);
    assert_eq!(numbers(&store, &scan(Order::Ascending)), found);
    survived
}

#[test]
fn a_power_failure_at_any_operation_loses_nothing_acknowledged() {
    assert!((0..).any(|at| crash_at(at, true)));
}

#[test]
fn a_kill_at_any_operation_loses_nothing_acknowledged() {
    assert!((0..).any(|at| crash_at(at, false)));
}

#[test]
fn after_one_failed_operation_every_event_is_there_once() {
    for at in 0..200 {
        let fixture = Fixture::new();
        let store = fixture.open();
        fixture.fs.fail_once(at);
        for n in 0..12 {
            if append(&store, &[event(n, n)]).is_err() {
                fixture.fs.fail_once(u64::MAX / 2);
            }
            fixture.clock.advance_ms(fixture.options.flush_ms);
            if store.maintain().is_err() {
                store.maintain().unwrap();
            }
        }
        let before = numbers(&store, &scan(Order::Ascending));
        assert_eq!(before, (0..12).collect::<Vec<_>>(), "failure at {at}");
        drop(store);
        fixture.fs.kill();
        assert_eq!(
            numbers(&fixture.open(), &scan(Order::Ascending)),
            before,
            "failure at {at}, after a restart"
        );
    }
}

#[test]
fn parts_are_merged_and_old_ones_go() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..20 {
        append(&store, &[event(n, n)]).unwrap();
        fixture.flush(&store);
    }
    assert!(store.shelves[0].parts().len() < 7, "{} parts", store.shelves[0].parts().len());
    assert_eq!(numbers(&store, &scan(Order::Descending)), (0..20).rev().collect::<Vec<_>>());
    // A step of the clock is believed after a day.
    for hours in [1, 25] {
        fixture.clock.set_ms(NOW + fixture.options.container_retention_ms + hours * 3_600_000);
        assert!(!numbers(&store, &scan(Order::Ascending)).is_empty());
        store.maintain().unwrap();
    }
    assert_eq!(numbers(&store, &scan(Order::Ascending)), Vec::<i64>::new());
    assert!(fixture.fs.files().iter().all(|f| !f.ends_with("part")), "{:?}", fixture.fs.files());
}

#[test]
fn a_change_of_what_is_kept_takes_effect_while_it_runs() {
    let fixture = Fixture::new();
    let store = fixture.open();
    // Not so long that the clock seems to step.
    let round = 2_400;
    for n in 0..4 {
        append(&store, &[event(n * round, n)]).unwrap();
        fixture.clock.advance_ms(round * 1_000);
        fixture.flush(&store);
    }
    assert_eq!(numbers(&store, &scan(Order::Ascending)), [0, 1, 2, 3]);
    let kept = store.retention();
    store.set_retention(Retention { container_ms: 0, ..kept });
    store.maintain().unwrap();
    assert_eq!(numbers(&store, &scan(Order::Ascending)), [0, 1, 2, 3]);
    let age = fixture.clock.now_ms() - (NOW + 2 * round * 1_000);
    store.set_retention(Retention { container_ms: age, ..kept });
    store.maintain().unwrap();
    assert_eq!(numbers(&store, &scan(Order::Ascending)), [2, 3]);
    let newest = store.shelves[0].parts().iter().map(|p| p.bytes).max().unwrap();
    store.set_retention(Retention { bytes: newest, ..kept });
    store.maintain().unwrap();
    assert_eq!(numbers(&store, &scan(Order::Ascending)), [3]);
}

#[test]
fn the_oldest_parts_go_when_there_is_too_much() {
    let mut fixture = Fixture::new();
    fixture.options.retention_bytes = Some(2_000);
    let store = fixture.open();
    for day in 0..10 {
        let events: Vec<Event> = (0..10).map(|n| event(day * 86_400 + n, day * 10 + n)).collect();
        append(&store, &events).unwrap();
        fixture.flush(&store);
    }
    let found = numbers(&store, &scan(Order::Ascending));
    assert_eq!(found.last(), Some(&99));
    assert!(found.len() < 90 && found.len().is_multiple_of(10), "{found:?}");
    assert_eq!(found, (100 - found.len() as i64..100).collect::<Vec<_>>());
    let parts: u64 = store.shelves[0].parts().iter().map(|p| p.bytes).sum();
    assert!(parts <= 2_000);
}

#[test]
fn a_corrupt_part_is_reported_and_set_aside_and_the_rest_is_read() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for n in 0..2 {
        append(&store, &[event(n, n)]).unwrap();
        fixture.flush(&store);
    }
    let part = fixture.fs.files().into_iter().find(|f| f.ends_with("part")).unwrap();
    fixture.fs.corrupt(&part, |bytes| bytes[20] ^= 1);
    let error = store.collect(&Ctx::unbounded(), &scan(Order::Ascending)).unwrap_err();
    assert!(error.message.contains("corrupt"), "{error}");
    store.maintain().unwrap();
    assert_eq!(numbers(&store, &scan(Order::Ascending)), [1]);
    drop(store);
    fixture.fs.kill();
    assert_eq!(numbers(&fixture.open(), &scan(Order::Ascending)), [1]);
    let bytes = disk::fs::read_file(
        &fixture.fs,
        part.to_string_lossy().replace("/p0", "/corrupt-p0").as_ref(),
        1 << 20,
    );
    assert!(bytes.is_ok(), "kept for whoever wants to look");
}

#[test]
fn a_changed_byte_anywhere_in_a_part_is_noticed_or_harmless() {
    let fixture = Fixture::new();
    let store = fixture.open();
    append(&store, &(0..20).map(|n| event(n, n)).collect::<Vec<_>>()).unwrap();
    fixture.flush(&store);
    drop(store);
    fixture.fs.kill();
    let path = fixture.fs.files().into_iter().find(|f| f.ends_with("part")).unwrap();
    let good = disk::fs::read_file(&fixture.fs, &path, 1 << 20).unwrap();
    for at in 0..good.len() {
        let broken = SimFs::new();
        disk::publish::prepare(&broken, Path::new("/p/x")).unwrap();
        let file = broken.create(Path::new("/p/x/part")).unwrap();
        let mut bytes = good.clone();
        bytes[at] ^= 0x40;
        file.append(&bytes).unwrap();
        let Ok(part) = crate::part::Part::open(&broken, Path::new("/p"), "x") else { continue };
        let mut cursor = crate::part::Cursor::new(Arc::new(part), i64::MIN, i64::MAX, Order::Ascending);
        let read = (0..).map_while(|_| cursor.bound().map(|_| cursor.next())).collect::<Result<Vec<_>>>();
        assert!(read.is_err(), "byte {at} is covered by no checksum");
    }
}

#[test]
fn names_values_and_columns() {
    let fixture = Fixture::new();
    let store = fixture.open();
    append(&store, &(0..4).map(|n| event(n, n)).collect::<Vec<_>>()).unwrap();
    fixture.flush(&store);
    let ctx = Ctx::unbounded();
    let names = store.field_names(&ctx, &scan(Order::Ascending)).unwrap();
    assert_eq!(names.items, ["container", "even", "half", "n"]);
    let values = |name: &str, limit| {
        let scan = EventScan { limit, ..scan(Order::Ascending) };
        let listing = store.field_values(&ctx, name, &scan).unwrap();
        (listing.items.join(" "), listing.truncated)
    };
    assert_eq!(values("container", 0), ("even odd".into(), false));
    assert_eq!(values("half", 2), ("0 0.5".into(), true));
    assert_eq!(values("nothing", 0), (String::new(), false));
    let only = EventScan { columns: vec!["n".into()], ..scan(Order::Ascending) };
    let events = store.collect(&ctx, &only).unwrap();
    assert_eq!(events[3].fields.len(), 1);
}

#[test]
fn what_is_too_large_is_refused_with_its_reason_and_the_rest_is_taken() {
    let mut fixture = Fixture::new();
    fixture.options.max_event_bytes = 2_000;
    let store = fixture.open();
    let mut large = event(0, 0);
    large.body = "x".repeat(3_000);
    let appended = append(&store, &[large, event(1, 1)]).unwrap();
    assert_eq!((appended.accepted, appended.rejected[0].index), (1, 0));
    assert_eq!(numbers(&store, &scan(Order::Ascending)), [1]);
    fixture.options.budget = model::Budget::new("test", 100);
    let fixture = Fixture { fs: SimFs::new(), ..fixture };
    let refused = append(&fixture.open(), &[event(0, 0)]).unwrap_err();
    assert_eq!(refused.kind, model::ErrorKind::Limited);
}

proptest! {
    #[test]
    fn foreign_bytes_are_no_record_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = crate::codec::read_record(&bytes);
        let _ = crate::codec::decode(&bytes);
    }
}

#[test]
fn a_copy_is_a_store_with_what_was_stored_by_then() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let position = Position { source: "tail:/x", position: b"77" };
    store.append(&Tenant::default(), EventKind::Container, &[event(1, 1)], Some(position)).unwrap();
    fixture.flush(&store);
    append(&store, &[event(2, 2)]).unwrap();
    disk::publish::prepare(&fixture.fs, Path::new("/copy")).unwrap();
    store.snapshot_to(Path::new("/copy")).unwrap();
    append(&store, &[event(3, 3)]).unwrap();
    let options = fixture.options.clone();
    let open = || {
        let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
        Store::open(Arc::new(fixture.fs.clone()), Path::new("/copy"), options.clone(), clock).unwrap()
    };
    // Twice: the first opening cuts the log.
    for _ in 0..2 {
        let copy = open();
        assert_eq!(numbers(&copy, &scan(Order::Ascending)), [1, 2]);
        assert_eq!(EventWriter::position(&copy, "tail:/x"), Some(b"77".to_vec()));
        assert!(copy.warnings().is_empty(), "{:?}", copy.warnings());
    }
}

#[test]
fn a_copy_has_what_came_after_a_flush_that_failed() {
    for at in 0..40 {
        let fixture = Fixture::new();
        let store = fixture.open();
        append(&store, &[event(1, 1)]).unwrap();
        fixture.clock.advance_ms(fixture.options.flush_ms);
        fixture.fs.fail_once(at);
        if store.maintain().is_ok() || !fixture.fs.failed() {
            continue;
        }
        append(&store, &[event(2, 2)]).unwrap();
        disk::publish::prepare(&fixture.fs, Path::new("/copy")).unwrap();
        store.snapshot_to(Path::new("/copy")).unwrap();
        let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
        let fs = Arc::new(fixture.fs.clone());
        let copy = Store::open(fs, Path::new("/copy"), fixture.options.clone(), clock).unwrap();
        assert_eq!(numbers(&copy, &scan(Order::Ascending)), [1, 2], "failure at {at}");
    }
}
