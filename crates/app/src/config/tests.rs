use std::path::Path;

use super::*;

fn load_text(text: &str) -> model::Result<Loaded> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prometheus.yml");
    std::fs::write(&path, text).unwrap();
    load(&path)
}

fn error(text: &str) -> String {
    load_text(text).unwrap_err().message
}

#[test]
fn an_unknown_field_is_named_with_line_column_and_the_nearest() {
    let text = error("global:\n  scrape_intervall: 15s\n");
    assert!(
        text.contains("prometheus.yml:2:3: field scrape_intervall not found in type config.plain"),
        "{text}"
    );
    assert!(text.contains("did you mean \"scrape_interval\"?"), "{text}");
    let text = error("scrape_configs: []\ncollekt: {}\n");
    assert!(
        text.contains(":2:1: field collekt not found in type config.plain: did you mean \"collect\"?"),
        "{text}"
    );
    let text = error("collect:\n  containers:\n    intervall: 5s\n");
    assert!(
        text.contains(":3:5: field intervall not found in type config.plain: did you mean \"interval\"?"),
        "{text}"
    );
}

#[test]
fn wrong_types_duplicates_and_broken_files_are_refused_with_their_place() {
    for text in ["global: 5\n", "scrape_configs: {a: 1}\n", "a: [", "global: {}\nglobal: {}\n", "\t- x\n"] {
        let said = error(text);
        assert!(said.contains("prometheus.yml:"), "{text:?}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.yml");
    std::fs::write(&path, b"global: {}\n# \xff\n").unwrap();
    assert!(load(&path).unwrap_err().message.contains("byte 13 is not UTF-8"));
    assert!(load(Path::new("/nowhere/x.yml")).unwrap_err().message.contains("/nowhere/x.yml cannot be read"));
}

#[test]
fn sections_without_effect_are_known() {
    let loaded = load_text("tracing: {endpoint: 'a:1'}\nalerting: {}\nremote_write:\n").unwrap();
    let names: Vec<&str> = loaded.written.without_effect().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["tracing"]);
    assert!(loaded.written.collect.is_none());
    assert!(load_text("collect: {}\n").unwrap().written.collect.is_some());
    assert!(load_text("").unwrap().written.scrape_configs.is_empty());
}

#[test]
fn job_files_are_read_and_paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.yml");
    std::fs::create_dir(folder.path().join("jobs")).unwrap();
    std::fs::write(folder.path().join("jobs/a.yml"), "scrape_configs: [{job_name: a}]").unwrap();
    std::fs::write(folder.path().join("jobs/b.txt"), "rubbish: [").unwrap();
    std::fs::write(&path, "scrape_config_files: [jobs/*.yml]\nscrape_configs: [{job_name: z}]").unwrap();
    let jobs: Vec<String> =
        load(&path).unwrap().written.scrape_configs.into_iter().map(|j| j.job_name).collect();
    assert_eq!(jobs, ["z", "a"]);
    std::fs::write(folder.path().join("jobs/c.yml"), "scrape_configs: [{job_name: z}]").unwrap();
    assert!(load(&path).unwrap_err().message.contains("\"z\""), "a job name is there twice");
}

