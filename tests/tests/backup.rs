//! Backups of a server that runs: made while it is written to, restored after it was killed, compared sample by sample.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::Labels;
use tests::{Bonghwa, eventually};
use wire::remote_write::{Encoder, Point};

const SERIES: u64 = 200;

fn bonghwa(args: &[&str]) -> Output {
    Command::new(tests::binary::path().unwrap()).args(args).stdin(Stdio::null()).output().unwrap()
}

fn output(args: &[&str]) -> String {
    let said = bonghwa(args);
    let err = String::from_utf8_lossy(&said.stderr);
    assert!(said.status.success(), "{args:?}: {err}");
    String::from_utf8(said.stdout).unwrap()
}

fn failure(args: &[&str]) -> String {
    let said = bonghwa(args);
    assert_eq!(said.status.code(), Some(1), "{args:?}: {said:?}");
    String::from_utf8(said.stderr).unwrap()
}

fn start(folder: &Path, data: &str) -> Bonghwa {
    let config = folder.join("ours.yml");
    std::fs::write(&config, "scrape_configs: []\n").unwrap();
    let config = format!("--config.file={}", config.display());
    Bonghwa::start(&folder.join(data), &[&config, "--web.enable-remote-write-receiver"]).unwrap()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 * 1000
}

/// Writes round `n`: one sample of each series.
fn write(to: &Bonghwa, begin: i64, n: u64) -> bool {
    let mut encoder = Encoder::new();
    for k in 0..SERIES {
        let labels = Labels::from_pairs([("__name__", "round"), ("k", &k.to_string())]);
        encoder.series(labels.iter(), [Point { t: begin + n as i64 * 1000, v: n as f64 }]);
    }
    let request = to.client().post(format!("{}/api/v1/write", to.url));
    let sent = request.header("content-encoding", "snappy").body(encoder.finish().unwrap()).send();
    sent.is_ok_and(|answer| answer.status().is_success())
}

fn dump(data: &Path) -> BTreeSet<String> {
    output(&["tsdb", "dump", "--match=round", data.to_str().unwrap()]).lines().map(str::to_owned).collect()
}

#[test]
fn a_backup_made_while_samples_come_is_restored_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let server = start(folder.path(), "data");
    let begin = now() - 1_800_000;
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let mut known_before = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0.. {
                if stop.load(Ordering::Relaxed) || !write(&server, begin, n) {
                    break;
                }
                acknowledged.store(n + 1, Ordering::SeqCst);
            }
        });
        for _ in 0..3 {
            let wanted = acknowledged.load(Ordering::SeqCst) + 5;
            eventually("more rounds", Duration::from_secs(60), || {
                (acknowledged.load(Ordering::SeqCst) >= wanted).then_some(())
            });
            known_before.push(acknowledged.load(Ordering::SeqCst));
            let said = output(&["backup", "--from", &server.url, "--to", &at("backups")]);
            assert!(said.contains(" files, "), "{said}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    // Nothing of the making is left in the data directory.
    assert_eq!(server.json("/api/bonghwa/v1/snapshots").unwrap()["snapshots"].as_array().unwrap().len(), 0);
    let url = server.url.clone();
    let data = folder.path().join("data");
    let locked = failure(&["backup", "--from", &at("data"), "--to", &at("backups")]);
    assert!(locked.contains("a server is running on this data directory"), "{locked}");
    assert!(locked.contains("--from http://"), "{locked}");
    server.kill().unwrap();
    let said = failure(&["backup", "--from", &url, "--to", &at("backups")]);
    assert!(said.contains("refused"), "{said}");

    let all = dump(&data);
    let listed = output(&["backup", "list", &at("backups")]);
    let names: Vec<&str> = listed.lines().map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(names.len(), 3, "{listed}");
    for (number, name) in names.iter().enumerate() {
        let backup = format!("{}/{name}", at("backups"));
        assert!(output(&["backup", "verify", &backup]).contains("all as they were"));
        let to = at(&format!("restored-{number}"));
        let said = output(&["restore", "--from", &backup, "--to", &to]);
        assert!(said.contains("samples in") && said.contains("read and in order"), "{said}");
        let restored = dump(Path::new(&to));
        // Whole rounds, at least those that were acknowledged before the backup began, and nothing else.
        assert!(restored.is_subset(&all));
        assert_eq!(restored.len() as u64 % SERIES, 0, "a round is visible whole");
        assert!(restored.len() as u64 >= known_before[number] * SERIES, "{} of {number}", restored.len());
    }
    // What does not change is there once.
    let blocks = |name: &str| files(&folder.path().join("backups").join(name).join("data/metrics"));
    let shared = blocks(names[1]).into_iter().filter(|(_, links)| *links > 1).count();
    assert!(shared > 0, "no file is shared");

    // A server starts on what was restored and goes on.
    let server = start(folder.path(), "restored-2");
    let rounds = server.value("count(count_over_time(round[1h]))").unwrap();
    assert_eq!(rounds, SERIES as f64);
    assert!(write(&server, now(), 0));
    assert_eq!(server.stop().unwrap(), Some(0));
}

/// Every file below `dir` with the number of its names.
fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    use std::os::unix::fs::MetadataExt;
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        match entry.is_dir() {
            true => all.extend(files(&entry)),
            false => all.push((entry.clone(), std::fs::metadata(&entry).unwrap().nlink())),
        }
    }
    all
}

