//! Values of a real node_exporter: recorded once in a second, replayed as scrapes fifteen seconds apart over a day.
//!
//! A recording of an hour and a half has as many scrapes as a day at 15 s. The replay takes every fifteenth scrape,
//! then again from the second on, and so forth: each step of a value is one that was seen over fifteen real seconds, and
//! none comes twice. What only grows goes on from where it is, by the recorded steps; what falls too is taken as it was.
//!
//! The file: `# at MILLISECONDS`, then the lines of the exposition that are not as in the scrape before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use super::{STEP_MS, Source, Take};
use crate::http::Client;
use crate::protobuf;

/// Scrapes `address` for so long, once in a second.
pub(crate) fn record(address: &str, file: &Path, seconds: u64) -> Result<()> {
    let mut out = BufWriter::new(File::create(file)?);
    let mut client = Client::new(address);
    let mut last: HashMap<String, String> = HashMap::new();
    let started = Instant::now();
    for scrape in 0..seconds {
        std::thread::sleep((started + Duration::from_secs(scrape)).saturating_duration_since(Instant::now()));
        let body = String::from_utf8(client.get("/metrics")?.body)?;
        writeln!(out, "# at {}", SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        for line in body.lines().filter(|l| !l.starts_with('#')) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            if last.get(name).is_none_or(|v| v != value) {
                last.insert(name.to_owned(), value.to_owned());
                writeln!(out, "{line}")?;
            }
        }
        out.flush()?;
    }
    Ok(())
}

struct Column {
    /// One value a scrape; before its first, the first.
    values: Vec<f64>,
    /// Decimals as they were written, where it only grew.
    decimals: Option<u32>,
}

/// A recording that is replayed for several hosts, each from another place on.
pub(crate) struct Recorded {
    columns: Vec<Column>,
    hosts: Vec<Replay>,
    /// Scrapes of the recording, and how many make fifteen seconds.
    scrapes: usize,
    stride: usize,
}

struct Replay {
    labels: Vec<Vec<u8>>,
    at: usize,
    /// What grows, in units of its last decimal.
    grown: Vec<i64>,
}

impl Recorded {
    pub(crate) fn read(file: &Path, hosts: usize) -> Result<Self> {
        let text = BufReader::new(File::open(file).with_context(|| file.display().to_string())?);
        let (mut names, mut columns) = (HashMap::<String, usize>::new(), Vec::<Column>::new());
        let mut times = Vec::new();
        for line in text.lines() {
            let line = line?;
            if let Some(at) = line.strip_prefix("# at ") {
                times.push(at.parse::<u64>()?);
                columns.iter_mut().for_each(|c| c.values.extend(c.values.last().copied()));
            } else if let Some((name, value)) = line.rsplit_once(' ') {
                let at = *names.entry(name.to_owned()).or_insert(columns.len());
                if at == columns.len() {
                    columns.push(Column { values: vec![0.0; times.len()], decimals: Some(0) });
                }
                columns[at].set(value)?;
            }
        }
        if times.len() < 60 {
            bail!("the recording has {} scrapes only", times.len());
        }
        columns.iter_mut().for_each(Column::finish);
        // The usual distance: a recording may be made in several sittings.
        let mut gaps: Vec<u64> = times.windows(2).map(|two| two[1].saturating_sub(two[0])).collect();
        gaps.sort_unstable();
        let stride = ((STEP_MS as f64 / gaps[gaps.len() / 2].max(1) as f64).round() as usize).max(1);
        let mut sorted: Vec<(&String, usize)> = names.iter().map(|(name, at)| (name, *at)).collect();
        sorted.sort_by_key(|s| s.1);
        let replay = |host: usize| {
            let instance = format!("recorded-{host}:9100");
            let labels = sorted.iter().map(|(name, _)| labels(name, &instance)).collect::<Result<_>>()?;
            let at = host * times.len() / hosts.max(1);
            Ok(Replay { labels, at, grown: columns.iter().map(|c| c.first(at)).collect() })
        };
        let hosts = (0..hosts).map(replay).collect::<Result<_>>()?;
        Ok(Self { hosts, scrapes: times.len(), stride, columns })
    }

