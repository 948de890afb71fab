use model::Labels;
use proptest::prelude::*;

use super::*;

fn read(body: &[u8]) -> Result<Vec<(Labels, Vec<Point>)>, Error> {
    let mut reader = Reader::new(body);
    let mut series = Series::default();
    let mut all = Vec::new();
    while let Some(item) = reader.next_item(&mut series)? {
        if item == Item::Series {
            all.push((series.to_labels().unwrap_or_default(), series.points.clone()));
        }
    }
    Ok(all)
}

/// Series as a receiver reads them: labels passed over first. Values as bits.
fn read_late(body: &[u8]) -> Result<Vec<Bits>, Error> {
    let mut reader = Reader::new(body);
    let mut series = Series::default();
    let mut all = Vec::new();
    while let Some(item) = reader.next_unread(&mut series)? {
        if item == Item::Series {
            series.read_labels()?;
            all.push(bits(&series));
        }
    }
    Ok(all)
}

/// Likewise, with guesses of how long the labels are. A right one gives the right bytes before they are confirmed.
fn read_guessing(body: &[u8], guesses: &[u16]) -> Result<Vec<Bits>, Error> {
    let mut reader = Reader::new(body);
    let mut series = Series::default();
    let mut all = Vec::new();
    series.guess = guesses.first().copied().unwrap_or(0);
    while let Some(item) = reader.next_unread(&mut series)? {
        if item == Item::Series {
            let (guessed, raw) = (series.is_guess(), series.raw);
            series.confirm()?;
            assert!(!guessed || raw.len() == usize::from(series.guess));
            assert!(raw.len() != series.raw.len() || raw == series.raw);
            series.read_labels()?;
            all.push(bits(&series));
            series.guess = guesses.get(all.len()).copied().unwrap_or(0);
        }
    }
    Ok(all)
}

#[test]
fn a_right_guess_is_taken_and_a_wrong_one_found_out() {
    let mut encoder = Encoder::new();
    let points = [Point { t: 1_000, v: 1.0 }, Point { t: 2_000, v: -0.0 }];
    encoder.series([("__name__", "up"), ("job", "node")], points);
    let body = encoder.as_bytes().to_vec();
    let right = bits_lengths(&read_late(&body).unwrap());
    let mut reader = Reader::new(&body);
    let mut series = Series { guess: right[0], ..Series::default() };
    assert_eq!(reader.next_unread(&mut series), Ok(Some(Item::Series)));
    assert!(series.is_guess());
    assert_eq!((series.raw.len(), series.points.len()), (usize::from(right[0]), 2));
    let mut reader = Reader::new(&body);
    series.guess = right[0] - 1;
    assert_eq!(reader.next_unread(&mut series), Ok(Some(Item::Series)));
    assert!(!series.is_guess(), "no sample begins there");
    assert_eq!((series.raw.len(), series.points.len()), (usize::from(right[0]), 2));
}

fn bits_lengths(all: &[Bits]) -> Vec<u16> {
    all.iter().map(|b| b.0.len() as u16).collect()
}

fn read_at_once(body: &[u8]) -> Result<Vec<Bits>, Error> {
    let mut reader = Reader::new(body);
    let mut series = Series::default();
    let mut all = Vec::new();
    while let Some(item) = reader.next_item(&mut series)? {
        if item == Item::Series {
            all.push(bits(&series));
        }
    }
    Ok(all)
}

/// Raw labels, labels and samples.
type Bits = (Vec<u8>, Vec<(Vec<u8>, Vec<u8>)>, Vec<(i64, u64)>);

fn bits(series: &Series<'_>) -> Bits {
    let labels = series.labels.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
    (series.raw.to_vec(), labels, series.points.iter().map(|p| (p.t, p.v.to_bits())).collect())
}

#[test]
fn labels_that_are_passed_over_are_read_when_asked_for() {
    let mut encoder = Encoder::new();
    let points = [Point { t: 1 << 40, v: 0.0 }, Point { t: 0, v: -1.5 }, Point { t: 0, v: 0.0 }];
    let long = "x".repeat(300);
    encoder.series([("__name__", "up"), ("job", &long)], points);
    let mut reader = Reader::new(encoder.as_bytes());
    let mut series = Series::default();
    assert_eq!(reader.next_unread(&mut series), Ok(Some(Item::Series)));
    assert_eq!(series.labels, []);
    assert_eq!(series.points, points);
    series.read_labels().unwrap();
    assert_eq!(series.to_labels().unwrap().to_string(), format!("up{{job=\"{long}\"}}"));
    // A label that is none: its length goes beyond it.
    let body = b"\x0a\x08\x0a\x02\x0a\x05\x12\x02\x10\x01";
    let mut reader = Reader::new(body);
    assert_eq!(reader.next_unread(&mut series), Ok(Some(Item::Series)));
    let error = series.read_labels().unwrap_err();
    assert_eq!(error.to_string(), "protobuf, byte 6: a field is longer than its message");
}

