use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::{
    Budget, CancelFlag, Ctx, Histogram, Labels, Matcher, MetricReader, SelectHints, Selected, Selection,
    SeriesData, TimeRange,
};
use parking_lot::Mutex;
use wire::remote_read::{ChunkRef, ReadRequest, ResponseWriter, STREAM_TYPE, put_frame, write_chunked};

use super::*;
use crate::config::RemoteReadConfig;

/// Series that every remote and the local store may have.
type Samples = Vec<(&'static str, Vec<(i64, f64)>)>;

fn data(points: &[(i64, f64)]) -> SeriesData {
    let (t, v) = points.iter().copied().unzip();
    SeriesData { t, v, ..SeriesData::default() }
}

fn labels(name: &str) -> Labels {
    Labels::from_pairs([("__name__", name), ("job", "j")])
}

fn local(samples: &Samples) -> Arc<dyn MetricReader> {
    let store = testkit::MemoryMetrics::new();
    for (name, points) in samples {
        store.insert(&labels(name), points.clone());
    }
    Arc::new(store)
}

type Asked = Arc<Mutex<Vec<(ReadRequest, HeaderMap)>>>;

/// A remote that answers everything with what `answer` makes.
async fn remote(
    answer: impl Fn(&ReadRequest) -> Response + Clone + Send + Sync + 'static,
) -> (String, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let handle = move |headers: HeaderMap, body: Bytes| {
        let mut decoded = Vec::new();
        wire::remote_write::decompress(&body, 1 << 20, &mut decoded).unwrap();
        let request = ReadRequest::decode(&decoded).unwrap();
        let response = answer(&request);
        seen.lock().push((request, headers));
        async { response }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/read", listener.local_addr().unwrap());
    let app = axum::Router::new().route("/read", axum::routing::post(handle));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, asked)
}

fn as_samples(samples: &Samples, extra: &[(&str, &str)]) -> Response {
    let mut writer = ResponseWriter::new();
    for (name, points) in samples {
        let mut pairs: Vec<(&str, &str)> = vec![("__name__", name), ("job", "j")];
        pairs.extend_from_slice(extra);
        writer.series(pairs, &data(points));
    }
    writer.end_query();
    let body = wire::remote_write::compress(&writer.into_bytes()).unwrap();
    ([("content-type", "application/x-protobuf"), ("content-encoding", "snappy")], body).into_response()
}

fn as_stream(series: &[(&str, SeriesData)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, data) in series {
        let mut chunks = Vec::new();
        let options = wire::chunk::Options { max_samples: 3, ..Default::default() };
        wire::chunk::encode(data, options, |chunk| chunks.push(chunk));
        // Series come in parts: a frame for each chunk.
        for chunk in &chunks {
            let piece = ChunkRef {
                min_time: chunk.min_time,
                max_time: chunk.max_time,
                encoding: chunk.encoding.code(),
                bytes: &chunk.bytes,
            };
            put_frame(&mut body, &write_chunked(0, [("__name__", *name), ("job", "j")], [piece]));
        }
    }
    body
}

fn streamed(body: Vec<u8>) -> Response {
    ([("content-type", STREAM_TYPE)], body).into_response()
}

fn config(url: &str, more: &str) -> RemoteReadConfig {
    serde_saphyr::from_str(&format!("{{url: '{url}', read_recent: true{more}}}")).unwrap()
}

fn combined(local: Arc<dyn MetricReader>, configs: &[RemoteReadConfig]) -> Arc<Combined> {
    let combined = Combined::new(local, Arc::new(|| Some(1_000)));
    let external = BTreeMap::from([("region".to_owned(), "kr".to_owned())]);
    combined.apply(configs, &external).unwrap();
    Arc::new(combined)
}

/// Reads on a thread of its own, as queries do.
async fn select(
    reader: &Arc<Combined>,
    ctx: Ctx,
    matchers: Vec<Matcher>,
    range: TimeRange,
) -> model::Result<Selection> {
    let reader = Arc::clone(reader);
    tokio::task::spawn_blocking(move || reader.select(&ctx, &matchers, range, &SelectHints::default()))
        .await
        .unwrap()
}

fn series(selection: Selection) -> BTreeMap<String, SeriesData> {
    let Selected::Series(partitions) = selection.data else { panic!("a grid") };
    let mut all = BTreeMap::new();
    for mut partition in partitions {
        let mut data = SeriesData::default();
        while partition.next(&mut data).unwrap() {
            let before = all.insert(data.labels.metric_name().to_owned(), data.clone());
            assert!(before.is_none(), "each series once");
        }
    }
    all
}

fn floats(all: &BTreeMap<String, SeriesData>, name: &str) -> Vec<(i64, f64)> {
    all[name].t.iter().copied().zip(all[name].v.iter().copied()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn series_of_both_are_merged_and_the_local_sample_wins() {
    let (first, asked) = remote(|_| {
        as_samples(
            &vec![("both", vec![(1, 1.0), (2, 1.0), (3, 1.0)]), ("far", vec![(5, 5.0)])],
            &[("region", "kr")],
        )
    })
    .await;
    let (second, _) =
        remote(|_| streamed(as_stream(&[("both", data(&[(3, 9.0), (4, 9.0), (7, 9.0)]))]))).await;
    let store = local(&vec![("both", vec![(2, 2.0), (6, 2.0)]), ("near", vec![(1, 7.0)])]);
    let reader = combined(store, &[config(&first, ""), config(&second, "")]);
    let selection =
        select(&reader, Ctx::unbounded(), vec![Matcher::equal("job", "j")], TimeRange::new(0, 100)).await;
    let selection = selection.unwrap();
    assert_eq!(selection.warnings, Vec::<String>::new());
    let all = series(selection);
    assert_eq!(floats(&all, "both"), [(1, 1.0), (2, 2.0), (3, 1.0), (4, 9.0), (6, 2.0), (7, 9.0)]);
    assert_eq!((floats(&all, "far"), floats(&all, "near")), (vec![(5, 5.0)], vec![(1, 7.0)]));
    assert_eq!(all["far"].labels, labels("far"), "external labels are taken out");
    let (request, headers) = asked.lock().pop().unwrap();
    let query = &request.queries[0];
    assert_eq!((query.start, query.end, request.accepted), (0, 100, vec![1, 0]));
    let names: Vec<&str> = query.matchers.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["job", "region"]);
    assert_eq!(headers.get("x-prometheus-remote-read-version").unwrap(), "0.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_bring_histograms_and_reach_beyond_the_range() {
    let h = |count| Histogram { count, zero_count: count, ..Histogram::default() };
    let histograms =
        SeriesData { histograms: (0..9).map(|t| (t, h(t as f64))).collect(), ..SeriesData::default() };
    let body =
        as_stream(&[("h", histograms), ("f", data(&[(0, 0.0), (1, 1.0), (2, 2.0), (3, 3.0), (9, 9.0)]))]);
    let (url, _) = remote(move |_| streamed(body.clone())).await;
    let reader = combined(local(&Vec::new()), &[config(&url, "")]);
    let selection = select(&reader, Ctx::unbounded(), Vec::new(), TimeRange::new(2, 5)).await.unwrap();
    let all = series(selection);
    assert_eq!(
        all["h"].histograms.iter().map(|(t, h)| (*t, h.count)).collect::<Vec<_>>(),
        [(2, 2.0), (3, 3.0), (4, 4.0), (5, 5.0)]
    );
    assert_eq!(floats(&all, "f"), [(2, 2.0), (3, 3.0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_fails_is_a_warning() {
    let near = || local(&vec![("near", vec![(1, 7.0)])]);
    let answer = |bytes: Vec<u8>, kind: &'static str| {
        move |_: &ReadRequest| ([("content-type", kind)], bytes.clone()).into_response()
    };
    let whole = as_stream(&[("f", data(&[(1, 1.0), (2, 2.0)]))]);
    let torn = whole[..whole.len() - 3].to_vec();
    let mut damaged = whole.clone();
    damaged[12] ^= 0xff;
    let mut bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f];
    bomb.extend([0; 100]);
    let cases = [
        (
            remote(|_| (StatusCode::FORBIDDEN, "no\nmore").into_response()).await.0,
            "HTTP status 403 Forbidden: no",
        ),
        (remote(answer(vec![1, 2, 3], "application/x-protobuf")).await.0, "error reading response"),
        (remote(answer(bomb, "application/x-protobuf")).await.0, "decompressed body has 4294967295 bytes"),
        (remote(answer(torn, STREAM_TYPE)).await.0, "it ends within a frame"),
        (remote(answer(damaged, STREAM_TYPE)).await.0, "checksum mismatch"),
        (
            remote(answer(whole, "application/x-streamed-protobuf; proto=other")).await.0,
            "its content type is",
        ),
        ("http://127.0.0.1:1/read".to_owned(), "error sending request: Post \"http://127.0.0.1:1/read\""),
    ];
    for (url, message) in cases {
        let reader = combined(near(), &[config(&url, "")]);
        let selection = select(&reader, Ctx::unbounded(), Vec::new(), TimeRange::new(0, 100)).await.unwrap();
        assert_eq!(selection.warnings.len(), 1, "{message}");
        assert!(selection.warnings[0].starts_with("remote_read: "), "{:?}", selection.warnings);
        assert!(selection.warnings[0].contains(message), "{:?}", selection.warnings);
        assert_eq!(floats(&series(selection), "near"), [(1, 7.0)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_and_the_memory_have_limits() {
    let points: Vec<(i64, f64)> = (0..20_000).map(|t| (t, t as f64 * 1.1)).collect();
    let body = as_stream(&[("f", data(&points))]);
    let (url, _) = remote(move |_| streamed(body.clone())).await;
    let store = || local(&Vec::new());
    let reader = combined(store(), &[config(&url, ", chunked_read_limit: 20")]);
    let all = || TimeRange::new(0, 100_000);
    let selection = select(&reader, Ctx::unbounded(), Vec::new(), all()).await.unwrap();
    assert!(selection.warnings[0].contains("limit is 20"), "{:?}", selection.warnings);
    let reader = combined(store(), &[config(&url, "")]);
    let budget = Budget::new("test", 100_000);
    let ctx = Ctx { budget: budget.clone(), ..Ctx::unbounded() };
    let selection = select(&reader, ctx, Vec::new(), all()).await.unwrap();
    assert!(selection.warnings[0].contains("memory limit: test"), "{:?}", selection.warnings);
    drop(selection);
    assert_eq!(budget.used(), 0);
    let selection = select(&reader, Ctx::unbounded(), Vec::new(), all()).await.unwrap();
    assert_eq!(floats(&series(selection), "f"), points);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_concerned_is_not_asked() {
    let (url, asked) = remote(|_| as_samples(&vec![("far", vec![(5, 5.0)])], &[])).await;
    let mut recent = config(&url, ", required_matchers: {job: j}");
    recent.read_recent = false;
    let reader = combined(local(&Vec::new()), &[recent]);
    let job = || vec![Matcher::equal("job", "j")];
    // The local store has everything from 1000 on.
    for (matchers, range, want) in [
        (job(), TimeRange::new(1_001, 2_000), None),
        (vec![Matcher::equal("job", "k")], TimeRange::new(0, 2_000), None),
        (job(), TimeRange::new(0, 2_000), Some(1_000)),
        (job(), TimeRange::new(0, 500), Some(500)),
    ] {
        select(&reader, Ctx::unbounded(), matchers, range).await.unwrap();
        assert_eq!(asked.lock().pop().map(|(request, _)| request.queries[0].end), want);
    }
    let listing = reader.label_values(&Ctx::unbounded(), "job", &job(), TimeRange::new(0, 10), 0).unwrap();
    assert_eq!(listing.warnings, ["not implemented"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_does_not_wait_for_a_remote_longer_than_it_may() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/read", listener.local_addr().unwrap()); // accepts, and says nothing
    let reader = combined(local(&Vec::new()), &[config(&url, "")]);
    let cancel = CancelFlag::default();
    let ctx = Ctx { cancel: cancel.clone(), ..Ctx::unbounded() };
    let waiting = tokio::spawn({
        let reader = Arc::clone(&reader);
        async move { select(&reader, ctx, Vec::new(), TimeRange::new(0, 1)).await.map(|_| ()) }
    });
    let _accepted = listener.accept().await.unwrap();
    cancel.cancel();
    assert_eq!(waiting.await.unwrap().unwrap_err().kind, model::ErrorKind::Timeout);
    let ctx = Ctx { deadline: Some(Instant::now() + Duration::from_millis(50)), ..Ctx::unbounded() };
    // Either the query or the request notices first.
    match select(&reader, ctx, Vec::new(), TimeRange::new(0, 1)).await {
        Ok(selection) => assert_eq!(selection.warnings.len(), 1),
        Err(error) => assert_eq!(error.kind, model::ErrorKind::Timeout),
    }
}
