use std::fs;
use std::os::unix::fs::FileExt;

use model::Labels;
use model::records::FieldRef;
use testkit::journal::JournalFile;

use super::super::follower::Log;
use super::super::sources::Known;
use super::*;

const TERMS: Terms = Terms { event_length: 64 << 10, first_read: 1 << 30, flush_ms: 500 };
const FULL: &str = "fa9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6a";

struct Containers;

impl Sources for Containers {
    fn logs(&self, _: &Config) -> Vec<Log> {
        Vec::new()
    }

    fn container(&self, id: &str) -> Known {
        match id {
            FULL => Known::Stored(Labels::from_pairs([("container", "web")])),
            "aaaaaaaaaaaa" | "left out" => Known::LeftOut,
            _ => Known::Unknown,
        }
    }
}

/// A journal that is written and rotated, and a follower that is killed.
struct Lab {
    root: tempfile::TempDir,
    file: JournalFile,
    seqnum: u64,
    rotated: u64,
    follower: Follower,
    saved: Option<Vec<u8>>,
    got: Vec<String>,
    now_ms: i64,
    config: Config,
    metrics: Metrics,
}

fn none(_: &[u8]) -> Option<(u8, Vec<u8>)> {
    None
}

impl Lab {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("var/log/journal/m1")).unwrap();
        let (file, metrics) = (JournalFile::new(true, [1; 16], none), Metrics::default());
        fs::write(root.path().join("var/log/journal/m1/system.journal"), file.bytes()).unwrap();
        let config = Config::default();
        let follower = follower(&root, &config, None, &metrics);
        let (saved, got) = (None, Vec::new());
        Self { root, file, seqnum: 0, rotated: 0, follower, saved, got, now_ms: 0, config, metrics }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("var/log/journal/m1").join(name)
    }

    fn write(&mut self, fields: &[(&str, &str)]) {
        self.seqnum += 1;
        self.file.entry(self.seqnum, 1_700_000_000_000_000 + self.seqnum, fields);
        let file = fs::OpenOptions::new().write(true).open(self.path("system.journal")).unwrap();
        file.write_all_at(self.file.bytes(), 0).unwrap();
    }

    fn rotate(&mut self, id: u8) {
        self.file.archive();
        fs::write(self.path("new"), self.file.bytes()).unwrap();
        // In place: whoever has it open sees that it was closed.
        let file = fs::OpenOptions::new().write(true).open(self.path("system.journal")).unwrap();
        file.write_all_at(self.file.bytes(), 0).unwrap();
        fs::remove_file(self.path("new")).unwrap();
        self.rotated += 1;
        fs::rename(self.path("system.journal"), self.path(&format!("system@{:04}.journal", self.rotated)))
            .unwrap();
        self.file = JournalFile::new(true, [id; 16], none);
        fs::write(self.path("system.journal"), self.file.bytes()).unwrap();
    }

    fn read(&mut self, most: usize) -> Records {
        let mut records = Records::new();
        self.follower.step(self.now_ms, &mut records, most).unwrap();
        if !records.is_empty() {
            self.saved = self.follower.position();
        }
        self.got.extend(records.iter().map(|row| row.body().to_owned()));
        records
    }

    fn kill(&mut self) {
        self.follower = follower(&self.root, &self.config, self.saved.as_deref(), &self.metrics);
    }

    /// Reads until everything is given out.
    fn end(&mut self) -> Records {
        self.read(1 << 20);
        self.now_ms += 1000;
        self.read(1 << 20)
    }
}

fn follower(root: &tempfile::TempDir, config: &Config, saved: Option<&[u8]>, metrics: &Metrics) -> Follower {
    let folder = folders(root.path()).unwrap().remove(0);
    let series = series(&folder).unwrap().remove(0);
    assert_eq!(series.source, "journal:m1/system");
    Follower::new(series, (config, TERMS, "lab"), Arc::new(Containers), saved, metrics.clone())
}

#[test]
fn rotations_and_kills_lose_and_repeat_nothing() {
    for seed in 1..40_u64 {
        let mut lab = Lab::new();
        let mut draw = seed;
        let mut written = Vec::new();
        for step in 0..150 {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            match (draw >> 33) % 10 {
                0..=4 => {
                    let message = format!("line {step}");
                    lab.write(&[
                        ("MESSAGE", &message),
                        ("_SYSTEMD_UNIT", "a.service"),
                        ("_TRANSPORT", "syslog"),
                    ]);
                    written.push(message);
                }
                // Sometimes with numbers that begin anew.
                5 => lab.rotate(if draw >> 60 == 0 { 2 } else { 1 }),
                6 => lab.kill(),
                7 => lab.now_ms += 600,
                _ => drop(lab.read(1 + (draw >> 40) as usize % 40)),
            }
        }
        lab.end();
        assert_eq!(lab.got, written, "seed {seed}");
        assert_eq!(lab.metrics.gaps.get(), 0, "seed {seed}");
    }
}

#[test]
fn what_was_deleted_before_it_was_read_is_a_gap_in_the_stream() {
    let mut lab = Lab::new();
    lab.write(&[("MESSAGE", "one")]);
    lab.end();
    lab.rotate(1);
    lab.write(&[("MESSAGE", "two")]);
    lab.write(&[("MESSAGE", "three")]);
    lab.rotate(1);
    lab.write(&[("MESSAGE", "four")]);
    fs::remove_file(lab.path("system@0001.journal")).unwrap();
    fs::remove_file(lab.path("system@0002.journal")).unwrap();
    lab.kill();
    let records = lab.end();
    let row = records.get(0).unwrap();
    assert_eq!(row.field("gap"), Some(FieldRef::Text("deleted")));
    assert!(row.body().contains("up to 2 entries"), "{}", row.body());
    assert_eq!((records.get(1).unwrap().body(), records.len(), lab.metrics.gaps.get()), ("four", 2, 1));
}

