//! Every request that Grafana's Prometheus data source makes, to Debian's prometheus and to this program, both
//! scraping the same target: the same status, the same shape of the answer.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a panic is the report of a test, the count is said"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use testkit::prometheus::Prometheus;
use tests::{Bonghwa, Case, Component, eventually};

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    tests::run(&[Case {
        name: "every_request_of_grafana_is_answered_as_prometheus_answers_it",
        needs: &[PROMETHEUS],
        test: every_request_of_grafana_is_answered_as_prometheus_answers_it,
    }]);
}

const BODY: &str = "# HELP requests Requests served.\n# TYPE requests counter\n\
requests_total{code=\"200\"} 5 # {trace_id=\"abc\"} 1\nrequests_total{code=\"500\"} 1\n\
# HELP latency_seconds Time taken.\n# TYPE latency_seconds histogram\n# UNIT latency_seconds seconds\n\
latency_seconds_bucket{le=\"1.0\"} 4 # {trace_id=\"def\"} 0.5\nlatency_seconds_bucket{le=\"+Inf\"} 5\n\
latency_seconds_sum 3.5\nlatency_seconds_count 5\n# TYPE version info\nversion_info{v=\"1\"} 1\n# EOF\n";

/// A target for both; ends with the test's process.
fn target() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let mut head = [0u8; 4096];
            let _ = socket.read(&mut head);
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            let length = BODY.len();
            let text = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{BODY}"
            );
            let _ = socket.write_all(text.as_bytes());
        }
    });
    port
}

const RULES: &str = "groups:\n- name: g\n  rules:\n  - record: code:requests:sum\n    expr: sum by (code) (requests_total)\n  \
- alert: Always\n    expr: requests_total > 0\n    for: 1h\n    labels: { severity: page }\n    annotations: { summary: 's {{ $value }}' }\n";

fn write_config(folder: &Path, port: u16) {
    std::fs::write(folder.join("rules.yml"), RULES).unwrap();
    let text = format!(
        "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [rules.yml]\nscrape_configs:\n\
         - job_name: app\n  static_configs:\n  - targets: ['127.0.0.1:{port}']\n"
    );
    std::fs::write(folder.join("prometheus.yml"), text).unwrap();
}

/// One request as Grafana makes it.
struct Ask {
    post: bool,
    path: String,
    form: Vec<(&'static str, String)>,
}

fn requests(now: f64) -> Vec<Ask> {
    let time = |ago: f64| format!("{:.3}", now - ago);
    let range = || vec![("start", time(600.0)), ("end", time(0.0))];
    let with = |form: Vec<(&'static str, String)>, more: &[(&'static str, &str)]| {
        form.into_iter().chain(more.iter().map(|(n, v)| (*n, (*v).to_owned()))).collect::<Vec<_>>()
    };
    let mut all = Vec::new();
    let mut both = |path: &str, form: Vec<(&'static str, String)>| {
        for post in [true, false] {
            all.push(Ask { post, path: path.to_owned(), form: form.clone() });
        }
    };
    for query in [
        "1+1",
        "requests_total",
        "sum by (code) (rate(requests_total[5m]))",
        "histogram_quantile(0.95, sum by (le) (rate(latency_seconds_bucket[1m])))",
        "absent(nothing)",
        "sum(",
        "requests_total[5m]",
        "\"text\"",
    ] {
        both("query", vec![("query", query.to_owned()), ("time", time(0.0))]);
        both("query_range", with(range(), &[("query", query), ("step", "15")]));
        both("query_exemplars", with(range(), &[("query", query)]));
    }
    both("query", vec![("query", "up".to_owned()), ("time", time(0.0)), ("timeout", "30s".to_owned())]);
    both("query_range", with(range(), &[("query", "up"), ("step", "0.001")]));
    // Grafana asks with milliseconds whether there are exemplars at all.
    let millis = [
        ("query", "test".to_owned()),
        ("start", format!("{:.0}", (now - 1800.0) * 1000.0)),
        ("end", format!("{:.0}", now * 1000.0)),
    ];
    both("query_exemplars", millis.to_vec());
    both("labels", range());
    both("labels", with(range(), &[("match[]", "requests_total"), ("limit", "40000")]));
    both("labels", with(range(), &[("match[]", "{__name__=~\".+\"}")]));
    both("labels", with(range(), &[("match[]", "requests_total{")]));
    both("series", with(range(), &[("match[]", "requests_total{code=\"200\"}"), ("limit", "40000")]));
    both("series", with(range(), &[("match[]", "{__name__=~\".+\"}")]));
    both("series", with(range(), &[("match[]", "{}")]));
    both("series", range());
    let mut get = |path: &str, form: Vec<(&'static str, String)>| {
        all.push(Ask { post: false, path: path.to_owned(), form });
    };
    for name in ["__name__", "code", "nothing", "job"] {
        get(&format!("label/{name}/values"), range());
        get(
            &format!("label/{name}/values"),
            with(range(), &[("match[]", "requests_total"), ("limit", "40000")]),
        );
    }
    get("label/__name__/values", with(range(), &[("match[]", "{__name__=~\".*requests.*\"}")]));
    get("metadata", Vec::new());
    get("metadata", vec![("limit", "40000".to_owned())]);
    // All there are: which ones fewer would be is by chance there.
    get("metadata", vec![("limit", "3".to_owned())]);
    get("metadata", vec![("metric", "latency_seconds".to_owned())]);
    get("targets/metadata", vec![("metric", "latency_seconds".to_owned())]);
    get("rules", Vec::new());
    get("rules", vec![("type", "alert".to_owned())]);
    get("alerts", Vec::new());
    get("alertmanagers", Vec::new());
    get("targets", Vec::new());
    get("targets", vec![("state", "active".to_owned())]);
    get("scrape_pools", Vec::new());
    for status in ["buildinfo", "runtimeinfo", "flags", "config", "tsdb", "walreplay"] {
        get(&format!("status/{status}"), Vec::new());
    }
    get("format_query", vec![("query", "sum(up)by(job)".to_owned())]);
    get("format_query", vec![("query", "sum(".to_owned())]);
    get("nothing", Vec::new());
    all
}

