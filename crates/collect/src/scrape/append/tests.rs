use testkit::MemoryMetrics;

use super::super::target::{Built, build, discovered};
use super::*;

struct Bench {
    appender: Appender,
    store: Arc<MemoryMetrics>,
    t: i64,
}

fn bench(yaml: &str) -> Bench {
    let text = format!("job_name: j\n{yaml}");
    let mut job: ScrapeConfig = serde_saphyr::from_str(&text).unwrap();
    job.resolve(&crate::scrape::GlobalConfig::standard()).unwrap();
    let labels = discovered(&job, &Labels::from_pairs([("__address__", "h:1")]));
    let Ok(Built::Target(target)) = build(&job, &labels) else { panic!("no target") };
    let store = Arc::new(MemoryMetrics::new());
    let appender = Appender::new(Arc::from(target), Arc::new(job), store.clone(), Metrics::default());
    Bench { appender, store, t: 0 }
}

fn text(body: &str) -> Result<Answer, FetchError> {
    Ok(Answer { content_type: "text/plain; version=0.0.4".to_owned(), body: body.as_bytes().to_vec() })
}

impl Bench {
    /// Scrapes a second later.
    fn scrape(&mut self, body: &str) -> Option<String> {
        self.answer(&text(body))
    }

    fn answer(&mut self, answer: &Result<Answer, FetchError>) -> Option<String> {
        self.t += 1000;
        self.appender.record(self.t, 0.5, answer)
    }

    /// Samples of series whose name does not start with `scrape_`, stale markers as `stale`, target labels left out.
    fn stored(&self) -> Vec<String> {
        self.all()
            .into_iter()
            .filter(|line| !line.starts_with("scrape_") && !line.starts_with("up "))
            .collect()
    }

    fn all(&self) -> Vec<String> {
        let show = |v: f64| if model::is_stale_nan(v) { "stale".to_owned() } else { v.to_string() };
        let lines = self.store.dump().into_iter().map(|(labels, samples)| {
            let labels = labels.filter(|name| name != "job" && name != "instance");
            let samples = samples.iter().map(|(t, v)| format!("{}@{}", show(*v), t / 1000));
            format!("{labels} {}", samples.collect::<Vec<_>>().join(" "))
        });
        lines.collect()
    }

    fn line(&self, name: &str) -> String {
        let start = format!("{name} ");
        self.all().into_iter().find(|line| line.starts_with(&start)).unwrap_or_default()
    }
}

#[test]
fn samples_get_target_labels_and_the_scrape_its_own_series() {
    let mut bench = bench("");
    assert_eq!(bench.scrape("a{x=\"1\"} 2\nb 3\n"), None);
    let labels: Vec<String> = bench.store.dump().iter().map(|(l, _)| l.to_string()).collect();
    assert_eq!(labels[0], "a{instance=\"h:1\", job=\"j\", x=\"1\"}");
    assert_eq!(
        bench.all(),
        [
            "a{x=\"1\"} 2@1",
            "b 3@1",
            "scrape_duration_seconds 0.5@1",
            "scrape_samples_post_metric_relabeling 2@1",
            "scrape_samples_scraped 2@1",
            "scrape_series_added 2@1",
            "up 1@1",
        ]
    );
}

#[test]
fn extra_metrics_on_request() {
    let mut bench = bench("extra_scrape_metrics: true\nsample_limit: 7");
    bench.scrape("a 1\n");
    assert_eq!(bench.line("scrape_timeout_seconds"), "scrape_timeout_seconds 10@1");
    assert_eq!(bench.line("scrape_sample_limit"), "scrape_sample_limit 7@1");
    assert_eq!(bench.line("scrape_body_size_bytes"), "scrape_body_size_bytes 4@1");
    bench.answer(&Err(FetchError::TooLarge(9)));
    assert_eq!(bench.line("scrape_body_size_bytes"), "scrape_body_size_bytes 4@1 -1@2");
}

#[test]
fn a_series_that_vanishes_is_ended_once_and_may_come_back() {
    let mut bench = bench("");
    for body in ["a 1\nb 1\n", "a 2\n", "a 3\n", "a 4\nb 4\n"] {
        assert_eq!(bench.scrape(body), None);
    }
    assert_eq!(bench.stored(), ["a 1@1 2@2 3@3 4@4", "b 1@1 stale@2 4@4"]);
    assert_eq!(bench.line("scrape_series_added"), "scrape_series_added 2@1 0@2 0@3 1@4");
}

