use std::sync::Arc;

use model::records::{FieldRef, NO_TIME, Origin, Refusal, Row, Written};
use model::{
    EventKind, Identity, IdentityKey, Labels, ManualClock, Position, RecordWriter, Records, Resource, Result,
    Tenant,
};
use parking_lot::Mutex;

use super::config::{Limits, Masking};
use super::{Config, Lines};

/// A store that keeps what it is given, and refuses lines that say so.
#[derive(Default)]
pub(super) struct Kept {
    pub(super) records: Mutex<Vec<Records>>,
    positions: Mutex<Vec<(String, Vec<u8>)>>,
}

impl RecordWriter for Kept {
    fn write(
        &self,
        _: &Tenant,
        _: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        let old =
            |(at, row): (usize, Row<'_>)| row.body().contains("too old").then_some((at, Refusal::TooOld));
        let refused: Vec<_> = records.iter().enumerate().filter_map(old).collect();
        self.records.lock().push(records.clone());
        let positions = positions.iter().map(|p| (p.source.to_owned(), p.position.to_vec()));
        self.positions.lock().extend(positions);
        Ok(Written { accepted: records.len() - refused.len(), refused })
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.positions.lock().iter().rev().find(|(s, _)| s == source).map(|(_, position)| position.clone())
    }
}

const NOW_NS: i64 = 1_700_000_000_000_000_000;

fn lines(config: &Config) -> (Lines, Arc<Kept>) {
    let store = Arc::new(Kept::default());
    let clock = Arc::new(ManualClock::at_ms(NOW_NS / 1_000_000));
    (Lines::new(config, store.clone(), clock).unwrap(), store)
}

fn batch(lines: &[(&str, i64, &str)]) -> Records {
    let mut records = Records::new();
    for (stream, time, body) in lines {
        let stream = records.stream(&Labels::from_pairs([("container", *stream)]));
        records.push(stream, *time, body);
    }
    records
}

#[test]
fn what_is_stored_is_masked_in_messages_and_fields() {
    let (lines, store) = lines(&Config::default());
    let mut records = batch(&[("web", 5, "login password=hunter2 ok")]);
    records.field("token", Origin::Sent, FieldRef::Text("0123456789abcdef"));
    records.field("passwd", Origin::Sent, FieldRef::Int(1234));
    records.field("note", Origin::Sent, FieldRef::Text("see postgres://app:s3cret@db/x"));
    records.field("status", Origin::Sent, FieldRef::Int(200));
    let position = Position { source: "file", position: b"42" };
    let written = lines.write(&Tenant::default(), EventKind::Log, &records, &[position]).unwrap();
    assert_eq!(written, Written { accepted: 1, refused: vec![] });
    assert_eq!(lines.position("file").as_deref(), Some(&b"42"[..]));
    let stored = store.records.lock();
    let row = stored[0].get(0).unwrap();
    assert_eq!((row.body(), row.time_ns()), ("login password=[masked:password] ok", 5));
    let text = |name| match row.field(name) {
        Some(FieldRef::Text(text)) => text,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!((text("token"), text("passwd")), ("[masked:password]", "[masked:password]"));
    assert_eq!(text("note"), "see postgres://app:[masked:url-password]@db/x");
    assert_eq!(row.field("status"), Some(FieldRef::Int(200)));
}

#[test]
fn refusals_come_back_with_the_rows_they_were_sent_with() {
    let limits = Limits { line_length: model::config::Size(20), labels: 1, ..Limits::default() };
    let (lines, store) = lines(&Config { limits, ..Config::default() });
    let mut records = batch(&[
        ("web", 5, "this line is much longer than it may be"),
        ("web", 6, "good"),
        ("web", NOW_NS + 7_200_000_000_000, "tomorrow"),
        ("web", 7, "too old"),
        ("web", NO_TIME, "now"),
    ]);
    let many = records.stream(&Labels::from_pairs([("a", "1"), ("b", "2")]));
    records.push(many, 8, "labels");
    let written = lines.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    let refused = vec![
        (0, Refusal::LineTooLong),
        (2, Refusal::TooFarInFuture),
        (3, Refusal::TooOld),
        (5, Refusal::Labels),
    ];
    assert_eq!(written, Written { accepted: 2, refused });
    assert_eq!(store.records.lock()[0].get(2).unwrap().time_ns(), NOW_NS);

    let mut registry = prometheus_client::registry::Registry::default();
    lines.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in [
        "bonghwa_logs_accepted_records_total 2",
        "bonghwa_logs_refused_records_total{reason=\"too_old\"} 1",
        "bonghwa_logs_refused_stream_records_total{reason=\"line_too_long\",stream=\"web\"} 1",
        "bonghwa_logs_refused_stream_records_total{reason=\"labels\",stream=\"a=1,b=2\"} 1",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn a_stream_over_its_rate_is_refused_and_others_are_not() {
    let limits =
        Limits { rate: model::config::Size(10), burst: model::config::Size(20), ..Limits::default() };
    let store = Arc::new(Kept::default());
    let clock = Arc::new(ManualClock::at_ms(0));
    let lines = Lines::new(&Config { limits, ..Config::default() }, store.clone(), clock.clone()).unwrap();
    let send = |stream, count: usize| {
        let records = batch(&vec![(stream, 1, "ten bytes!"); count]);
        lines.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap()
    };
    assert_eq!(send("web", 3).refused, [(2, Refusal::Rate)]);
    assert_eq!(send("db", 2).accepted, 2);
    clock.advance_ms(1_000);
    assert_eq!(send("web", 2).refused, [(1, Refusal::Rate)]);
}

#[test]
fn counters_have_only_so_many_streams() {
    let limits = Limits { line_length: model::config::Size(1), ..Limits::default() };
    let (lines, _) = lines(&Config { limits, ..Config::default() });
    for stream in 0..300 {
        let records = batch(&[(format!("c{stream}").as_str(), 1, "long")]);
        lines.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    }
    let mut registry = prometheus_client::registry::Registry::default();
    lines.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("refused_stream_records_total{")).count(), 101);
    assert!(text.contains("stream=\"(others)\"} 200"), "{text}");
}

#[test]
fn a_key_is_read_from_its_file() {
    let folder = std::env::temp_dir().join(format!("bonghwa-masking-key-{}", std::process::id()));
    let masking =
        Masking { mode: super::config::Mode::Hash, key_file: Some(folder.clone()), ..Masking::default() };
    let config = Config { masking, ..Config::default() };
    assert!(Lines::prepare(&config).err().unwrap().message.contains("masking"));
    std::fs::write(&folder, "short\n").unwrap();
    assert!(Lines::prepare(&config).err().unwrap().message.contains("fewer than 16 bytes"));
    std::fs::write(&folder, "a key that is long enough\n").unwrap();
    assert!(Lines::prepare(&config).is_ok());
    std::fs::remove_file(&folder).unwrap();
}

#[test]
fn a_level_that_was_sent_in_any_words_is_also_kept_in_ours() {
    let (lines, store) = lines(&Config::default());
    let mut records = batch(&[("web", 5, "an ERROR in passing")]);
    records.field("level", Origin::Sent, FieldRef::Text("warning"));
    let web = records.stream(&Labels::from_pairs([("container", "web")]));
    records.push(web, 6, "pino");
    records.field("level", Origin::Sent, FieldRef::Int(50));
    let named = records.stream(&Labels::from_pairs([("severity", "critical")]));
    records.push(named, 7, "by its stream");
    records.push(named, 8, "by its field");
    records.field("levelname", Origin::Sent, FieldRef::Text("DEBUG"));
    records.push(web, 9, "nothing");
    lines.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    let stored = store.records.lock();
    let levels = stored[0].iter().map(|row| {
        let found = row.fields().find(|(name, origin, _)| *name == "level" && *origin == Origin::Detected);
        found.map(|(_, _, value)| value)
    });
    let text = |level| Some(FieldRef::Text(level));
    let wanted = [text("WARN"), text("ERROR"), text("FATAL"), text("DEBUG"), None];
    assert_eq!(levels.collect::<Vec<_>>(), wanted);
    assert_eq!(stored[0].get(0).unwrap().field("level"), text("warning"), "what was sent stays");
}

struct One;

impl Identity for One {
    fn resolve(&self, key: IdentityKey<'_>, _: i64) -> Option<Arc<Resource>> {
        let whole = "5e".repeat(32);
        let IdentityKey::ContainerId(id) = key else { return None };
        whole.starts_with(id).then(|| {
            Arc::new(Resource {
                node: "box".to_owned(),
                container_name: "shop-api-1".to_owned(),
                compose_service: "api".to_owned(),
                container_id: whole.clone(),
                ..Resource::default()
            })
        })
    }
}

#[test]
fn the_beginning_of_a_containers_id_becomes_its_name() {
    let (lines, store) = lines(&Config::default());
    let known: Arc<dyn Identity> = Arc::new(One);
    let mut records = Records::new();
    for id in ["5e5e5e5e5e5e", "0123456789ab"] {
        let stream = records.stream(&Labels::from_pairs([("container_id", id), ("node", "127.0.0.1")]));
        records.push(stream, 5, "x");
    }
    lines.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    lines.identify(Arc::downgrade(&known));
    lines.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    let stored = store.records.lock();
    assert_eq!(stored[0].get(0).unwrap().labels().get("container_id"), Some("5e5e5e5e5e5e"));
    let whole = "5e".repeat(32);
    let wanted = Labels::from_pairs([
        ("node", "box"),
        ("container", "shop-api-1"),
        ("compose_service", "api"),
        ("service_name", "shop-api-1"),
        ("container_id", &whole),
    ]);
    assert_eq!(*stored[1].get(0).unwrap().labels(), wanted);
    assert_eq!(stored[1].get(1).unwrap().labels().get("container_id"), Some("0123456789ab"));
}
