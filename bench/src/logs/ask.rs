//! Times each question, warm, and compares the answers.

use std::time::Instant;

use anyhow::{Result, bail};

use super::bodies::Facts;
use super::program::{Kind, Program};
use super::questions::{Counts, Question, all};
use crate::Flags;
use crate::http::Client;
use crate::queries::median;

/// What a question cost.
pub(super) struct Asked {
    pub(super) name: String,
    /// The first answer after the start, and the median of those after it, ms.
    pub(super) first: f64,
    pub(super) ms: f64,
    /// CPU of an answer, ms.
    pub(super) cpu: f64,
    pub(super) counts: Counts,
    pub(super) wrong: bool,
}

/// A program's answers.
pub(super) struct Answers {
    pub(super) kind: Kind,
    pub(super) asked: Vec<Asked>,
    pub(super) peak: u64,
}

pub(super) fn ask(program: &Program, facts: &Facts, flags: &Flags) -> Result<Answers> {
    program.process.forget_peak()?;
    let mut asked = Vec::new();
    for question in all(program.kind, facts) {
        match one(program, &question, flags) {
            Ok(answer) => asked.push(answer),
            Err(reason) => println!("failed: {}, {}: {reason:#}", program.kind.name(), question.name),
        }
    }
    Ok(Answers { kind: program.kind, asked, peak: program.process.resident()?.1 })
}

fn one(program: &Program, question: &Question, flags: &Flags) -> Result<Asked> {
    let mut client = Client::new(&program.address);
    let (first, body) = timed(&mut client, &question.path)?;
    let counts = question.read(&body);
    let (mut times, begun) = (Vec::new(), Instant::now());
    let before = program.process.cpu_seconds()?;
    while times.len() < flags.repeats && first / 1e3 + begun.elapsed().as_secs_f64() < flags.logs.patience {
        times.push(timed(&mut client, &question.path)?.0);
    }
    let cpu = (program.process.cpu_seconds()? - before) * 1e3 / times.len().max(1) as f64;
    let wrong = question.truth.as_ref().is_some_and(|truth| *truth != counts);
    let ms = if times.is_empty() { first } else { median(times) };
    Ok(Asked { name: question.name.to_owned(), first, ms, cpu, counts, wrong })
}

fn timed(client: &mut Client, path: &str) -> Result<(f64, Vec<u8>)> {
    let sent = Instant::now();
    let answer = client.get(path)?;
    let ms = sent.elapsed().as_secs_f64() * 1e3;
    if answer.status != 200 {
        bail!("answer {} to {path}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok((ms, answer.body))
}

/// Prints medians, what ours is of each other program's, and where answers differ.
pub(super) fn print(answers: &[&Answers]) {
    if answers.is_empty() {
        return;
    }
    println!("\nwarm median ms (CPU ms; first ms):\n");
    let mut names: Vec<&str> = Vec::new();
    for asked in answers.iter().flat_map(|a| &a.asked) {
        if !names.contains(&asked.name.as_str()) {
            names.push(&asked.name);
        }
    }
    let row = |name: &str, cell: &dyn Fn(&Answers) -> String| {
        println!("| {name} | {} |", answers.iter().map(|a| cell(a)).collect::<Vec<_>>().join(" | "));
    };
    row("", &|a: &Answers| a.kind.name().to_owned());
    println!("|---{}|", "|---".repeat(answers.len()));
    for name in &names {
        row(name, &|a: &Answers| cell(a.get(name)));
    }
    row("peak MB while asked", &|a: &Answers| format!("{:.0}", a.peak as f64 / 1e6));
    println!();
    for answer in answers {
        for asked in &answer.asked {
            let counts: Vec<String> = asked.counts.iter().take(12).map(|(n, c)| format!("{n} {c}")).collect();
            let wrong = if asked.wrong { " (NOT what was sent)" } else { "" };
            println!("answer of {} to {}: {}{wrong}", answer.kind.name(), asked.name, counts.join(", "));
        }
    }
    for ours in answers.iter().filter(|a| a.kind.is_ours()) {
        for other in answers.iter().filter(|a| !a.kind.is_ours()) {
            compare(ours, other);
        }
    }
}

fn cell(asked: Option<&Asked>) -> String {
    asked.map_or("-".to_owned(), |a| format!("{:.2} ({:.1}; {:.1})", a.ms, a.cpu, a.first))
}

fn compare(ours: &Answers, other: &Answers) {
    let ratios: Vec<(&str, f64)> = ours
        .asked
        .iter()
        .filter_map(|a| other.get(&a.name).map(|b| (a.name.as_str(), a.ms / b.ms)))
        .collect();
    if ratios.is_empty() {
        return;
    }
    let mean = (ratios.iter().map(|r| r.1.ln()).sum::<f64>() / ratios.len() as f64).exp();
    let each: Vec<String> = ratios.iter().map(|(name, ratio)| format!("{name} {ratio:.3}")).collect();
    println!("{} of {}: geometric mean {mean:.3}; {}", ours.kind.name(), other.kind.name(), each.join(", "));
    println!(
        "peak memory while asked, {} of {}: {:.2}x",
        ours.kind.name(),
        other.kind.name(),
        ours.peak as f64 / other.peak as f64
    );
}

impl Answers {
    fn get(&self, name: &str) -> Option<&Asked> {
        self.asked.iter().find(|a| a.name == name)
    }
}