    /// Scrapes in the recording: as many steps come without one twice.
    pub(crate) fn scrapes(&self) -> usize {
        self.scrapes
    }
}

impl Column {
    fn set(&mut self, text: &str) -> Result<()> {
        let value: f64 = text.parse().with_context(|| format!("value {text:?}"))?;
        let decimals = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => {
                let fraction = digits.split_once('.').map_or(0, |d| d.1.len()) as i32;
                u32::try_from((fraction - exponent.parse::<i32>()?).max(0))?
            }
            None => text.split_once('.').map_or(0, |d| d.1.len()) as u32,
        };
        let fell = self.values.len() > 1 && self.values.iter().rev().nth(1).is_some_and(|v| value < *v);
        let exact = decimals <= 9 && (value * 10f64.powi(decimals as i32)).abs() < 9e15;
        self.decimals = self.decimals.filter(|_| exact && !fell).map(|d| d.max(decimals));
        if let Some(last) = self.values.last_mut() {
            *last = value;
        }
        Ok(())
    }

    /// Before a series came it had its first value; one that never moved is taken as it is.
    fn finish(&mut self) {
        let first = self.values.iter().copied().find(|v| *v != 0.0).unwrap_or(0.0);
        if self.values.iter().all(|v| v.to_bits() == first.to_bits()) {
            self.decimals = None;
        }
    }

    fn scale(decimals: u32) -> f64 {
        10f64.powi(decimals as i32)
    }

    fn first(&self, at: usize) -> i64 {
        self.decimals.map_or(0, |d| (self.values[at] * Self::scale(d)).round() as i64)
    }
}

impl Source for Recorded {
    fn step(&mut self, t: i64, take: &mut Take<'_>) {
        for (number, host) in self.hosts.iter_mut().enumerate() {
            let here = host.at;
            let next = here + self.stride;
            // The end of a phase: the next one begins a scrape later.
            let (next, jumps) =
                if next < self.scrapes { (next, false) } else { ((here + 1) % self.stride, true) };
            let t = t + number as i64 * 311;
            for ((column, labels), grown) in self.columns.iter().zip(&host.labels).zip(&mut host.grown) {
                let value = match column.decimals {
                    Some(decimals) => *grown as f64 / Column::scale(decimals),
                    None => column.values[here],
                };
                take(number, labels, t, value);
                if let Some(decimals) = column.decimals.filter(|_| !jumps) {
                    let scaled = |v: f64| (v * Column::scale(decimals)).round() as i64;
                    *grown += (scaled(column.values[next]) - scaled(column.values[here])).max(0);
                }
            }
            host.at = next;
        }
    }

    fn ever(&self) -> usize {
        self.columns.len() * self.hosts.len()
    }
}

/// `name{a="b",...}` with `instance` and `job`, encoded.
fn labels(series: &str, instance: &str) -> Result<Vec<u8>> {
    let (name, mut rest) = series.split_once('{').unwrap_or((series, "}"));
    let mut pairs = vec![("__name__".to_owned(), name.to_owned())];
    while let Some((label, after)) = rest.split_once("=\"") {
        let mut value = String::new();
        let mut chars = after.char_indices();
        rest = loop {
            match chars.next().with_context(|| format!("labels of {series}"))? {
                (_, '\\') => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, c)) => value.push(c),
                    None => bail!("labels of {series}"),
                },
                (at, '"') => break &after[at + 1..],
                (_, c) => value.push(c),
            }
        };
        pairs.push((label.trim_start_matches(',').to_owned(), value));
    }
    pairs.push(("instance".to_owned(), instance.to_owned()));
    pairs.push(("job".to_owned(), "node".to_owned()));
    pairs.sort();
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    Ok(protobuf::labels(&pairs))
}
