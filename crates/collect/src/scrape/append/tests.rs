use model::{ExemplarSample, ExemplarsTaken};
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
    let appender = Appender::new(
        Arc::from(target),
        Arc::new(job),
        store.clone(),
        Metrics::default(),
        Features::default(),
    );
    Bench { appender, store, t: 0 }
}

fn text(body: &str) -> Result<Answer, FetchError> {
    Ok(Answer {
        content_type: "text/plain; version=0.0.4".to_owned(),
        body: body.as_bytes().to_vec(),
        _reserved: None,
    })
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
        Ok(Answer { content_type: content_type.to_owned(), body: body.as_bytes().to_vec(), _reserved: None })
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

/// Takes everything and remembers histograms and exemplars.
#[derive(Default)]
struct Recorder {
    series: parking_lot::Mutex<Vec<Labels>>,
    histograms: parking_lot::Mutex<Vec<(String, i64, i64, model::Histogram)>>,
    floats: parking_lot::Mutex<Vec<(String, i64, i64, f64)>>,
    exemplars: parking_lot::Mutex<Vec<(String, model::Exemplar)>>,
}

impl Recorder {
    fn name(&self, id: model::SeriesRef) -> String {
        let at = usize::try_from(id.0.get()).unwrap() - 1;
        self.series.lock()[at].filter(|name| name != "job" && name != "instance").to_string()
    }
}

impl MetricWriter for Recorder {
    fn resolve(
        &self,
        _: &Tenant,
        labels: &[Labels],
        out: &mut Vec<Option<model::SeriesRef>>,
    ) -> model::Result<()> {
        let mut series = self.series.lock();
        for one in labels {
            series.push(one.clone());
            out.push(std::num::NonZeroU64::new(series.len() as u64).map(model::SeriesRef));
        }
        Ok(())
    }

    fn append(&self, _: &Tenant, batch: model::MetricBatch<'_>) -> model::Result<model::Appended> {
        for (at, id) in batch.refs.iter().enumerate() {
            let start = batch.start.get(at).copied().unwrap_or_default();
            self.floats.lock().push((self.name(*id), batch.t[at], start, batch.v[at]));
        }
        for h in batch.histograms {
            self.histograms.lock().push((self.name(h.series), h.t, h.start, h.value.clone()));
        }
        Ok(model::Appended { accepted: batch.refs.len() + batch.histograms.len(), rejected: Vec::new() })
    }

    fn exemplars(&self, _: &Tenant, exemplars: &[ExemplarSample]) -> model::Result<ExemplarsTaken> {
        for one in exemplars {
            self.exemplars.lock().push((self.name(one.series), one.exemplar.clone()));
        }
        Ok(ExemplarsTaken { taken: exemplars.len(), ..ExemplarsTaken::default() })
    }
}

fn recorded(yaml: &str, features: Features) -> (Appender, Arc<Recorder>) {
    let plain = bench(yaml);
    let store = Arc::new(Recorder::default());
    let (target, job) = (plain.appender.target.clone(), plain.appender.job.clone());
    (Appender::new(target, job, store.clone(), Metrics::default(), features), store)
}

const PROTO: &str =
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/// A family `h` with one histogram, classic (one bucket) and native, and an exemplar.
fn proto_body() -> Answer {
    fn put(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
        out.extend([number << 3 | 2, u8::try_from(bytes.len()).unwrap()]);
        out.extend(bytes);
    }
    fn double(out: &mut Vec<u8>, number: u8, value: f64) {
        out.push(number << 3 | 1);
        out.extend(value.to_le_bytes());
    }
    let (mut bucket, mut span, mut exemplar, mut label, mut time) =
        (vec![8, 2], vec![8, 3, 16, 2], Vec::new(), Vec::new(), Vec::new());
    double(&mut bucket, 2, 0.5);
    put(&mut label, 1, b"trace_id");
    put(&mut label, 2, b"t");
    time.extend([8, 9]); // 9 s
    put(&mut exemplar, 1, &label);
    double(&mut exemplar, 2, 0.25);
    put(&mut exemplar, 3, &time);
    let mut histogram = vec![8, 6]; // count
    double(&mut histogram, 2, 18.0);
    put(&mut histogram, 3, &bucket);
    histogram.extend([40, 6]); // schema 3
    double(&mut histogram, 6, 0.001);
    histogram.extend([56, 1]); // zero count
    put(&mut histogram, 12, &span);
    histogram.extend([104, 4, 104, 2]); // 2, 3
    put(&mut histogram, 15, &[8, 1]); // started at 1 s
    histogram.extend([0x82, 0x01, u8::try_from(exemplar.len()).unwrap()]);
    histogram.extend(&exemplar);
    span.clear();
    let (mut metric, mut family) = (Vec::new(), Vec::new());
    put(&mut metric, 7, &histogram);
    put(&mut family, 1, b"h");
    family.extend([24, 4]);
    put(&mut family, 5, b"s");
    put(&mut family, 4, &metric);
    // Lengths below 128 are one byte.
    assert!(family.len() < 128, "{}", family.len());
    let mut body = vec![u8::try_from(family.len()).unwrap()];
    body.extend(family);
    Answer { content_type: PROTO.to_owned(), body, _reserved: None }
}

#[test]
fn a_native_histogram_is_stored_with_its_exemplar_and_start_and_ends() {
    let features = Features { start_timestamps: true, type_and_unit_labels: true };
    let (mut appender, store) = recorded("scrape_native_histograms: true", features);
    assert_eq!(appender.record(10_000, 0.1, &Ok(proto_body())), None);
    let name = "h{__type__=\"histogram\", __unit__=\"s\"}";
    {
        let histograms = store.histograms.lock();
        let (series, t, start, value) = &histograms[0];
        assert_eq!((series.as_str(), *t, *start), (name, 10_000, 1000));
        assert_eq!((value.schema, value.count, value.positive_buckets.as_slice()), (3, 6.0, &[2.0, 3.0][..]));
        assert_eq!(histograms.len(), 1);
        let exemplars = store.exemplars.lock();
        assert_eq!((exemplars[0].0.as_str(), exemplars[0].1.t, exemplars[0].1.v), (name, 9000, 0.25));
    }
    assert!(!store.floats.lock().iter().any(|(series, ..)| series.starts_with("h")));
    let empty = Answer { content_type: PROTO.to_owned(), ..Answer::default() };
    appender.record(11_000, 0.1, &Ok(empty));
    assert!(model::is_stale_nan(store.histograms.lock()[1].3.sum), "a marker of its own kind");
}

#[test]
fn classic_parts_are_stored_where_the_native_one_is_not_wanted_or_both_are() {
    for (yaml, natives, classics) in [
        ("", 0, 4),
        ("{scrape_native_histograms: true, always_scrape_classic_histograms: true}", 1, 4),
        ("{convert_classic_histograms_to_nhcb: true}", 0, 0),
    ] {
        let yaml = yaml.trim_matches(['{', '}']).replace(", ", "\n");
        let (mut appender, store) = recorded(&yaml, Features::default());
        assert_eq!(appender.record(10_000, 0.1, &Ok(proto_body())), None);
        let floats = store.floats.lock();
        let classic: Vec<_> = floats.iter().filter(|(series, ..)| series.starts_with('h')).collect();
        assert_eq!(classic.len(), classics, "{yaml}: {classic:?}");
        let stored = store.histograms.lock();
        let exponential = stored.iter().filter(|(.., h)| h.schema == 3).count();
        assert_eq!(exponential, natives, "{yaml}");
        if yaml.contains("convert") {
            assert_eq!((stored[0].3.schema, stored[0].3.custom_values.as_slice()), (-53, &[0.5][..]));
        }
    }
}

#[test]
fn limits_merge_buckets_or_fail_the_scrape() {
    let native = "scrape_native_histograms: true";
    for (more, schema) in
        [("native_histogram_bucket_limit: 1", 2), ("native_histogram_min_bucket_factor: 1.9", 1)]
    {
        let (mut appender, store) = recorded(&format!("{native}\n{more}"), Features::default());
        assert_eq!(appender.record(10_000, 0.1, &Ok(proto_body())), None);
        let stored = store.histograms.lock();
        assert!(stored[0].3.schema <= schema, "{more}: {:?}", stored[0].3);
        assert_eq!(stored[0].3.positive_buckets.iter().sum::<f64>(), 5.0);
    }
}

#[test]
fn classic_histograms_of_text_are_converted() {
    let (mut appender, store) = recorded("convert_classic_histograms_to_nhcb: true", Features::default());
    let body = "# TYPE h histogram\nh_bucket{a=\"x\",le=\"1\"} 2\nh_bucket{a=\"x\",le=\"+Inf\"} 3\nh_sum{a=\"x\"} 4\n\
                h_count{a=\"x\"} 3\n# TYPE g gauge\ng 1\n";
    assert_eq!(appender.record(1000, 0.1, &text(body)), None);
    let stored = store.histograms.lock();
    assert_eq!(stored.len(), 1);
    assert_eq!((stored[0].0.as_str(), stored[0].3.sum, stored[0].3.count), ("h{a=\"x\"}", 4.0, 3.0));
    assert!(!store.floats.lock().iter().any(|(series, ..)| series.starts_with("h_")));
}

#[test]
fn exemplars_and_starts_of_openmetrics() {
    let features = Features { start_timestamps: true, type_and_unit_labels: true };
    let (mut appender, store) = recorded("", features);
    let body = "# TYPE a_s counter\n# UNIT a_s s\na_s_total{x=\"1\"} 1 # {t=\"y\"} 0.5\na_s_created{x=\"1\"} 2.5\n# EOF\n";
    let content_type = "application/openmetrics-text; version=1.0.0".to_owned();
    let answer = Answer { content_type, body: body.as_bytes().to_vec(), _reserved: None };
    assert_eq!(appender.record(10_000, 0.1, &Ok(answer)), None);
    let name = "a_s_total{__type__=\"counter\", __unit__=\"s\", x=\"1\"}";
    let floats = store.floats.lock();
    assert!(floats.contains(&(name.to_owned(), 10_000, 2500, 1.0)), "{floats:?}");
    assert!(!floats.iter().any(|(series, ..)| series.contains("_created")));
    let exemplars = store.exemplars.lock();
    assert_eq!((exemplars[0].0.as_str(), exemplars[0].1.t), (name, 10_000));
}

#[test]
fn exemplars_that_come_too_late_are_counted_and_repeats_are_not() {
    let mut bench = bench("");
    let mut scrape = |exemplar: &str| {
        let body = format!("# TYPE a counter\na_total 1 # {{t=\"y\"}} {exemplar}\n# EOF\n").into_bytes();
        let content_type = "application/openmetrics-text; version=1.0.0".to_owned();
        assert_eq!(bench.answer(&Ok(Answer { content_type, body, _reserved: None })), None);
        bench.appender.metrics.causes.exemplar_out_of_order.get()
    };
    assert_eq!(["0.5 1.5", "0.5 1.5", "0.5 2.5"].map(&mut scrape), [0, 0, 0]);
    assert_eq!(["0.5 1.5", "0.4 2.5"].map(&mut scrape), [1, 2]);
}

#[test]
fn bytes_that_are_no_text_are_allowed_in_comments_only() {
    let mut bench = bench("");
    let of = |body: &[u8]| {
        Ok(Answer { content_type: "text/plain".to_owned(), body: body.to_vec(), _reserved: None })
    };
    assert_eq!(bench.answer(&of(b"# a comment \xff\na 1\n")), None);
    assert!(bench.answer(&of(b"# HELP a \xff\na 1\n")).unwrap().contains("UTF-8"));
    assert!(bench.answer(&of(b"a{x=\"\xff\"} 1\n")).unwrap().contains("UTF-8"));
}
