//! Rules after `kill -9`: they wait until the log is read back, so nothing is resolved that still burns, and a pending
//! alert goes on where it was.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tests::{Bonghwa, eventually};
use wire::remote_write::{Encoder, Point};

use crate::now_ms;

const LIMIT: Duration = Duration::from_secs(60);

/// Takes alerts as an Alertmanager does, and remembers them.
fn receiver() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let alerts: Arc<Mutex<Vec<Value>>> = Arc::default();
    let into = alerts.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap_or(0);
                }
                line.clear();
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_ok()
                && let Ok(Value::Array(rows)) = serde_json::from_slice(&body)
            {
                into.lock().unwrap().extend(rows);
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
            let _ = reader.get_mut().write_all(answer);
        }
    });
    (address, alerts)
}

fn alert(server: &Bonghwa, name: &str) -> Option<Value> {
    let answer = server.json("/api/v1/alerts").ok()?;
    answer["data"]["alerts"].as_array()?.iter().find(|a| a["labels"]["alertname"] == name).cloned()
}

pub(crate) fn rules_wait_for_the_log_and_go_on_where_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let (address, received) = receiver();
    let rules = "groups: [{name: g, interval: 500ms, rules: [\
                 {alert: Hot, expr: 'temperature > 30', labels: {severity: page}}, \
                 {alert: Long, expr: 'temperature > 30', for: 20m}]}]\n";
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let config = folder.path().join("prometheus.yml");
    let text = format!(
        "scrape_configs: []\nrule_files: [rules.yml]\nalerting: {{alertmanagers: [{{static_configs: \
         [{{targets: ['{address}']}}]}}]}}\n"
    );
    std::fs::write(&config, text).unwrap();
    let config = format!("--config.file={}", config.display());
    let args = [config.as_str(), "--web.enable-remote-write-receiver"];
    let data = folder.path().join("data");
    let server = Bonghwa::start(&data, &args).unwrap();
    let mut encoder = Encoder::new();
    encoder.series([("__name__", "temperature")], std::iter::once(Point { t: now_ms(), v: 40.0 }));
    let answer = server.client().post(format!("{}/api/v1/write", server.url));
    let body = encoder.finish().unwrap();
    assert_eq!(answer.header("content-encoding", "snappy").body(body).send().unwrap().status(), 204);
    let firing = |server: &Bonghwa| alert(server, "Hot").filter(|a| a["state"] == "firing");
    eventually("it fires", LIMIT, || firing(&server));
    eventually("the other is pending for longer than a start takes", LIMIT, || {
        server.value("time() - ALERTS_FOR_STATE{alertname='Long'}").filter(|age| *age > 10.0)
    });
    eventually("it is sent", LIMIT, || (!received.lock().unwrap().is_empty()).then_some(()));

    server.kill().unwrap();
    let server = Bonghwa::start(&data, &args).unwrap();
    eventually("it fires again", LIMIT, || firing(&server));
    let status = server.json("/api/bonghwa/v1/status").unwrap();
    let started = status["started_ms"].as_f64().unwrap() / 1e3;
    // As in Prometheus, the time that it was down does not count.
    eventually("the pending one goes on from before the start", LIMIT, || {
        server.value("timestamp(ALERTS_FOR_STATE{alertname='Long'})").filter(|stored| *stored > started)?;
        server.value("ALERTS_FOR_STATE{alertname='Long'}").filter(|since| *since < started)
    });
    let sent = received.lock().unwrap().clone();
    let now = sent.iter().map(|a| a["startsAt"].as_str().unwrap()).max().unwrap();
    for alert in &sent {
        assert!(alert["endsAt"].as_str().unwrap() > now, "resolved: {alert}");
    }
    server.stop().unwrap();
}
