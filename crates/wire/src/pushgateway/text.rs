//! Families in the text format, both ways.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashSet};

use super::{Family, Kind, Sample};
use crate::exposition::write::{Escaping, push_head, push_number, push_sample};
use crate::exposition::{Entry, Kind as TextKind, parse_float};
use crate::prom_text::Parser;

/// Samples of one push.
const MAX_SAMPLES: usize = 1 << 20;

/// Reads a body, by name. The error has the form of Go's text parser.
pub fn read(body: &[u8]) -> Result<BTreeMap<String, Family>, String> {
    let told = |line: usize, message: &str| format!("text format parsing error in line {line}: {message}");
    if !body.is_empty() && !body.ends_with(b"\n") {
        let lines = body.iter().filter(|b| **b == b'\n').count() + 1;
        return Err(told(lines, "unexpected end of input stream"));
    }
    let wrong =
        |e: crate::exposition::ParseError| told(e.line, &format!("{} (column {})", e.message, e.column));
    let mut parser = Parser::new(body).map_err(wrong)?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let (mut typed, mut helped): (HashSet<String>, HashSet<String>) = Default::default();
    let mut samples = 0;
    while let Some(entry) = parser.next_entry().map_err(wrong)? {
        match entry {
            Entry::Type { name, kind } => {
                let name = name.unescape().into_owned();
                let known = families.get(&name).is_some_and(|f| !f.samples.is_empty());
                if known || !typed.insert(name.clone()) {
                    return Err(format!(
                        "text format parsing error: second TYPE line for metric name {name:?}, or TYPE reported after \
                         samples"
                    ));
                }
                family(&mut families, &name).kind = of(kind);
            }
            Entry::Help { name, help } => {
                let name = name.unescape().into_owned();
                if !helped.insert(name.clone()) {
                    return Err(format!(
                        "text format parsing error: second HELP line for metric name {name:?}"
                    ));
                }
                family(&mut families, &name).help = help.unescape().into_owned();
            }
            Entry::Unit { .. } => {}
            Entry::Sample(sample) => {
                samples += 1;
                if samples > MAX_SAMPLES {
                    return Err(format!("more than {MAX_SAMPLES} samples in one push"));
                }
                let name = sample.name.unescape();
                let (stem, suffix) = stem(&families, &name);
                let (stem, suffix) = (stem.to_owned(), suffix.to_owned());
                let family = family(&mut families, &stem);
                let mut labels: Vec<(String, String)> = sample
                    .labels
                    .iter()
                    .map(|pair| (pair.name.unescape().into_owned(), pair.value.unescape().into_owned()))
                    .collect();
                for (name, value) in &mut labels {
                    let number = (name == "le" && family.kind == Kind::Histogram)
                        || (name == "quantile" && family.kind == Kind::Summary);
                    if number {
                        *value = spelled(value)?;
                    }
                }
                labels.sort();
                family.timestamped |= sample.timestamp_ms.is_some();
                family.samples.push(Sample { suffix, labels, value: sample.value });
            }
        }
    }
    families.retain(|_, family| !family.samples.is_empty());
    families.values_mut().for_each(arrange);
    Ok(families)
}

fn family<'f>(families: &'f mut BTreeMap<String, Family>, name: &str) -> &'f mut Family {
    families.entry(name.to_owned()).or_insert_with(|| Family::new(name, Kind::Untyped, ""))
}

/// The family that a sample's name belongs to, and the rest of the name.
fn stem<'n>(families: &BTreeMap<String, Family>, name: &'n str) -> (&'n str, &'n str) {
    if families.contains_key(name) {
        return (name, "");
    }
    for suffix in ["_count", "_sum", "_bucket"] {
        if let Some(stem) = name.strip_suffix(suffix)
            && let Some(family) = families.get(stem)
            && (family.kind == Kind::Histogram || (family.kind == Kind::Summary && suffix != "_bucket"))
        {
            return (stem, suffix);
        }
    }
    (name, "")
}

const fn of(kind: TextKind) -> Kind {
    match kind {
        TextKind::Counter => Kind::Counter,
        TextKind::Gauge => Kind::Gauge,
        TextKind::Histogram => Kind::Histogram,
        TextKind::Summary => Kind::Summary,
        _ => Kind::Untyped,
    }
}

/// A bound or quantile as Go writes it.
fn spelled(value: &str) -> Result<String, String> {
    let number = parse_float(value).ok_or_else(|| {
        format!("text format parsing error: expected float as value for a label, got {value:?}")
    })?;
    let mut out = String::new();
    push_number(&mut out, number);
    Ok(out)
}

/// Brings samples into the order in which they are exposed: by labels, and of one histogram or summary the buckets or
/// quantiles, the sum, the count.
pub(super) fn arrange(family: &mut Family) {
    family.samples.sort_by(compare);
}

fn compare(a: &Sample, b: &Sample) -> Ordering {
    let base = |s: &Sample| -> Vec<(String, String)> {
        s.labels.iter().filter(|(n, _)| n != "le" && n != "quantile").cloned().collect()
    };
    let rank = |s: &Sample| match s.suffix.as_str() {
        "_sum" => 1,
        "_count" => 2,
        _ => 0,
    };
    let bound = |s: &Sample| {
        let found = s.labels.iter().find(|(n, _)| n == "le" || n == "quantile");
        found.and_then(|(_, v)| parse_float(v)).unwrap_or(0.0)
    };
    base(a).cmp(&base(b)).then(rank(a).cmp(&rank(b))).then(bound(a).total_cmp(&bound(b)))
}

/// Writes families as Pushgateway exposes them.
pub fn write<'f>(families: impl IntoIterator<Item = &'f Family>, escaping: Escaping) -> String {
    let mut out = String::new();
    for family in families {
        let help = (!family.help.is_empty()).then_some(family.help.as_str());
        let name = escaping.metric_name(&family.name);
        push_head(&mut out, &name, help, family.kind.as_str());
        for sample in &family.samples {
            let special = |name: &str| name == "le" || name == "quantile";
            // A bound stands behind the other labels.
            let labels = sample.labels.iter().filter(|(n, _)| !special(n));
            let bound = sample.labels.iter().filter(|(n, _)| special(n));
            let labels: Vec<_> =
                labels.chain(bound).map(|(n, v)| (escaping.label_name(n), v.as_str())).collect();
            let labels = labels.iter().map(|(n, v)| (n.as_ref(), *v));
            push_sample(&mut out, &format!("{name}{}", sample.suffix), labels, sample.value, None);
        }
    }
    out
}