/// Every file of Prometheus' own tests loads, or is refused with its words.
/// A message without the line and the column that stand behind the name of the file: Prometheus tells none.
fn without_place(message: &str) -> String {
    let Some((file, rest)) = message.split_once(".yml:") else { return message.to_owned() };
    let rest = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
    format!("{file}.yml:{rest}")
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn prometheus_own_files_load_or_are_refused_as_marked() {
    let folder = testkit::conformance::folder("config/prometheus").expect("ignored where it is missing");
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let (mut rows, mut differ) = (0, Vec::new());
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, outcome) = (columns.next().unwrap(), columns.next().unwrap());
        // The messages name the folder that Prometheus' tests run in.
        let message = columns.next().unwrap_or_default();
        let message = message.replace("testdata/", &format!("{}/", folder.display()));
        rows += 1;
        match (load(&folder.join(file)), outcome) {
            (Ok(loaded), "good" | "other") => {
                assert!(!loaded.shown.contains("mysecret"), "{file}: {}", loaded.shown);
            }
            (Err(error), "bad") if without_place(&error.message).contains(&message) => {}
            // The only file of an API that Prometheus itself no longer takes.
            (Err(error), "other") if file == "config_with_deprecated_am_api_config.yml" => {
                assert!(error.message.contains("expected Alertmanager api version"), "{error}");
            }
            (Err(error), "other") if file == "otlp_no_translation.incompatible.yml" => {
                assert!(error.message.contains("OTLP translation strategy"), "{error}");
            }
            (result, _) => {
                let got = result.map_or_else(|e| e.message, |_| "loaded".to_owned());
                differ.push(format!("{file}: {outcome} {message:?}\n    {got}"));
            }
        }
    }
    assert!(differ.is_empty(), "{} of {rows}:\n{}", differ.len(), differ.join("\n"));
    assert!(rows >= 150, "{rows}");
}

#[test]
fn history_is_read_shown_and_held_to_selectors() {
    let text = "history:\n  retention:\n    - match: '{job=\"debug\"}'\n      time: 2d\n    - match: up\n      time: 0s\n  \
                downsampling:\n    retention_1h: 2y\n";
    let loaded = load_text(text).unwrap();
    let rules = loaded.written.history.series();
    assert_eq!(rules.iter().map(|r| r.time_ms).collect::<Vec<_>>(), [172_800_000, 0]);
    assert_eq!(rules[0].matchers[0].to_string(), "job=\"debug\"");
    let downsampling = loaded.written.history.downsampling();
    assert!(downsampling.enabled && downsampling.queries);
    assert_eq!((downsampling.keep_5m_ms, downsampling.keep_1h_ms), (None, Some(2 * 365 * 86_400_000)));
    assert!(loaded.shown.contains("history:"), "{}", loaded.shown);
    let said = error("history:\n  retention:\n    - match: '{job='\n      time: 2d\n");
    assert!(said.contains("is no series selector"), "{said}");
    let said = error("history:\n  retention:\n    - mach: up\n      time: 2d\n");
    assert!(said.contains("mach"), "{said}");
}

#[test]
fn retention_of_logs_is_read_and_held_to_selectors() {
    let loaded = load_text(
        "logs:\n  retention:\n    time: 3d\n    size: 2GB\n    streams:\n      - selector: '{namespace=\"prod\"}'\n        \
         time: 30d\n        size: 1GB\n      - { selector: '{app=~\"debug.*\"}', time: 0s }\n",
    )
    .unwrap();
    let kept = loaded.written.logs.retention.resolve(7).unwrap();
    assert_eq!((kept.time_ms, kept.bytes), (3 * 86_400_000, 2 << 30));
    let rules: Vec<_> = kept.streams.iter().map(|rule| (rule.time_ms, rule.bytes)).collect();
    assert_eq!(rules, [(Some(30 * 86_400_000), 1 << 30), (Some(0), u64::MAX)]);
    assert_eq!(kept.streams[0].matchers[0].to_string(), "namespace=\"prod\"");
    let kept = load_text("logs:\n  retention:\n").unwrap().written.logs.retention.resolve(7).unwrap();
    assert_eq!((kept.time_ms, kept.bytes, kept.streams.len()), (7 * 86_400_000, 7, 0));
    for (text, wanted) in [
        ("selector: prod, time: 1d", "is no stream selector"),
        ("selector: '{a=\"b\"}'", "needs a 'time' or a 'size'"),
        ("selektor: '{a=\"b\"}'", "selector"),
    ] {
        let said = error(&format!("logs:\n  retention:\n    streams:\n      - {{ {text} }}\n"));
        assert!(said.contains(wanted), "{said}");
    }
}
