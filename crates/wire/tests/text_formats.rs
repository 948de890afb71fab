//! The collected cases of both text formats, as a scraper has to treat them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine as _;
use wire::exposition::{Entry, NORMAL_NAN_BITS, ParseError};
use wire::{openmetrics, prom_text};

#[derive(Debug, serde::Deserialize)]
struct Case {
    input: Option<String>,
    input_base64: Option<String>,
    ok: bool,
    #[serde(default)]
    why: String,
    #[serde(default)]
    samples: Option<Vec<Sample>>,
    #[serde(default)]
    metadata: BTreeMap<String, (String, String)>,
    #[serde(default)]
    exemplars: Vec<Exemplar>,
}

#[derive(Debug, serde::Deserialize, PartialEq)]
struct Sample {
    labels: BTreeMap<String, String>,
    value: String,
    timestamp_ms: Option<i64>,
}

#[derive(Debug, serde::Deserialize)]
struct Exemplar {
    series: String,
    labels: BTreeMap<String, String>,
    value: String,
    timestamp_ms: Option<i64>,
}

type Pairs = BTreeMap<String, String>;

#[derive(Debug, Default)]
struct Parsed {
    samples: Vec<(Pairs, f64, Option<i64>)>,
    metadata: BTreeMap<String, (String, String)>,
    exemplars: Vec<(String, Pairs, f64, Option<i64>)>,
}

impl Parsed {
    fn take(&mut self, entry: Entry<'_, '_>) -> Result<(), String> {
        match entry {
            Entry::Sample(sample) => {
                let labels = sample.to_labels()?;
                let pairs = labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
                self.samples.push((pairs, sample.value, sample.timestamp_ms));
                if let Some(e) = sample.exemplar {
                    let pairs = e.labels.iter();
                    let pairs =
                        pairs.map(|p| (p.name.unescape().into_owned(), p.value.unescape().into_owned()));
                    self.exemplars.push((labels.to_string(), pairs.collect(), e.value, e.timestamp_ms));
                }
            }
            Entry::Type { name, kind } => {
                self.metadata.entry(name.unescape().into_owned()).or_default().0 = kind.as_str().to_owned();
            }
            Entry::Help { name, help } => {
                self.metadata.entry(name.unescape().into_owned()).or_default().1 =
                    help.unescape().into_owned();
            }
            Entry::Unit { .. } => {}
        }
        Ok(())
    }
}

fn parse_prom(body: &[u8]) -> Result<Parsed, String> {
    let text = |e: ParseError| e.to_string();
    let mut parser = prom_text::Parser::new(body).map_err(text)?;
    let mut parsed = Parsed::default();
    while let Some(entry) = parser.next_entry().map_err(text)? {
        parsed.take(entry)?;
    }
    Ok(parsed)
}

fn parse_openmetrics(body: &[u8]) -> Result<Parsed, String> {
    let text = |e: ParseError| e.to_string();
    let mut parser = openmetrics::Parser::new(body).map_err(text)?;
    let mut parsed = Parsed::default();
    while let Some(entry) = parser.next_entry().map_err(text)? {
        parsed.take(entry)?;
    }
    Ok(parsed)
}

/// Where the collected cases are. The tests that ask are ignored where they are missing.
fn conformance() -> PathBuf {
    let dir = match std::env::var_os("BONGHWA_CONFORMANCE") {
        Some(dir) => PathBuf::from(dir),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance"),
    };
    dir.join("text_formats")
}

fn same(found: f64, text: &str) -> bool {
    let wanted = text.parse::<f64>().unwrap();
    if wanted.is_nan() { found.to_bits() == NORMAL_NAN_BITS } else { found.to_bits() == wanted.to_bits() }
}

