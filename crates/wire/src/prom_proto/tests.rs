use model::Span;
use proptest::prelude::*;

use super::*;
use crate::remote_write::proto::{put_bytes, put_double, put_varint};

fn tagged(out: &mut Vec<u8>, number: u32, value: u64) {
    put_varint(out, u64::from(number) << 3);
    put_varint(out, value);
}

fn nested(number: u32, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let (mut inner, mut out) = (Vec::new(), Vec::new());
    fill(&mut inner);
    put_bytes(&mut out, number, &inner);
    out
}

fn pair(number: u32, name: &str, value: &str) -> Vec<u8> {
    nested(number, |out| {
        put_bytes(out, 1, name.as_bytes());
        put_bytes(out, 2, value.as_bytes());
    })
}

/// A body of one family.
fn family(name: &str, kind: u64, metric: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut inner = Vec::new();
    put_bytes(&mut inner, 1, name.as_bytes());
    put_bytes(&mut inner, 2, b"Help");
    tagged(&mut inner, 3, kind);
    inner.extend(nested(4, metric));
    let mut out = Vec::new();
    put_varint(&mut out, inner.len() as u64);
    out.extend(inner);
    out
}

fn only(body: &[u8]) -> (Family<'_>, Metric<'_>) {
    let mut parser = Parser::new(body);
    let family = parser.next_family().unwrap().unwrap();
    let metric = family.metrics().next_metric().unwrap().unwrap();
    (family, metric)
}

fn counter_body() -> Vec<u8> {
    family("a_total", 0, |out| {
        out.extend(pair(1, "x", "y"));
        out.extend(nested(3, |out| {
            put_double(out, 1, 1.5);
            out.extend(nested(2, |out| {
                out.extend(pair(1, "trace_id", "t"));
                put_double(out, 2, 0.5);
                out.extend(nested(3, |out| {
                    tagged(out, 1, 10);
                    tagged(out, 2, 500_000_000);
                }));
            }));
            out.extend(nested(3, |out| tagged(out, 1, 7)));
        }));
        tagged(out, 6, 1234);
    })
}

fn histogram_body() -> Vec<u8> {
    family("h", 4, |out| {
        out.extend(nested(7, |out| {
            tagged(out, 1, 6);
            put_double(out, 2, 18.4);
            out.extend(nested(3, |out| {
                tagged(out, 1, 2);
                put_double(out, 2, 0.5);
            }));
            tagged(out, 5, 6); // schema 3
            put_double(out, 6, 0.001);
            tagged(out, 7, 1);
            out.extend(nested(12, |out| {
                tagged(out, 1, 3); // offset -2
                tagged(out, 2, 2);
            }));
            tagged(out, 13, 4); // 2
            tagged(out, 13, 2); // +1: 3
        }));
    })
}

#[test]
fn a_counter_with_exemplar_and_start() {
    let body = counter_body();
    let (family, metric) = only(&body);
    assert_eq!((family.name, family.help, family.kind), ("a_total", "Help", Kind::Counter));
    assert_eq!((metric.labels, metric.timestamp_ms, metric.start_ms), (vec![("x", "y")], Some(1234), 7000));
    let exemplar = Exemplar { labels: vec![("trace_id", "t")], value: 0.5, timestamp_ms: Some(10_500) };
    assert_eq!(metric.value, Value::Number(1.5, Some(exemplar)));
}

#[test]
fn a_histogram_is_classic_and_native() {
    let body = histogram_body();
    let (_, metric) = only(&body);
    let Value::Histogram(h) = metric.value else { panic!("{metric:?}") };
    assert!(h.is_native() && h.integer);
    assert_eq!(h.buckets, [Bucket { upper: 0.5, count: 2.0, exemplar: None }]);
    assert_eq!((h.native.schema, h.native.count, h.native.zero_count), (3, 6.0, 1.0));
    assert_eq!(h.native.positive_spans, [Span { offset: -2, length: 2 }]);
    assert_eq!(h.native.positive_buckets, [2.0, 3.0]);
    assert_eq!(h.native(true).reset_hint, model::ResetHint::Gauge);
}

#[test]
fn an_empty_span_makes_a_histogram_native() {
    let body = family("h", 4, |out| out.extend(nested(7, |out| out.extend(nested(12, |_| {})))));
    let (_, metric) = only(&body);
    let Value::Histogram(h) = metric.value else { panic!("{metric:?}") };
    assert!(h.is_native() && h.native.positive_spans.is_empty());
    let body = family("h", 4, |out| out.extend(nested(7, |out| tagged(out, 1, 1))));
    let (_, metric) = only(&body);
    let Value::Histogram(h) = metric.value else { panic!("{metric:?}") };
    assert!(!h.is_native() && h.native.count == 1.0);
}

#[test]
fn a_summary() {
    let body = family("s", 2, |out| {
        out.extend(nested(4, |out| {
            tagged(out, 1, 3);
            put_double(out, 2, 6.0);
            out.extend(nested(3, |out| {
                put_double(out, 1, 0.5);
                put_double(out, 2, 2.0);
            }));
        }));
    });
    let (_, metric) = only(&body);
    assert_eq!(metric.value, Value::Summary { count: 3.0, sum: 6.0, quantiles: vec![(0.5, 2.0)] });
}

/// Reads everything; an error is as good as an end.
fn walk(body: &[u8]) {
    let mut parser = Parser::new(body);
    while let Ok(Some(family)) = parser.next_family() {
        let mut metrics = family.metrics();
        while let Ok(Some(metric)) = metrics.next_metric() {
            if let Value::Histogram(h) = metric.value {
                let _ = h.native(false).check_whole();
            }
        }
    }
}

#[test]
fn damaged_bodies_end_in_an_error() {
    let body = [counter_body(), histogram_body()].concat();
    for cut in 1..body.len() {
        let mut parser = Parser::new(&body[..cut]);
        let mut families = 0;
        while let Ok(Some(_)) = parser.next_family() {
            families += 1;
        }
        assert!(families < 2, "{cut}");
    }
    for at in 0..body.len() {
        for flip in [1u8, 0x80, 0xff] {
            let mut damaged = body.clone();
            damaged[at] ^= flip;
            walk(&damaged);
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        walk(&body);
    }

    #[test]
    fn numbers_come_back(value: f64, label in "[a-z]{1,8}") {
        let body = family("g", 1, |out| {
            out.extend(pair(1, &label, "v"));
            out.extend(nested(2, |out| put_double(out, 1, value)));
        });
        let (family, metric) = only(&body);
        prop_assert_eq!(family.kind, Kind::Gauge);
        prop_assert_eq!(metric.labels, vec![(label.as_str(), "v")]);
        let Value::Number(got, None) = metric.value else { panic!() };
        prop_assert_eq!(got.to_bits(), value.to_bits());
    }
}
