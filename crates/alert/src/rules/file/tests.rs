use super::*;

fn mistakes(text: &str) -> Vec<String> {
    parse(text, &ParseSettings::default()).unwrap_err()
}

fn texts(pairs: &[(&str, &str)]) -> Texts {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn everything_a_file_may_say() {
    let text = "groups:\n- name: g\n  interval: 30s\n  query_offset: 1m\n  limit: 10\n  labels: {team: a, tier: 1}\n  \
                rules:\n  - record: a:b\n    expr: 1\n    labels: {team: own}\n  - alert: A\n    expr: |\n      up == 0\n    \
                for: 5m\n    keep_firing_for: 1m\n    labels: {severity: page, on: true}\n    annotations: {text: '{{ $value }}', none: }\n";
    let groups = parse(text, &ParseSettings::default()).unwrap();
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!((group.interval_ms, group.query_offset_ms, group.limit), (Some(30_000), Some(60_000), 10));
    assert_eq!(group.rules[0].labels, texts(&[("team", "own"), ("tier", "1")]));
    assert_eq!(group.rules[0].kind, RuleKind::Recording);
    let alert = &group.rules[1];
    assert_eq!(alert.query, "up == 0");
    assert_eq!(alert.labels["severity"], "page");
    assert_eq!(alert.labels["on"], "true");
    let annotations = texts(&[("none", ""), ("text", "{{ $value }}")]);
    assert_eq!(alert.kind, RuleKind::Alerting { for_ms: 300_000, keep_firing_for_ms: 60_000, annotations });
    for empty in ["", "# only\n", "---\n", "groups:\n", "groups: []\n"] {
        assert_eq!(parse(empty, &ParseSettings::default()), Ok(Vec::new()), "{empty:?}");
    }
    assert_eq!(parse("groups: []\n---\nrubbish: [\n", &ParseSettings::default()), Ok(Vec::new()));
}

#[test]
fn mistakes_are_told_with_their_places_in_prometheus_words() {
    for (text, want) in [
        (
            "groups:\n  - name: yolo\n    rules:\n      - record: yolo\n        expr: rate(hi)\n",
            "5:15: group \"yolo\", rule 1, \"yolo\": could not parse expression: 1:6: parse error: expected type range \
             vector in call to function \"rate\", got instant vector",
        ),
        (
            "groups:\n  - name: yolo\n  - name: yolo\n",
            "3:5: groupname: \"yolo\" is repeated in the same file",
        ),
        ("groups:\n  - name: ''\n", "2:5: Groupname must not be empty"),
        (
            "groups:\n  - name: yolo\n    rules:\n      - record: Hi\n        alert: Hello\n        expr: 1\n",
            "4:17: 5:16: group \"yolo\", rule 1, \"Hello\": only one of 'record' and 'alert' must be set",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - expr: 1\n",
            "4:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must be set",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - record: a\n",
            "4:5: group \"g\", rule 1, \"a\": field 'expr' must be set in rule",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {record: a, expr: 1, for: 1m}\n",
            "4:14: group \"g\", rule 1, \"a\": invalid field 'for' in recording rule",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: a, expr: 1, annotations: {x: '{{ $label.y }}'}}\n",
            "group \"g\", rule 1, \"a\": annotation \"x\": template: __alert_a:1: undefined variable \"$label\"",
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {record: a, expr: 1, labels: {__name__: b}}\n",
            "group \"g\", rule 1, \"a\": invalid label name: __name__",
        ),
        ("groups:\n- name: g\n  rulez: []\n", "3:3: field rulez not found: did you mean \"rules\"?"),
    ] {
        assert_eq!(mistakes(text), [want], "{text}");
    }
    assert_eq!(mistakes("groups:\n- name: g\n  rules: [{expr: 1}, {record: a}]\n").len(), 2);
    for text in
        ["groups: 5", "groups: [5]", "a: [", "groups:\n- name: g\n  interval: 5\n", "groups: {a: 1}\n"]
    {
        assert!(parse(text, &ParseSettings::default()).is_err(), "{text}");
    }
}

#[test]
fn unknown_fields_are_read_over_where_asked() {
    let text = "groups:\n- {name: g, team: x, rules: [{record: a, expr: 1, owner: y}]}\nmore: 1\n";
    assert_eq!(mistakes(text).len(), 1);
    let settings = ParseSettings { ignore_unknown: true, ..ParseSettings::default() };
    assert_eq!(parse(text, &settings).unwrap()[0].rules.len(), 1);
}

#[test]
fn patterns_name_files_in_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["a/1.yml", "a/2.yml", "b/1.yml", "b/x.txt"] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        let found = matching(folder.path(), &patterns);
        found.iter().map(|p| p.strip_prefix(folder.path()).unwrap().display().to_string()).collect()
    };
    assert_eq!(names(&["*/1.yml"]), ["a/1.yml", "b/1.yml"]);
    assert_eq!(names(&["a/[1-2].yml", "a/1.yml", "b/?.txt"]), ["a/1.yml", "a/2.yml", "b/x.txt"]);
    assert!(names(&["c/*.yml", "a/3.yml"]).is_empty());
    let absolute = format!("{}/b/*.yml", folder.path().display());
    assert_eq!(names(&[&absolute]), ["b/1.yml"]);
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn prometheus_own_files_are_taken_or_refused_as_there() {
    let folder = testkit::conformance::folder("rules/rulefmt").expect("ignored where it is missing");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let legacy_names = name.starts_with("legacy_");
        let settings = ParseSettings { legacy_names, ..ParseSettings::default() };
        let read = read(&path, &settings);
        assert_eq!(read.is_err(), name.contains(".bad."), "{name}: {read:?}");
        seen += 1;
    }
    assert!(seen >= 15, "{seen}");
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in "(groups:|- name: g|  rules:|  - record: a|    expr: up|\n|[ a:{}\\[\\]'\"&*!%-]){0,30}") {
        let _ = parse(&text, &ParseSettings::default());
    }
}