fn request() -> Encoder {
    let mut encoder = Encoder::new();
    encoder.series(
        [("__name__", "up"), ("job", "node")],
        [Point { t: 1_000, v: 1.0 }, Point { t: -5, v: -0.0 }],
    );
    encoder.metadata("up", "gauge", "Whether.", "");
    encoder.series([("__name__", "stale")], [Point { t: 2, v: model::stale_nan() }]);
    encoder
}

#[test]
fn what_is_written_is_read_back_to_the_bit() {
    let body = request().finish().unwrap();
    let mut plain = Vec::new();
    decompress(&body, 1 << 20, &mut plain).unwrap();
    assert_eq!(Reader::check(&plain), Ok((2, 3)));
    let all = read(&plain).unwrap();
    assert_eq!(all[0].0, Labels::from_pairs([("__name__", "up"), ("job", "node")]));
    assert_eq!(all[0].1[1].t, -5);
    assert_eq!(all[0].1[1].v.to_bits(), (-0.0f64).to_bits());
    assert!(model::is_stale_nan(all[1].1[0].v));
}

#[test]
fn metadata_is_read() {
    let encoder = request();
    let mut reader = Reader::new(encoder.as_bytes());
    let mut series = Series::default();
    let mut found = Vec::new();
    while let Some(item) = reader.next_item(&mut series).unwrap() {
        if let Item::Metadata(m) = item {
            found.push(m);
        }
    }
    assert_eq!(found, [Metadata { family: "up", kind: "gauge", help: "Whether.", unit: "" }]);
}

#[test]
fn exemplars_and_native_histograms_are_read() {
    // timeseries { labels { "__name__": "a" } exemplars { labels {"t":"1"} value 2 timestamp 3 } histograms {} }
    let mut label = Vec::new();
    proto::put_bytes(&mut label, 1, b"__name__");
    proto::put_bytes(&mut label, 2, b"a");
    let mut exemplar = Vec::new();
    proto::put_bytes(&mut exemplar, 1, b"\x0a\x01t\x12\x011");
    proto::put_double(&mut exemplar, 2, 2.0);
    proto::put_int(&mut exemplar, 3, 3);
    let mut message = Vec::new();
    proto::put_bytes(&mut message, 1, &label);
    proto::put_bytes(&mut message, 3, &exemplar);
    proto::put_bytes(&mut message, 4, b"");
    let mut body = Vec::new();
    proto::put_bytes(&mut body, 1, &message);
    let mut series = Series::default();
    assert_eq!(Reader::new(&body).next_item(&mut series), Ok(Some(Item::Series)));
    assert_eq!(series.histograms, [HistogramPoint { integer: true, ..HistogramPoint::default() }]);
    let expected = Exemplar { labels: vec![(b"t".as_slice(), b"1".as_slice())], value: 2.0, t: 3 };
    assert_eq!(series.exemplars, [expected]);
    assert_eq!(series.raw.len(), label.len() + 2);
}

#[test]
fn labels_are_sorted_and_checked() {
    let check = |pairs: &[(&'static str, &'static str)]| {
        let mut encoder = Encoder::new();
        encoder.series(pairs.iter().copied(), []);
        let mut series = Series::default();
        Reader::new(encoder.as_bytes()).next_item(&mut series).unwrap();
        series.to_labels().map(|labels| labels.to_string())
    };
    assert_eq!(check(&[("z", "1"), ("__name__", "a"), ("e", "")]).as_deref(), Ok("a{z=\"1\"}"));
    assert_eq!(check(&[("a", "1")]), Err(BadLabels::NoName));
    assert_eq!(check(&[("__name__", "")]), Err(BadLabels::NoName));
    assert_eq!(check(&[("__name__", "a"), ("", "1")]), Err(BadLabels::EmptyLabelName));
    assert_eq!(check(&[("__name__", "a"), ("b", "1"), ("b", "2")]), Err(BadLabels::Duplicate("b".into())));
    let mut bad = Series { labels: vec![(b"__name__", b"\xff")], ..Series::default() };
    assert_eq!(bad.to_labels(), Err(BadLabels::NotUtf8("__name__".into())));
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let bomb = snap::raw::Encoder::new().compress_vec(&vec![0; 10 << 20]).unwrap();
    let mut out = Vec::new();
    let refused = decompress(&bomb, 1 << 20, &mut out);
    assert_eq!(refused, Err(Error::TooLarge { size: 10 << 20, limit: 1 << 20 }));
    assert_eq!(out.capacity(), 0);
    // A size that is declared but not there.
    assert!(matches!(decompress(b"\xff\xff\x03abc", 1 << 20, &mut out), Err(Error::Snappy(_))));
    assert!(matches!(decompress(b"", 1 << 20, &mut out), Err(Error::Snappy(_))));
}