#[test]
fn a_failed_scrape_ends_everything_once_and_says_why() {
    let mut bench = bench("");
    bench.scrape("a 1\n");
    let down = Err(FetchError::Failed("connection refused".to_owned()));
    assert_eq!(bench.answer(&down).as_deref(), Some("connection refused"));
    bench.answer(&down);
    bench.scrape("a 4\n");
    assert_eq!(bench.stored(), ["a 1@1 stale@2 4@4"]);
    assert_eq!(bench.line("up"), "up 1@1 0@2 0@3 1@4");
}

#[test]
fn nothing_of_a_broken_body_is_stored_but_the_counts() {
    let mut bench = bench("");
    bench.scrape("a 1\n");
    let error = bench.scrape("a 2\nb 2\nc {\n").unwrap();
    assert!(error.starts_with("line 3, column 4: expected a label name"), "{error}");
    assert_eq!(bench.stored(), ["a 1@1 stale@2"]);
    assert_eq!(bench.line("scrape_samples_scraped"), "scrape_samples_scraped 1@1 2@2");
    assert_eq!(bench.scrape("a 3\nb 3\n"), None);
    assert_eq!(bench.stored(), ["a 1@1 stale@2 3@3", "b 3@3"]);
}

#[test]
fn a_known_series_is_not_resolved_again_and_a_dropped_reference_is() {
    let mut bench = bench("");
    bench.scrape("a 1\nb 1\n");
    bench.store.clear(); // what a garbage collection does: the references mean nothing any more
    assert_eq!(bench.scrape("a 2\nb 2\n"), None);
    assert_eq!(bench.stored(), ["a 2@2", "b 2@2"]);
    assert_eq!(bench.line("up"), "up 1@2");
    assert_eq!(bench.line("scrape_series_added"), "scrape_series_added 0@2");
}

#[test]
fn another_spelling_of_a_series_does_not_end_it() {
    let mut bench = bench("");
    bench.scrape("a{x=\"1\",y=\"2\"} 1\n");
    bench.scrape("a{y=\"2\",x=\"1\"} 2\n");
    bench.scrape("b 1\n");
    assert_eq!(bench.stored(), ["a{x=\"1\", y=\"2\"} 1@1 2@2 stale@3", "b 1@3"]);
}

#[test]
fn of_two_equal_lines_the_first_wins() {
    let mut bench = bench("");
    assert_eq!(bench.scrape("a 1\na 2\n"), None);
    assert_eq!(bench.stored(), ["a 1@1"]);
    assert_eq!(
        bench.line("scrape_samples_post_metric_relabeling"),
        "scrape_samples_post_metric_relabeling 2@1"
    );
}

#[test]
fn clashing_labels_are_renamed_or_honoured() {
    let body = "a{job=\"x\",exported_job=\"y\",instance=\"\"} 1\n";
    let mut plain = bench("");
    plain.scrape(body);
    let labels = plain.store.dump()[0].0.to_string();
    let wanted = "a{exported_exported_job=\"x\", exported_job=\"y\", instance=\"h:1\", job=\"j\"}";
    assert_eq!(labels, wanted);
    let mut honoured = bench("honor_labels: true");
    honoured.scrape(body);
    // An empty label is honoured too: that is how a target refuses the instance label.
    assert_eq!(honoured.store.dump()[0].0.to_string(), "a{exported_job=\"y\", job=\"x\"}");
    assert_eq!(honoured.line("up"), "up 1@1");
}

#[test]
fn timestamps_are_honoured_and_such_series_end_silently() {
    let body = "a 1 500000\nb 1\n";
    let mut honoured = bench("");
    honoured.scrape(body);
    honoured.scrape("b 2\n");
    assert_eq!(honoured.stored(), ["a 1@500", "b 1@1 2@2"]);
    let mut ignored = bench("honor_timestamps: false");
    ignored.scrape(body);
    assert_eq!(ignored.stored(), ["a 1@1", "b 1@1"]);
    let mut tracked = bench("track_timestamps_staleness: true");
    tracked.scrape("a 1 1000\n");
    tracked.scrape("b 2\n");
    assert_eq!(tracked.stored(), ["a 1@1 stale@2", "b 2@2"]);
}

