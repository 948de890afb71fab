use super::*;

fn job(yaml: &str) -> ScrapeConfig {
    let mut job: ScrapeConfig = serde_saphyr::from_str(yaml).unwrap();
    job.resolve(&crate::scrape::GlobalConfig::standard()).unwrap();
    job
}

fn target(yaml: &str, found: &[(&str, &str)]) -> Result<Option<Target>, String> {
    let job = job(yaml);
    let labels = discovered(&job, &Labels::from_pairs(found.iter().copied()));
    build(&job, &labels).map(|built| match built {
        Built::Target(target) => Some(*target),
        Built::Dropped => None,
    })
}

#[test]
fn defaults_make_a_target() {
    let target = target("{job_name: j}", &[("__address__", "h:9100"), ("__meta_x", "y"), ("env", "p")]);
    let target = target.unwrap().unwrap();
    assert_eq!(target.url.as_str(), "http://h:9100/metrics");
    assert_eq!(target.labels.to_string(), "{env=\"p\", instance=\"h:9100\", job=\"j\"}");
    assert_eq!((target.interval.as_ms(), target.timeout.as_ms()), (60_000, 10_000));
}

#[test]
fn relabelling_may_change_everything() {
    let yaml = "
        job_name: j
        params: {module: [http, second], x: [a b]}
        relabel_configs:
          - {source_labels: [__address__], target_label: __param_target}
          - {target_label: __address__, replacement: 'exporter:1'}
          - {target_label: __scheme__, replacement: https}
          - {target_label: __metrics_path__, replacement: probe}
          - {target_label: __scrape_interval__, replacement: 7s}
          - {target_label: __scrape_timeout__, replacement: 3s}
          - {target_label: __param_module, replacement: dns}";
    let target = target(yaml, &[("__address__", "h")]).unwrap().unwrap();
    assert_eq!(target.url.as_str(), "https://exporter:1/probe?module=dns&module=second&target=h&x=a+b");
    assert_eq!((target.interval.as_ms(), target.timeout.as_ms()), (7_000, 3_000));
    assert_eq!(target.labels.get("instance"), Some("exporter:1"));
}

#[test]
fn what_cannot_be_scraped_says_why() {
    for (rule, reason) in [
        ("{target_label: __address__, replacement: ''}", "no address"),
        ("{target_label: __address__, replacement: 'http://x'}", "not a valid hostname"),
        ("{target_label: __scrape_timeout__, replacement: 2m}", "cannot be greater"),
        ("{target_label: __scrape_interval__, replacement: 0s}", "cannot be 0"),
        ("{target_label: __scheme__, replacement: ftp}", "unsupported scheme"),
    ] {
        let yaml = format!("{{job_name: j, relabel_configs: [{rule}]}}");
        let error = target(&yaml, &[("__address__", "h")]).map(|_| ()).unwrap_err();
        assert!(error.contains(reason), "{rule}: {error}");
    }
    let yaml = "{job_name: j, relabel_configs: [{action: drop, source_labels: [job], regex: j}]}";
    assert!(target(yaml, &[("__address__", "h")]).unwrap().is_none());
}

#[test]
fn offsets_are_spread_and_stable() {
    let mut places = std::collections::HashSet::new();
    for i in 0..50 {
        let address = format!("h{i}");
        let target = target("{job_name: j}", &[("__address__", &address)]).unwrap().unwrap();
        let offset = target.offset_ms(1_000_123, 7);
        assert!(offset < 60_000);
        // Later by x means x less to wait.
        assert_eq!(target.offset_ms(1_000_124, 7), (offset + 59_999) % 60_000);
        places.insert(offset / 6_000);
    }
    assert!(places.len() > 5, "{places:?}");
}