fn ask(client: &reqwest::blocking::Client, base: &str, ask: &Ask) -> (u16, Value) {
    let url = format!("{base}/api/v1/{}", ask.path);
    let request = if ask.post {
        client.post(url).form(&ask.form)
    } else {
        client.get(reqwest::Url::parse_with_params(&url, &ask.form).unwrap())
    };
    let answer = request.send().unwrap();
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().unwrap()).unwrap_or_default())
}

/// The first place where ours lacks something that theirs has, or has something of another kind. Newer versions
/// have added members; none was taken away.
fn lacking(place: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => b.iter().find_map(|(name, value)| match a.get(name) {
            Some(mine) => lacking(&format!("{place}/{name}"), mine, value),
            // Names of flags, of metrics: what a map of them holds differs.
            None if place.ends_with("/flags") || place.is_empty() && name == "warnings" => None,
            None => Some(format!("{place}/{name} is missing")),
        }),
        (Value::Array(a), Value::Array(b)) => match (a.first(), b.first()) {
            (Some(x), Some(y)) => lacking(&format!("{place}/0"), x, y),
            (None, Some(_)) => Some(format!("{place} is empty")),
            _ => None,
        },
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => None,
        (a, b) => Some(format!("{place} is {a}, there it is {b}")),
    }
}

fn every_request_of_grafana_is_answered_as_prometheus_answers_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = target();
    let program = testkit::reference("prometheus").unwrap();
    let flags = ["--web.enable-lifecycle", "--enable-feature=exemplar-storage"];
    let reference = Prometheus::start_with(&program, folder.path(), &flags).unwrap();
    let theirs = format!("http://{}", reference.address());
    write_config(folder.path(), port);
    let config = format!("--config.file={}", folder.path().join("prometheus.yml").display());
    let bonghwa = Bonghwa::start(&folder.path().join("ours"), &[&config]).unwrap();
    let client = bonghwa.client();
    assert_eq!(client.post(format!("{theirs}/-/reload")).send().unwrap().status(), 200);
    for base in [&bonghwa.url, &theirs] {
        let has = |path: &str, form: Vec<(&'static str, String)>| {
            let (_, answer) = ask(client, base, &Ask { post: false, path: path.to_owned(), form });
            let data = &answer["data"];
            let list = data.as_array().or(data["result"].as_array()).or(data["alerts"].as_array());
            list.is_some_and(|list| !list.is_empty())
        };
        eventually("scraped, evaluated, exemplars and metadata there", Duration::from_secs(60), || {
            (has("query", vec![("query", "count_over_time(code:requests:sum[1m]) > 3".to_owned())])
                && has("alerts", Vec::new())
                && has("query_exemplars", vec![("query", "requests_total".to_owned())])
                && has("targets/metadata", Vec::new()))
            .then_some(())
        });
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let all = requests(now);
    let mut wrong = Vec::new();
    for one in &all {
        let (our_status, our_body) = ask(client, &bonghwa.url, one);
        let (their_status, their_body) = ask(client, &theirs, one);
        // An answer without exemplars has no body since 3.0.
        let problem = if our_status != their_status {
            Some(format!("{our_status} instead of {their_status}: {our_body} {their_body}"))
        } else {
            lacking("", &our_body["status"], &their_body["status"])
                .or_else(|| {
                    lacking(
                        &format!("/{}", one.path.rsplit('/').next().unwrap()),
                        &our_body["data"],
                        &their_body["data"],
                    )
                })
                .or_else(|| {
                    (our_body["errorType"] != their_body["errorType"])
                        .then(|| format!("{our_body} {their_body}"))
                })
        };
        if let Some(problem) = problem {
            let method = if one.post { "POST" } else { "GET" };
            wrong.push(format!("{method} {} {:?}: {problem}", one.path, one.form));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
    println!("{} requests are answered alike", all.len());
}
