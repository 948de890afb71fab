//! `tsdb` and `migrate` beside Debian's programs: their data directories, their output, their answers.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the report of a test")]

mod data;
mod import;
mod migrate;
mod promtool;

use testkit::suite::{CONFORMANCE, Case, Component};

const PROMTOOL: Component =
    Component { name: "Debian's promtool", is_here: || testkit::reference("promtool").is_some() };
const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    testkit::suite::run(&[
        Case {
            name: "lists_and_figures_are_those_of_promtool",
            needs: &[PROMTOOL],
            test: promtool::lists_and_figures_are_those_of_promtool,
        },
        Case {
            name: "an_openmetrics_file_becomes_the_same_dump",
            needs: &[PROMTOOL],
            test: promtool::an_openmetrics_file_becomes_the_same_dump,
        },
        Case {
            name: "a_directory_of_a_running_prometheus_is_imported_whole",
            needs: &[PROMETHEUS, PROMTOOL],
            test: import::a_running_prometheus_is_imported_whole,
        },
        Case {
            name: "damage_is_said_and_the_rest_imported",
            needs: &[PROMTOOL],
            test: import::damage_is_said_and_the_rest_imported,
        },
        Case {
            name: "a_server_that_is_not_ours_gets_remote_write",
            needs: &[PROMETHEUS],
            test: import::a_server_that_is_not_ours_gets_remote_write,
        },
        Case {
            name: "history_moves_and_the_answers_stay",
            needs: &[PROMETHEUS, CONFORMANCE],
            test: migrate::history_moves_and_the_answers_stay,
        },
        Case { name: "mistakes_are_said", needs: &[], test: import::mistakes_are_said },
    ]);
}

/// What a command printed, and how it ended.
pub(crate) struct Said {
    pub(crate) exit: tools::Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `bonghwa` with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Said {
    use clap::Parser;
    let cli = tools::Cli::try_parse_from([&["bonghwa"], arguments].concat()).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let host = tools::Host {
        // The "configuration" of these tests is the name of a rule file.
        check_config: |path, _| {
            let rules = std::fs::read_to_string(path).unwrap();
            Ok(tools::CheckedConfig { rule_files: vec![rules.into()], ..Default::default() })
        },
        check_web_config: |_| Ok(()),
    };
    let mut stdin = std::io::empty();
    let mut context = tools::Context {
        stdin: &mut stdin,
        out: &mut out,
        err: &mut err,
        host: &host,
        features: &cli.features,
        terminal: false,
    };
    let exit = tools::run(cli.command, &mut context);
    Said { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// The same, which must succeed.
pub(crate) fn output(arguments: &[&str]) -> String {
    let said = run(arguments);
    assert_eq!(said.exit, tools::Exit::Success, "{arguments:?}: {}{}", said.out, said.err);
    said.out
}
