use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use model::{ManualClock, SystemClock};

use super::*;

/// An Alertmanager that answers with the statuses it is told, then with 200.
#[derive(Clone, Default)]
struct Fake {
    answers: Arc<Mutex<Vec<u16>>>,
    posts: Arc<Mutex<Vec<serde_json::Value>>>,
}

impl Fake {
    async fn serve(&self, path: &str) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = Router::new().route(path, post(Self::take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        address
    }

    async fn take(State(fake): State<Self>, body: Bytes) -> StatusCode {
        let answer = fake.answers.lock().pop();
        if let Some(status) = answer.filter(|status| *status != 200) {
            return StatusCode::from_u16(status).unwrap();
        }
        fake.posts.lock().push(serde_json::from_slice(&body).unwrap());
        StatusCode::OK
    }

    fn received(&self) -> usize {
        self.posts.lock().iter().map(|post| post.as_array().unwrap().len()).sum()
    }
}

fn alert(name: &str) -> OutgoingAlert {
    OutgoingAlert {
        labels: Labels::from_pairs([("alertname", name), ("job", "j")]),
        annotations: [("text".to_owned(), "t".to_owned())].into(),
        starts_at_ms: 1000,
        ends_at_ms: 2000,
        generator_url: "http://here/graph".to_owned(),
    }
}

fn notifier(settings: Settings) -> Notifier {
    let clock = Arc::new(ManualClock::at_ms(0));
    Notifier::new(settings, Arc::default(), Arc::new(StaticDiscovery), clock, Handle::current())
}

fn apply(notifier: &Notifier, yaml: &str) {
    let config: AlertingConfig = serde_saphyr::from_str(yaml).unwrap();
    let external = Labels::from_pairs([("cluster", "c"), ("job", "not this")]);
    notifier.apply(notifier.prepare(config, external, false).unwrap());
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = SystemClock.now_ms();
    while !done() {
        assert!(SystemClock.now_ms() - begun < 60_000, "{what}: not in a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_are_relabelled_and_posted() {
    let fake = Fake::default();
    let address = fake.serve("/am/api/v2/alerts").await;
    let notifier = notifier(Settings::default());
    apply(
        &notifier,
        &format!(
            "alert_relabel_configs: [{{source_labels: [alertname], regex: Quiet, action: drop}}]\n\
             alertmanagers:\n- path_prefix: /am/\n  static_configs: [{{targets: ['{address}', 'other:1']}}]\n  \
             relabel_configs: [{{source_labels: [__address__], regex: 'other.*', action: drop}}]\n  \
             alert_relabel_configs: [{{target_label: added, replacement: yes}}]\n"
        ),
    );
    let status = notifier.status();
    assert_eq!(status.active, [format!("http://{address}/am/api/v2/alerts")]);
    assert_eq!(status.dropped, ["http://other:1/am/api/v2/alerts"]);
    notifier.send(vec![alert("Quiet"), alert("Loud")]);
    until("one alert", || fake.received() == 1).await;
    let posted = fake.posts.lock()[0][0].clone();
    assert_eq!(
        posted["labels"],
        serde_json::json!({"alertname": "Loud", "job": "j", "cluster": "c", "added": "yes"})
    );
    assert_eq!(posted["startsAt"], "1970-01-01T00:00:01.000Z");
    assert_eq!(posted["generatorURL"], "http://here/graph");
    notifier.stop().await;
    assert!(notifier.status().active.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_and_what_may_not_is_given_up() {
    let fake = Fake::default();
    let address = fake.serve("/api/v2/alerts").await;
    let notifier = notifier(Settings::default());
    apply(&notifier, &format!("alertmanagers: [{{static_configs: [{{targets: ['{address}']}}]}}]"));
    let labels = vec![("alertmanager".to_owned(), format!("http://{address}/api/v2/alerts"))];
    let metrics = notifier.metrics().clone();
    *fake.answers.lock() = vec![429, 503];
    notifier.send(vec![alert("A")]);
    until("sent", || metrics.sent.get_or_create(&labels).get() == 1).await;
    assert_eq!(metrics.errors.get_or_create(&labels).get(), 2);
    assert_eq!(metrics.dropped.get_or_create(&labels).get(), 0);
    *fake.answers.lock() = vec![400];
    notifier.send(vec![alert("B"), alert("C")]);
    until("given up", || metrics.dropped.get_or_create(&labels).get() == 2).await;
    assert_eq!((fake.received(), metrics.errors.get_or_create(&labels).get()), (1, 4));
    assert_eq!(metrics.discovered.get(), 1.0);
    notifier.stop().await;
    assert_eq!(metrics.discovered.get(), 0.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_sent_in_batches_before_the_end_or_dropped() {
    for drain in [true, false] {
        let fake = Fake::default();
        let address = fake.serve("/api/v2/alerts").await;
        let notifier = notifier(Settings { capacity: 100, batch: 4, drain });
        apply(&notifier, &format!("alertmanagers: [{{static_configs: [{{targets: ['{address}']}}]}}]"));
        // The first attempt of the first batch fails: the others wait behind its pause.
        *fake.answers.lock() = vec![503];
        notifier.send((0..10).map(|n| alert(&n.to_string())).collect());
        until("the first attempt", || fake.answers.lock().is_empty()).await;
        notifier.stop().await;
        let sizes: Vec<usize> = fake.posts.lock().iter().map(|p| p.as_array().unwrap().len()).collect();
        if drain {
            assert!(sizes.ends_with(&[4, 2]), "{sizes:?}");
        } else {
            assert!(sizes.iter().sum::<usize>() <= 4, "{sizes:?}");
        }
        notifier.send(vec![alert("late")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_section_keeps_its_queues_over_a_reload() {
    let fake = Fake::default();
    let address = fake.serve("/api/v2/alerts").await;
    let notifier = notifier(Settings::default());
    let section = format!("static_configs: [{{targets: ['{address}']}}]");
    apply(&notifier, &format!("alertmanagers: [{{{section}}}]"));
    let first = notifier.inner.lock().sets[0].clone();
    apply(&notifier, &format!("alertmanagers: [{{scheme: https, {section}}}, {{{section}}}]"));
    assert!(Arc::ptr_eq(&first, &notifier.inner.lock().sets[1]));
    apply(&notifier, "{}");
    assert!(notifier.status().active.is_empty());
    notifier.stop().await;
}