fn check(case: &Case, parsed: &Parsed) -> Result<(), String> {
    let wanted = case.samples.as_deref();
    for (index, sample) in wanted.unwrap_or_default().iter().enumerate() {
        let Some((labels, value, t)) = parsed.samples.get(index) else {
            return Err(format!("sample {index} is missing"));
        };
        if *labels != sample.labels || !same(*value, &sample.value) || *t != sample.timestamp_ms {
            return Err(format!("sample {index}: {labels:?} {value} {t:?} instead of {sample:?}"));
        }
    }
    if wanted.is_some_and(|w| w.len() != parsed.samples.len()) {
        return Err(format!("{} samples", parsed.samples.len()));
    }
    for (family, meta) in &case.metadata {
        if parsed.metadata.get(family) != Some(meta) {
            return Err(format!("metadata of {family}: {:?}", parsed.metadata.get(family)));
        }
    }
    if !case.exemplars.is_empty() && case.exemplars.len() != parsed.exemplars.len() {
        return Err(format!("{} exemplars", parsed.exemplars.len()));
    }
    for (wanted, (series, labels, value, t)) in case.exemplars.iter().zip(&parsed.exemplars) {
        // Series are given as written; the cases use the plain form.
        if *series != wanted.series || *labels != wanted.labels || *t != wanted.timestamp_ms {
            return Err(format!("exemplar {series} {labels:?} {t:?} instead of {wanted:?}"));
        }
        if !same(*value, &wanted.value) {
            return Err(format!("exemplar value {value}"));
        }
    }
    Ok(())
}

fn run(file: &str, expected: usize, parse: fn(&[u8]) -> Result<Parsed, String>) {
    let dir = conformance();
    let text = std::fs::read_to_string(dir.join(file)).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    assert!(cases.len() >= expected, "{} cases", cases.len());
    let mut failed = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let input = match (&case.input, &case.input_base64) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Some(coded)) => base64::engine::general_purpose::STANDARD.decode(coded).unwrap(),
            (None, None) => panic!("case {index} has no input"),
        };
        let outcome = match (parse(&input), case.ok) {
            (Ok(parsed), true) => check(case, &parsed),
            (Err(_), false) => Ok(()),
            (Ok(_), false) => Err(format!("accepted, but: {}", case.why)),
            (Err(error), true) => Err(format!("refused: {error}")),
        };
        if let Err(reason) = outcome {
            failed.push(format!("case {index} {:?}: {reason}", String::from_utf8_lossy(&input)));
        }
    }
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn prometheus_text_cases() {
    run("prometheus_text_cases.json", 60, parse_prom);
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn openmetrics_cases_as_the_scraper_treats_them() {
    run("openmetrics_cases.json", 57, parse_openmetrics);
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn samples_parse() {
    let dir = conformance();
    for (file, samples, families) in [
        ("alltypes.237mfs.prom.txt", 1857, 237),
        ("alltypes.237mfs.nometa.prom.txt", 1857, 0),
        ("alltypes.5mfs.om.txt", 0, 5),
        ("1histogram.om.txt", 0, 1),
    ] {
        let body = std::fs::read(dir.join("samples").join(file)).unwrap();
        let parsed = if file.contains(".om.") { parse_openmetrics(&body) } else { parse_prom(&body) };
        let parsed = parsed.unwrap_or_else(|e| panic!("{file}: {e}"));
        let lines = body.split(|b| *b == b'\n').filter(|l| !l.is_empty() && l[0] != b'#').count();
        assert_eq!(parsed.samples.len(), lines, "{file}");
        assert!(parsed.samples.len() >= samples.min(lines), "{file}");
        assert_eq!(parsed.metadata.len(), families, "{file}");
    }
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn openmetrics_specification_strictly() {
    let dir = conformance();
    let mut failed = Vec::new();
    let mut count = 0;
    for case in std::fs::read_dir(dir.join("openmetrics")).unwrap() {
        let path = case.unwrap().path();
        let meta: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.join("test.json")).unwrap()).unwrap();
        let body = std::fs::read(path.join("metrics")).unwrap();
        let wanted = meta["shouldParse"].as_bool().unwrap();
        let outcome = openmetrics::strict::check(&body);
        if outcome.is_ok() != wanted {
            failed.push(format!("{}: {outcome:?}\n{}", path.display(), String::from_utf8_lossy(&body)));
        }
        count += 1;
    }
    assert_eq!(count, 155);
    failed.sort();
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed.join("\n"));
}
