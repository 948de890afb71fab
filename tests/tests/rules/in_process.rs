//! The Alertmanager of this process: alerts over its API and from its rules, silences, kill -9, and Debian's `amtool`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tests::{Bonghwa, eventually};

use crate::put;

const LIMIT: Duration = Duration::from_secs(60);

/// Somebody who is told: takes webhooks and keeps what they say.
struct Told {
    address: String,
    heard: Arc<parking_lot::Mutex<Vec<Value>>>,
}

impl Told {
    fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::<parking_lot::Mutex<Vec<Value>>>::default();
        let kept = heard.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = kept.clone();
                // A connection that its client ends is no news.
                std::thread::spawn(move || while take(&stream, &kept).is_some() {});
            }
        });
        Self { address, heard }
    }

    /// Names of the alerts of each notification that says `status`.
    fn names(&self, status: &str) -> Vec<Vec<String>> {
        let heard = self.heard.lock();
        let names = |n: &Value| {
            let alerts = n["alerts"].as_array().unwrap().iter();
            alerts.map(|a| a["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
        };
        heard.iter().filter(|n| n["status"] == status).map(names).collect()
    }

    fn has(&self, status: &str, name: &str) -> Option<()> {
        self.names(status).iter().flatten().any(|n| n == name).then_some(())
    }
}

/// Reads one request, keeps its body, and answers.
fn take(stream: &TcpStream, kept: &parking_lot::Mutex<Vec<Value>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut first = String::new();
    reader.read_line(&mut first).ok().filter(|n| *n > 0)?;
    assert!(first.starts_with("POST /hook "), "{first}");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    kept.lock().push(serde_json::from_slice(&body).unwrap());
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()
}

/// Writes both configurations; the flag that names ours.
fn configured(folder: &Path, told: &Told) -> String {
    let text = format!(
        "route: {{receiver: team, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 4h}}\n\
         receivers: [{{name: team, webhook_configs: [{{url: 'http://{}/hook'}}]}}]\n",
        told.address
    );
    std::fs::write(folder.join("alertmanager.yml"), text).unwrap();
    let rules = "groups:\n- name: g\n  interval: 500ms\n  rules: [{alert: Hot, expr: temperature > 30}]\n";
    std::fs::write(folder.join("rules.yml"), rules).unwrap();
    let config = folder.join("bonghwa.yml");
    let text = "rule_files: [rules.yml]\nalertmanager: {config_file: alertmanager.yml}\n\
                alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:1']}]}]}\n";
    std::fs::write(&config, text).unwrap();
    format!("--config.file={}", config.display())
}

fn post(bonghwa: &Bonghwa, path: &str, body: &Value) -> Value {
    let url = format!("{}{path}", bonghwa.url);
    let request = bonghwa.client().post(url).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().unwrap();
    let (status, text) = (answer.status(), answer.text().unwrap());
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap_or_default()
}

fn alert(name: &str) -> Value {
    json!([{"labels": {"alertname": name, "host": "a"}, "annotations": {"text": "of the test"}}])
}

pub(crate) fn alerts_stay_in_the_process_and_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::listen();
    let flag = configured(folder.path(), &told);
    let args = [flag.as_str(), "--web.enable-remote-write-receiver"];
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &args).unwrap();

    let silence = json!({
        "matchers": [{"name": "alertname", "value": "Qui.t", "isRegex": true, "isEqual": true}],
        "startsAt": "2020-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z",
        "createdBy": "me", "comment": "planned work",
    });
    let id = post(&bonghwa, "/api/v2/silences", &silence)["silenceID"].as_str().unwrap().to_owned();
    post(&bonghwa, "/api/v2/alerts", &alert("Quiet"));
    post(&bonghwa, "/api/v2/alerts", &alert("Loud"));
    eventually("the webhook", LIMIT, || told.has("firing", "Loud"));
    put(&bonghwa, &[("__name__", "temperature"), ("room", "hall")], 35.5);
    eventually("the webhook of the rule", LIMIT, || told.has("firing", "Hot"));
    let first = told.heard.lock()[0].clone();
    assert_eq!((&first["version"], &first["receiver"]), (&json!("4"), &json!("team")), "{first}");
    assert_eq!(first["groupKey"], "{}:{alertname=\"Loud\"}");
    assert_eq!(first["commonAnnotations"], json!({"text": "of the test"}));
    let of = |bonghwa: &Bonghwa, name: &str| {
        let all = bonghwa.json("/api/v2/alerts").unwrap();
        let found = all.as_array().unwrap().iter().find(|a| a["labels"]["alertname"] == name).cloned();
        found.unwrap_or_default()
    };
    assert_eq!(
        of(&bonghwa, "Quiet")["status"],
        json!({"state": "suppressed", "silencedBy": [id], "inhibitedBy": [], "mutedBy": []})
    );

    bonghwa.kill().unwrap();
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    eventually("alerts of before", LIMIT, || {
        (of(&bonghwa, "Quiet")["status"]["silencedBy"] == json!([id])).then_some(())
    });
    post(&bonghwa, "/api/v2/alerts", &alert("After"));
    eventually("a webhook of now", LIMIT, || told.has("firing", "After"));
    let ended = json!([{"labels": {"alertname": "Loud", "host": "a"}, "endsAt": "2020-01-02T00:00:00Z", "startsAt": "2020-01-01T00:00:00Z"}]);
    post(&bonghwa, "/api/v2/alerts", &ended);
    eventually("the end", LIMIT, || told.has("resolved", "Loud"));
    let names = told.names("firing").concat();
    for name in ["Loud", "After", "Hot"] {
        assert_eq!(names.iter().filter(|n| *n == name).count(), 1, "{name} is told once: {names:?}");
    }
    assert!(!names.contains(&"Quiet".to_owned()), "{names:?}");
}

