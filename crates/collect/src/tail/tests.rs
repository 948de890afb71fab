use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use model::records::FieldRef;
use model::{Labels, Records};

use super::entry::Format;
use super::follower::{Follower, Log, Terms};
use super::metrics::Metrics;
use super::multiline::Rule;
use super::position::Position;

struct Draw(u64);

impl Draw {
    fn below(&mut self, most: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) % most
    }
}

/// What a store keeps of a log: events and position change together.
#[derive(Default)]
struct Kept {
    events: [Vec<String>; 2],
    position: Option<Vec<u8>>,
}

/// An engine that writes and rotates, a follower that reads, and a store.
struct Lab {
    folder: tempfile::TempDir,
    format: Format,
    number: u64,
    expected: [Vec<String>; 2],
    kept: Kept,
    follower: Follower,
    metrics: Metrics,
    now_ms: i64,
}

const TERMS: Terms = Terms { event_length: 64 << 10, first_read: 1 << 30, flush_ms: 500 };

fn follower(path: &Path, format: Format, kept: &Kept, metrics: &Metrics) -> Follower {
    let log = Log {
        source: "log".to_owned(),
        path: path.to_owned(),
        format,
        labels: Labels::from_pairs([("container", "web")]),
        rule: Rule::Traces,
    };
    Follower::new(log, TERMS, kept.position.as_deref().and_then(Position::decode), metrics.clone())
}

impl Lab {
    fn new(format: Format) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.log");
        fs::write(&path, "").unwrap();
        let (kept, metrics) = (Kept::default(), Metrics::default());
        let follower = follower(&path, format, &kept, &metrics);
        Self { folder, format, number: 0, expected: Default::default(), kept, follower, metrics, now_ms: 0 }
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.folder.path().join(format!("x.log{suffix}"))
    }

    fn entry(&mut self, stderr: bool, text: &str, partial: bool) -> Vec<u8> {
        let (stream, nanos) =
            (if stderr { "stderr" } else { "stdout" }, self.now_ms as u64 * 1000 + self.number);
        let time = format!("2024-05-01T10:00:00.{:09}Z", nanos % 1_000_000_000);
        match self.format {
            Format::JsonFile => {
                let log = if partial { text.to_owned() } else { format!("{text}\n") };
                format!("{}\n", serde_json::json!({ "log": log, "stream": stream, "time": time }))
            }
            Format::Cri => format!("{time} {stream} {} {text}\n", if partial { "P" } else { "F" }),
            Format::LocalFile => return local_entry(stream, nanos, text, partial),
            Format::Plain => format!("{text}\n"),
        }
        .into_bytes()
    }

    fn write(&mut self, draw: &mut Draw) {
        let mut bytes = Vec::new();
        for _ in 0..1 + draw.below(12) {
            self.number += 1;
            let stderr = self.format.has_streams() && draw.below(3) == 0;
            let number = self.number;
            let event = match draw.below(6) {
                0 => format!("ERROR {number}\njava.lang.Error: x\n\tat a.B.c(B.java:{number})"),
                1 if self.format.has_streams() => format!("INFO long {number} {}", "x".repeat(300)),
                _ => format!("INFO {number}"),
            };
            for line in event.lines() {
                if line.starts_with("INFO long") {
                    let (head, tail) = line.split_at(100);
                    bytes.extend(self.entry(stderr, head, true));
                    bytes.extend(self.entry(stderr, tail, false));
                } else {
                    bytes.extend(self.entry(stderr, line, false));
                }
            }
            self.expected[usize::from(stderr)].push(event);
        }
        // An engine does not always get a whole line to the file at once.
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path("")).unwrap();
        let cut = draw.below(bytes.len() as u64) as usize;
        file.write_all(&bytes[..cut]).unwrap();
        if draw.below(4) == 0 {
            self.read(1 << 20);
        }
        file.write_all(&bytes[cut..]).unwrap();
    }

    fn rotate(&mut self, files: usize, compress: bool) {
        for at in (1..files).rev() {
            for end in ["", ".gz"] {
                let (from, to) = (self.path(&format!(".{at}{end}")), self.path(&format!(".{}{end}", at + 1)));
                if from.exists() {
                    fs::rename(&from, &to).unwrap();
                }
            }
        }
        for end in ["", ".gz"] {
            let _ = fs::remove_file(self.path(&format!(".{files}{end}")));
        }
        fs::rename(self.path(""), self.path(".1")).unwrap();
        if compress {
            let bytes = fs::read(self.path(".1")).unwrap();
            let mut encoder =
                GzEncoder::new(fs::File::create(self.path(".1.gz")).unwrap(), Compression::fast());
            encoder.write_all(&bytes).unwrap();
            encoder.finish().unwrap();
            fs::remove_file(self.path(".1")).unwrap();
        }
        fs::write(self.path(""), "").unwrap();
    }

    /// Reads and stores.
    fn read(&mut self, most: usize) -> bool {
        let mut records = Records::new();
        let more = self.follower.step(self.now_ms, &mut records, most).unwrap();
        self.store(&records);
        more
    }

    fn store(&mut self, records: &Records) {
        for row in records.iter() {
            let stderr = row.field("stream") == Some(FieldRef::Text("stderr"));
            self.kept.events[usize::from(stderr)].push(row.body().to_owned());
        }
        if !records.is_empty() {
            self.kept.position = Some(self.follower.position().unwrap().encode());
        }
    }

    /// `kill -9`: what was read and not stored is forgotten.
    fn crash(&mut self, read_before: bool) {
        if read_before {
            self.follower.step(self.now_ms, &mut Records::new(), 300).unwrap();
        }
        self.follower = follower(&self.path(""), self.format, &self.kept, &self.metrics);
    }

    fn end(&mut self) {
        while self.read(1 << 20) {}
        self.now_ms += 10_000;
        while self.read(1 << 20) {}
    }
}

