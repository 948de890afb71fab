use model::{Histogram, Labels, Span, stale_nan};
use proptest::prelude::*;

use super::*;

fn labels(n: usize) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("n", &n.to_string()), ("text", "a\"b\n한")])
}

fn histogram(count: f64) -> Histogram {
    Histogram {
        schema: 2,
        count: 2.0 * count,
        sum: 7.5,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        positive_buckets: vec![count, count],
        ..Histogram::default()
    }
}

fn encode(all: &[SeriesData]) -> Vec<u8> {
    let (mut encoder, mut body) = (Encoder::new(), Vec::new());
    for data in all {
        encoder
            .add::<Error>(data, &mut |frame| {
                body.extend_from_slice(&frame);
                Ok(())
            })
            .unwrap();
    }
    body.extend(encoder.finish().unwrap());
    body
}

type Read = (Vec<SeriesData>, Vec<String>, bool);

/// What is read of a body that comes in pieces of `size` bytes.
fn decode(body: &[u8], size: usize) -> Result<Read, Error> {
    let (mut frames, mut all, mut problems) = (Frames::default(), Vec::new(), Vec::new());
    for piece in body.chunks(size) {
        frames.push(piece);
        while let Some(frame) = frames.next_frame()? {
            read_frame::<Error>(frame, &mut |data, problem| {
                all.push(data.clone());
                problems.extend(problem);
                Ok(())
            })?;
        }
    }
    Ok((all, problems, frames.has_ended()))
}

#[test]
fn what_is_sent_arrives_whatever_the_pieces() {
    let mut all: Vec<SeriesData> = Vec::new();
    for n in 0..20 {
        let mut data = SeriesData { labels: labels(n), ..SeriesData::default() };
        for i in 0..3_000i64 {
            data.push_float(
                if n == 3 { 5 } else { 0 },
                i * 1_000,
                if i == 7 { stale_nan() } else { i as f64 },
            );
        }
        for i in 0..150 {
            data.push_histogram(0, i * 1_000 + 1, histogram(i as f64));
        }
        data.push_histogram(0, 900_001, Histogram { sum: stale_nan(), ..Histogram::default() });
        all.push(data);
    }
    let body = encode(&all);
    for size in [1 << 30, 100_000, 4_093] {
        let (read, problems, ended) = decode(&body, size).unwrap();
        assert!(ended && problems.is_empty(), "{problems:?}");
        let mut joined: Vec<SeriesData> = Vec::new();
        for part in read {
            match joined.last_mut().filter(|last| last.labels == part.labels) {
                Some(last) => last.append(&part),
                None => joined.push(part),
            }
        }
        assert_eq!(joined.len(), all.len());
        for (a, b) in joined.iter().zip(&all) {
            assert_eq!((&a.labels, &a.t, &a.start, a.histograms.len()), (&b.labels, &b.t, &b.start, 151));
            assert!(a.v.iter().zip(&b.v).all(|(a, b)| a.to_bits() == b.to_bits()));
            assert_eq!(a.histograms[3], b.histograms[3]);
        }
    }
    assert!(!decode(&body[..body.len() - 4], 1_000).unwrap().2, "a body without the mark was cut off");
}

#[test]
fn what_is_not_valid_is_told_and_the_rest_arrives() {
    let good = SeriesData { labels: labels(1), t: vec![1], v: vec![2.0], ..SeriesData::default() };
    let nameless = SeriesData { labels: Labels::from_pairs([("n", "1")]), ..good.clone() };
    let wrong = Histogram { count: -1.0, ..histogram(1.0) };
    let broken = SeriesData { labels: labels(2), histograms: vec![(5, wrong)], ..SeriesData::default() };
    let (read, problems, ended) = decode(&encode(&[nameless, good, broken]), 1 << 20).unwrap();
    assert!(ended && read.len() == 3);
    assert_eq!(problems.len(), 2);
    assert!(problems[0].contains("no metric name"), "{problems:?}");
    assert!(problems[1].starts_with("m{n=\"2\"") && problems[1].contains("negative"), "{problems:?}");
}

#[test]
fn a_frame_of_any_size_is_refused_before_it_is_waited_for() {
    let mut frames = Frames::default();
    frames.push(&u32::MAX.to_le_bytes());
    assert!(matches!(frames.next_frame(), Err(Error::TooLarge { .. })));
}

#[test]
fn what_comes_behind_the_mark_is_refused_and_not_kept() {
    let body = [encode(&[]), vec![7; 1 << 20]].concat();
    for size in [1 << 30, 4_096, 4] {
        let said = decode(&body, size).unwrap_err();
        assert!(said.to_string().contains("behind the mark"), "{said}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(mut body in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..4000, flip in 1u8..) {
        let _ = decode(&body, 7);
        let data = SeriesData { labels: labels(1), t: vec![1, 2], v: vec![2.0, 3.0], histograms: vec![(3, histogram(2.0))], ..SeriesData::default() };
        body = encode(&[data]);
        let place = at % body.len();
        body[place] ^= flip;
        let _ = decode(&body, 11);
    }
}
