//! Results in a file, a line for each program, so that programs can be measured in runs of their own and compared.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::ask::{Answers, Asked};
use super::feed::Cost;
use super::program::Kind;

/// What was measured of one program.
pub(super) struct Measured {
    pub(super) cost: Cost,
    pub(super) answers: Option<Answers>,
}

/// Appends what was measured with so many bytes of messages.
pub(super) fn append(file: &Path, bytes: u64, measured: &Measured) -> Result<()> {
    let c = &measured.cost;
    let answers = measured.answers.as_ref().map(|answers| {
        let asked = |a: &Asked| {
            json!({"name": a.name, "first": a.first, "ms": a.ms, "cpu": a.cpu, "counts": a.counts, "wrong": a.wrong})
        };
        json!({"peak": answers.peak, "asked": answers.asked.iter().map(asked).collect::<Vec<_>>()})
    });
    let line = json!({
        "program": c.kind.name(), "bytes": bytes, "acknowledged": c.acknowledged, "settled": c.settled, "wall": c.wall,
        "typical": c.typical, "slowest": c.slowest, "peak": c.peak, "resident": c.resident, "disk": c.disk,
        "answers": answers,
    });
    let mut out = fs::OpenOptions::new().create(true).append(true).open(file)?;
    Ok(writeln!(out, "{line}")?)
}

/// The newest of each program that was measured with so many bytes.
pub(super) fn read(file: &Path, bytes: u64) -> Result<Vec<Measured>> {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines = text.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let newest = |kind: &Kind| {
        lines.iter().rev().find(|l| l["program"] == kind.name() && l["bytes"] == bytes).map(|l| one(*kind, l))
    };
    Ok(Kind::ALL.iter().filter_map(newest).collect())
}

fn one(kind: Kind, line: &Value) -> Measured {
    let float = |name: &str| line[name].as_f64().unwrap_or(f64::NAN);
    let number = |name: &str| line[name].as_u64().unwrap_or(0);
    let cost = Cost {
        kind,
        acknowledged: float("acknowledged"),
        settled: float("settled"),
        wall: float("wall"),
        typical: float("typical"),
        slowest: float("slowest"),
        peak: number("peak"),
        resident: number("resident"),
        disk: number("disk"),
    };
    let asked = |a: &Value| Asked {
        name: a["name"].as_str().unwrap_or_default().to_owned(),
        first: a["first"].as_f64().unwrap_or(f64::NAN),
        ms: a["ms"].as_f64().unwrap_or(f64::NAN),
        cpu: a["cpu"].as_f64().unwrap_or(f64::NAN),
        counts: serde_json::from_value(a["counts"].clone()).unwrap_or_default(),
        wrong: a["wrong"] == true,
    };
    let answers = line["answers"]["asked"].as_array().map(|all| Answers {
        kind,
        asked: all.iter().map(asked).collect(),
        peak: line["answers"]["peak"].as_u64().unwrap_or(0),
    });
    Measured { cost, answers }
}
