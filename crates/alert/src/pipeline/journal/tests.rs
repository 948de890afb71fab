use disk::sim::SimFs;

use super::*;
use crate::pipeline::told::Reason;

fn alert(name: &str) -> Alert {
    Alert {
        labels: Labels::from_pairs([("alertname", name)]),
        annotations: Texts::new(),
        starts_at_ms: 1,
        ends_at_ms: 900,
        updated_at_ms: 1,
        timeout: true,
        generator_url: String::new(),
    }
}

fn attempt(at_ms: i64, receiver: &str, outcome: Outcome, of: &Alert) -> Entry {
    Entry::Attempt {
        at_ms,
        began_ms: at_ms - 1,
        receiver: receiver.to_owned(),
        integration: "webhook".to_owned(),
        index: 0,
        group_key: "{}:{}".to_owned(),
        group_labels: Texts::new(),
        reason: Reason::First,
        attempt: 1,
        firing: vec![of.fingerprint().to_string()],
        resolved: Vec::new(),
        outcome,
        answer: "200 OK".to_owned(),
    }
}

fn open(fs: &SimFs) -> Journal {
    Journal::open(Arc::new(fs.clone()), Path::new("/j"), |_| ()).unwrap()
}

#[test]
fn what_happened_is_found_by_alert_receiver_time_and_result() {
    let fs = SimFs::new();
    let journal = open(&fs);
    let (a, b) = (alert("A"), alert("B"));
    journal.append(&[Entry::fired(&a, 10, false), Entry::fired(&b, 11, false)]).unwrap();
    journal.append(&[attempt(12, "one", Outcome::Again, &a)]).unwrap();
    journal
        .append(&[attempt(13, "one", Outcome::Delivered, &a), attempt(14, "two", Outcome::Delivered, &b)])
        .unwrap();
    journal.append(&[Entry::resolved(&a, 15)]).unwrap();
    let times = |journal: &Journal, search: Search| -> Vec<i64> {
        journal.search(&search).unwrap().iter().map(Entry::at_ms).collect()
    };
    let all = Search::default;
    let of_a = || Search { alert: Some(a.fingerprint().to_string()), ..all() };
    drop(journal);
    fs.kill();
    let journal = open(&fs);
    assert_eq!(times(&journal, all()), [15, 14, 13, 12, 11, 10]);
    assert_eq!(times(&journal, of_a()), [15, 13, 12, 10]);
    assert_eq!(times(&journal, Search { from_ms: 11, to_ms: 13, ..of_a() }), [13, 12]);
    assert_eq!(times(&journal, Search { receiver: Some("one".to_owned()), ..all() }), [13, 12]);
    assert_eq!(times(&journal, Search { outcome: Some(Outcome::Delivered), ..all() }), [14, 13]);
    assert_eq!(times(&journal, Search { most: 2, ..all() }), [15, 14]);
    let labels = vec![Matcher::equal("alertname", "B")];
    assert_eq!(times(&journal, Search { labels, ..all() }), [11]);
}

use model::Matcher;

#[test]
fn what_is_old_goes_by_segments() {
    let fs = SimFs::new();
    let journal = open(&fs);
    let a = alert("A");
    for at in 0..200 {
        journal.append(&[Entry::fired(&a, at, false)]).unwrap();
    }
    assert!(journal.segment() > 4);
    assert_eq!(journal.first_to_keep(0, u64::MAX).unwrap(), None);
    let keep = journal.first_to_keep(100, u64::MAX).unwrap().unwrap();
    journal.remove_before(keep).unwrap();
    let left = journal.search(&Search::default()).unwrap();
    let oldest = left.last().unwrap().at_ms();
    assert!((60..=100).contains(&oldest), "whole segments: {oldest}");
    assert_eq!(left[0].at_ms(), 199);
    let keep = journal.first_to_keep(0, 1).unwrap().unwrap();
    assert_eq!(keep, journal.segment(), "all but the newest, by size");
}
