//! Debian's prometheus as sender, reader and federating server; vmagent as sender.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tests::{Bonghwa, eventually};
use wire::remote_write::{Encoder, Point};

use crate::peer::{Peer, ask, now_ms};

/// Ours without collectors of its own: only what is sent is there.
pub fn bonghwa(folder: &Path, config: &str, args: &[&str]) -> Bonghwa {
    let file = folder.join("ours.yml");
    std::fs::write(&file, format!("scrape_configs: []\n{config}")).unwrap();
    let config = format!("--config.file={}", file.display());
    let args: Vec<&str> = [config.as_str()].into_iter().chain(args.iter().copied()).collect();
    Bonghwa::start(&folder.join("ours"), &args).unwrap()
}

/// A range query of both, over the same time.
fn both(ours: &Bonghwa, peer: &Peer, query: &str, start: i64, end: i64) -> (Value, Value) {
    let (start, end) = ((start / 1000).to_string(), (end / 1000).to_string());
    let parameters = [("query", query), ("start", start.as_str()), ("end", end.as_str()), ("step", "1")];
    let data = |answer: Value| answer["data"]["result"].clone();
    (
        data(ask(ours.client(), &ours.url, "query_range", &parameters)),
        data(peer.ask("query_range", &parameters)),
    )
}

pub fn writes_to_us() {
    let folder = tempfile::tempdir().unwrap();
    let ours = bonghwa(folder.path(), "", &["--web.enable-remote-write-receiver"]);
    let started = now_ms();
    // It scrapes us, of all things: hundreds of series are there at once.
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: b, static_configs: [{{targets: ['{}']}}]}}]\n\
         remote_write: [{{url: '{}/api/v1/write', queue_config: {{batch_send_deadline: 200ms}}}}]\n",
        ours.url.trim_start_matches("http://"),
        ours.url
    );
    let peer = Peer::prometheus(folder.path(), &config);
    eventually("ten scrapes arrived", Duration::from_secs(90), || {
        ours.value("count_over_time(up{job=\"b\"}[5m])").filter(|n| *n >= 10.0)
    });
    let end = now_ms() - 3000;
    for query in
        ["up", "bonghwa_queries", "sum by (code) (bonghwa_http_requests_total)", "scrape_samples_scraped"]
    {
        let (ours, theirs) = both(&ours, &peer, query, started, end);
        assert!(theirs.as_array().is_some_and(|rows| !rows.is_empty()), "{query}: {theirs}");
        assert_eq!(ours, theirs, "{query}: ours, theirs");
    }
    let metadata = eventually("metadata arrived", Duration::from_secs(120), || {
        let all = ours.json("/api/v1/metadata?metric=bonghwa_queries").ok()?;
        all["data"]["bonghwa_queries"].as_array().filter(|entries| !entries.is_empty()).cloned()
    });
    assert_eq!(metadata[0]["type"], "gauge");
}

pub fn vmagent_writes_to_us() {
    let folder = tempfile::tempdir().unwrap();
    let ours = bonghwa(folder.path(), "", &["--web.enable-remote-write-receiver"]);
    let target = ours.url.trim_start_matches("http://");
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: [{{job_name: b, static_configs: [{{targets: ['{target}']}}]}}]\n"
    );
    std::fs::write(folder.path().join("agent.yml"), config).unwrap();
    let _agent = Peer::start("vmagent", folder.path(), "/health", |port| {
        vec![
            "-promscrape.config=agent.yml".to_owned(),
            format!("-httpListenAddr=127.0.0.1:{port}"),
            format!("-remoteWrite.url={}/api/v1/write", ours.url),
            "-remoteWrite.flushInterval=200ms".to_owned(),
            format!("-remoteWrite.tmpDataPath={}", folder.path().join("agent").display()),
        ]
    });
    eventually("scrapes arrived", Duration::from_secs(90), || {
        ours.value("count_over_time(up{job=\"b\"}[5m])").filter(|n| *n >= 3.0)
    });
    assert!(ours.value("bonghwa_queries{job=\"b\"}").is_some());
    assert_eq!(ours.value("bonghwa_remote_write_rejected_samples_total"), None, "nothing was refused");
}

