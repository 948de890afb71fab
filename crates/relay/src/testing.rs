//! For tests: a log in memory, and a receiver that holds every request to the specification.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use model::metrics::Family;
use model::{
    Ctx, FeedBatch, FeedLag, FeedSample, FeedValue, Follower, Labels, Listing, Matcher, MetricFeed,
    MetricReader, Result, SelectHints, Selected, Selection, TimeRange,
};
use parking_lot::Mutex;
use wire::remote_write::{self, Item, Series, v2};

/// A log in memory.
#[derive(Default)]
pub(crate) struct MemoryFeed {
    /// Bytes that were given up.
    pub(crate) lost: std::sync::atomic::AtomicU64,
    pub(crate) log: Mutex<Vec<FeedSample>>,
    /// Acknowledged positions by follower.
    pub(crate) places: Mutex<HashMap<String, u64>>,
    series: Mutex<HashMap<Labels, Arc<Labels>>>,
}

impl MemoryFeed {
    pub(crate) fn push(&self, labels: &Labels, t: i64, value: FeedValue) {
        let mut known = self.series.lock();
        let series = Arc::clone(known.entry(labels.clone()).or_insert_with(|| Arc::new(labels.clone())));
        self.log.lock().push(FeedSample { series, t, start: 0, value });
    }

    pub(crate) fn float(&self, i: usize, t: i64, v: f64) {
        self.push(&series(i), t, FeedValue::Float(v));
    }

    pub(crate) fn acknowledged(&self, name: &str) -> u64 {
        self.places.lock().get(name).copied().unwrap_or(0)
    }
}

pub(crate) fn series(i: usize) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("job", "test"), ("i", &i.to_string())])
}

/// The way to a shared log.
pub(crate) struct Feed(pub(crate) Arc<MemoryFeed>);

struct Reader {
    feed: Arc<MemoryFeed>,
    name: String,
    at: usize,
}

impl MetricFeed for Feed {
    fn follow(&self, name: &str, _cap_bytes: u64) -> Result<Box<dyn Follower>> {
        let at = *self.0.places.lock().entry(name.to_owned()).or_insert(0) as usize;
        Ok(Box::new(Reader { feed: Arc::clone(&self.0), name: name.to_owned(), at }))
    }

    fn forget_others(&self, keep: &[String]) -> Result<()> {
        self.0.places.lock().retain(|name, _| keep.contains(name));
        Ok(())
    }

    fn lag(&self, name: &str) -> FeedLag {
        let log = self.0.log.lock();
        let newest = log.iter().map(|s| s.t).max().unwrap_or(0);
        let bytes = log.len() as u64 - self.0.acknowledged(name);
        let lost_bytes = self.0.lost.load(std::sync::atomic::Ordering::Relaxed);
        let accepted = log.len() as u64;
        FeedLag { bytes, lost_bytes, newest_accepted_ms: newest, accepted, ..FeedLag::default() }
    }
}

impl Follower for Reader {
    fn next(&mut self, max: usize, out: &mut FeedBatch) -> Result<bool> {
        out.samples.clear();
        let log = self.feed.log.lock();
        let end = log.len().min(self.at + max);
        out.samples.extend_from_slice(&log[self.at..end]);
        self.at = end;
        out.position = end as u64;
        Ok(!out.samples.is_empty())
    }

    fn acknowledge(&mut self, position: u64) -> Result<()> {
        let mut places = self.feed.places.lock();
        let place = places.entry(self.name.clone()).or_default();
        *place = position.max(*place);
        Ok(())
    }
}

/// A reader of metadata only.
pub(crate) struct Families(pub(crate) Vec<Family>);

impl MetricReader for Families {
    fn select(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: &SelectHints) -> Result<Selection> {
        Ok(Selection::complete(Selected::Series(Vec::new())))
    }

    fn label_names(&self, _: &Ctx, _: &[Matcher], _: TimeRange, _: usize) -> Result<Listing> {
        Ok(Listing::default())
    }

    fn label_values(&self, _: &Ctx, _: &str, _: &[Matcher], _: TimeRange, _: usize) -> Result<Listing> {
        Ok(Listing::default())
    }

    fn families(&self, _: &Ctx, _: Option<&str>) -> Result<Vec<Family>> {
        Ok(self.0.clone())
    }
}

/// What a receiver got.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// Floats by series, in the order in which they came.
    pub(crate) floats: BTreeMap<Labels, Vec<(i64, u64)>>,
    pub(crate) histograms: Vec<(Labels, i64, model::Histogram)>,
    pub(crate) exemplars: Vec<(Labels, model::Exemplar)>,
    pub(crate) families: Vec<Family>,
    /// The most samples of one request.
    pub(crate) largest: usize,
    pub(crate) attempts: Vec<u32>,
    pub(crate) headers: HeaderMap,
    /// Refuse requests with a sample older than the newest of its series, whole, as Prometheus does.
    pub(crate) strict: bool,
}

impl Got {
    pub(crate) fn count(&self) -> usize {
        self.floats.values().map(Vec::len).sum()
    }
}

