//! What the OpenMetrics specification asks beyond what a scraper needs: for tests and linters.
//!
//! Families must be contiguous and their names must not clash, metadata comes once and before the samples, points of a
//! metric follow each other in time, and values must make sense for the type.

mod point;

use std::collections::HashSet;

use self::point::Point;
use super::Parser;
use crate::exposition::{Entry, Kind, ParseError, Sample};

/// Checks a whole exposition. The error is the first violation.
pub fn check(body: &[u8]) -> Result<(), ParseError> {
    let mut parser = Parser::new(body)?;
    let mut checker = Checker::default();
    loop {
        let at = parser.at();
        let verdict = match parser.next_entry()? {
            Some(entry) => checker.entry(&entry),
            None => return checker.close().map_err(|message| parser.error_at(at, message)),
        };
        verdict.map_err(|message| parser.error_at(at, message))?;
    }
}

#[derive(Debug, Default)]
struct Checker {
    /// Names of all families so far and of the samples they may have.
    taken: HashSet<String>,
    family: Option<Family>,
}

#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: Option<Kind>,
    help: bool,
    unit: Option<String>,
    /// Label sets of metrics that are complete.
    done: HashSet<String>,
    /// The metric whose samples are being read.
    metric: Option<Metric>,
}

/// All points of one label set.
#[derive(Debug)]
struct Metric {
    labels: String,
    t: Option<i64>,
    point: Point,
}

/// Endings of sample names by type.
const fn suffixes(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Counter => &["_total", "_created"],
        Kind::Histogram => &["_bucket", "_count", "_sum", "_created"],
        Kind::GaugeHistogram => &["_bucket", "_gcount", "_gsum"],
        Kind::Summary => &["", "_count", "_sum", "_created"],
        Kind::Info => &["_info"],
        Kind::Gauge | Kind::StateSet | Kind::Unknown => &[""],
    }
}

impl Checker {
    fn entry(&mut self, entry: &Entry<'_, '_>) -> Result<(), String> {
        match entry {
            Entry::Sample(sample) => self.sample(sample),
            Entry::Type { name, kind } => {
                let family = self.describe(&name.unescape())?;
                if family.kind.replace(*kind).is_some() {
                    return Err(format!("a second TYPE for {}", family.name));
                }
                let (name, kind) = (family.name.clone(), *kind);
                self.take_names(&name, kind)
            }
            Entry::Help { name, .. } => {
                let family = self.describe(&name.unescape())?;
                if std::mem::replace(&mut family.help, true) {
                    return Err(format!("a second HELP for {}", family.name));
                }
                Ok(())
            }
            Entry::Unit { name, unit } => {
                let family = self.describe(&name.unescape())?;
                if family.unit.replace((*unit).to_owned()).is_some() {
                    return Err(format!("a second UNIT for {}", family.name));
                }
                Ok(())
            }
        }
    }

    /// The family that a metadata line is about: the current one if it has no samples yet, else a new one.
    fn describe(&mut self, name: &str) -> Result<&mut Family, String> {
        match &self.family {
            Some(family) if family.name == name => {
                if family.metric.is_some() || !family.done.is_empty() {
                    return Err(format!("metadata of {name} after its samples"));
                }
            }
            _ => self.open(name)?,
        }
        self.family.as_mut().ok_or_else(|| "no family".to_owned())
    }

