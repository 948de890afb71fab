use model::{Histogram, Labels, MatchOp, Matcher, SeriesData, Span};
use proptest::prelude::*;

use super::*;
use crate::remote_write::Series;

fn request() -> ReadRequest {
    let matchers = vec![
        Matcher::equal("__name__", "up"),
        Matcher::new("job", MatchOp::NotRegex, "a|b").unwrap(),
        Matcher::new("x", MatchOp::NotEqual, "").unwrap(),
    ];
    let hints = Hints {
        step: 15_000,
        function: "rate".to_owned(),
        start: 5,
        end: 7,
        grouping: vec!["job".to_owned()],
        by: true,
        range: 60_000,
    };
    let query = Query { start: -5, end: 10, matchers, hints: Some(hints) };
    ReadRequest { queries: vec![query, Query::default()], accepted: vec![1, 0] }
}

#[test]
fn a_request_is_read_back() {
    assert_eq!(ReadRequest::decode(&request().encode()).unwrap(), request());
    let mut bad = Vec::new();
    crate::remote_write::proto::put_bytes(&mut bad, 1, b"\x1a\x0a\x08\x02\x12\x01a\x1a\x03(((");
    let error = ReadRequest::decode(&bad).unwrap_err();
    assert_eq!(error.kind, model::ErrorKind::Invalid);
    crate::remote_write::proto::put_bytes(&mut bad, 1, b"\x1a\x02\x08\x09");
    assert_eq!(ReadRequest::decode(&bad[14..]).unwrap_err().message, "invalid matcher type");
}

#[test]
fn the_first_answer_that_is_known_is_given() {
    let of =
        |accepted: &[u64]| ReadRequest { accepted: accepted.to_vec(), ..ReadRequest::default() }.negotiate();
    assert_eq!(of(&[]), Ok(ResponseType::Samples));
    assert_eq!(of(&[9, 1, 0]), Ok(ResponseType::StreamedChunks));
    assert_eq!(of(&[0, 1]), Ok(ResponseType::Samples));
    assert!(of(&[9]).unwrap_err().starts_with("server does not support any of the requested response types"));
}

#[test]
fn samples_are_read_back_query_by_query() {
    let labels = Labels::from_pairs([("__name__", "up"), ("job", "x")]);
    let histogram = Histogram {
        count: 2.0,
        positive_spans: vec![Span { offset: 3, length: 1 }],
        positive_buckets: vec![2.0],
        ..Histogram::default()
    };
    let data = SeriesData {
        t: vec![1, 3],
        v: vec![-0.0, model::stale_nan()],
        histograms: vec![(2, histogram.clone())],
        ..SeriesData::default()
    };
    let mut writer = ResponseWriter::new();
    writer.end_query();
    writer.series(&labels, &data);
    writer.end_query();
    let body = writer.into_bytes();
    let mut reader = ResponseReader::new(&body);
    let mut series = Series::default();
    assert_eq!(reader.next_series(&mut series), Ok(Some(1)));
    assert_eq!(series.to_labels(), Ok(labels));
    let bits: Vec<_> = series.points.iter().map(|p| (p.t, p.v.to_bits())).collect();
    assert_eq!(bits, [(1, (-0.0f64).to_bits()), (3, model::STALE_NAN_BITS)]);
    assert_eq!((series.histograms[0].t, &series.histograms[0].value), (2, &histogram));
    assert_eq!(reader.next_series(&mut series), Ok(None));
}

#[test]
fn frames_come_whole_or_not_at_all() {
    let chunk = ChunkRef { min_time: 1, max_time: 9, encoding: 1, bytes: b"\x00\x01abc" };
    let message = write_chunked(3, [("__name__", "up")], [chunk, chunk]);
    let mut stream = Vec::new();
    put_frame(&mut stream, &message);
    put_frame(&mut stream, &vec![7; 300]);
    let (body, used) = take_frame(&stream, 1 << 20).unwrap().unwrap();
    let read = read_chunked(body).unwrap();
    assert_eq!((read.len(), read[0].query, &read[0].chunks[..]), (1, 3, &[chunk, chunk][..]));
    assert_eq!(read[0].labels, [(b"__name__".as_slice(), b"up".as_slice())]);
    let second = &stream[used..];
    assert_eq!(take_frame(second, 1 << 20).unwrap().map(|(b, n)| (b.len(), n)), Some((300, 306)));
    for cut in 0..second.len() {
        assert_eq!(take_frame(&second[..cut], 1 << 20), Ok(None), "cut at {cut}");
    }
    assert!(take_frame(second, 299).is_err());
    let mut damaged = second.to_vec();
    damaged[50] ^= 1;
    assert!(take_frame(&damaged, 1 << 20).unwrap_err().to_string().contains("checksum mismatch"));
}

proptest! {
    #[test]
    fn any_bytes_and_damaged_messages_end(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let read = |bytes: &[u8]| {
            let _ = ReadRequest::decode(bytes);
            let _ = read_chunked(bytes);
            let _ = take_frame(bytes, 100);
            let mut reader = ResponseReader::new(bytes);
            let mut series = Series::default();
            while let Ok(Some(_)) = reader.next_series(&mut series) {}
        };
        read(&bytes);
        let mut body = request().encode();
        let at = at.index(body.len());
        body[at] = byte;
        read(&body);
    }
}
