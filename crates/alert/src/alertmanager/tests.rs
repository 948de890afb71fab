use model::Labels;
use model::alerts::Fingerprint;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn text(name: &str) -> String {
    std::fs::read_to_string(testkit::conformance::folder("alertmanager").unwrap().join(name)).unwrap()
}

fn material(name: &str) -> Value {
    serde_json::from_str(&text(name)).unwrap()
}

fn labels(case: &Value) -> Labels {
    let pairs = case["labels"].as_object().unwrap().iter();
    Labels::from_pairs(pairs.map(|(name, value)| (name, value.as_str().unwrap())))
}

/// The notation that the material was made with.
fn read(text: &str) -> Result<Config, String> {
    parse(text, Notation::Classic)
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn every_file_loads_or_is_refused_as_it_says() {
    let expected = text("config/expected.tsv");
    let mut seen = 0;
    for line in expected.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let loaded = read(&text(&format!("config/{}", fields[0])));
        seen += 1;
        if fields[1] == "good" {
            let loaded = loaded.unwrap_or_else(|e| panic!("{}: {e}", fields[0]));
            loaded.routes().unwrap();
            loaded.inhibit().unwrap();
            continue;
        }
        let error = loaded.map(drop).expect_err(fields[0]);
        // The material shortens this one.
        let wanted = fields[2].replace("invalid regex of ", "invalid regexp value for \"");
        assert!(error.contains(&wanted), "{}: {error}", fields[0]);
        let whole = fields[2] == "no routes provided";
        assert!(whole || error.starts_with(|c: char| c.is_ascii_digit()), "{}: no place: {error}", fields[0]);
    }
    assert!(seen > 45);
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn empty_sections_of_receivers_are_refused() {
    let cases = material("config/empty_integrations.json");
    for case in cases["cases"].as_array().unwrap() {
        let integration = case["integration"].as_str().unwrap();
        let file = cases["template"].as_str().unwrap().replace("@INTEGRATION@", integration);
        let error = read(&file).unwrap_err();
        assert!(error.contains(case["error_contains"].as_str().unwrap()), "{integration}: {error}");
    }
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn routes_are_found_with_their_options_and_keys() {
    let material = material("route_options.json");
    let section: RouteSection = serde_saphyr::from_str(material["route"].as_str().unwrap()).unwrap();
    let route = Route::new(&section).unwrap();
    for case in material["tests"].as_array().unwrap() {
        let found = route.find(&labels(case));
        let wanted = case["routes"].as_array().unwrap();
        assert_eq!(found.len(), wanted.len(), "{case}");
        for (found, wanted) in found.iter().zip(wanted) {
            let options = &found.options;
            let (all, names) = match &options.group_by {
                GroupBy::All => (true, Vec::new()),
                GroupBy::Labels(names) => (false, names.iter().cloned().collect()),
            };
            let seen = serde_json::json!({
                "receiver": options.receiver,
                "group_by": names,
                "group_by_all": all,
                "group_wait": options.group_wait,
                "group_interval": options.group_interval,
                "repeat_interval": options.repeat_interval,
                "key": found.key(),
            });
            assert_eq!(seen, *wanted, "{}", case["labels"]);
        }
    }
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn alerts_reach_the_receivers_that_amtool_names() {
    let material = material("routing_cases.json");
    let route = parse(material["config"].as_str().unwrap(), Notation::Both).unwrap().routes().unwrap();
    for case in material["cases"].as_array().unwrap() {
        let found: Vec<&str> =
            route.find(&labels(case)).iter().map(|route| route.options.receiver.as_str()).collect();
        assert_eq!(serde_json::json!(found), case["receivers"], "{}", case["labels"]);
    }
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn fingerprints_are_those_of_the_api() {
    for case in material("fingerprints.json").as_array().unwrap() {
        assert_eq!(Fingerprint::of(&labels(case)).to_string(), case["fingerprint"].as_str().unwrap());
    }
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn times_lie_in_intervals_as_they_do_there() {
    for case in material("time_interval_cases.json").as_array().unwrap() {
        let yaml = case["yaml"].as_str().unwrap();
        let read: Result<Vec<TimeInterval>, _> = match case["list"].as_bool().unwrap() {
            true => serde_saphyr::from_str(yaml),
            false => serde_saphyr::from_str(yaml).map(|one| vec![one]),
        };
        let error = case["error"].as_str().unwrap();
        if !error.is_empty() {
            let seen = read.unwrap_err().to_string();
            assert!(error == "*" || seen.contains(error), "{yaml}: {seen}");
            continue;
        }
        let read = read.unwrap_or_else(|e| panic!("{yaml}: {e}"));
        for (list, wanted) in [("contains", true), ("excludes", false)] {
            for time in case[list].as_array().unwrap() {
                let at = jiff::fmt::strtime::parse("%d %b %y %H:%M %z", time.as_str().unwrap());
                let at = at.and_then(|at| at.to_timestamp()).unwrap().as_millisecond();
                let seen = read.iter().any(|interval| interval.contains(at));
                assert_eq!(seen, wanted, "{yaml}\n{time}");
            }
        }
        let written = serde_saphyr::to_string(&read).unwrap();
        let again: Vec<TimeInterval> = serde_saphyr::from_str(&written).unwrap();
        assert_eq!(again, read, "{written}");
    }
}

const SMALL: &str = "route: {receiver: a}\nreceivers: [{name: a}]\n";

#[test]
fn what_is_wrong_is_said_with_its_place_and_the_nearest_name() {
    for (text, error) in [
        ("", " no route provided in config"),
        ("receivers: [{name: a}]\n", " no routes provided"),
        (
            "route: {receiver: a, continue: true}\nreceivers: [{name: a}]\n",
            "1:8: cannot have continue in root route",
        ),
        (
            "route:\n  receiver: a\n  routes:\n  - reciever: b\n",
            "4:5: field reciever not found in type config.plain: did you mean \"receiver\"?",
        ),
        ("route:\n  receiver: a\n  routes:\n  - matchers: ['a=b', '=']\n", "4:23: bad matcher format: ="),
        (
            "route:\n  receiver: a\n  routes:\n  - receiver: b\nreceivers: [{name: a}]\n",
            "4:15: undefined receiver \"b\" used in route",
        ),
        (
            "route:\n  receiver: a\n  routes:\n  - mute_time_intervals: [x]\nreceivers: [{name: a}]\n",
            "4:27: undefined time interval \"x\" used in route",
        ),
        (
            "route: {receiver: a}\nreceivers:\n- name: a\n- name: a\n",
            "4:3: notification config name \"a\" is not unique",
        ),
        (
            "route: {receiver: a, group_by: [b, '...']}\n",
            "1:8: cannot have wildcard group_by (`...`) and other labels at the same time",
        ),
    ] {
        assert_eq!(parse(text, Notation::Both).map(drop), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn what_is_shown_has_every_default_and_no_secret() {
    let text = format!(
        "global: {{slack_api_url: 'https://hooks.example.org/T0/verysecret', opsgenie_api_key: alsosecret}}\n{SMALL}\
         inhibit_rules: [{{source_matchers: [a=b], target_match_re: {{c: d.*}}, equal: [e]}}]\n\
         time_intervals: [{{name: n, time_intervals: [{{weekdays: ['monday:friday'], times: [{{start_time: '09:00', end_time: '17:00'}}], months: ['march'], location: Asia/Seoul}}]}}]\n"
    );
    let config = parse(&text, Notation::Both).unwrap();
    let shown = config.shown();
    assert!(!shown.contains("verysecret") && !shown.contains("alsosecret"), "{shown}");
    let wanted = [
        "resolve_timeout: 5m",
        "<secret>",
        "continue: false",
        "monday:friday",
        "Asia/Seoul",
        "templates: []",
    ];
    for part in wanted {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let again = parse(&shown, Notation::Both).unwrap();
    assert_eq!(again.route, config.route);
    assert_eq!(again.inhibit_rules, config.inhibit_rules);
    assert_eq!(again.time_intervals, config.time_intervals);
}

#[test]
fn sections_of_other_programs_are_taken_and_named() {
    let config =
        parse(&format!("{SMALL}tracing: {{endpoint: a}}\nevent_recorder: {{x: [1]}}\n"), Notation::Both);
    assert_eq!(config.unwrap().without_effect(), ["tracing", "event_recorder"]);
}

#[test]
fn names_of_all_letters_are_labels_unless_the_old_notation_is_asked_for() {
    let text = "route: {receiver: a, group_by: ['봉화 대']}\nreceivers: [{name: a}]\n";
    assert!(parse(text, Notation::Both).is_ok());
    assert!(parse(text, Notation::Classic).unwrap_err().contains("invalid label name"));
    assert!(parse(text, Notation::Both).is_ok(), "one file does not decide for the next");
}

#[test]
fn routes_are_numbered_alike_in_equal_files() {
    let text = "route: {receiver: a, routes: [{matchers: [b=c], routes: [{matchers: [d=e]}]}, {matchers: [f=g]}]}\n\
                receivers: [{name: a}]\n";
    let route = parse(text, Notation::Both).unwrap().routes().unwrap();
    let mut seen = Vec::new();
    route.walk(&mut |route| seen.push((route.index, route.key().to_owned())));
    let wanted = [(3, "{}"), (1, "{}/{b=\"c\"}"), (0, "{}/{b=\"c\"}/{d=\"e\"}"), (2, "{}/{f=\"g\"}")];
    assert_eq!(seen, wanted.map(|(index, key)| (index, key.to_owned())));
}

/// Files that are spoiled at one place.
const SEEDS: [&str; 2] = [
    SMALL,
    "global: {resolve_timeout: 1m}\nroute:\n  receiver: a\n  group_by: [b, c]\n  routes:\n  - matchers: ['d=~\"e|f\"', g!=h]\n    \
     continue: true\n    active_time_intervals: [n]\n    match_re: {i: 'j.*'}\nreceivers:\n- name: a\n  webhook_configs:\n  - url: http://127.0.0.1/\n\
     inhibit_rules:\n- source_matchers: [a=b]\n  target_matchers: [c=d]\n  equal: [e]\n\
     time_intervals:\n- name: n\n  time_intervals:\n  - days_of_month: ['-3:-1']\n    years: ['2020:2030']\n    location: Asia/Seoul\n",
];

proptest! {
    #[test]
    fn spoiled_files_are_read_or_refused(seed in 0..SEEDS.len(), at in any::<prop::sample::Index>(), with in "[\\[\\]{}:,\"'a-e&*|\\n -]{0,6}") {
        let seed = SEEDS[seed];
        let mut at = at.index(seed.len());
        while !seed.is_char_boundary(at) { at -= 1; }
        let text = format!("{}{with}{}", &seed[..at], &seed[at..]);
        if let Ok(config) = parse(&text, Notation::Both) {
            config.routes().unwrap();
            config.inhibit().unwrap();
            config.intervals().contains("n", 0);
        }
    }
}