#[test]
fn a_stopped_server_is_backed_up_and_damage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let server = start(folder.path(), "data");
    let begin = now() - 60_000;
    assert!((0..20).all(|n| write(&server, begin, n)));
    // Of Pushgateway's API, which keeps its groups in a ledger.
    let pushed = server.client().put(format!("{}/metrics/job/nightly", server.url)).body("done 1\n").send();
    assert!(pushed.unwrap().status().is_success());
    server.kill().unwrap();
    let said = output(&["backup", "--from", &at("data"), "--to", &at("backups")]);
    let backup = said.split(": ").next().unwrap().to_owned();
    let files = files(Path::new(&backup));
    assert!(files.iter().any(|(path, _)| path.to_str().unwrap().contains("data/pushgateway/")));
    assert!(!files.iter().any(|(path, _)| path.ends_with("token") || path.ends_with("lock")));

    // Not over what is there, unless told.
    let refused = failure(&["restore", "--from", &backup, "--to", &at("data")]);
    assert!(refused.contains("it holds data already") && refused.contains("--replace"), "{refused}");
    output(&["restore", "--from", &backup, "--to", &at("data"), "--replace"]);
    let server = start(folder.path(), "data");
    assert_eq!(server.value("count(max_over_time(round[10m]))"), Some(SERIES as f64));
    let groups = server.json("/pushgateway/api/v1/metrics").unwrap().to_string();
    assert!(groups.contains("nightly"), "{groups}");
    let running = failure(&["restore", "--from", &backup, "--to", &at("data"), "--replace"]);
    assert!(running.contains("a server is running on this data directory"), "{running}");
    drop(server);

    // A byte of any of its files.
    let victim = files.iter().map(|(path, _)| path).filter(|p| p.metadata().unwrap().len() > 0);
    let victim = victim.max_by_key(|p| p.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(victim).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(victim, &bytes).unwrap();
    let said = failure(&["backup", "verify", &backup]);
    assert!(said.contains("is damaged"), "{said}");
    let said = failure(&["restore", "--from", &backup, "--to", &at("other")]);
    assert!(said.contains("damaged"), "{said}");
    assert!(!folder.path().join("other/bonghwa").exists());
    let before = dump(&folder.path().join("data"));
    failure(&["restore", "--from", &backup, "--to", &at("data"), "--replace"]);
    assert!(dump(&folder.path().join("data")) == before, "what was there is there still");
    assert!(failure(&["backup", "verify", &at("data")]).contains("no backup"));
}

#[test]
fn a_backup_that_is_killed_leaves_none_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let server = start(folder.path(), "data");
    let begin = now() - 600_000;
    assert!((0..300).all(|n| write(&server, begin, n)));
    for pause in [0u64, 1, 2, 5, 10, 20, 50] {
        let mut child = Command::new(tests::binary::path().unwrap())
            .args(["backup", "--from", &server.url, "--to", &at("backups")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Somewhere in the work; wherever it is, what is left is whole or none.
        let _ = child.try_wait();
        std::thread::park_timeout(Duration::from_millis(pause));
        child.kill().unwrap();
        child.wait().unwrap();
        let Ok(entries) = std::fs::read_dir(folder.path().join("backups")) else { continue };
        for entry in entries.map(|e| e.unwrap()).filter(|e| e.path().is_dir()) {
            let name = entry.file_name().into_string().unwrap();
            let verified = bonghwa(&["backup", "verify", entry.path().to_str().unwrap()]).status.success();
            assert_eq!(verified, name.starts_with("backup-"), "{name}");
        }
    }
    // What killed ones left behind in the server makes room by hand or by itself.
    for one in server.json("/api/bonghwa/v1/snapshots").unwrap()["snapshots"].as_array().unwrap() {
        let path = format!("{}/api/bonghwa/v1/snapshots/{}", server.url, one["name"].as_str().unwrap());
        assert_eq!(server.client().delete(path).send().unwrap().status(), 204);
    }
    output(&["backup", "--from", &server.url, "--to", &at("backups")]);
    output(&["backup", "verify", &at("backups")]);
    let restarted = {
        server.kill().unwrap();
        start(folder.path(), "data")
    };
    assert!(restarted.json("/api/bonghwa/v1/snapshots").unwrap()["snapshots"].as_array().unwrap().is_empty());
}
