//! Full and read-only file systems under the data directory.

use std::collections::BTreeSet;
use std::time::Duration;

use tests::mounted::Mounted;
use tests::{Bonghwa, eventually};

use tests::write::{RECEIVE, now_ms, request, send};

const SERIES: usize = 50;
const LONG: Duration = Duration::from_secs(60);

/// Sends batches and remembers what was acknowledged.
struct Sender {
    next: i64,
    acknowledged: BTreeSet<i64>,
}

impl Sender {
    fn new() -> Self {
        Self { next: now_ms() - 600_000, acknowledged: BTreeSet::new() }
    }

    /// Sends the next batch; status and text of the answer.
    fn send(&mut self, bonghwa: &Bonghwa) -> (u16, String) {
        let t = self.next;
        self.next += 1;
        let answer = send(bonghwa.client(), &bonghwa.url, request("full", SERIES, t, t as f64)).unwrap();
        if answer.0 == 204 {
            self.acknowledged.insert(t);
        }
        answer
    }

    /// Everything acknowledged is read, from every series.
    fn check(&self, bonghwa: &Bonghwa) {
        let answer = bonghwa.json("/api/v1/query?query=full[30m]").unwrap();
        let series = answer["data"]["result"].as_array().unwrap();
        assert_eq!(series.len(), SERIES);
        for one in series {
            let values = one["values"].as_array().unwrap();
            let there: BTreeSet<i64> =
                values.iter().map(|v| (v[0].as_f64().unwrap() * 1000.0).round() as i64).collect();
            let lost: Vec<_> = self.acknowledged.difference(&there).collect();
            assert!(lost.is_empty(), "{} lost of {}", lost.len(), self.acknowledged.len());
        }
    }
}

/// Sends until a batch is refused, and a hundred more: all with status 503 and the reason.
fn refused(sender: &mut Sender, bonghwa: &Bonghwa, reason: &str) {
    let (status, text) = (0..5_000)
        .map(|_| sender.send(bonghwa))
        .find(|(status, _)| *status != 204)
        .unwrap_or_else(|| panic!("no write is refused"));
    assert!(status == 503 && text.contains(reason), "{status} {text}");
    for _ in 0..100 {
        let (status, text) = sender.send(bonghwa);
        assert!(status == 503 && text.contains(reason), "{status} {text}");
    }
    sender.check(bonghwa);
    assert_eq!(bonghwa.get("/-/healthy").unwrap().status(), 200);
    assert!(!bonghwa.query("count(full)").unwrap().is_empty() || !sender.acknowledged.is_empty());
}

/// Nobody does anything: writes are taken again.
fn recovers(sender: &mut Sender, bonghwa: &Bonghwa) {
    eventually("a write is taken again", LONG, || (sender.send(bonghwa).0 == 204).then_some(()));
    for _ in 0..50 {
        assert_eq!(sender.send(bonghwa).0, 204);
    }
    sender.check(bonghwa);
}

pub fn a_full_disk() {
    let disk = Mounted::new(24 << 20).unwrap();
    let data = disk.path();
    let args = [RECEIVE, "--storage.tsdb.retention.time=1d"];
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    let mut sender = Sender::new();
    for _ in 0..100 {
        assert_eq!(sender.send(&bonghwa).0, 204);
    }
    disk.fill().unwrap();
    refused(&mut sender, &bonghwa, "free space");
    // Upkeep fails meanwhile, and says so.
    eventually("upkeep is reported", LONG, || {
        let text = bonghwa.get("/metrics").unwrap().text().unwrap();
        let figure = |name: &str| text.lines().find_map(|l| l.strip_prefix(name)?.trim().parse::<f64>().ok());
        figure("bonghwa_tsdb_maintenance_failures_total ").filter(|n| *n > 0.0)
    });
    // Even a start finds its way on a full disk.
    bonghwa.kill().unwrap();
    let bonghwa = Bonghwa::start(&data, &args).unwrap();
    refused(&mut sender, &bonghwa, "free space");
    disk.free().unwrap();
    recovers(&mut sender, &bonghwa);
    bonghwa.kill().unwrap();
    sender.check(&Bonghwa::start(&data, &args).unwrap());
}

pub fn a_read_only_disk() {
    let disk = Mounted::new(24 << 20).unwrap();
    let (data, config, nothing) =
        (disk.path(), disk.path().with_extension("yml"), disk.path().with_extension("nothing"));
    // With a configuration that names nothing, and neither an engine nor control groups that tell about containers, only
    // this test writes.
    std::fs::write(&config, "global: {}\n").unwrap();
    let (config, sysfs) =
        (format!("--config.file={}", config.display()), format!("--path.sysfs={}", nothing.display()));
    let args = [RECEIVE, "--storage.tsdb.retention.time=1d", "--web.enable-admin-api", &config, &sysfs];
    let nobody = format!("unix://{}", nothing.display());
    let bonghwa = Bonghwa::start_in(&data, &args, &[("DOCKER_HOST", &nobody)]).unwrap();
    let mut sender = Sender::new();
    for _ in 0..100 {
        assert_eq!(sender.send(&bonghwa).0, 204);
    }
    // The kernel mounts read-only what nobody has open for writing: a snapshot closes the log if there are samples in it.
    eventually("mounted read-only", LONG, || {
        assert_eq!(sender.send(&bonghwa).0, 204);
        let post = bonghwa.client().post(format!("{}/api/v1/admin/tsdb/snapshot", bonghwa.url));
        assert_eq!(post.send().unwrap().status(), 200);
        disk.set_read_only(true).ok()
    });
    refused(&mut sender, &bonghwa, "ead-only");
    disk.set_read_only(false).unwrap();
    recovers(&mut sender, &bonghwa);
    bonghwa.kill().unwrap();
    sender.check(&Bonghwa::start(&data, &args).unwrap());
}
