//! Debian's Alertmanager with a webhook receiver that writes down what it hears.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::http::request;

use crate::Told;

pub(crate) fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

pub(crate) struct Theirs {
    child: Child,
    address: SocketAddr,
    told: Told,
    silences: BTreeMap<&'static str, String>,
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONFIG: &str = r#"
route:
  receiver: hooked
  group_by: [alertname, scenario]
  group_wait: 2s
  group_interval: 4s
  repeat_interval: 10s
  routes:
    - matchers: [scenario="quiet"]
      receiver: quiet
    - matchers: [scenario="both"]
      receiver: quiet
      continue: true
    - matchers: [scenario="both"]
      receiver: hooked
inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [host, scenario]
receivers:
  - name: hooked
    webhook_configs: [{url: "http://HOOK/"}]
  - name: quiet
    webhook_configs: [{url: "http://HOOK/", send_resolved: false}]
"#;

impl Theirs {
    pub(crate) fn start(folder: &Path) -> Self {
        let told = Told::default();
        let hook = listen(told.clone());
        std::fs::write(folder.join("alertmanager.yml"), CONFIG.replace("HOOK", &hook.to_string())).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = spawn(folder, address);
        Self { child, address, told, silences: BTreeMap::new() }
    }

    pub(crate) fn told(&self) -> Told {
        self.told.clone()
    }

    pub(crate) fn post(&self, alerts: &[Vec<(&'static str, String)>], start_ms: i64, end_ms: Option<i64>) {
        let alert = |labels: &Vec<(&'static str, String)>| {
            let labels: BTreeMap<_, _> = labels.iter().cloned().collect();
            let mut alert = json!({"labels": labels, "startsAt": time(start_ms)});
            if let Some(end) = end_ms {
                alert["endsAt"] = json!(time(end));
            }
            alert
        };
        let body = Value::Array(alerts.iter().map(alert).collect());
        self.call("POST", "/api/v2/alerts", &body);
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let json = [("Content-Type", "application/json")];
        let answer = request(self.address, method, path, &json, body.to_string().as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    pub(crate) fn silence(&mut self, name: &'static str, (label, value): (&str, &str)) {
        let matcher = json!({"name": label, "value": value, "isRegex": false, "isEqual": true});
        let body = json!({"matchers": [matcher], "startsAt": time(now_ms()),
            "endsAt": time(now_ms() + 3_600_000), "createdBy": "test", "comment": "test"});
        let answer = self.call("POST", "/api/v2/silences", &body);
        self.silences.insert(name, answer["silenceID"].as_str().unwrap().to_owned());
    }

    pub(crate) fn expire(&self, name: &str) {
        self.call("DELETE", &format!("/api/v2/silence/{}", self.silences[name]), &Value::Null);
    }

    pub(crate) fn reload(&self) {
        self.call("POST", "/-/reload", &Value::Null);
    }
}

/// The place of the default templates, which Debian's program knows by heart.
const ASSETS: &[u8] = b"/usr/share/prometheus/alertmanager3552713678800500929355621337890625";

/// A copy of the program that looks for its default templates in its working directory. Webhooks need none of them.
fn movable(folder: &Path) -> PathBuf {
    let mut bytes = std::fs::read(testkit::reference("prometheus-alertmanager").expect("asked for")).unwrap();
    if let Some(at) = bytes.windows(ASSETS.len()).position(|window| window == ASSETS) {
        let path = b"./////////////////////////////////";
        bytes[at..at + path.len()].copy_from_slice(path);
    }
    for name in ["default.tmpl", "email.tmpl"] {
        std::fs::write(folder.join(name), "").unwrap();
    }
    let copy = folder.join("alertmanager");
    std::fs::write(&copy, bytes).unwrap();
    std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).unwrap();
    copy
}

fn spawn(folder: &Path, address: SocketAddr) -> Child {
    let mut child = Command::new(movable(folder))
        .current_dir(folder)
        .arg(format!("--config.file={}", folder.join("alertmanager.yml").display()))
        .arg(format!("--storage.path={}", folder.join("theirs").display()))
        .arg(format!("--web.listen-address={address}"))
        .arg("--cluster.listen-address=")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !request(address, "GET", "/-/ready", &[], &[]).is_ok_and(|a| a.status == 200) {
        let ended = child.try_wait().unwrap();
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(ended.is_none() && Instant::now() < deadline, "Alertmanager does not start: {}", log());
        std::thread::sleep(Duration::from_millis(50));
    }
    child
}

/// A server that answers 200 and writes down webhooks.
fn listen(told: Told) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let told = told.clone();
            std::thread::spawn(move || serve(stream, &told));
        }
    });
    address
}

fn serve(stream: TcpStream, told: &Told) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.by_ref().take(10_000).read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim().to_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        note(&serde_json::from_slice(&body).unwrap(), told);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

fn note(hook: &Value, told: &Told) {
    let labels = |of: &Value| serde_json::from_value::<BTreeMap<String, String>>(of.clone()).unwrap();
    let text = |of: &Value| of.as_str().unwrap().to_owned();
    let alerts = hook["alerts"].as_array().unwrap();
    let alerts = alerts.iter().map(|a| (labels(&a["labels"]), text(&a["status"]))).collect();
    let key = (text(&hook["receiver"]), labels(&hook["groupLabels"]));
    told.lock().entry(key).or_default().push((text(&hook["status"]), alerts));
}
