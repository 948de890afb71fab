//! Our binary with every receiver of logs on a free port, and what it was sent, asked in LogQL.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use tests::{Bonghwa, eventually};

pub const LONG: Duration = Duration::from_secs(60);
/// What is asked of the port with a token, and of clients of the forward protocol with a key.
pub const KEY: &str = "k3y-of-tests";

pub struct Ours {
    pub binary: Bonghwa,
    pub folder: tempfile::TempDir,
    pub ports: BTreeMap<String, Vec<u16>>,
}

/// A line with everything that is known of it.
#[derive(Debug, Clone)]
pub struct Line {
    pub ns: i64,
    pub text: String,
    /// Labels of its stream.
    pub labels: BTreeMap<String, String>,
    /// What was sent or found beside it.
    pub fields: BTreeMap<String, String>,
}

impl Line {
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Level and values of fields in one text, for a comparison.
    pub fn said(&self, names: &[&str]) -> String {
        names.iter().map(|name| self.field(name)).collect::<Vec<_>>().join("|")
    }
}

const RECEIVE: &str = "
logs:
  receive:
    syslog:
      - { listen: '127.0.0.1:0', transport: udp }
      - { listen: '127.0.0.1:0' }
      - { listen: '127.0.0.1:0', tls: { cert_file: server.pem, key_file: server.key } }
    gelf: [ { listen: '127.0.0.1:0', transport: udp }, { listen: '127.0.0.1:0' } ]
    fluent: [ { listen: '127.0.0.1:0' }, { listen: '127.0.0.1:0', shared_key: k3y-of-tests } ]
    beats:
      - { listen: '127.0.0.1:0' }
      - { listen: '127.0.0.1:0', tls: { cert_file: server.pem, key_file: server.key } }
    json: [ { listen: '127.0.0.1:0' } ]
    elasticsearch: [ { listen: '127.0.0.1:0' }, { listen: '127.0.0.1:0', token: k3y-of-tests } ]
    otlp: [ { listen: '127.0.0.1:0' } ]
";

impl Ours {
    /// Only what is sent is there.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With the log and the metrics of every container of the engine, too.
    pub fn with_containers() -> Self {
        Self::start_with("collect: { containers: { interval: 1s } }\n")
    }

    fn start_with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        certificate(folder.path());
        let file = folder.path().join("ours.yml");
        std::fs::write(&file, format!("scrape_configs: []\n{more}{RECEIVE}")).unwrap();
        let config = format!("--config.file={}", file.display());
        let binary = Bonghwa::start(&folder.path().join("data"), &[&config]).unwrap();
        let mut ports = BTreeMap::<String, Vec<u16>>::new();
        for line in binary.log().lines().filter(|line| line.contains("logs are listened for")) {
            let value = |name: &str| {
                let (_, rest) = line.split_once(&format!(" {name}=")).unwrap();
                rest.split(' ').next().unwrap().trim_matches('"').to_owned()
            };
            let port = value("address").rsplit(':').next().unwrap().parse().unwrap();
            ports.entry(value("input")).or_default().push(port);
        }
        Self { binary, folder, ports }
    }

    pub fn port(&self, input: &str, at: usize) -> u16 {
        self.ports[input][at]
    }

    /// `127.0.0.1:PORT` of the listener of an input, in the order of the configuration.
    pub fn address(&self, input: &str, at: usize) -> String {
        format!("127.0.0.1:{}", self.port(input, at))
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let url = format!("{}/loki/api/v1/{path}", self.binary.url);
        let url = reqwest::Url::parse_with_params(&url, parameters).unwrap();
        let request = self.binary.client().get(url);
        let answer = request.header("X-Loki-Response-Encoding-Flags", "categorize-labels,detected").send();
        let text = answer.unwrap().text().unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{parameters:?}: {text}"))
    }

    /// The lines of a query in the order of time; of one stream in the order in which they were taken.
    pub fn lines(&self, query: &str) -> Vec<Line> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (start, end) = ((now - 7200).to_string(), (now + 3600).to_string());
        let parameters =
            [("query", query), ("start", &start), ("end", &end), ("limit", "5000"), ("direction", "forward")];
        let answer = self.ask("query_range", &parameters);
        let mut lines = Vec::new();
        for stream in answer["data"]["result"].as_array().unwrap_or_else(|| panic!("{query}: {answer}")) {
            let labels = pairs(&stream["stream"]);
            for value in stream["values"].as_array().unwrap() {
                let mut fields = BTreeMap::new();
                for kind in ["detected", "parsed", "structuredMetadata"] {
                    fields.extend(pairs(&value[2][kind]));
                }
                let ns = value[0].as_str().unwrap().parse().unwrap();
                let text = value[1].as_str().unwrap().to_owned();
                lines.push(Line { ns, text, labels: labels.clone(), fields });
            }
        }
        lines.sort_by_key(|line| line.ns);
        lines
    }

    /// The lines of a query once there are so many of them.
    pub fn wait(&self, query: &str, count: usize) -> Vec<Line> {
        let mut last = 0;
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(&format!("{count} lines of {query}"), LONG, || {
                let lines = self.lines(query);
                last = lines.len();
                (last >= count).then_some(lines)
            })
        }));
        let lines = found.unwrap_or_else(|_| {
            panic!("{last} of {count} lines of {query} came: {:#?}", self.lines(query).last())
        });
        assert_eq!(lines.len(), count, "{query}: {:#?}", lines.last());
        lines
    }

    /// Whether the page of a container finds stored lines: what it asks before it shows them.
    pub fn has_series(&self, selector: &str) -> bool {
        let answer = self.ask("series", &[("match[]", selector)]);
        answer["data"].as_array().is_some_and(|series| !series.is_empty())
    }

    /// The value of a metric query now, the only series that it has.
    pub fn metric(&self, query: &str) -> Option<f64> {
        let answer = self.ask("query", &[("query", query)]);
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

fn pairs(object: &Value) -> BTreeMap<String, String> {
    let members = object.as_object().into_iter().flatten();
    members.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// The texts of lines.
pub fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().map(|line| line.text.as_str()).collect()
}

/// `word 0 rest`, `word 1 rest` ...: what most scripts send.
pub fn numbered(range: std::ops::Range<usize>, around: impl Fn(usize) -> String) -> Vec<String> {
    range.map(around).collect()
}

/// A certificate for localhost that is its own authority: `server.pem`, `server.key`.
fn certificate(folder: &Path) {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
    openssl.args([
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost,IP:127.0.0.1",
    ]);
    succeeded(openssl.args(["-keyout", "server.key", "-out", "server.pem"]).current_dir(folder));
}

/// Runs a program to its end.
pub fn succeeded(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