    fn open(&mut self, name: &str) -> Result<(), String> {
        self.close()?;
        if !self.taken.insert(name.to_owned()) {
            return Err(format!("{name} clashes with an earlier family, or its family is not in one piece"));
        }
        self.family = Some(Family { name: name.to_owned(), ..Family::default() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(family) = self.family.take() else { return Ok(()) };
        let kind = family.kind.unwrap_or_default();
        let unit = family.unit.as_deref().unwrap_or_default();
        if !unit.is_empty() && matches!(kind, Kind::Info | Kind::StateSet) {
            return Err(format!("{} is of a type that has no unit", family.name));
        }
        match family.metric {
            Some(metric) => metric.point.finish(kind),
            None => Ok(()),
        }
    }

    fn take_names(&mut self, name: &str, kind: Kind) -> Result<(), String> {
        for suffix in suffixes(kind).iter().filter(|suffix| !suffix.is_empty()) {
            if !self.taken.insert(format!("{name}{suffix}")) {
                return Err(format!("{name}{suffix} clashes with an earlier family"));
            }
        }
        Ok(())
    }

    fn sample(&mut self, sample: &Sample<'_, '_>) -> Result<(), String> {
        let name = sample.name.unescape();
        let suffix = self.family.as_ref().and_then(|family| {
            let suffix = name.strip_prefix(family.name.as_str())?;
            suffixes(family.kind.unwrap_or_default()).iter().find(|known| **known == suffix).copied()
        });
        let suffix = match suffix {
            Some(suffix) => suffix,
            None => {
                self.open(&name)?;
                ""
            }
        };
        let Some(family) = &mut self.family else { return Err("no family".to_owned()) };
        let kind = family.kind.unwrap_or_default();
        check_labels(sample)?;
        check_exemplar(sample, kind, suffix)?;
        let special = match kind {
            Kind::Histogram | Kind::GaugeHistogram => "le",
            Kind::Summary => "quantile",
            Kind::StateSet => family.name.as_str(),
            _ => "",
        };
        let (labels, special) = split_labels(sample, special);
        family.advance(labels, sample.timestamp_ms, kind)?;
        let Some(metric) = &mut family.metric else { return Err("no metric".to_owned()) };
        metric.point.add(kind, suffix, special.as_deref(), sample.value)
    }
}

impl Family {
    /// Goes on with the current point, or closes it for a later one or for the next metric.
    fn advance(&mut self, labels: String, t: Option<i64>, kind: Kind) -> Result<(), String> {
        match self.metric.take() {
            Some(metric) if metric.labels == labels => {
                let point = match (metric.t, t) {
                    (before, now) if before == now => metric.point,
                    (Some(before), Some(now)) if before < now => {
                        metric.point.finish(kind)?;
                        Point::default()
                    }
                    _ => {
                        return Err(
                            "samples of a metric must all have timestamps or none, in order".to_owned()
                        );
                    }
                };
                self.metric = Some(Metric { labels, t, point });
                return Ok(());
            }
            Some(metric) => {
                metric.point.finish(kind)?;
                self.done.insert(metric.labels);
            }
            None => {}
        }
        if self.done.contains(&labels) {
            return Err(format!("samples of {}{labels} are not in one piece", self.name));
        }
        self.metric = Some(Metric { labels, t, point: Point::default() });
        Ok(())
    }
}

fn check_labels(sample: &Sample<'_, '_>) -> Result<(), String> {
    sample.to_labels().map_err(|name| format!("label {name:?} is there twice"))?;
    if sample.series.ends_with(",}") {
        return Err("a comma after the last label".to_owned());
    }
    Ok(())
}

fn check_exemplar(sample: &Sample<'_, '_>, kind: Kind, suffix: &str) -> Result<(), String> {
    let Some(exemplar) = sample.exemplar else { return Ok(()) };
    let allowed = match kind {
        Kind::Counter => suffix == "_total",
        Kind::Histogram | Kind::GaugeHistogram => suffix == "_bucket",
        _ => false,
    };
    if !allowed {
        return Err("only counters and buckets may have exemplars".to_owned());
    }
    let texts = exemplar.labels.iter().flat_map(|pair| [pair.name, pair.value]);
    let characters: usize = texts.map(|text| text.unescape().chars().count()).sum();
    if characters > 128 {
        return Err(format!("the exemplar's labels have {characters} characters, 128 are allowed"));
    }
    Ok(())
}

/// The labels without `special` as one text, and the value of `special`.
fn split_labels(sample: &Sample<'_, '_>, special: &str) -> (String, Option<String>) {
    let mut rest = Vec::new();
    let mut value = None;
    for pair in sample.labels {
        let (name, text) = (pair.name.unescape(), pair.value.unescape());
        if name == special {
            value = Some(text.into_owned());
        } else if !text.is_empty() {
            rest.push(format!("{name:?}={text:?}"));
        }
    }
    rest.sort();
    (format!("{{{}}}", rest.join(",")), value)
}