/// An hour of samples every 10 s, off the grid of seconds (windows were closed in 2.42 and are left-open now): counters, a gauge with odd values, and a series that ended.
fn fill(ours: &Bonghwa, now: i64) {
    let mut encoder = Encoder::new();
    let times = || (0..360).map(move |i| now - 3_600_000 + i * 10_000 + 137);
    for n in 0..20 {
        let instance = format!("h{n}");
        let labels = [("__name__", "requests_total"), ("instance", instance.as_str()), ("job", "x")];
        encoder.series(labels, times().enumerate().map(|(i, t)| Point { t, v: (i * (n + 1)) as f64 * 0.25 }));
    }
    let odd = [0.1, -0.0, f64::INFINITY, f64::NAN, 1e-300, 12345.678];
    let points = times().enumerate().map(|(i, t)| Point { t, v: odd[i % odd.len()] });
    encoder.series([("__name__", "odd"), ("job", "x")], points);
    let ended = times().take(100).map(|t| Point { t, v: 1.0 });
    let marker = Point { t: now - 2_599_000, v: model::stale_nan() };
    encoder.series([("__name__", "ended"), ("job", "x")], ended.chain([marker]));
    let request = ours.client().post(format!("{}/api/v1/write", ours.url));
    let answer = request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send().unwrap();
    assert_eq!(answer.status(), 204, "{}", answer.text().unwrap_or_default());
}

pub fn reads_from_us() {
    let folder = tempfile::tempdir().unwrap();
    let config = "global: {external_labels: {site: s1}}\n";
    let ours = bonghwa(folder.path(), config, &["--web.enable-remote-write-receiver"]);
    let now = now_ms() / 1000 * 1000;
    fill(&ours, now);
    let config = format!(
        "global: {{external_labels: {{site: s1}}}}\nremote_read: [{{url: '{}/api/v1/read', read_recent: true}}]\n",
        ours.url
    );
    let peer = Peer::prometheus(folder.path(), &config);
    let (start, end) = ((now - 3_600_000) / 1000, now / 1000);
    for query in [
        "requests_total",
        "max by (job) (rate(requests_total[2m]))",
        "requests_total{instance=~\"h1.*\", job!=\"y\"}",
        "odd",
        "ended",
        "count(requests_total offset 5m)",
        "absent(nothing)",
    ] {
        let parameters =
            [("query", query), ("start", &start.to_string()), ("end", &end.to_string()), ("step", "30")];
        let (mine, theirs) =
            (ask(ours.client(), &ours.url, "query_range", &parameters), peer.ask("query_range", &parameters));
        let (mine, theirs) = (&mine["data"]["result"], &theirs["data"]["result"]);
        assert!(theirs.as_array().is_some_and(|rows| !rows.is_empty()), "{query}: {theirs}");
        assert_eq!(mine, theirs, "{query}: ours, theirs");
    }
    let answered = "bonghwa_http_requests_total{handler=\"/api/v1/read\",code=\"200\"}";
    let metrics = ours.get("/metrics").unwrap().text().unwrap();
    assert!(metrics.contains(answered), "it was answered by remote read:\n{metrics}");
}

pub fn federates_from_us() {
    let folder = tempfile::tempdir().unwrap();
    let config = "global: {external_labels: {site: s1}}\n";
    let ours = bonghwa(folder.path(), config, &["--web.enable-remote-write-receiver"]);
    let now = now_ms() / 1000 * 1000;
    fill(&ours, now);
    let config = format!(
        "scrape_configs: [{{job_name: f, scrape_interval: 1s, honor_labels: true, metrics_path: /federate, \
         params: {{'match[]': ['requests_total', '{{__name__=\"odd\"}}', 'ended']}}, \
         static_configs: [{{targets: ['{}']}}]}}]\n",
        ours.url.trim_start_matches("http://")
    );
    let peer = Peer::prometheus(folder.path(), &config);
    let newest = (now - 5_000) / 1000;
    let at = newest.to_string();
    let rows = eventually("federated", Duration::from_secs(60), || {
        let answer = peer.ask("query", &[("query", "requests_total"), ("time", &at)]);
        answer["data"]["result"].as_array().filter(|rows| rows.len() == 20).cloned()
    });
    for row in rows {
        let labels = &row["metric"];
        assert_eq!((&labels["job"], &labels["site"]), (&"x".into(), &"s1".into()), "{row}");
        let instance = labels["instance"].as_str().unwrap();
        let mine = ask(
            ours.client(),
            &ours.url,
            "query",
            &[("query", &format!("requests_total{{instance=\"{instance}\"}}")), ("time", &at)],
        );
        assert_eq!(row["value"], mine["data"]["result"][0]["value"], "{instance}");
    }
    let up = peer.ask("query", &[("query", "up{job=\"f\"}")]);
    assert_eq!(up["data"]["result"][0]["value"][1], "1", "{up}");
    let ended = peer.ask("query", &[("query", "ended"), ("time", &at)]);
    assert_eq!(ended["data"]["result"], serde_json::json!([]), "what ended is not federated");
}