#[test]
fn entries_say_whose_they_are_and_no_arguments_are_kept() {
    let mut lab = Lab::new();
    let common = [("_HOSTNAME", "h1"), ("_PID", "77"), ("_CMDLINE", "x --password y"), ("_COMM", "x")];
    let with = |more: &[(&'static str, &'static str)]| [&common[..], more].concat();
    lab.write(&with(&[
        ("MESSAGE", "down"),
        ("PRIORITY", "3"),
        ("_SYSTEMD_UNIT", "db.service"),
        ("SYSLOG_IDENTIFIER", "pg"),
        ("_SOURCE_REALTIME_TIMESTAMP", "1699999999000000"),
        ("REQUEST_ID", "r1"),
        ("COREDUMP_ENVIRON", "secret"),
        ("JOB_COMMAND_LINE", "secret"),
    ]));
    lab.write(&with(&[
        ("MESSAGE", "session"),
        ("_SYSTEMD_UNIT", "session-3.scope"),
        ("SYSLOG_IDENTIFIER", "sshd"),
    ]));
    lab.write(&with(&[("MESSAGE", "argc=2 a0=x"), ("_AUDIT_TYPE_NAME", "EXECVE")]));
    lab.write(&with(&[
        ("MESSAGE", "half "),
        ("CONTAINER_ID_FULL", FULL),
        ("PRIORITY", "3"),
        ("CONTAINER_PARTIAL_MESSAGE", "true"),
    ]));
    lab.write(&with(&[("MESSAGE", "other"), ("CONTAINER_ID_FULL", FULL), ("PRIORITY", "6")]));
    lab.write(&with(&[("MESSAGE", "line"), ("CONTAINER_ID_FULL", FULL), ("PRIORITY", "3")]));
    lab.write(&with(&[("MESSAGE", "no"), ("CONTAINER_ID_FULL", "left out")]));
    lab.write(&with(&[("MESSAGE", "no"), ("SYSLOG_IDENTIFIER", "aaaaaaaaaaaa")]));
    lab.write(&with(&[("MESSAGE", "gone"), ("CONTAINER_ID_FULL", "b1"), ("CONTAINER_NAME", "old")]));
    let records = lab.end();
    let rows: Vec<_> = records.iter().collect();
    assert_eq!(lab.got, ["down", "session", "other", "half line", "gone"]);
    assert_eq!(rows[0].labels().to_string(), r#"{input="journal", node="h1", service="db"}"#);
    assert_eq!(rows[0].time_ns(), 1_699_999_999_000_000_000);
    for (name, value) in [
        ("severity", "err"),
        ("unit", "db.service"),
        ("comm", "x"),
        ("identifier", "pg"),
        ("REQUEST_ID", "r1"),
    ] {
        assert_eq!(rows[0].field(name), Some(FieldRef::Text(value)), "{name}");
    }
    assert_eq!(rows[0].field("pid"), Some(FieldRef::Int(77)));
    assert_eq!(rows[1].labels().get("service"), Some("sshd"));
    assert_eq!(
        (rows[3].labels().get("container"), rows[3].field("stream")),
        (Some("web"), Some(FieldRef::Text("stderr")))
    );
    assert_eq!(rows[4].labels().to_string(), r#"{container="old", container_id="b1", node="h1"}"#);
    let all = format!("{:?}", records.names());
    assert!(!all.contains("CMDLINE") && !all.contains("ENVIRON") && !all.contains("COMMAND"), "{all}");
    assert!(rows.iter().all(|row| row.fields().all(|(_, _, v)| v != FieldRef::Text("x --password y"))));
}

#[test]
fn lines_of_one_trace_are_one_event_whoever_writes_between_them() {
    let mut lab = Lab::new();
    for (stream, text) in
        [("s1", "ERROR x"), ("s2", "INFO y"), ("s1", "\tat a.B.c(B.java:1)"), ("s2", "INFO z")]
    {
        lab.write(&[("MESSAGE", text), ("_STREAM_ID", stream), ("_SYSTEMD_UNIT", "a.service")]);
    }
    lab.read(1 << 20);
    assert!(lab.got.is_empty(), "more may belong to them");
    // Killed before anything was given out, everything is read again.
    lab.kill();
    lab.end();
    assert_eq!(lab.got, ["ERROR x\n\tat a.B.c(B.java:1)", "INFO y", "INFO z"]);
}

#[test]
fn of_a_long_past_only_the_end_is_read_and_damage_costs_little() {
    let mut lab = Lab::new();
    for n in 0..1000 {
        lab.write(&[("MESSAGE", &format!("line {n:04} {}", "x".repeat(100)))]);
    }
    let size = fs::metadata(lab.path("system.journal")).unwrap().len();
    lab.follower.terms.first_read = size / 10;
    lab.end();
    assert!(
        (50..=150).contains(&lab.got.len()) && lab.got.last().unwrap().starts_with("line 0999"),
        "{}",
        lab.got.len()
    );
    assert!(lab.metrics.skipped.get() > 0);
    // The kind of an object that an entry names is overwritten.
    let bytes = fs::read(lab.path("system.journal")).unwrap();
    let at = bytes.windows(17).position(|w| w == b"MESSAGE=line 0500").unwrap() - 72;
    let file = fs::OpenOptions::new().write(true).open(lab.path("system.journal")).unwrap();
    file.write_all_at(&[9], at as u64).unwrap();
    (lab.saved, lab.got) = (None, Vec::new());
    lab.kill();
    lab.end();
    assert_eq!((lab.got.len(), lab.metrics.malformed.get()), (999, 1));
}
