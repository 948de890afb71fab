//! What keeps the groups scrapable together: the checks of Go's client library when it gathers.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Family, Kind};

/// The families of all groups, by name. Of help texts the first holds.
pub type Merged = BTreeMap<String, Family>;

/// Puts the families of several groups together. The error names a family that has several types.
pub fn merge<'f>(families: impl IntoIterator<Item = &'f Family>) -> Result<Merged, String> {
    let mut merged = Merged::new();
    for family in families {
        match merged.get_mut(&family.name) {
            None => {
                merged.insert(family.name.clone(), family.clone());
            }
            Some(known) if known.kind != family.kind => {
                return Err(format!(
                    "collected metric {:?} is not a {}",
                    family.name,
                    known.kind.enum_name()
                ));
            }
            Some(known) => {
                known.samples.extend_from_slice(&family.samples);
                known.native.extend_from_slice(&family.native);
            }
        }
    }
    merged.values_mut().for_each(super::text::arrange);
    Ok(merged)
}

/// Checks merged families: names, labels, repeated metrics, colliding names.
pub fn check(merged: &Merged) -> Result<(), String> {
    for (name, family) in merged {
        if name.is_empty() {
            return Err("empty metric name".to_owned());
        }
        collisions(merged, name)?;
        let mut seen: HashSet<(&str, &[(String, String)])> = HashSet::new();
        for sample in &family.samples {
            labels(name, &sample.labels)?;
            if !seen.insert((&sample.suffix, &sample.labels)) {
                return Err(twice(name, &sample.labels));
            }
        }
        let mut seen = HashSet::new();
        for native in &family.native {
            labels(name, &native.labels)?;
            if !seen.insert(&native.labels) {
                return Err(twice(name, &native.labels));
            }
        }
    }
    Ok(())
}

fn shown(name: &str, labels: &[(String, String)]) -> String {
    model::Labels::from_pairs(labels.iter().cloned().chain([("__name__".to_owned(), name.to_owned())]))
        .to_string()
}

fn twice(name: &str, labels: &[(String, String)]) -> String {
    let metric = shown(name, labels);
    format!("collected metric {name:?} {metric} was collected before with the same name and label values")
}

fn labels(name: &str, labels: &[(String, String)]) -> Result<(), String> {
    let mut seen: HashMap<&str, ()> = HashMap::new();
    for (label, _) in labels {
        if label.is_empty() || label == "__name__" {
            let metric = shown(name, labels);
            return Err(format!(
                "collected metric {name:?} {metric} has a label with an invalid name: {label:?}"
            ));
        }
        if seen.insert(label, ()).is_some() {
            let metric = shown(name, labels);
            return Err(format!(
                "collected metric {name:?} {metric} has two or more labels with the same name: {label}"
            ));
        }
    }
    Ok(())
}

/// `a_count` beside a summary or histogram `a` is the same series twice.
fn collisions(merged: &Merged, name: &str) -> Result<(), String> {
    let collides = |other: &str, what: &str| {
        Err(format!(
            "collected metric named {name:?} collides with previously collected {what} named {other:?}"
        ))
    };
    for suffix in ["_count", "_sum", "_bucket"] {
        let Some(stem) = name.strip_suffix(suffix) else { continue };
        match merged.get(stem).map(|f| f.kind) {
            Some(Kind::Summary) if suffix != "_bucket" => return collides(stem, "summary"),
            Some(Kind::Histogram | Kind::GaugeHistogram) => return collides(stem, "histogram"),
            _ => {}
        }
    }
    Ok(())
}