#[test]
fn metric_rules_drop_and_rename() {
    let mut bench = bench(
        "metric_relabel_configs:
  - {action: drop, source_labels: [__name__], regex: 'go_.*'}
  - {source_labels: [__name__], regex: 'old', target_label: __name__, replacement: new}
  - {action: labeldrop, regex: secret}",
    );
    for _ in 0..2 {
        assert_eq!(bench.scrape("go_a 1\nold{secret=\"x\",y=\"z\"} 2\n"), None);
    }
    assert_eq!(bench.stored(), ["new{y=\"z\"} 2@1 2@2"]);
    assert_eq!(bench.line("scrape_samples_scraped"), "scrape_samples_scraped 2@1 2@2");
    let kept = "scrape_samples_post_metric_relabeling";
    assert_eq!(bench.line(kept), format!("{kept} 1@1 1@2"));
}

#[test]
fn limits_fail_the_scrape() {
    for (yaml, body, reason) in [
        ("sample_limit: 2", "a 1\nb 1\nc 1\n", "sample_limit exceeded (3 samples, limit 2)"),
        (
            "label_limit: 3",
            "a{x=\"1\"} 1\n",
            "label_limit exceeded (metric: a, number of labels: 4, limit: 3)",
        ),
        ("label_name_length_limit: 8", "a{long_name=\"1\"} 1\n", "label_name_length_limit exceeded"),
        ("label_value_length_limit: 3", "a{x=\"long\"} 1\n", "label_value_length_limit exceeded"),
        ("metric_name_validation_scheme: legacy", "{\"a.b\"} 1\n", "invalid metric name"),
        ("metric_relabel_configs: [{action: labeldrop, regex: __name__}]", "a 1\n", "missing metric name"),
        ("", "a{x=\"1\",x=\"2\"} 1\n", "label name \"x\" is not unique"),
    ] {
        let mut bench = bench(yaml);
        let error = bench.scrape(body).unwrap_or_default();
        assert!(error.starts_with(reason), "{yaml}: {error}");
        assert!(bench.stored().is_empty(), "{yaml}: {:?}", bench.stored());
        assert_eq!(bench.line("up"), "up 0@1");
    }
}

#[test]
fn the_content_type_decides_the_format() {
    let answer = |content_type: &str, body: &str| {
        Ok(Answer { content_type: content_type.to_owned(), body: body.as_bytes().to_vec() })
    };
    let mut bench = bench("");
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(
        bench.answer(&answer(openmetrics, "# TYPE a counter\na_total 1 # {t=\"x\"} 1\n# EOF\n")),
        None
    );
    assert!(bench.answer(&answer(openmetrics, "a 1\n")).unwrap().contains("# EOF"));
    assert!(bench.answer(&answer("", "a 1\n")).unwrap().contains("no Content-Type"));
    assert!(bench.answer(&answer("text/html", "<p>")).unwrap().contains("\"text/html\""));
    let mut fallback = self::bench("fallback_scrape_protocol: PrometheusText0.0.4");
    assert_eq!(fallback.answer(&answer("", "a 1\n")), None);
}

#[test]
fn metadata_is_kept_for_the_target_and_handed_on() {
    let mut bench = bench("");
    let body = "# HELP a What.\n# TYPE a counter\na 1\n# TYPE b gauge\nb 1\n";
    bench.scrape(body);
    let kinds = |bench: &Bench| {
        let families = bench.appender.target.families();
        families.iter().map(|f| format!("{} {} {}", f.name, f.kind, f.help)).collect::<Vec<_>>()
    };
    assert_eq!(kinds(&bench), ["a counter What.", "b gauge "]);
    for _ in 0..11 {
        bench.scrape("# TYPE b gauge\nb 1\n");
    }
    assert_eq!(kinds(&bench), ["b gauge "]);
}

#[test]
fn the_end_of_a_target_ends_its_own_series_too() {
    let mut bench = bench("");
    bench.scrape("a 1\nb 1 77000\n");
    bench.appender.end(5000);
    assert_eq!(bench.stored(), ["a 1@1 stale@5", "b 1@77"]);
    assert_eq!(bench.line("up"), "up 1@1 stale@5");
}

#[test]
fn a_target_with_ever_new_series_that_fails_does_not_fill_the_memory() {
    let mut bench = bench("metric_relabel_configs: [{action: drop, source_labels: [x], regex: '.+'}]");
    for round in 0..20 {
        let mut body = String::new();
        for i in 0..500 {
            body.push_str(&format!("a{{x=\"{round}_{i}\"}} 1\n"));
        }
        assert!(bench.scrape(&(body + "broken{\n")).is_some());
    }
    assert!(bench.appender.cache.slots.len() < 2000, "{}", bench.appender.cache.slots.len());
}
