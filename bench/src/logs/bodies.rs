//! The requests, made once before any clock starts: snappy-compressed protobuf of Loki's push protocol, as an agent sends
//! them, and what is known of the lines in them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::generated_logs::{Generated, Lines};
use crate::protobuf::{bytes, varint};

/// Agents, each with a connection, and pods of its own: a stream never comes over two connections.
pub(super) const AGENTS: u64 = 4;
/// Lines a second, of all agents.
const RATE: u64 = 2000;
/// An agent sends when it has so much, as Promtail and Alloy do.
const REQUEST_BYTES: usize = 1 << 20;
/// What is looked for, and how often it is there is counted.
pub(super) const PHRASE: &str = "no answer from inventory within";
const SEED: u64 = 5;
/// Another form of the requests gets another number: what was kept of an earlier one is not used.
const FORM: u64 = 2;

/// What is known of the lines.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) lines: u64,
    /// Bytes of messages.
    pub(super) bytes: u64,
    pub(super) requests: u64,
    pub(super) streams: u64,
    /// The first and the last time, seconds; the latter is behind every line.
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    /// An id that one line has.
    pub(super) needle: String,
    /// Lines with [`PHRASE`].
    pub(super) phrase: u64,
    pub(super) levels: BTreeMap<String, u64>,
    pub(super) apps: BTreeMap<String, u64>,
}

/// A folder with a file of requests for each agent.
pub(super) struct Bodies {
    folder: PathBuf,
    pub(super) facts: Facts,
    kept: bool,
}

impl Bodies {
    /// Makes so many megabytes (10^6 bytes of messages), or takes those that `keep` has.
    pub(super) fn make(megabytes: u64, keep: Option<&Path>) -> Result<Self> {
        let folder = match keep {
            Some(folder) => folder.join(format!("logs-{megabytes}")),
            None => std::env::temp_dir().join(format!("bonghwa-bench-{}-bodies", std::process::id())),
        };
        if let Ok(text) = fs::read_to_string(folder.join("facts")) {
            let facts: Value = serde_json::from_str(&text)?;
            if facts["form"] == FORM {
                return Ok(Self { folder, facts: Facts::read(&facts)?, kept: keep.is_some() });
            }
        }
        fs::create_dir_all(&folder)?;
        // Whole days in the past: retention leaves them, and no day ends in the middle.
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() as i64;
        let start_s = now / 86_400 * 86_400 - 86_400 + 6 * 3600;
        let made: Vec<Result<Facts>> = std::thread::scope(|scope| {
            let agents: Vec<_> = (0..AGENTS)
                .map(|agent| {
                    let file = file_of(&folder, agent);
                    scope.spawn(move || write(&file, agent, megabytes * 1_000_000 / AGENTS, start_s))
                })
                .collect();
            agents.into_iter().map(|a| a.join().unwrap_or_else(|_| bail!("an agent ended"))).collect()
        });
        let mut facts = Facts { start_s, ..Facts::default() };
        for one in made {
            facts.add(one?);
        }
        fs::write(folder.join("facts"), facts.to_json().to_string())?;
        Ok(Self { folder, facts, kept: keep.is_some() })
    }

    /// The requests of an agent.
    pub(super) fn requests(&self, agent: u64) -> Result<Requests> {
        Ok(Requests(BufReader::with_capacity(1 << 20, File::open(file_of(&self.folder, agent))?)))
    }
}

