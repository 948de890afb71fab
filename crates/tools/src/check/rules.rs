//! `check rules`.

use std::io::Read;
use std::path::PathBuf;

use alert::rules::GroupDefinition;
use alert::rules::file::{ParseSettings, parse, read};
use clap::{Args, ValueEnum};
use model::Labels;
use model::rule::RuleLanguage;
use query::promql::{EngineOptions, features};

use crate::{Context, Exit, Failed, Outcome};

/// The most that is read from the input.
const MOST_INPUT: u64 = 64 << 20;

/// Which files, and what is looked at beyond their validity.
#[derive(Debug, Args)]
pub struct Rules {
    /// The rule files to check; the input where none is given.
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The expressions are LogQL: files of `logs.rules`.
    #[arg(long)]
    pub logql: bool,
    #[command(flatten)]
    lint: Lint,
}

/// How rule files are looked at.
#[derive(Debug, Clone, Args)]
pub(crate) struct Lint {
    /// What to warn of; none switches it off.
    #[arg(long = "lint", value_name = "WHAT", default_value = "duplicate-rules")]
    lint: LintOption,
    /// Ends with exit code 3 where there is something to warn of.
    #[arg(long = "lint-fatal")]
    fatal: bool,
    /// Reads over fields that are not known. The server does not.
    #[arg(long = "ignore-unknown-fields")]
    ignore_unknown: bool,
}

/// What can be warned of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LintOption {
    All,
    DuplicateRules,
    None,
}

impl Default for Lint {
    fn default() -> Self {
        Self { lint: LintOption::DuplicateRules, fatal: false, ignore_unknown: false }
    }
}

impl Lint {
    /// What `check config` asks for.
    pub(crate) const fn new(duplicates: bool, fatal: bool, ignore_unknown: bool) -> Self {
        let lint = if duplicates { LintOption::DuplicateRules } else { LintOption::None };
        Self { lint, fatal, ignore_unknown }
    }
}

impl Rules {
    pub(crate) fn run(self, context: &mut Context<'_>) -> Outcome {
        let language = if self.logql { RuleLanguage::Logql } else { RuleLanguage::Promql };
        if !self.files.is_empty() {
            return check_files(&self.files, language, &self.lint, context);
        }
        writeln!(context.out, "Checking standard input")?;
        let settings = settings(&self.lint, language, context);
        let mut bytes = Vec::new();
        context.stdin.take(MOST_INPUT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MOST_INPUT {
            return Err(Failed::new(format_args!("  FAILED: more than {MOST_INPUT} bytes")));
        }
        let text = String::from_utf8(bytes).map_err(|e| vec![format!("the input is not UTF-8: {e}")]);
        let groups = text.and_then(|text| parse(&text, &settings));
        let found = report(groups, &self.lint, context)?;
        Ok(exit(&self.lint, [found]))
    }
}

/// Checks rule files and says what is wrong with them.
pub(crate) fn check_files(
    files: &[PathBuf],
    language: RuleLanguage,
    lint: &Lint,
    context: &mut Context<'_>,
) -> Outcome {
    let settings = settings(lint, language, context);
    let mut all = Vec::with_capacity(files.len());
    for file in files {
        writeln!(context.out, "Checking {}", file.display())?;
        all.push(report(read(file, &settings), lint, context)?);
    }
    Ok(exit(lint, all))
}

fn settings(lint: &Lint, language: RuleLanguage, context: &Context<'_>) -> ParseSettings {
    let mut options = EngineOptions::default();
    for name in context.features {
        // Other features have nothing to do with rules.
        let _ = features::enable(&mut options, name);
    }
    ParseSettings {
        expressions: options.syntax,
        ignore_unknown: lint.ignore_unknown,
        language,
        ..ParseSettings::default()
    }
}

/// What was found in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Lint,
    Mistakes,
}

fn exit(lint: &Lint, found: impl IntoIterator<Item = Found>) -> Exit {
    let mut exit = Exit::Success;
    for found in found {
        match found {
            Found::Mistakes => return Exit::Failure,
            Found::Lint if lint.fatal => exit = Exit::Lint,
            Found::Lint | Found::Nothing => {}
        }
    }
    exit
}

fn report(
    groups: Result<Vec<GroupDefinition>, Vec<String>>,
    lint: &Lint,
    context: &mut Context<'_>,
) -> Result<Found, Failed> {
    // What stands before on the other stream comes first.
    context.out.flush()?;
    let found = match groups {
        Err(mistakes) => {
            writeln!(context.err, "  FAILED:\n{}", mistakes.join("\n"))?;
            return Ok(Found::Mistakes);
        }
        Ok(groups) => match duplicates(&groups) {
            twice if !twice.is_empty() && lint.lint != LintOption::None => {
                writeln!(context.err, "  FAILED:\nlint error {} duplicate rule(s) found.", twice.len())?;
                for (name, labels) in twice {
                    writeln!(context.err, "Metric: {name}\nLabel(s):")?;
                    for (label, value) in &labels {
                        writeln!(context.err, "\t{label}: {value}")?;
                    }
                }
                writeln!(context.err, "Might cause inconsistency while recording expressions")?;
                Found::Lint
            }
            _ => {
                let rules: usize = groups.iter().map(|g| g.rules.len()).sum();
                writeln!(context.out, "  SUCCESS: {rules} rules found")?;
                Found::Nothing
            }
        },
    };
    writeln!(context.out)?;
    Ok(found)
}

