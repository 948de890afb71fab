//! Series that the expressions find something in: two or more for every selector, with the labels that it asks for
//! and those that the expression groups and joins by.

use std::collections::{BTreeMap, BTreeSet};

use model::matcher::MatchOp;
use model::{Labels, Matcher};
use query::promql::{Expr, parse};
use testkit::MemoryMetrics;

use super::gather::Expression;

/// When the samples end, ms. Whole seconds: all samples lie off them.
pub(crate) const END_MS: i64 = 1_700_003_600_000;
const SAMPLES: i64 = 120;
const INTERVAL_MS: i64 = 30_000;
/// Series of one metric name.
const MOST_SERIES: usize = 12;
const BOUNDS: [&str; 4] = ["0.1", "0.5", "5", "+Inf"];

/// A store with the series that `expressions` ask for.
pub(crate) fn store(expressions: &[Expression]) -> MemoryMetrics {
    let mut series: BTreeMap<String, BTreeSet<Labels>> = BTreeMap::new();
    for expression in expressions {
        let Ok(expr) = parse(&expression.text) else { continue };
        let joined = labels_of_joins(&expr);
        expr.walk(&mut |node| {
            let selector = match node {
                Expr::Vector(selector) => selector,
                Expr::Matrix(matrix) => &matrix.selector,
                _ => return,
            };
            let Some(name) = name_of(&selector.matchers) else { return };
            let sets = series.entry(name.clone()).or_default();
            for variant in ["v0", "v1"] {
                if sets.len() < MOST_SERIES {
                    sets.insert(labels(&name, &selector.matchers, &joined, variant));
                }
            }
        });
    }
    let store = MemoryMetrics::new();
    for (number, (name, sets)) in series.iter().enumerate() {
        for (place, labels) in sets.iter().enumerate() {
            fill(&store, name, labels, (number * MOST_SERIES + place) as u64);
        }
    }
    store
}

/// The labels by which an expression groups and joins.
fn labels_of_joins(expr: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    expr.walk(&mut |node| match node {
        Expr::Aggregate(aggregate) if !aggregate.without => found.extend(aggregate.grouping.iter().cloned()),
        Expr::Binary(binary) if binary.matching.on => {
            found.extend(binary.matching.labels.iter().cloned());
            found.extend(binary.matching.include.iter().cloned());
        }
        _ => {}
    });
    found.remove("le");
    found.remove("__name__");
    found
}

fn name_of(matchers: &[Matcher]) -> Option<String> {
    let matcher = matchers.iter().find(|m| m.name == "__name__")?;
    value_for(matcher, "v0").filter(|name| !name.is_empty())
}

fn labels(name: &str, matchers: &[Matcher], joined: &BTreeSet<String>, variant: &str) -> Labels {
    let mut pairs: BTreeMap<String, String> =
        joined.iter().map(|label| (label.clone(), variant.to_owned())).collect();
    pairs.insert("instance".to_owned(), variant.to_owned());
    pairs.insert("job".to_owned(), "v0".to_owned());
    for matcher in matchers {
        match value_for(matcher, variant) {
            Some(value) => pairs.insert(matcher.name.clone(), value),
            None => pairs.remove(&matcher.name),
        };
    }
    pairs.insert("__name__".to_owned(), name.to_owned());
    if name.ends_with("_bucket") {
        pairs.remove("le");
    }
    Labels::from_pairs(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// A value that the matcher takes, `None` for no such label.
fn value_for(matcher: &Matcher, variant: &str) -> Option<String> {
    if matcher.op == MatchOp::Equal {
        return Some(matcher.value.clone()).filter(|value| !value.is_empty());
    }
    let bare: String = matcher.value.chars().filter(|c| !"^$()?:\\".contains(*c)).collect();
    let first = bare.split('|').next().unwrap_or_default();
    let filled = first.replace("[0-9]+", "1").replace(".*", "x").replace(".+", "x").replace("[^:]", "x");
    let candidates = [variant.to_owned(), filled, first.to_owned(), "v0".to_owned(), "1".to_owned()];
    candidates.into_iter().find(|value| matcher.matches(value) && !value.is_empty())
}

/// Counters start so high that nothing is known of when they were zero: 2.42 asks that before it asks how far apart the
/// samples are, 3.0 asks it afterwards.
fn fill(store: &MemoryMetrics, name: &str, labels: &Labels, seed: u64) {
    let start = END_MS - SAMPLES * INTERVAL_MS + 1_337;
    let times = (0..SAMPLES).map(|i| start + i * INTERVAL_MS);
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    if name.ends_with("_bucket") {
        let mut counts = [5_000.0; BOUNDS.len()];
        let mut samples: Vec<Vec<(i64, f64)>> = vec![Vec::new(); BOUNDS.len()];
        for t in times {
            let at = (noise() * BOUNDS.len() as f64) as usize;
            for (place, (count, samples)) in counts.iter_mut().zip(&mut samples).enumerate() {
                *count += if place >= at { 3.0 } else { 0.0 };
                samples.push((t, *count));
            }
        }
        for (bound, samples) in BOUNDS.iter().zip(samples) {
            store.insert(&labels.to_builder().set("le", *bound).build(), samples);
        }
        return;
    }
    let counter = ["_total", "_count", "_sum"].iter().any(|suffix| name.ends_with(suffix));
    let mut value = 10_000.0;
    let samples: Vec<(i64, f64)> = times
        .map(|t| {
            value = if counter { value + noise() * 10.0 } else { (noise() * 20.0).floor() };
            (t, value)
        })
        .collect();
    store.insert(labels, samples);
}
