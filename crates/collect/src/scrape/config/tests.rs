use serde::Deserialize;

use super::*;

/// The sections of a `prometheus.yml`; those that are not about scraping are read over.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Document {
    global: GlobalConfig,
    scrape_configs: Vec<ScrapeConfig>,
}

fn load(text: &str) -> Result<Document, String> {
    let mut document: Document = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    check_names(&document.scrape_configs)?;
    for job in &mut document.scrape_configs {
        job.resolve(&document.global)?;
    }
    Ok(document)
}

#[test]
fn an_error_says_where() {
    let error = load("scrape_configs:\n  - job_name: a\n    scrap_interval: 5s\n").unwrap_err();
    assert!(
        error.contains("line 3 column 5: field scrap_interval not found in type config.ScrapeConfig"),
        "{error}"
    );
    let error = load("scrape_configs:\n  - job_name: a\n    scrape_interval: 5 s\n").unwrap_err();
    assert!(error.contains("line 3 column 22: not a valid duration string"), "{error}");
}

#[test]
fn unset_fields_come_from_the_global_section() {
    let document = load(
        "global: {scrape_interval: 5s, sample_limit: 7, body_size_limit: 1MB}\n\
         scrape_configs: [{job_name: a}, {job_name: b, scrape_interval: 1m, scrape_timeout: 30s, sample_limit: 1}]",
    )
    .unwrap();
    let of = |index: usize| {
        let job = &document.scrape_configs[index];
        (job.scrape_interval.as_ms(), job.scrape_timeout.as_ms(), job.sample_limit, job.body_size_limit.0)
    };
    assert_eq!(of(0), (5_000, 5_000, 7, 1 << 20));
    assert_eq!(of(1), (60_000, 30_000, 1, 1 << 20));
    assert_eq!(GlobalConfig::standard().scrape_timeout, Duration::from_secs(10));
}

#[test]
fn discovery_that_is_not_supported_is_named_and_does_not_fail_the_file() {
    let document = load("scrape_configs: [{job_name: a, gce_sd_configs: [{project: p, zone: z}]}]").unwrap();
    assert_eq!(document.scrape_configs[0].discovery.unsupported(), ["gce_sd_configs"]);
}

#[test]
fn secrets_are_not_shown() {
    let document =
        load("scrape_configs: [{job_name: a, basic_auth: {username: u, password: geheim}}]").unwrap();
    let shown = format!("{document:?}");
    assert!(shown.contains("<secret>") && !shown.contains("geheim"), "{shown}");
}

proptest::proptest! {
    #[test]
    fn any_duration_and_size_is_read_or_refused(text in "([0-9]{0,25}(ms|[smhdwy]|[KMG]i?B|.)?){0,4}") {
        if let Ok(duration) = Duration::parse(&text) {
            // What is written reads back.
            proptest::prop_assert_eq!(Duration::parse(&duration.to_string()), Ok(duration));
        }
        let _ = Size::parse(&text);
    }

    #[test]
    fn any_text_is_a_configuration_or_refused(text in "(scrape_configs|job_name|- |: |\\{|\\}|\\[|\\]|\n|  |[a-z\"'|>&*!%])*") {
        let _ = load(&text);
    }
}
