//! Reads an exposition far enough to compare it with another.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use collect::host::{self, Config};

/// Families with their types, and samples by name.
#[derive(Default)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, String>,
    pub(crate) samples: BTreeMap<String, BTreeSet<(String, u64)>>,
}

impl Exposition {
    /// What the host collector gives.
    pub(crate) fn of(config: &Config) -> Self {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let text = host::exposition(config, now.as_millis() as i64).expect("the expressions compile");
        Self::parse(&text)
    }

    /// Labels as written, sorted; values by their bits.
    pub(crate) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        for line in text.lines() {
            if let Some(family) = line.strip_prefix("# TYPE ") {
                let (name, kind) = family.split_once(' ').expect("a type");
                found.families.insert(name.to_owned(), kind.to_owned());
            } else if !line.starts_with('#') {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let (name, labels) = series.split_at(series.find('{').unwrap_or(series.len()));
                let value: f64 = value.parse().expect("a number");
                let is_new = found
                    .samples
                    .entry(name.to_owned())
                    .or_default()
                    .insert((sorted(labels), value.to_bits()));
                assert!(is_new, "twice: {line}");
            }
        }
        found
    }

    /// Forgets the families that `wanted` refuses.
    pub(crate) fn keep(&mut self, wanted: impl Fn(&str) -> bool) {
        self.families.retain(|name, _| wanted(name));
        self.samples.retain(|name, _| wanted(name));
    }

    /// Takes the samples of one family out.
    pub(crate) fn take(&mut self, name: &str) -> BTreeSet<(String, u64)> {
        self.families.remove(name);
        self.samples.remove(name).unwrap_or_default()
    }

    /// `name{labels}` of every sample. Labels of which every value changes in time are left to the values.
    pub(crate) fn series(&self) -> BTreeSet<String> {
        self.samples
            .iter()
            .flat_map(|(name, all)| all.iter().map(move |(l, _)| format!("{name}{l}")))
            .collect()
    }

    /// What `got` has otherwise.
    pub(crate) fn differences(&self, got: &Self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, kind) in &self.families {
            match got.families.get(name) {
                Some(other) if other == kind => {}
                other => out.push(format!("{name} is {kind}, here {other:?}")),
            }
        }
        let flat = |of: &Self| -> BTreeSet<(String, String, u64)> {
            let all = of.samples.iter();
            all.flat_map(|(n, all)| all.iter().map(|(l, v)| (n.clone(), l.clone(), *v))).collect()
        };
        let (expected, got) = (flat(self), flat(got));
        let line =
            |sign: &str, (n, l, v): &(String, String, u64)| format!("{sign} {n}{l} {}", f64::from_bits(*v));
        out.extend(expected.difference(&got).map(|s| line("missing", s)));
        out.extend(got.difference(&expected).map(|s| line("extra", s)));
        out
    }
}

/// `{b="1",a="2"}` as `{a="2",b="1"}`. Quoted values may hold commas and escaped quotes.
fn sorted(labels: &str) -> String {
    let Some(inner) = labels.strip_prefix('{').and_then(|l| l.strip_suffix('}')) else {
        return String::new();
    };
    let mut pairs = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                pairs.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    pairs.push(&inner[start..]);
    pairs.sort_unstable();
    // An empty label is an absent one: versions differ in which they write.
    pairs.retain(|pair| !pair.ends_with("=\"\""));
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

/// The body of a plain HTTP answer.
pub(crate) fn get(address: &str, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut text = String::new();
    stream.take(16 << 20).read_to_string(&mut text)?;
    Ok(text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}
