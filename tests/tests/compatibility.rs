//! Holds docs/compatibility.md to what a running binary does, row by row.

#![allow(clippy::unwrap_used, reason = "a panic is the report of a test")]

use std::path::Path;
use std::process::Command;

use tests::{Bonghwa, Case};

fn main() {
    tests::run(&[
        Case { name: "endpoints_answer_as_written", needs: &[], test: endpoints_answer_as_written },
        Case { name: "flags_are_taken_as_written", needs: &[], test: flags_are_taken_as_written },
        Case { name: "fields_are_taken_as_written", needs: &[], test: fields_are_taken_as_written },
        Case { name: "functions_are_those_of_the_page", needs: &[], test: functions_are_those_of_the_page },
    ]);
}

const PAGE: &str = include_str!("../../docs/compatibility.md");

/// The rows of the table under a heading, cells without their quotes.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with(heading)).unwrap();
    let table = section.lines().filter(|line| line.starts_with("| ") || line.starts_with("|-")).skip(2);
    let cells = |line: &str| {
        // A bar within a cell is escaped.
        let line = line.replace("\\|", "\u{1}");
        let inner = line.trim_matches('|').to_owned();
        let cell = |text: &str| text.trim().trim_matches('`').replace('\u{1}', "|");
        inner.split('|').map(cell).collect::<Vec<String>>()
    };
    let rows: Vec<_> = table.map(cells).collect();
    assert!(rows.len() > 20, "{heading}: {} rows", rows.len());
    rows
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "docs/compatibility.md:\n{}", wrong.join("\n"));
}

fn endpoints_answer_as_written() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), "x").unwrap();
    let assets = format!("--web.user-assets={}", folder.path().display());
    let args = [
        assets.as_str(),
        "--web.enable-lifecycle",
        "--web.enable-admin-api",
        "--web.enable-remote-write-receiver",
        "--web.enable-otlp-receiver",
    ];
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &args).unwrap();
    let mut wrong = Vec::new();
    for row in rows("Endpoints") {
        let [path, methods, state, _] = row.as_slice() else { panic!("{row:?}") };
        for method in methods.split(", ") {
            // It would end the server; that it asks for another method shows that it is there.
            let (asked, expected) = if path == "/-/quit" { ("GET", Some(405)) } else { (method, None) };
            let method = reqwest::Method::from_bytes(asked.as_bytes()).unwrap();
            let answer = bonghwa.client().request(method, format!("{}{path}", bonghwa.url)).send().unwrap();
            let status = answer.status().as_u16();
            let is_there = match expected {
                Some(expected) => status == expected,
                None => !matches!(status, 404 | 405 | 501),
            };
            if is_there != (state == "supported") {
                wrong.push(format!("{asked} {path} is {state}, but answers {status}"));
            }
        }
    }
    report(&wrong);
}

/// What `--check` says to some arguments: whether it is content, and its words.
fn check(args: &[&str]) -> (bool, String) {
    let out = Command::new(tests::binary::path().unwrap()).arg("--check").args(args).output().unwrap();
    let said = [out.stdout, out.stderr].concat();
    (out.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn flags_are_taken_as_written() {
    let mut wrong = Vec::new();
    for row in rows("Flags") {
        let [flag, state, _] = row.as_slice() else { panic!("{row:?}") };
        if flag == "--config.file" {
            continue;
        }
        let (taken, said) = check(&[flag]);
        let noted = said.contains("has no effect");
        let right = match state.as_str() {
            "supported" => taken && !noted,
            "accepted" => taken && noted,
            "refused" => !taken && said.contains("agent mode"),
            _ => false,
        };
        if !right {
            wrong.push(format!("{flag} is {state}: {said}"));
        }
    }
    report(&wrong);
}

fn fields_are_taken_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("prometheus.yml");
    let config = format!("--config.file={}", file.display());
    let load = |path: &Path, text: &str| {
        std::fs::write(path, text).unwrap();
        check(&[&config])
    };
    let mut wrong = Vec::new();
    for row in rows("Configuration") {
        let [field, example, state, _] = row.as_slice() else { panic!("{row:?}") };
        let (taken, said) = load(&file, &format!("{example}\n"));
        if taken != matches!(state.as_str(), "supported" | "accepted") {
            wrong.push(format!("{field} is {state}: {said}"));
        }
    }
    let (taken, said) = load(&file, "global: { scrape_intervall: 1s }\n");
    assert!(!taken && said.contains("scrape_interval"), "an unknown field is refused: {said}");
    report(&wrong);
}

fn functions_are_those_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("plain"), &[]).unwrap();
    let everything = ["--enable-feature=promql-experimental-functions"];
    let all = Bonghwa::start(&folder.path().join("all"), &everything).unwrap();
    let mut known = bonghwa.json("/api/v1/features").unwrap()["data"]["promql_functions"].clone();
    let known = known.as_object_mut().unwrap();
    let mut wrong = Vec::new();
    for row in rows("Functions of PromQL") {
        let [name, example, state] = row.as_slice() else { panic!("{row:?}") };
        let stable = known.remove(name);
        if stable != Some((state == "supported").into()) {
            wrong.push(format!("{name} is {state}, but {stable:?} among the features"));
        }
        let parses = |server: &Bonghwa| {
            let url = format!("{}/api/v1/query", server.url);
            let answer = server.client().post(url).form(&[("query", example)]).send().unwrap();
            answer.status().as_u16() != 400
        };
        if !parses(&all) || parses(&bonghwa) != (state == "supported") {
            wrong.push(format!("{name}: {example} is not taken as {state}"));
        }
    }
    wrong.extend(known.keys().map(|name| format!("{name} is not on the page")));
    report(&wrong);
}
