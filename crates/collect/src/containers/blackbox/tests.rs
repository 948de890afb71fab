use model::EventWriter;
use model::container::LivePoint;
use testkit::MemoryEvents;

use super::*;

fn known(id: &str, name: &str) -> ContainerFacts {
    ContainerFacts { id: id.into(), name: name.into(), node: "n".into(), ..ContainerFacts::default() }
}

fn put(store: &MemoryEvents, events: &[Event]) {
    store.append(&model::Tenant::default(), EventKind::Container, events, None).unwrap();
}

fn act(id: &str, action: &str, t: i64) -> ContainerEvent {
    let attributes = BTreeMap::from([("exit_code".to_owned(), "1".to_owned())]);
    ContainerEvent { t, id: id.into(), name: "web".into(), action: action.into(), attributes }
}

#[test]
fn last_minutes_read_back_as_written_unknown_figures_included() {
    let store = MemoryEvents::new();
    let mut values = [1.5; 14];
    values[3] = f64::NAN;
    let point = super::super::ring::point(5_000, values);
    let minutes = LastMinutes { died_ms: 6_000, points: vec![point, LivePoint { t: 6_000, ..point }] };
    put(&store, &[last_minutes(&minutes, &known("a", "web"))]);
    let back = read_last_minutes(&store, "a").unwrap().unwrap();
    assert_eq!((back.died_ms, back.points.len(), back.points[1].t), (6_000, 2, 6_000));
    assert!(back.points[0].working_set.is_nan() == values[3].is_nan() && back.points[0].cpu == 1.5);
    assert_eq!(read_last_minutes(&store, "b").unwrap(), None);
}

#[test]
fn what_happened_is_found_by_container_and_time_the_newest_of_many() {
    let store = MemoryEvents::new();
    for (id, action, t) in [("a", "create", 1), ("a", "start", 2), ("b", "start", 3), ("a", "die", 4)] {
        put(&store, &[happened(&act(id, action, t), "n")]);
    }
    put(&store, &[facts(&known("a", "web"), 4)]);
    let actions = |id: Option<&str>, range, limit| {
        let found = read_happened(&store, id, range, limit).unwrap();
        found.into_iter().map(|e| e.action).collect::<Vec<_>>()
    };
    assert_eq!(actions(Some("a"), (0, 10), 10), ["create", "start", "die"]);
    assert_eq!(actions(None, (2, 3), 10), ["start", "start"], "both ends belong to it");
    assert_eq!(actions(Some("a"), (0, 10), 2), ["start", "die"]);
}

#[test]
fn the_newest_facts_of_each_container_come_back() {
    let store = MemoryEvents::new();
    for (id, name, t) in [("a", "old", 1), ("b", "other", 2), ("a", "new", 3)] {
        put(&store, &[facts(&known(id, name), t), happened(&act(id, "start", t), "n")]);
    }
    let restored = restore(&store, 10, 100).unwrap();
    let mut names: Vec<&str> = restored.facts.iter().map(|f| f.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["new", "other"]);
    assert_eq!((restored.last_event_ns, restored.recent.len()), (3_000_000, 3));
    assert_eq!(restore(&store, 1, 100).unwrap().facts[0].name, "new", "of more the newest");
}

#[test]
fn foreign_records_are_passed_over() {
    let store = MemoryEvents::new();
    let mut broken = facts(&known("a", "web"), 1);
    broken.fields.insert(PAYLOAD.to_owned(), FieldValue::Text("{".into()));
    let mut missing = facts(&known("b", "web"), 1);
    missing.fields.remove(PAYLOAD);
    put(&store, &[broken, missing]);
    assert!(restore(&store, 10, 100).unwrap().facts.is_empty());
}