/// Runs Debian's `amtool` and gives what it printed.
fn amtool(bonghwa: &Bonghwa, args: &[&str]) -> String {
    let url = format!("--alertmanager.url={}", bonghwa.url);
    let output = Command::new(testkit::reference("amtool").unwrap()).arg(url).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

pub(crate) fn amtool_works() {
    let folder = tempfile::tempdir().unwrap();
    let told = Told::listen();
    let flag = configured(folder.path(), &told);
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[&flag, "--web.enable-lifecycle"]).unwrap();
    amtool(&bonghwa, &["alert", "add", "alertname=Disk", "node=a", "--annotation=text=full"]);
    eventually("the webhook", LIMIT, || told.has("firing", "Disk"));
    let listed = amtool(&bonghwa, &["alert", "query", "node=~\"a|b\""]);
    assert!(listed.contains("Disk"), "{listed}");
    let id = amtool(
        &bonghwa,
        &["silence", "add", "--author=me", "--comment=planned", "--duration=1h", "alertname=Disk"],
    );
    let id = id.trim();
    let silences = amtool(&bonghwa, &["silence", "query"]);
    assert!(silences.contains(id) && silences.contains("planned"), "{silences}");
    let silenced = amtool(&bonghwa, &["alert", "query", "--silenced", "-o", "extended"]);
    assert!(silenced.contains("Disk"), "{silenced}");
    amtool(&bonghwa, &["silence", "update", "--duration=2h", "--comment=longer", id]);
    let longer = amtool(&bonghwa, &["silence", "query", "-o", "json"]);
    assert!(longer.contains("longer"), "{longer}");
    amtool(&bonghwa, &["silence", "expire", id]);
    assert!(!amtool(&bonghwa, &["silence", "query"]).contains(id));
    let shown = amtool(&bonghwa, &["config", "show"]);
    assert!(shown.contains("receiver: team") && !shown.contains(&told.address), "{shown}");
    let text = "route: {receiver: nobody, routes: [{matchers: ['alertname=\"Disk\"'], receiver: disks}]}\n\
                receivers: [{name: nobody}, {name: disks}]\n";
    std::fs::write(folder.path().join("alertmanager.yml"), text).unwrap();
    let reload = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    assert_eq!(reload.status(), 200);
    assert!(amtool(&bonghwa, &["config", "show"]).contains("receiver: disks"));
    let broken = text.replace("receiver: disks}", "receiver: nowhere}");
    std::fs::write(folder.path().join("alertmanager.yml"), broken).unwrap();
    let reload = bonghwa.client().post(format!("{}/-/reload", bonghwa.url)).send().unwrap();
    let (status, said) = (reload.status(), reload.text().unwrap());
    assert!(
        status.is_server_error() && said.contains("nowhere") && said.contains("alertmanager.yml:1:"),
        "{status} {said}"
    );
    assert!(amtool(&bonghwa, &["config", "show"]).contains("receiver: disks"), "the old one stays");
    assert!(amtool(&bonghwa, &["cluster", "show"]).contains("disabled"));
}
