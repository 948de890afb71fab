use model::{Histogram, Labels, Span};
use proptest::prelude::*;

use super::*;

fn histogram() -> Histogram {
    Histogram {
        schema: -1,
        count: 10.0,
        sum: -0.5,
        zero_count: 1.0,
        zero_threshold: 1e-9,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }],
        positive_buckets: vec![1.0, 5.0, 0.0],
        negative_spans: vec![Span { offset: 4, length: 1 }],
        negative_buckets: vec![3.0],
        ..Histogram::default()
    }
}

fn request() -> Encoder {
    let exemplar = model::Exemplar { labels: Labels::from_pairs([("trace_id", "봉")]), t: 7, v: 0.25 };
    let float = Histogram { count: 10.5, reset_hint: model::ResetHint::Gauge, ..histogram() };
    let mut encoder = Encoder::new();
    encoder.begin([("__name__", "a_total"), ("job", "x")]);
    encoder.point(Point { t: 5, v: 1.0 }, 0).point(Point { t: 6, v: 2.0 }, 3);
    encoder.exemplar(&exemplar).metadata("counter", "Help.", "seconds").end();
    encoder.begin([("__name__", "h"), ("job", "x")]);
    encoder.histogram(5, 2, &histogram()).histogram(6, 0, &float).end();
    encoder
}

fn read(body: &[u8]) -> Result<usize, Error> {
    let mut reader = Reader::new(body)?;
    let mut series = Series::default();
    let mut all = 0;
    while reader.next_series(&mut series)? {
        let _ = series.to_labels();
        for point in &mut series.histograms {
            let _ = point.make_storable();
        }
        all += 1;
    }
    Ok(all)
}

#[test]
fn what_is_written_is_read_back() {
    let body = request().to_bytes();
    let mut reader = Reader::new(&body).unwrap();
    let mut series = Series::default();
    assert!(reader.next_series(&mut series).unwrap());
    assert_eq!(series.to_labels().unwrap(), Labels::from_pairs([("__name__", "a_total"), ("job", "x")]));
    assert_eq!(series.points, [Point { t: 5, v: 1.0 }, Point { t: 6, v: 2.0 }]);
    assert_eq!(series.starts, [0, 3]);
    let metadata = series.metadata.unwrap();
    assert_eq!((metadata.kind, metadata.help, metadata.unit), ("counter", "Help.", "seconds"));
    assert_eq!(series.exemplars[0].to_model().labels, Labels::from_pairs([("trace_id", "봉")]));
    assert!(reader.next_series(&mut series).unwrap());
    assert_eq!(series.histograms.len(), 2);
    let (mut whole, mut float) = (series.histograms[0].clone(), series.histograms[1].clone());
    assert_eq!((whole.t, whole.start, whole.integer), (5, 2, true));
    assert_eq!(whole.value, histogram());
    assert_eq!((float.integer, float.value.count), (false, 10.5));
    assert_eq!(float.value.reset_hint, model::ResetHint::Gauge);
    assert_eq!((whole.make_storable(), float.make_storable()), (Ok(()), Ok(())));
    assert!(!reader.next_series(&mut series).unwrap());
}

#[test]
fn references_outside_the_table_spoil_one_series_only() {
    let mut body = request().to_bytes();
    body.extend_from_slice(b"\x2a\x03\x0a\x01\x01"); // an odd number of references
    body.extend_from_slice(b"\x2a\x05\x0a\x03\x01\xff\x01"); // 255
    let mut reader = Reader::new(&body).unwrap();
    let mut series = Series::default();
    let mut seen = Vec::new();
    while reader.next_series(&mut series).unwrap() {
        seen.push(series.to_labels());
    }
    assert_eq!(seen.len(), 4);
    assert!(seen[0].is_ok() && seen[1].is_ok());
    assert_eq!(seen[2], Err(BadLabels::OddReferences(1)));
    assert!(matches!(seen[3], Err(BadLabels::Reference { reference: 255, .. })));
}

#[test]
fn a_request_of_version_1_has_no_series_here() {
    let mut one = super::super::Encoder::new();
    one.series([("__name__", "a")], [Point { t: 1, v: 1.0 }]);
    assert_eq!(read(one.as_bytes()), Ok(0));
}

#[test]
fn more_buckets_than_allowed_are_refused() {
    let mut message = Vec::new();
    super::super::proto::put_bytes(&mut message, 12, &vec![0; (1 << 16) + 1]);
    let error = read_histogram(Message { bytes: &message, at: 0 }).unwrap_err();
    assert!(error.to_string().contains("more than 65536 buckets"), "{error}");
}

proptest! {
    #[test]
    fn any_bytes_and_damaged_requests_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<proptest::sample::Index>(),
        cut in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let _ = read(&bytes);
        let mut body = request().to_bytes();
        let at = at.index(body.len());
        body[at] = byte;
        body.truncate(cut.index(body.len()) + 1);
        let _ = read(&body);
    }
}