/// An entry of the local driver: source, time, text, whether it is a piece.
fn local_entry(stream: &str, nanos: u64, text: &str, partial: bool) -> Vec<u8> {
    fn varint(out: &mut Vec<u8>, mut value: u64) {
        while value >= 0x80 {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    let mut message = vec![0x0a, stream.len() as u8];
    message.extend(stream.as_bytes());
    message.push(0x10);
    varint(&mut message, nanos);
    message.push(0x1a);
    varint(&mut message, text.len() as u64);
    message.extend(text.as_bytes());
    message.extend([0x20, u8::from(partial)]);
    let length = (message.len() as u32).to_be_bytes();
    [&length[..], &message, &length].concat()
}

fn storm(format: Format, seed: u64) {
    let (mut lab, mut draw) = (Lab::new(format), Draw(seed));
    for _ in 0..120 {
        match draw.below(12) {
            0..=3 => lab.write(&mut draw),
            4 | 5 => lab.rotate(200, draw.below(3) == 0),
            6..=8 => {
                lab.read(200);
            }
            9 => lab.crash(true),
            10 => lab.crash(false),
            _ => lab.now_ms += 700,
        }
    }
    lab.end();
    for stream in 0..2 {
        assert_eq!(lab.kept.events[stream], lab.expected[stream], "{format:?}, seed {seed}, stream {stream}");
    }
    assert_eq!(lab.metrics.gaps.get(), 0, "{format:?}, seed {seed}");
}

#[test]
fn a_storm_of_rotations_and_crashes_loses_and_repeats_nothing() {
    for seed in 1..60 {
        storm(Format::JsonFile, seed);
        storm(Format::Cri, seed);
        storm(Format::LocalFile, seed);
        storm(Format::Plain, seed);
    }
}

#[test]
fn what_was_deleted_meanwhile_is_a_gap_and_nothing_else() {
    let mut gaps = 0;
    for seed in 1..40 {
        let (mut lab, mut draw) = (Lab::new(Format::JsonFile), Draw(seed));
        // Of a log that was never read nobody can say what it has lost.
        lab.write(&mut draw);
        lab.end();
        for _ in 0..100 {
            match draw.below(10) {
                0..=3 => lab.write(&mut draw),
                4 | 5 => lab.rotate(2, draw.below(2) == 0),
                6 => {
                    lab.read(1 << 20);
                }
                7 => lab.crash(true),
                _ => lab.now_ms += 100,
            }
        }
        lab.end();
        let mut lost = 0;
        for stream in 0..2 {
            let mut expected = lab.expected[stream].iter();
            for event in &lab.kept.events[stream] {
                // A part of an event whose head was deleted stands alone.
                if !event.starts_with("INFO ") && !event.starts_with("ERROR ") || event.starts_with("INFO x")
                {
                    continue;
                }
                for next in expected.by_ref() {
                    if next == event || next.starts_with(event.as_str()) {
                        break;
                    }
                    lost += 1;
                }
            }
            lost += expected.len();
        }
        assert!(lost == 0 || lab.metrics.gaps.get() > 0, "seed {seed}: {lost} lost and no gap counted");
        gaps += lab.metrics.gaps.get();
        let mut seen = std::collections::HashSet::new();
        let whole = lab
            .kept
            .events
            .iter()
            .flatten()
            .filter(|e| e.starts_with("INFO ") && !e.starts_with("INFO long"));
        assert!(whole.into_iter().all(|event| seen.insert(event)), "seed {seed}: an event twice");
    }
    assert!(gaps > 0);
}

#[test]
fn a_file_that_is_copied_and_emptied_goes_on_in_its_copy() {
    let mut lab = Lab::new(Format::Plain);
    let mut draw = Draw(3);
    lab.write(&mut draw);
    lab.read(1 << 20);
    lab.write(&mut draw);
    fs::copy(lab.path(""), lab.path(".1")).unwrap();
    fs::OpenOptions::new().write(true).open(lab.path("")).unwrap().set_len(0).unwrap();
    lab.write(&mut draw);
    lab.end();
    assert_eq!(lab.kept.events[0], lab.expected[0]);
    assert_eq!(lab.metrics.gaps.get(), 0);

    // Without a copy what was not read is gone.
    lab.write(&mut draw);
    fs::OpenOptions::new().write(true).open(lab.path("")).unwrap().set_len(0).unwrap();
    let before = lab.expected[0].len();
    lab.write(&mut draw);
    lab.end();
    assert_eq!(lab.metrics.gaps.get(), 1);
    let told = lab.kept.events[0].iter().filter(|event| event.starts_with("[lines are missing here: "));
    assert_eq!(told.count(), 1);
    let new = &lab.expected[0][before..];
    assert!(lab.kept.events[0].ends_with(new), "{:?}\n{new:?}", lab.kept.events[0]);
}

/// Writes a file anew in place, later than before.
fn rewrite(lab: &Lab, text: &str) {
    let mut file = fs::OpenOptions::new().write(true).truncate(true).open(lab.path("")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let later = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    file.set_modified(later).unwrap();
}

#[test]
fn a_file_that_is_cut_by_hand_goes_on_at_its_end() {
    for lines in [3, 300] {
        let mut lab = Lab::new(Format::Plain);
        let all: Vec<String> = (0..lines).map(|n| format!("line {n:06}")).collect();
        fs::write(lab.path(""), all.join("\n") + "\n").unwrap();
        lab.end();
        // To half of its lines.
        let file = fs::OpenOptions::new().append(true).open(lab.path("")).unwrap();
        file.set_len(12 * (lines / 2)).unwrap();
        lab.end();
        (&file).write_all(b"more\n").unwrap();
        lab.end();
        lab.crash(false);
        (&file).write_all(b"last\n").unwrap();
        lab.end();
        let want: Vec<&str> = all.iter().map(String::as_str).chain(["more", "last"]).collect();
        assert_eq!(
            (lab.kept.events[0].iter().map(String::as_str).collect::<Vec<_>>(), lab.metrics.gaps.get()),
            (want, 0)
        );
    }
}

#[test]
fn a_file_that_is_written_anew_is_noticed_whatever_its_length() {
    for text in ["four\n", "four\nfive\nsix\n", "four\nfive\nsix\nseven\neight\n"] {
        for look in [true, false] {
            let mut lab = Lab::new(Format::Plain);
            fs::write(lab.path(""), "one\ntwo\nthree\n").unwrap();
            lab.end();
            rewrite(&lab, text);
            if !look {
                lab.crash(false);
            }
            lab.end();
            let kept = &lab.kept.events[0];
            assert_eq!(kept[..3], ["one", "two", "three"]);
            assert!(kept[3].starts_with("[lines are missing here: "), "{}", kept[3]);
            assert_eq!(kept[4..], *text.lines().collect::<Vec<_>>());
            assert_eq!(lab.metrics.gaps.get(), 1);
        }
    }
}

#[test]
fn an_application_that_goes_on_in_the_renamed_file_is_followed_there() {
    let mut lab = Lab::new(Format::Plain);
    let path = lab.path("");
    let mut old = fs::OpenOptions::new().append(true).open(&path).unwrap();
    old.write_all(b"one\n").unwrap();
    lab.end();
    fs::rename(&path, lab.path(".1")).unwrap();
    fs::write(&path, "").unwrap();
    lab.end();
    old.write_all(b"two\n").unwrap();
    lab.end();
    fs::write(&path, "three\n").unwrap();
    lab.end();
    assert_eq!(lab.kept.events[0], ["one", "two", "three"]);
}

#[test]
fn of_the_past_of_a_new_log_only_the_end_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.log");
    let lines: Vec<String> = (0..1000).map(|n| format!("line {n:04}")).collect();
    fs::write(folder.path().join("x.log.1"), lines[..500].join("\n") + "\n").unwrap();
    fs::write(&path, lines[500..].join("\n") + "\n").unwrap();
    let (kept, metrics) = (Kept::default(), Metrics::default());
    let mut follower = follower(&path, Format::Plain, &kept, &metrics);
    follower = Follower::new(follower.log, Terms { first_read: 105, ..TERMS }, None, metrics.clone());
    let mut records = Records::new();
    follower.step(0, &mut records, 1 << 20).unwrap();
    follower.finish(0, &mut records);
    let bodies: Vec<&str> = records.iter().map(|row| row.body()).collect();
    assert_eq!(bodies, &lines[990..]);
    assert_eq!(metrics.skipped.get(), 10_000 - 105);
}

#[test]
fn a_line_without_end_is_cut_and_the_next_one_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.log");
    fs::write(&path, format!("{}\nnext\n", "é".repeat(500_000))).unwrap();
    let metrics = Metrics::default();
    let mut follower = follower(&path, Format::Plain, &Kept::default(), &metrics);
    let mut records = Records::new();
    while follower.step(0, &mut records, 1 << 20).unwrap() {}
    follower.finish(0, &mut records);
    let bodies: Vec<&str> = records.iter().map(|row| row.body()).collect();
    assert_eq!(bodies.len(), 2);
    assert_eq!((bodies[0].len(), bodies[0].chars().all(|c| c == 'é'), bodies[1]), (64 << 10, true, "next"));
    assert!(metrics.cut.get() > 0);
}
