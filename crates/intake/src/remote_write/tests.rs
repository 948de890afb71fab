use wire::remote_write::Encoder;

use super::*;
use crate::memory::Memory;

fn receiver() -> (Receiver, Arc<Memory>) {
    let store = Arc::new(Memory::default());
    (Receiver::new(store.clone(), 1000), store)
}

fn body(t: i64) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.series([("__name__", "a"), ("job", "x")], [Point { t, v: 1.0 }, Point { t: t + 1, v: 2.0 }]);
    encoder.metadata("a", "gauge", "Help.", "");
    encoder.series([("__name__", "b")], [Point { t, v: 3.0 }]);
    encoder.as_bytes().to_vec()
}

#[test]
fn a_known_series_is_not_resolved_again() {
    let (receiver, store) = receiver();
    let first = receiver.write(&Tenant::default(), &body(10)).unwrap();
    let second = receiver.write(&Tenant::default(), &body(20)).unwrap();
    assert_eq!((first.accepted, second.accepted, first.rejected), (3, 3, 0));
    assert_eq!(store.resolved(), 2);
    assert_eq!(store.samples().len(), 6);
    assert_eq!(store.families()[0].name, "a");
}

#[test]
fn a_reference_that_the_store_dropped_is_resolved_again_and_no_sample_is_lost() {
    let (receiver, store) = receiver();
    receiver.write(&Tenant::default(), &body(10)).unwrap();
    store.collect_garbage();
    let outcome = receiver.write(&Tenant::default(), &body(20)).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (3, 0));
    assert_eq!(store.resolved(), 4);
    assert_eq!(receiver.write(&Tenant::default(), &body(30)).unwrap().accepted, 3);
    assert_eq!(store.resolved(), 4, "the new references are remembered");
}

#[test]
fn a_bad_series_is_refused_and_the_others_are_stored() {
    let (receiver, store) = receiver();
    let mut encoder = Encoder::new();
    encoder.series([("job", "x")], [Point { t: 1, v: 1.0 }, Point { t: 2, v: 1.0 }]);
    encoder.series([("__name__", "ok")], [Point { t: 1, v: 1.0 }, Point { t: 1, v: 2.0 }]);
    let outcome = receiver.write(&Tenant::default(), encoder.as_bytes()).unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (1, 3));
    assert_eq!(outcome.first_error.as_deref(), Some("the series has no metric name"));
    assert_eq!(store.samples(), [("ok".to_owned(), 1, 1.0)]);
}

#[test]
fn nothing_of_a_broken_body_is_stored() {
    let (receiver, store) = receiver();
    let mut broken = body(10);
    broken.extend_from_slice(&[0x0a, 0x7f]);
    let error = receiver.write(&Tenant::default(), &broken).unwrap_err();
    assert_eq!(error.kind, model::ErrorKind::Invalid);
    assert!(store.samples().is_empty());
}

#[test]
fn the_cache_is_bounded() {
    let store = Arc::new(Memory::default());
    let receiver = Receiver::new(store, 32);
    for i in 0..500 {
        let mut encoder = Encoder::new();
        encoder.series([("__name__", "a"), ("i", i.to_string().as_str())], [Point { t: 1, v: 1.0 }]);
        receiver.write(&Tenant::default(), encoder.as_bytes()).unwrap();
    }
    assert!(receiver.cache.len() <= 32);
}
