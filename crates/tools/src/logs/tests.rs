use clap::Parser;

use super::*;
use crate::testing::run;
use crate::{Cli, Command};

fn logs(args: &[&str]) -> Logs {
    let cli = Cli::try_parse_from(["bonghwa", "logs"].iter().chain(args)).unwrap();
    match cli.command {
        Command::Logs(logs) => *logs,
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_and_commands_are_told_apart() {
    let asked = logs(&["timeout", "tail", "container:api"]);
    assert!(asked.what.is_none() && asked.words == ["timeout", "tail", "container:api"]);
    let asked = logs(&["--", "-debug"]);
    assert_eq!(asked.words, ["-debug"]);
    assert!(matches!(logs(&["tail", "x"]).what, Some(What::Tail(Words { words })) if words == ["x"]));
    assert!(matches!(logs(&["query", "tail"]).what, Some(What::Query(Words { words })) if words == ["tail"]));
}

#[test]
fn flags_of_logcli_are_taken_before_and_behind_a_command() {
    for args in [
        &["--addr", "http://h:1", "query", "--quiet", "--output=raw", "--limit=5", "--since=2h", "{a=\"b\"}"]
            [..],
        &["query", "--addr=http://h:1", "{a=\"b\"}", "-q", "-o", "raw", "--limit", "5", "--since", "2h"][..],
    ] {
        let Asked { url, quiet, form, limit, .. } = logs(args).asked;
        assert_eq!((url.as_str(), quiet, form, limit), ("http://h:1", true, Form::Raw, 5));
    }
    assert_eq!(logs(&["-o", "json"]).asked.form, Form::Jsonl);
    assert!(logs(&["query", "--tail", "x"]).asked.follow && logs(&["-f"]).asked.follow);
    assert!(
        logs(&["--from=2026-01-01T00:00:00Z", "--to", "1767225600", "--timezone=UTC", "--forward"])
            .asked
            .forward
    );
}

#[test]
fn a_mistake_is_shown_with_its_place() {
    let (exit, _, err) = run(&["logs", "--url=http://127.0.0.1:1", "{a=\"b\"} | jsonn"], "");
    assert_eq!(exit, Exit::Failure);
    let lines: Vec<&str> = err.lines().collect();
    assert!(lines[0].starts_with("parse error at line 1, col 16"), "{err}");
    assert_eq!(&lines[1..], ["  {a=\"b\"} | jsonn", "                 ^"], "{err}");
}

#[test]
fn a_server_that_is_not_there_is_a_failure() {
    let (exit, out, err) = run(&["logs", "--url=http://127.0.0.1:1", "{a=\"b\"}"], "");
    assert!(exit == Exit::Failure && out.is_empty() && !err.is_empty());
}