/// Names and labels that more than one rule has.
fn duplicates(groups: &[GroupDefinition]) -> Vec<(String, Labels)> {
    let all =
        groups.iter().flat_map(|g| &g.rules).map(|rule| (rule.name.clone(), rule.labels.iter().collect()));
    let mut all: Vec<(String, Labels)> = all.collect();
    all.sort();
    let mut twice: Vec<(String, Labels)> =
        all.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect();
    twice.dedup();
    twice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;

    const GOOD: &str = "groups:\n- {name: g, rules: [{record: a, expr: '1'}]}\n";
    const TWICE: &str = "groups:\n- {name: g, rules: [{record: a, expr: '1', labels: {x: y}}, {record: a, expr: '2', labels: {x: y}}, {record: a, expr: '2', labels: {x: y}}]}\n";
    const BAD: &str = "groups:\n- name: g\n  rules:\n  - {record: a, expr: 'sum('}\n  - {expr: '1'}\n";

    #[test]
    fn the_input_is_checked_where_no_file_is_named() {
        let (exit, out, _) = run(&["check", "rules"], GOOD);
        assert_eq!(
            (exit, out.as_str()),
            (Exit::Success, "Checking standard input\n  SUCCESS: 1 rules found\n\n")
        );
        let (exit, _, err) = run(&["check", "rules"], BAD);
        assert_eq!(exit, Exit::Failure);
        assert!(
            err.starts_with("  FAILED:\n4:23: group \"g\", rule 1, \"a\": could not parse expression: 1:5:"),
            "{err}"
        );
        assert!(
            err.contains("\n5:5: group \"g\", rule 2, \"\": one of 'record' or 'alert' must be set"),
            "{err}"
        );
    }

    #[test]
    fn rules_over_logs_are_read_as_logql() {
        let rule = |expr: &str| {
            format!("namespace: x\ngroups:\n- {{name: g, rules: [{{alert: a, expr: '{expr}'}}]}}\n")
        };
        let (exit, out, _) =
            run(&["check", "rules", "--logql"], &rule("sum(rate({app=\"a\"} |= \"x\" [5m])) > 1"));
        assert!(exit == Exit::Success && out.contains("1 rules found"), "{out}");
        let (exit, _, err) = run(&["check", "rules", "--logql"], &rule("rate({app=\"a\"} [5m)"));
        assert_eq!(exit, Exit::Failure);
        assert!(
            err.starts_with(
                "  FAILED:\n3:38: group \"g\", rule 1, \"a\": could not parse expression: parse error at line 1, col "
            ),
            "{err}"
        );
        let (_, _, err) = run(&["check", "rules", "--logql"], &rule("{app=\"a\"}"));
        assert!(err.contains("it yields lines, and a rule needs numbers"), "{err}");
    }

    #[test]
    fn rules_that_are_there_twice_are_a_lint() {
        let (exit, _, err) = run(&["check", "rules"], TWICE);
        assert_eq!(exit, Exit::Success);
        assert_eq!(
            err,
            "  FAILED:\nlint error 1 duplicate rule(s) found.\nMetric: a\nLabel(s):\n\tx: y\n\
             Might cause inconsistency while recording expressions\n"
        );
        assert_eq!(run(&["check", "rules", "--lint-fatal"], TWICE).0, Exit::Lint);
        let (exit, out, _) = run(&["check", "rules", "--lint=none", "--lint-fatal"], TWICE);
        assert!(exit == Exit::Success && out.contains("3 rules found"), "{out}");
        assert_eq!(run(&["check", "rules", "--lint-fatal"], BAD).0, Exit::Failure);
    }

    #[test]
    #[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
    fn promtools_own_files_are_judged_as_there() {
        let folder = testkit::conformance::folder("rules/promtool").expect("ignored where it is missing");
        for (file, args, want) in [
            ("rules.yml", vec![], Exit::Success),
            ("rules-bad.yml", vec![], Exit::Failure),
            ("rules_duplicates.yml", vec![], Exit::Success),
            ("rules_duplicates.yml", vec!["--lint-fatal"], Exit::Lint),
            ("prometheus-rules.lint.yml", vec!["--lint=all", "--lint-fatal"], Exit::Lint),
            ("rules_extrafields.yml", vec![], Exit::Failure),
            ("rules_extrafields.yml", vec!["--ignore-unknown-fields"], Exit::Success),
            ("rules_large.yml", vec![], Exit::Success),
        ] {
            let path = folder.join(file).display().to_string();
            let all: Vec<&str> = ["check", "rules"].into_iter().chain(args).chain([path.as_str()]).collect();
            let (exit, out, err) = run(&all, "");
            assert_eq!(exit, want, "{all:?}\n{out}\n{err}");
        }
    }
}
