//! Another program with an HTTP server, ended when it is dropped.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::eventually;

pub struct Peer {
    child: Child,
    pub url: String,
    client: reqwest::blocking::Client,
}

impl Peer {
    /// Starts a reference program; `args` is given the free port that it is to listen on.
    pub fn start(program: &str, folder: &Path, ready: &str, args: impl FnOnce(u16) -> Vec<String>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(testkit::reference(program).unwrap())
            .args(args(port))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join(format!("{program}.log"))).unwrap())
            .spawn()
            .unwrap();
        let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        let peer = Self { child, url: format!("http://127.0.0.1:{port}"), client };
        eventually(program, Duration::from_secs(60), || {
            peer.client.get(format!("{}{ready}", peer.url)).send().ok().filter(|a| a.status().is_success())
        });
        peer
    }

    /// Debian's prometheus with this configuration.
    pub fn prometheus(folder: &Path, config: &str) -> Self {
        std::fs::write(folder.join("peer.yml"), config).unwrap();
        Self::start("prometheus", folder, "/-/ready", |port| {
            vec![
                "--config.file=peer.yml".to_owned(),
                format!("--storage.tsdb.path={}", folder.join("peer").display()),
                format!("--web.listen-address=127.0.0.1:{port}"),
            ]
        })
    }

    /// The JSON of an API call.
    pub fn ask(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Value {
        ask(&self.client, &self.url, endpoint, parameters)
    }

    pub fn text(&self, path: &str) -> String {
        self.client.get(format!("{}{path}", self.url)).send().unwrap().text().unwrap()
    }

    pub fn client(&self) -> &reqwest::blocking::Client {
        &self.client
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The JSON of a call of Prometheus' API.
pub fn ask(
    client: &reqwest::blocking::Client,
    url: &str,
    endpoint: &str,
    parameters: &[(&str, &str)],
) -> Value {
    let answer = client.post(format!("{url}/api/v1/{endpoint}")).form(parameters).send().unwrap();
    serde_json::from_str(&answer.text().unwrap()).unwrap()
}

pub fn now_ms() -> i64 {
    use std::time::{SystemTime, UNIX_EPOCH};
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
