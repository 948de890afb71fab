use super::*;

impl Flags {
    /// Of arguments without the program's name.
    pub(crate) fn of_args(args: &[&str]) -> Result<Self, clap::Error> {
        Self::read(std::iter::once("bonghwa").chain(args.iter().copied()).map(OsString::from))
    }
}

fn refused(args: &[&str]) -> String {
    Flags::of_args(args).unwrap_err().to_string()
}

#[test]
fn the_flags_of_common_compose_files_are_taken() {
    let flags = Flags::of_args(&[
        "--config.file=/etc/prometheus/prometheus.yml",
        "--storage.tsdb.path=/prometheus",
        "--storage.tsdb.retention.time=200h",
        "--web.console.libraries=/etc/prometheus/console_libraries",
        "--web.console.templates=/etc/prometheus/consoles",
        "--web.enable-lifecycle",
        "--path.procfs=/host/proc",
        "--path.rootfs=/rootfs",
        "--path.sysfs=/host/sys",
        "--collector.filesystem.ignored-mount-points=^/(sys|proc|dev|host|etc)($$|/)",
    ])
    .unwrap();
    assert!(flags.web.enable_lifecycle && !flags.web.enable_remote_write);
    let notes = flags.notes();
    assert_eq!(notes.len(), 2);
    assert!(notes.iter().all(|note| note.starts_with("--web.console.")), "{notes:?}");
    assert_eq!(flags.shown()["web.listen-address"], "127.0.0.1:9090");
    assert_eq!(flags.shown()["storage.tsdb.retention.time"], "200h");
    assert_eq!(flags.shown()["query.lookback-delta"], "5m");
    assert!(flags.shown().contains_key("storage.tsdb.min-block-duration"));
    assert!(flags.shown().contains_key("collector.filesystem.mount-points-exclude"));
    assert!(!flags.shown().contains_key("collector.netdev.device-exclude"));
}

#[test]
fn switches_are_switched_off_by_a_value_or_by_their_negative_form() {
    for off in [
        "--web.enable-lifecycle=false",
        "--no-web.enable-lifecycle",
        "--no-alertmanager.drain-notification-queue-on-shutdown",
        "--no-storage.tsdb.wal-compression",
        "--no-storage.tsdb.no-lockfile",
    ] {
        let flags = Flags::of_args(&[off]).unwrap();
        assert!(!flags.web.enable_lifecycle, "{off}");
        assert_eq!(flags.rules.drain_on_shutdown, !off.contains("drain"), "{off}");
    }
    assert!(Flags::of_args(&["--storage.tsdb.no-lockfile"]).is_ok());
    assert!(refused(&["--no-query.timeout"]).contains("unexpected argument"));
}

#[test]
fn addresses_are_repeated_and_arguments_are_read_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("args");
    std::fs::write(&file, "--web.listen-address=:1\n\n--no-web.enable-admin-api\n--web.page-title=a b\n")
        .unwrap();
    let args = ["--web.listen-address=127.0.0.1:2", &format!("@{}", file.display())];
    let flags = Flags::of_args(&args).unwrap();
    assert_eq!(flags.web.listen, ["127.0.0.1:2", ":1"]);
    assert_eq!(flags.web.page_title, "a b");
    assert!(refused(&["@/nowhere"]).contains("/nowhere cannot be read"));
}

#[test]
fn wrong_values_and_unknown_flags_are_refused_with_what_was_meant() {
    assert!(refused(&["--storage.tsdb.pth=/x"]).contains("--storage.tsdb.path"));
    assert!(refused(&["--log.level=loud"]).contains("trace"));
    assert!(refused(&["--query.timeout=0s"]).contains("longer than 0"));
    assert!(refused(&["--query.timeout=2 minutes"]).contains("--query.timeout"));
    assert!(refused(&["--web.cors.origin=("]).contains("--web.cors.origin"));
    assert!(refused(&["--query.max-samples=1.5"]).contains("whole number"));
    assert!(refused(&["--storage.tsdb.min-block-duration=x"]).contains("min-block-duration"));
    assert!(refused(&["--query.timeout=1m", "--query.timeout=2m"]).contains("multiple times"));
    assert_eq!(
        Flags::of_args(&["--storage.remote.read-sample-limit=5e7"]).unwrap().remote.read_sample_limit,
        50_000_000
    );
}

#[test]
fn the_agent_is_refused_with_the_way_out() {
    for flag in ["--agent", "--storage.agent.path=/x", "--storage.agent.wal-compression"] {
        let text = refused(&[flag]);
        assert!(text.contains("remote_write"), "{text}");
    }
    assert!(Flags::of_args(&["--enable-feature=agent"]).unwrap().features().check().is_err());
}

#[test]
fn features_switch_are_always_on_or_are_unknown() {
    let flags = Flags::of_args(&[
        "--enable-feature=exemplar-storage,promql-experimental-functions",
        "--enable-feature=old-ui",
        "--enable-feature=promql-experimental-function",
    ])
    .unwrap();
    let features = flags.features();
    assert!(features.on("promql-experimental-functions") && !features.on("extra-scrape-metrics"));
    let notes = flags.notes().join("\n");
    assert!(notes.contains("exemplar-storage: it is always on"), "{notes}");
    assert!(notes.contains("old-ui has no effect"), "{notes}");
    assert!(notes.contains("no such feature; is promql-experimental-functions meant?"), "{notes}");
    let both = Features::of(&["otlp-deltatocumulative".to_owned(), "otlp-native-delta-ingestion".to_owned()]);
    assert!(both.check().unwrap_err().contains("at the same time"));
}
