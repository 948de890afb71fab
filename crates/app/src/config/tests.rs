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
    let loaded = load_text("rule_files: [a.yml]\nalerting: {}\nremote_write:\n").unwrap();
    let names: Vec<&str> = loaded.written.without_effect().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["rule_files"]);
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

/// Every file that Prometheus takes is taken whole, our own sections beside it.
#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is missing")]
fn prometheus_own_files_are_valid() {
    let folder = testkit::conformance::folder("config/prometheus").expect("ignored where it is missing");
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut good = 0;
    for line in table.lines().skip(1) {
        let mut columns = line.split('\t');
        let (file, outcome) = (columns.next().unwrap(), columns.next().unwrap());
        if outcome == "good" {
            let loaded = load(&folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
            assert!(!loaded.shown.contains("mysecret"), "{file}: {}", loaded.shown);
            good += 1;
        }
    }
    assert!(good >= 20, "{good}");
}