type Judge = Box<dyn Fn(usize) -> Response + Send + Sync>;

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) got: Arc<Mutex<Got>>,
    pub(crate) requests: Arc<AtomicUsize>,
    judge: Arc<Mutex<Judge>>,
}

#[derive(Clone)]
struct Shared {
    got: Arc<Mutex<Got>>,
    requests: Arc<AtomicUsize>,
    judge: Arc<Mutex<Judge>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v1/write", listener.local_addr().unwrap());
        let judge: Judge = Box::new(|_| StatusCode::NO_CONTENT.into_response());
        let shared =
            Shared { got: Arc::default(), requests: Arc::default(), judge: Arc::new(Mutex::new(judge)) };
        let app = axum::Router::new()
            .route("/api/v1/write", axum::routing::post(receive))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, got: shared.got, requests: shared.requests, judge: shared.judge }
    }

    /// From here on requests are answered so, by their number; only those of a 2xx are taken.
    pub(crate) fn answer(&self, judge: impl Fn(usize) -> Response + Send + Sync + 'static) {
        *self.judge.lock() = Box::new(judge);
    }

    /// Waits until it has so many floats.
    pub(crate) async fn has(&self, count: usize) {
        self.until(|got| got.count() >= count).await;
        assert_eq!(self.got.lock().count(), count, "nothing arrives twice");
    }

    pub(crate) async fn until(&self, condition: impl Fn(&Got) -> bool) {
        wait(|| condition(&self.got.lock())).await;
    }

    pub(crate) fn asked(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

pub(crate) async fn wait(condition: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(tokio::time::Instant::now() < end, "waited in vain");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

async fn receive(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(header(&headers, "content-encoding"), "snappy");
    assert!(header(&headers, "user-agent").starts_with("Bonghwa/"), "{headers:?}");
    let v2 = match header(&headers, "x-prometheus-remote-write-version") {
        "0.1.0" => false,
        "2.0.0" => true,
        other => panic!("version {other:?}"),
    };
    let content_type = if v2 {
        "application/x-protobuf;proto=io.prometheus.write.v2.Request"
    } else {
        "application/x-protobuf"
    };
    assert_eq!(header(&headers, "content-type"), content_type);
    let number = shared.requests.fetch_add(1, Ordering::SeqCst);
    let mut response = (shared.judge.lock())(number);
    let mut got = shared.got.lock();
    got.attempts.push(header(&headers, "retry-attempt").parse().unwrap_or(0));
    got.headers = headers;
    if response.status().is_success() {
        let mut decoded = Vec::new();
        remote_write::decompress(&body, 64 << 20, &mut decoded).unwrap();
        if got.strict && !v2 && disordered(&decoded, &got) {
            return (StatusCode::BAD_REQUEST, "out of order sample").into_response();
        }
        let count = if v2 { take_v2(&decoded, &mut got) } else { take_v1(&decoded, &mut got) };
        got.largest = got.largest.max(count);
        if v2 {
            let headers = response.headers_mut();
            headers.insert("x-prometheus-remote-write-samples-written", (count as u64).into());
        }
    }
    response
}

fn disordered(body: &[u8], got: &Got) -> bool {
    let mut one = Got::default();
    take_v1(body, &mut one);
    one.floats.iter().any(|(labels, points)| {
        let newest = got.floats.get(labels).and_then(|known| known.last());
        points.first().is_some_and(|(t, _)| newest.is_some_and(|(newest, _)| t <= newest))
    })
}

fn take_v1(body: &[u8], got: &mut Got) -> usize {
    let mut reader = remote_write::Reader::new(body);
    let (mut series, mut count) = (Series::default(), 0);
    while let Some(item) = reader.next_item(&mut series).unwrap() {
        match item {
            Item::Series => count += take(&mut series, got),
            Item::Metadata(family) => got.families.push(Family {
                name: family.family.to_owned(),
                kind: family.kind.to_owned(),
                help: family.help.to_owned(),
                unit: family.unit.to_owned(),
            }),
        }
    }
    count
}

fn take_v2(body: &[u8], got: &mut Got) -> usize {
    let mut reader = v2::Reader::new(body).unwrap();
    let (mut series, mut count) = (Series::default(), 0);
    while reader.next_series(&mut series).unwrap() {
        if let Some(family) = &series.metadata {
            got.families.push(Family {
                name: String::new(),
                kind: family.kind.to_owned(),
                help: family.help.to_owned(),
                unit: family.unit.to_owned(),
            });
        }
        count += take(&mut series, got);
    }
    count
}

fn take(series: &mut Series<'_>, got: &mut Got) -> usize {
    assert!(series.labels.is_sorted(), "labels are sorted");
    let labels = series.to_labels().unwrap();
    assert_eq!(labels.len(), series.labels.len(), "no label is empty or there twice");
    for point in &series.points {
        got.floats.entry(labels.clone()).or_default().push((point.t, point.v.to_bits()));
    }
    got.histograms.extend(series.histograms.iter().map(|h| (labels.clone(), h.t, h.value.clone())));
    got.exemplars.extend(series.exemplars.iter().map(|e| (labels.clone(), e.to_model())));
    series.points.len() + series.histograms.len() + series.exemplars.len()
}
