//! Changing the number of shards while samples are on their way.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use model::{Labels, ManualClock};
use outbound::{Client, ClientOptions, HttpConfig};

use super::*;
use crate::testing::{Feed, MemoryFeed, Receiver};
use crate::write::body::Protocol;
use crate::write::metrics::Metrics;
use crate::write::post::Settings;

fn settings() -> Settings {
    Settings {
        log_failed: false,
        protocol: Protocol::V1,
        remote_timeout: Duration::from_secs(30),
        capacity: 50,
        min_shards: 1,
        max_shards: 9,
        max_samples_per_send: 7,
        batch_send_deadline: Duration::from_millis(5),
        min_backoff: Duration::from_millis(1),
        max_backoff: Duration::from_millis(2),
        retry_on_http_429: true,
        sample_age_limit: Duration::ZERO,
        send_exemplars: false,
        send_histograms: false,
        metadata_interval: Duration::ZERO,
        metadata_per_send: 1,
    }
}

async fn runner(feed: &Arc<MemoryFeed>, receiver: &Receiver, budget: Budget) -> Runner {
    let client = Client::new(&HttpConfig::default(), ClientOptions::default()).unwrap();
    let metrics = Metrics::default().queue("q", "u");
    let clock = Arc::new(ManualClock::at_ms(0));
    let url = receiver.url.parse().unwrap();
    let sender = Sender::new("q".into(), url, client, settings(), Default::default(), metrics, clock);
    let queue = Queue {
        sender: Arc::new(sender),
        rewrite: Rewrite { encode: true, ..Rewrite::default() },
        feed: Arc::new(Feed(Arc::clone(feed))),
        place: "q".into(),
        cap_bytes: 1,
        budget,
        gauges: Arc::default(),
        flush: CancellationToken::new(),
        abandon: CancellationToken::new(),
    };
    queue.begin().await.unwrap()
}

fn fill(feed: &MemoryFeed, samples: usize) {
    (0..samples).for_each(|k| feed.float(k % 23, k as i64, k as f64));
}

fn in_order(receiver: &Receiver, samples: usize) {
    let got = receiver.got.lock();
    let mut want = BTreeMap::<Labels, Vec<(i64, u64)>>::new();
    for k in 0..samples {
        want.entry(crate::testing::series(k % 23)).or_default().push((k as i64, (k as f64).to_bits()));
    }
    assert_eq!(got.floats, want);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_shards_loses_nothing_and_keeps_the_order() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    // Some requests fail, so that batches come back from shards that end while they wait to try again.
    receiver.answer(|n| match n % 3 {
        0 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => StatusCode::OK.into_response(),
    });
    let mut runner = runner(&feed, &receiver, Budget::unlimited()).await;
    fill(&feed, 3_000);
    for shards in [3, 1, 9, 2, 5, 4].into_iter().cycle() {
        let more = runner.read().await.unwrap();
        assert!(runner.hand_out().await);
        runner.reshard(shards).await;
        if !more {
            break;
        }
    }
    receiver.has(3_000).await;
    in_order(&receiver, 3_000);
    runner.stop_shards().await;
    runner.acknowledge().await;
    assert_eq!(feed.acknowledged("q"), 3_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shard_gives_back_is_not_acknowledged() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    receiver.answer(|n| match n {
        0 => StatusCode::OK.into_response(),
        _ => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    });
    let mut runner = runner(&feed, &receiver, Budget::unlimited()).await;
    fill(&feed, 20);
    runner.read().await.unwrap();
    runner.hand_out().await;
    crate::testing::wait(|| receiver.asked() > 2).await;
    let rest: usize = runner.stop_shards().await.iter().map(|piece| piece.items.len()).sum();
    assert_eq!(rest, 13, "all but the first batch of seven");
    runner.acknowledge().await;
    assert_eq!(feed.acknowledged("q"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_memory_is_short_it_goes_on_slowly() {
    let (feed, receiver) = (Arc::new(MemoryFeed::default()), Receiver::start().await);
    let budget = Budget::new("test", 16 << 10);
    let mut runner = runner(&feed, &receiver, budget.clone()).await;
    fill(&feed, 500);
    while runner.read().await.unwrap() {
        assert!(runner.hand_out().await);
        assert!(budget.used() <= 16 << 10);
    }
    receiver.has(500).await;
    in_order(&receiver, 500);
}
