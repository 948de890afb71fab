//! A node exporter's history out of Debian's prometheus, with the rules and the dashboard people have for it.

use model::SeriesData;
use testkit::prometheus::Prometheus;
use wire::exposition::Entry;
use wire::prom_text::Parser;

use crate::data::write;
use crate::{output, run};

const STEP: i64 = 60_000;

/// Some hundred series as a node exporter shows them, counting on.
fn series(from: i64, n: i64) -> Vec<SeriesData> {
    let path = testkit::conformance::folder("node_exporter").unwrap().join("fixtures/e2e-output.txt");
    let text = std::fs::read(path).unwrap();
    let mut parser = Parser::new(&text).unwrap();
    let mut all = Vec::new();
    while let Some(entry) = parser.next_entry().unwrap() {
        let Entry::Sample(sample) = entry else { continue };
        let mut builder = sample.to_labels().unwrap().to_builder();
        let labels = builder.set("instance", "host:9100").set("job", "node").build();
        let mut data = SeriesData { labels, ..SeriesData::default() };
        for i in 0..n {
            let v = if sample.value.is_finite() {
                sample.value + (i * (all.len() as i64 % 7)) as f64
            } else {
                sample.value
            };
            data.push_float(0, from + i * STEP, v);
        }
        all.push(data);
    }
    // The whole of it is more than is needed here.
    all.into_iter().step_by(3).take(700).collect()
}

pub(crate) fn history_moves_and_the_answers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path()).unwrap();
    let now = model::Clock::now_ms(&model::SystemClock);
    let data = series(now - 150 * STEP, 148);
    assert!(data.len() > 300, "{}", data.len());
    write(&prometheus, &data, 20 * STEP);
    let conformance = |what: &str| testkit::conformance::folder(what).unwrap();
    let config = folder.path().join("old.yml");
    std::fs::write(&config, conformance("node_exporter").join("example-rules.yml").to_str().unwrap())
        .unwrap();
    let (url, ours) = (format!("http://{}", prometheus.address()), folder.path().join("ours"));
    let (dashboards, from) = (conformance("dashboards/rfmoz"), (now - 4 * 3_600_000).to_string());
    let (config, ours) = (config.to_str().unwrap(), ours.to_str().unwrap());
    let arguments = [
        "migrate",
        "--from",
        &url,
        "--to",
        ours,
        "--config.file",
        config,
        "--dashboards",
        dashboards.to_str().unwrap(),
        "--min-time",
        &from,
    ];
    let said = output(&arguments);
    let samples: usize = data.iter().map(SeriesData::len).sum();
    assert!(said.starts_with(&format!("{samples} samples stored in ")), "{said}");
    let summary = said.lines().nth(1).unwrap();
    let figure =
        |at: usize| summary.split([' ', '(']).filter_map(|w| w.parse::<usize>().ok()).nth(at).unwrap();
    let (expressions, looks, equal, empty, refused) = (figure(0), figure(1), figure(2), figure(3), figure(4));
    assert!(expressions > 200 && looks == 4 * expressions && equal == looks, "{summary}");
    assert!(empty < looks - 100 && refused == 0, "{summary}");
    // Again: nothing is stored twice.
    let again = output(&arguments);
    assert!(again.starts_with("0 samples stored in 0 blocks, "), "{again}");
    // From the directory of the server, into another one of ours.
    let (theirs, other) = (folder.path().join("data"), folder.path().join("other"));
    let (theirs, other) = (theirs.to_str().unwrap(), other.to_str().unwrap());
    let said = output(&["migrate", "--from", theirs, "--to", other, "--config.file", config]);
    assert!(said.contains(&format!("{samples} samples stored in ")), "{said}");
    // What only one side has is said.
    let load = data.iter().find(|s| s.labels.metric_name() == "node_filesystem_files_free");
    let labels = load.map_or_else(|| data[0].labels.clone(), |s| s.labels.clone());
    let more = SeriesData {
        labels: labels.to_builder().set("__name__", "node_load1").set("instance", "other:9100").build(),
        t: (0..100).map(|i| now - 150 * STEP + i * STEP + 1).collect(),
        v: vec![1.0; 100],
        ..SeriesData::default()
    };
    let file = folder.path().join("more.om");
    std::fs::write(&file, crate::data::exposition(&[more])).unwrap();
    output(&["tsdb", "import", "--to", ours, file.to_str().unwrap()]);
    let panel = folder.path().join("panels");
    std::fs::create_dir(&panel).unwrap();
    std::fs::write(panel.join("one.json"), r#"{"panels":[{"targets":[{"expr":"count(node_load1 offset 5m)"},{"expr":"sum_over_time(node_load1[2h])"}]}]}"#).unwrap();
    let said = run(&[
        "migrate",
        "--skip-import",
        "--from",
        &url,
        "--to",
        ours,
        "--config.file",
        config,
        "--dashboards",
        panel.to_str().unwrap(),
    ]);
    assert_eq!(said.exit, tools::Exit::Failure, "{}", said.out);
    assert!(said.out.contains("instance=\"other:9100\""), "{}", said.out);
    assert!(said.out.contains("\nonly on the new side: "), "{}", said.out);
}
