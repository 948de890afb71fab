use disk::sim::SimFs;

use super::*;

const LIMITS: SilenceLimits = SilenceLimits { most: 4, bytes: 200, retention_ms: 1_000 };

fn open(fs: &SimFs) -> Silences {
    Silences::open(Arc::new(fs.clone()), Path::new("/s"), LIMITS, 7).unwrap()
}

fn matcher(name: &str, value: &str, is_regex: bool, is_equal: bool) -> SilenceMatcher {
    SilenceMatcher { name: name.to_owned(), value: value.to_owned(), is_regex, is_equal }
}

fn silence(matchers: Vec<SilenceMatcher>, starts_at_ms: i64, ends_at_ms: i64) -> Silence {
    Silence {
        id: String::new(),
        matchers,
        starts_at_ms,
        ends_at_ms,
        updated_at_ms: 0,
        created_by: "me".to_owned(),
        comment: "because".to_owned(),
    }
}

#[test]
fn silences_hold_from_start_to_end_and_survive() {
    let fs = SimFs::new();
    let mut silences = open(&fs);
    let host = silences.set(silence(vec![matcher("host", "a", false, true)], 100, 200), 50).unwrap();
    let not = vec![matcher("host", "b|c", true, false), matcher("job", "x", true, true)];
    let other = silences.set(silence(not, 0, 300), 60).unwrap();
    assert_eq!(other.len(), 36);
    let labels = Labels::from_pairs([("host", "a"), ("job", "x")]);
    drop(silences);
    fs.crash();
    let mut silences = open(&fs);
    let by = |s: &Silences, at| s.silenced_by(&labels, at).len();
    assert_eq!((by(&silences, 59), by(&silences, 60), by(&silences, 100)), (0, 1, 2));
    assert_eq!((by(&silences, 199), by(&silences, 200), by(&silences, 300)), (2, 1, 0));
    assert!(silences.silenced_by(&Labels::from_pairs([("host", "b"), ("job", "x")]), 100).is_empty());
    assert_eq!(silences.get(&other).unwrap().starts_at_ms, 60, "no silence begins in the past");

    silences.expire(&host, 150).unwrap();
    assert_eq!(by(&silences, 150), 1);
    assert_eq!(silences.expire(&host, 151).unwrap_err().kind, model::ErrorKind::Conflict);
    assert_eq!(silences.expire("none", 151).unwrap_err().kind, model::ErrorKind::NotFound);
    assert_eq!(silences.collect(1_149).unwrap(), 0);
    assert_eq!((silences.collect(1_150).unwrap(), silences.collect(9_999).unwrap()), (1, 1));
    assert!(silences.rest.is_empty() && silences.by_value.is_empty() && silences.compiled.is_empty());
}

#[test]
fn a_change_of_what_is_silenced_makes_another() {
    let mut silences = open(&SimFs::new());
    let first = silences.set(silence(vec![matcher("a", "1", false, true)], 1_000, 5_000), 1_000).unwrap();
    let longer = Silence {
        id: first.clone(),
        comment: "longer".to_owned(),
        ..silence(vec![matcher("a", "1", false, true)], 1_400, 9_000)
    };
    assert_eq!(silences.set(longer, 2_000).unwrap(), first, "the same second");
    assert_eq!(silences.get(&first).unwrap().ends_at_ms, 9_000);
    let changed =
        Silence { id: first.clone(), ..silence(vec![matcher("a", "2", false, true)], 1_000, 9_000) };
    let second = silences.set(changed, 3_000).unwrap();
    assert_ne!(first, second);
    assert_eq!(silences.get(&first).unwrap().state(3_000), SilenceState::Expired);
    assert!(silences.silenced_by(&Labels::from_pairs([("a", "1")]), 3_000).is_empty());
    assert_eq!(silences.silenced_by(&Labels::from_pairs([("a", "2")]), 3_000), [second]);
    let unknown = Silence { id: "x".to_owned(), ..silence(vec![matcher("a", "1", false, true)], 0, 9) };
    assert_eq!(silences.set(unknown, 0).unwrap_err().kind, model::ErrorKind::NotFound);
}

#[test]
fn what_silences_everything_or_is_too_much_is_refused() {
    let mut silences = open(&SimFs::new());
    let refused = |s: &mut Silences, silence: Silence| s.set(silence, 0).unwrap_err().kind;
    use model::ErrorKind::{Invalid, Limited, TooLarge};
    assert_eq!(refused(&mut silences, silence(vec![], 0, 9)), Invalid);
    assert_eq!(refused(&mut silences, silence(vec![matcher("a", ".*", true, true)], 0, 9)), Invalid);
    assert_eq!(refused(&mut silences, silence(vec![matcher("a", "(", true, true)], 0, 9)), Invalid);
    assert_eq!(refused(&mut silences, silence(vec![matcher("", "x", false, true)], 0, 9)), Invalid);
    assert_eq!(refused(&mut silences, silence(vec![matcher("a", "x", false, true)], 10, 9)), Invalid);
    let long = "x".repeat(300);
    assert_eq!(refused(&mut silences, silence(vec![matcher("a", &long, false, true)], 0, 9)), TooLarge);
    for _ in 0..4 {
        silences.set(silence(vec![matcher("a", "x", false, true)], 0, 9), 0).unwrap();
    }
    assert_eq!(refused(&mut silences, silence(vec![matcher("a", "x", false, true)], 0, 9)), Limited);
}

#[test]
fn a_dot_of_a_silence_takes_no_newline() {
    let mut silences = open(&SimFs::new());
    let id = silences.set(silence(vec![matcher("host", "a.b", true, true)], 0, 100), 0).unwrap();
    let by = |host: &str| silences.silenced_by(&Labels::from_pairs([("host", host)]), 1);
    assert_eq!(by("a-b"), [id]);
    assert!(by("a\nb").is_empty());
}
