use crate::Exit;
use crate::testing::run;

/// Runs one unit-test file with a rule file beside it.
fn test(rules: &str, test: &str, args: &[&str]) -> (Exit, String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let path = folder.path().join("test.yml");
    std::fs::write(&path, test).unwrap();
    let path = path.display().to_string();
    let all: Vec<&str> = ["test", "rules", path.as_str()].into_iter().chain(args.iter().copied()).collect();
    run(&all, "")
}

const RULES: &str = "groups:\n- name: g\n  rules:\n  - {alert: Down, expr: up == 0, for: 2m, labels: {team: a}, annotations: {text: '{{ $labels.job }} {{ $value }}'}}\n  - {record: ups, expr: count(up)}\n";

#[test]
fn what_differs_is_shown_as_promtool_shows_it() {
    let unit = "rule_files: [rules.yml]\ntests:\n- name: one\n  input_series: [{series: 'up{job=\"j\"}', values: '0x5'}]\n  \
                alert_rule_test:\n  - {eval_time: 1m, alertname: Down}\n  - {eval_time: 2m59s, alertname: Down, exp_alerts: [{exp_labels: {job: j, team: b}, exp_annotations: {text: j 0}}]}\n  \
                promql_expr_test:\n  - {expr: ups, eval_time: 3m, exp_samples: [{labels: ups, value: 2}]}\n";
    let (exit, out, err) = test(RULES, unit, &[]);
    assert_eq!(exit, Exit::Failure);
    assert!(out.starts_with("Unit Testing:  "), "{out}");
    assert_eq!(
        err,
        "  FAILED:\n    name: one,\n    alertname: Down, time: 2m59s, \n        exp:[\n            0:\n              \
         Labels:{alertname=\"Down\", job=\"j\", team=\"b\"}\n              Annotations:{text=\"j 0\"}\n            ], \n        \
         got:[\n            0:\n              Labels:{alertname=\"Down\", job=\"j\", team=\"a\"}\n              \
         Annotations:{text=\"j 0\"}\n            ]\n\n    expr: \"ups\", time: 3m,\n        exp: {__name__=\"ups\"} 2E+00\n        \
         got: {__name__=\"ups\"} 1E+00\n\n"
    );
    let good = unit.replace("team: b", "team: a").replace("value: 2", "value: 1");
    let (exit, out, err) = test(RULES, &good, &[]);
    assert_eq!((exit, err.as_str()), (Exit::Success, ""));
    assert!(out.ends_with("  SUCCESS\n\n"), "{out}");
    let (_, _, err) = test(RULES, unit, &["--diff"]);
    assert!(
        err.contains("- Labels:{alertname=\"Down\", job=\"j\", team=\"b\"}") && !err.contains("Annotations"),
        "{err}"
    );
}

#[test]
fn tests_are_chosen_by_name_and_reported_as_junit() {
    let unit = "tests:\n- {name: good, promql_expr_test: [{expr: '1', eval_time: 0, exp_samples: [{value: 1}]}]}\n\
                - {name: 'bad <1>', promql_expr_test: [{expr: '1', eval_time: 0, exp_samples: [{value: 2}]}]}\n";
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.xml").display().to_string();
    assert_eq!(test(RULES, unit, &["--run", "^good$"]).0, Exit::Success);
    assert_eq!(test(RULES, unit, &["--run", "nothing", "--run", "bad"]).0, Exit::Failure);
    assert_eq!(test(RULES, unit, &["--junit", &report]).0, Exit::Failure);
    let report = std::fs::read_to_string(report).unwrap();
    assert!(report.contains("tests=\"2\" failures=\"1\" errors=\"0\""), "{report}");
    assert!(
        report.contains("<testcase name=\"bad &lt;1&gt;\">\n      <failure>    expr: &quot;1&quot;"),
        "{report}"
    );
    assert!(test(RULES, unit, &["--run", "("]).2.contains("missing closing"));
}

#[test]
fn mistakes_of_the_file_are_told() {
    for (unit, want) in [
        ("testz: []\n", "unknown field"),
        (
            "tests:\n- {alert_rule_test: [{eval_time: 1m}]}\n",
            "misses required attribute alertname at eval_time 1m",
        ),
        ("group_eval_order: [a, b, a]\n", "group name repeated in evaluation order: a"),
        ("tests:\n- {input_series: [{series: 'up{', values: '1'}]}\n", "parse error"),
        ("tests:\n- {promql_expr_test: [{expr: 'sum(', eval_time: 0}]}\n", "err: 1:5: parse error"),
        ("tests:\n- {start_timestamp: yesterday}\n", "to a valid timestamp"),
        ("evaluation_interval: 1x\n", "duration"),
        ("tests:\n- {promql_expr_test: [{expr: '1', eval_time: 9000y}]}\n", ""),
    ] {
        let (exit, _, err) = test(RULES, unit, &[]);
        assert!(exit == Exit::Failure && err.contains(want), "{unit}: {err}");
    }
    let (exit, _, err) = test(RULES, "rule_files: [nothing*.yml]\ntests: []\n", &[]);
    assert!(exit == Exit::Success && err.contains("WARNING: no file match pattern"), "{err}");
    assert!(run(&["test", "rules", "/nowhere.yml"], "").2.contains("/nowhere.yml: "));
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn promtools_own_files_pass_and_fail_as_there() {
    let folder = testkit::conformance::folder("rules/promtool").expect("ignored where it is missing");
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    for line in table.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let path = folder.join(columns[0]).display().to_string();
        let mut args = vec!["test", "rules", path.as_str()];
        if columns[2].contains("unknown fields ignored") {
            args.push("--ignore-unknown-fields");
        }
        // The file also holds a test that must fail.
        if columns[2] == "fuzzy_compare" {
            args.extend(["--run", "^correct"]);
        }
        let (exit, _, err) = run(&args, "");
        let want = if columns[1] == "0" { Exit::Success } else { Exit::Failure };
        assert_eq!(exit, want, "{line}\n{err}");
    }
    let chosen = folder.join("rules_run.yml").display().to_string();
    assert_eq!(run(&["test", "rules", "--run", "^correct", &chosen], "").0, Exit::Success);
    let fuzzy = folder.join("rules_run_fuzzy.yml").display().to_string();
    assert_eq!(run(&["test", "rules", "--run", "^wrong", &fuzzy], "").0, Exit::Failure);
    let folder = testkit::conformance::folder("rules/kube-prometheus").expect("beside the other");
    for file in ["kube_scheduler.test.yml", "pod_owner.test.yml"] {
        let (exit, _, err) = run(&["test", "rules", &folder.join(file).display().to_string()], "");
        assert_eq!(exit, Exit::Success, "{file}\n{err}");
    }
}