#[test]
fn every_truncation_is_an_error_or_a_shorter_request() {
    let encoder = request();
    let whole = encoder.as_bytes();
    let starts = [0, whole.len()];
    for cut in 0..whole.len() {
        match read(&whole[..cut]) {
            Ok(all) => assert!(all.len() < 2 || starts.contains(&cut), "cut at {cut}"),
            Err(error) => assert_eq!(error.kind(), model::ErrorKind::Invalid),
        }
    }
    let wrong = Reader::new(b"\x08\x01").next_item(&mut Series::default()).unwrap_err();
    assert!(wrong.to_string().starts_with("protobuf, byte 2: timeseries"), "{wrong}");
}

proptest! {
    #[test]
    fn any_bytes_end_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes);
        let mut out = Vec::new();
        let _ = decompress(&bytes, 1 << 16, &mut out);
        prop_assert!(out.len() <= 1 << 16);
    }

    #[test]
    fn flipped_bytes_end_without_a_panic(at in 0usize..100, byte in any::<u8>()) {
        let mut body = request().as_bytes().to_vec();
        let at = at % body.len();
        body[at] = byte;
        let _ = read(&body);
    }

    #[test]
    fn any_series_survives_the_round_trip(
        pairs in proptest::collection::btree_map("[a-z_]{1,5}", "\\PC{1,8}", 0..6),
        points in proptest::collection::vec((any::<i64>(), any::<u64>()), 0..20),
    ) {
        let labels = Labels::from_pairs(pairs.into_iter().chain([("__name__".into(), "m".into())]));
        let points: Vec<Point> = points.iter().map(|(t, v)| Point { t: *t, v: f64::from_bits(*v) }).collect();
        let mut encoder = Encoder::new();
        encoder.series(labels.iter(), points.iter().copied());
        let all = read(encoder.as_bytes()).unwrap();
        prop_assert_eq!(&all[0].0, &labels);
        let bits = |p: &[Point]| p.iter().map(|p| (p.t, p.v.to_bits())).collect::<Vec<_>>();
        prop_assert_eq!(bits(&all[0].1), bits(&points));
    }

    #[test]
    fn passing_labels_over_changes_nothing(
        series in proptest::collection::vec(
            (
                proptest::collection::vec(("[a-z_]{1,9}", proptest::collection::vec(any::<char>(), 0..90)), 0..5),
                proptest::collection::vec((prop_oneof![Just(0i64), any::<i64>(), 0..1i64 << 41], any::<u64>()), 0..4),
            ),
            1..5,
        ),
        flips in proptest::collection::vec((0usize..2000, any::<u8>()), 0..3),
        wrong in proptest::collection::vec(0u16..200, 5),
    ) {
        let mut encoder = Encoder::new();
        for (labels, points) in &series {
            let labels: Vec<(String, String)> =
                labels.iter().map(|(n, v)| (n.clone(), v.iter().collect())).collect();
            encoder.series(
                labels.iter().map(|(n, v)| (n.as_str(), v.as_str())),
                points.iter().map(|(t, v)| Point { t: *t, v: f64::from_bits(if *v % 4 == 0 { 0 } else { *v }) }),
            );
        }
        let mut body = encoder.as_bytes().to_vec();
        for (at, byte) in flips {
            let at = at % body.len();
            body[at] = byte;
        }
        match (read_late(&body), read_at_once(&body)) {
            (Ok(late), Ok(at_once)) => {
                prop_assert_eq!(&late, &at_once);
                prop_assert_eq!(&read_guessing(&body, &wrong).unwrap(), &at_once);
                prop_assert_eq!(&read_guessing(&body, &bits_lengths(&at_once)).unwrap(), &at_once);
            }
            (late, at_once) => prop_assert_eq!(late.is_err(), at_once.is_err()),
        }
    }
}