impl Drop for Bodies {
    fn drop(&mut self) {
        if !self.kept {
            // A folder that is gone already is no loss.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Reads one request after the other.
pub(super) struct Requests(BufReader<File>);

impl Requests {
    /// The next request; false at the end.
    pub(super) fn next(&mut self, body: &mut Vec<u8>) -> Result<bool> {
        let mut length = [0; 4];
        if self.0.read(&mut length[..1])? == 0 {
            return Ok(false);
        }
        self.0.read_exact(&mut length[1..])?;
        body.resize(u32::from_le_bytes(length) as usize, 0);
        self.0.read_exact(body)?;
        Ok(true)
    }
}

impl Facts {
    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.requests += other.requests;
        self.streams += other.streams;
        self.end_s = self.end_s.max(other.end_s);
        self.phrase += other.phrase;
        if self.needle.is_empty() {
            self.needle = other.needle;
        }
        for (from, to) in [(other.levels, &mut self.levels), (other.apps, &mut self.apps)] {
            for (name, count) in from {
                *to.entry(name).or_default() += count;
            }
        }
    }

    fn count(&mut self, line: &Generated) {
        self.lines += 1;
        self.bytes += line.body.len() as u64;
        self.phrase += u64::from(line.level == "ERROR" && line.body.contains(PHRASE));
        for (name, counts) in [(line.level, &mut self.levels), (line.app, &mut self.apps)] {
            match counts.get_mut(name) {
                Some(count) => *count += 1,
                None => drop(counts.insert(name.to_owned(), 1)),
            }
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "form": FORM, "lines": self.lines, "bytes": self.bytes, "requests": self.requests, "streams": self.streams,
            "start": self.start_s, "end": self.end_s, "needle": self.needle, "phrase": self.phrase,
            "levels": self.levels, "apps": self.apps,
        })
    }

    fn read(json: &Value) -> Result<Self> {
        let number = |name: &str| json[name].as_u64().with_context(|| format!("no {name} in the facts"));
        let counts = |name: &str| serde_json::from_value(json[name].clone()).context("counts are no numbers");
        Ok(Self {
            lines: number("lines")?,
            bytes: number("bytes")?,
            requests: number("requests")?,
            streams: number("streams")?,
            start_s: number("start")? as i64,
            end_s: number("end")? as i64,
            needle: json["needle"].as_str().unwrap_or_default().to_owned(),
            phrase: number("phrase")?,
            levels: counts("levels")?,
            apps: counts("apps")?,
        })
    }
}

fn file_of(folder: &Path, agent: u64) -> PathBuf {
    folder.join(format!("agent-{agent}"))
}

/// The entries of a stream in a request.
struct Stream {
    labels: String,
    entries: Vec<u8>,
}

fn write(file: &Path, agent: u64, most: u64, start_s: i64) -> Result<Facts> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let mut facts = Facts::default();
    let mut streams: BTreeMap<(&'static str, u64), Stream> = BTreeMap::new();
    let (mut size, mut entry, mut request) = (0, Vec::new(), Vec::new());
    let lines = Lines::new(SEED + agent, start_s * 1_000_000_000 + 1).per_second(RATE / AGENTS);
    for line in lines {
        facts.count(&line);
        if facts.needle.is_empty() && line.app == "nginx" && facts.bytes > most * 6 / 10 {
            line.body.rsplit(' ').next().unwrap_or_default().clone_into(&mut facts.needle);
        }
        facts.end_s = line.time_ns / 1_000_000_000 + 1;
        let stream = streams.entry((line.app, line.instance)).or_insert_with(|| Stream {
            labels: labels(line.app, line.instance * AGENTS + agent),
            entries: Vec::new(),
        });
        push(&mut stream.entries, &mut entry, &line);
        size += line.body.len();
        if size >= REQUEST_BYTES || facts.bytes >= most {
            facts.requests += 1;
            send(&mut streams, &mut request, &mut out)?;
            size = 0;
        }
        if facts.bytes >= most {
            break;
        }
    }
    facts.streams = streams.len() as u64;
    out.flush()?;
    Ok(facts)
}

fn labels(app: &str, pod: u64) -> String {
    let namespace = match app {
        "nginx" => "ingress",
        "kubelet" | "coredns" | "etcd" | "kube-controller-manager" => "kube-system",
        _ => "shop",
    };
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "{{app=\"{app}\", container=\"{app}\", namespace=\"{namespace}\", node=\"node-{}\", pod=\"{app}-{pod}\"}}",
        pod % 12
    );
    text
}

/// Appends an entry: its time, its line, and how bad it is as structured metadata.
fn push(out: &mut Vec<u8>, entry: &mut Vec<u8>, line: &Generated) {
    let mut part = Vec::with_capacity(24);
    let number = |part: &mut Vec<u8>, field: u8, value: i64| {
        part.push(field << 3);
        varint(part, value as u64);
    };
    entry.clear();
    number(&mut part, 1, line.time_ns / 1_000_000_000);
    number(&mut part, 2, line.time_ns % 1_000_000_000);
    bytes(entry, 1, &part);
    bytes(entry, 2, line.body.as_bytes());
    part.clear();
    bytes(&mut part, 1, b"severity");
    bytes(&mut part, 2, line.level.as_bytes());
    bytes(entry, 3, &part);
    bytes(out, 2, entry);
}

/// Writes what all streams have as a request.
fn send(
    streams: &mut BTreeMap<(&'static str, u64), Stream>,
    request: &mut Vec<u8>,
    out: &mut impl std::io::Write,
) -> Result<()> {
    request.clear();
    for stream in streams.values_mut().filter(|s| !s.entries.is_empty()) {
        let mut labels = Vec::with_capacity(stream.labels.len() + 4);
        bytes(&mut labels, 1, stream.labels.as_bytes());
        varint(request, 1 << 3 | 2);
        varint(request, (labels.len() + stream.entries.len()) as u64);
        request.extend_from_slice(&labels);
        request.append(&mut stream.entries);
    }
    let packed = snap::raw::Encoder::new().compress_vec(request)?;
    out.write_all(&u32::try_from(packed.len())?.to_le_bytes())?;
    out.write_all(&packed)?;
    Ok(())
}
