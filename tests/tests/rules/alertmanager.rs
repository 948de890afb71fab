//! The way of an alert: pending, firing, seen in the Alertmanager's API, resolved; over a restart, too.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::{Bonghwa, eventually};

use crate::put;

/// Debian's Alertmanager reads its templates from where the package puts them; nothing is installed here, so it gets a
/// view of the file system of its own.
const IN_ITS_PLACE: &str = "at=/usr/share/prometheus/alertmanager; mount -t tmpfs none /usr/share && mkdir -p $at && \
                            cp \"$1\"/*.tmpl $at && shift && exec \"$@\"";

/// The templates of the unpacked package.
fn templates() -> Option<PathBuf> {
    let program = testkit::reference("prometheus-alertmanager")?;
    let folder = program.parent()?.parent()?.join("share/prometheus/alertmanager");
    folder.join("default.tmpl").is_file().then_some(folder)
}

/// Whether it can be started: the program, its templates, and the right to a view of its own.
pub(crate) fn is_here() -> bool {
    let probe = ["--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "none", "/usr/share"];
    let allowed =
        || Command::new("unshare").args(probe).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    templates().is_some() && allowed()
}

const LIMIT: Duration = Duration::from_secs(60);

struct Alertmanager {
    child: Child,
    address: String,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Alertmanager {
    fn start(folder: &Path) -> Self {
        let config = folder.join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n").unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", IN_ITS_PLACE, "sh"])
            .arg(templates().unwrap())
            .arg(testkit::reference("prometheus-alertmanager").unwrap())
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// The alerts that it holds to be active.
    fn alerts(&self, bonghwa: &Bonghwa) -> Option<Vec<Value>> {
        let url = format!("http://{}/api/v2/alerts", self.address);
        let answer = bonghwa.client().get(url).send().ok()?;
        serde_json::from_str(&answer.text().ok()?).ok()
    }
}

fn states(bonghwa: &Bonghwa) -> Vec<String> {
    let body = bonghwa.json("/api/v1/alerts").unwrap();
    let alerts = body["data"]["alerts"].as_array().unwrap();
    alerts.iter().filter_map(|a| a["state"].as_str().map(str::to_owned)).collect()
}

pub(crate) fn an_alert_reaches_alertmanager_and_is_resolved() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Alertmanager::start(folder.path());
    let rules = "groups:\n- name: g\n  interval: 500ms\n  rules:\n  - alert: Hot\n    expr: temperature > 30\n    \
                 for: 2s\n    labels: {severity: page}\n    annotations: {text: '{{ $labels.room }} has {{ $value }}'}\n";
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let config = folder.path().join("prometheus.yml");
    let alerting = format!(
        "alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n",
        receiver.address
    );
    let text = format!("global: {{external_labels: {{site: s}}}}\nrule_files: ['*rules.yml']\n{alerting}");
    std::fs::write(&config, text).unwrap();
    let config = format!("--config.file={}", config.display());
    let args = [
        config.as_str(),
        "--web.enable-remote-write-receiver",
        "--web.external-url=http://bonghwa.example/",
        "--rules.alert.resend-delay=1s",
    ];
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    eventually("the Alertmanager answers", LIMIT, || receiver.alerts(&bonghwa));
    let room = [("__name__", "temperature"), ("room", "hall")];
    put(&bonghwa, &room, 35.5);
    eventually("pending", LIMIT, || (states(&bonghwa) == ["pending"]).then_some(()));
    assert_eq!(receiver.alerts(&bonghwa).unwrap(), Vec::<Value>::new(), "nobody is told of what may pass");
    eventually("firing", LIMIT, || (states(&bonghwa) == ["firing"]).then_some(()));
    let seen = eventually("told", LIMIT, || receiver.alerts(&bonghwa)?.into_iter().next());
    assert_eq!(
        seen["labels"],
        serde_json::json!({"alertname": "Hot", "room": "hall", "severity": "page", "site": "s"})
    );
    assert_eq!(seen["annotations"]["text"], "hall has 35.5");
    assert_eq!(seen["generatorURL"], "http://bonghwa.example/graph?g0.expr=temperature+%3E+30&g0.tab=1");
    let firing =
        bonghwa.value("ALERTS{alertname=\"Hot\",alertstate=\"firing\",room=\"hall\",severity=\"page\"}");
    assert_eq!(firing, Some(1.0));
    let managers = bonghwa.json("/api/v1/alertmanagers").unwrap();
    let url = format!("http://{}/api/v2/alerts", receiver.address);
    assert_eq!(managers["data"]["activeAlertmanagers"], serde_json::json!([{ "url": url }]));
    let metrics = bonghwa.get("/metrics").unwrap().text().unwrap();
    assert!(metrics.contains("prometheus_notifications_alertmanagers_discovered 1"), "{metrics}");

    // After a restart it has already waited long enough; the receiver never hears that it is over.
    bonghwa.stop().unwrap();
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    put(&bonghwa, &room, 36.0);
    eventually("firing again", LIMIT, || (states(&bonghwa) == ["firing"]).then_some(()));
    assert_eq!(receiver.alerts(&bonghwa).unwrap().len(), 1);

    put(&bonghwa, &room, 20.0);
    eventually("over", LIMIT, || states(&bonghwa).is_empty().then_some(()));
    eventually("told that it is over", LIMIT, || receiver.alerts(&bonghwa)?.is_empty().then_some(()));
    bonghwa.stop().unwrap();
}
