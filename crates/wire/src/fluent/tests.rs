use std::io::Write as _;

use model::records::{FieldRef, NO_TIME, Records};
use proptest::prelude::*;

use super::*;
use crate::logs::Limits;

fn put(out: &mut Vec<u8>, json: &serde_json::Value) {
    use serde_json::Value;
    match json {
        Value::Null => out.push(0xc0),
        Value::Bool(bool) => msgpack::put_bool(out, *bool),
        Value::Number(n) if n.is_i64() => {
            out.push(0xd3);
            out.extend(n.as_i64().unwrap().to_be_bytes());
        }
        Value::Number(n) => {
            out.push(0xcb);
            out.extend(n.as_f64().unwrap().to_be_bytes());
        }
        Value::String(text) => msgpack::put_text(out, text),
        Value::Array(items) => {
            out.push(0xdd);
            out.extend((items.len() as u32).to_be_bytes());
            items.iter().for_each(|item| put(out, item));
        }
        Value::Object(members) => {
            out.push(0xde);
            out.extend((members.len() as u16).to_be_bytes());
            for (name, value) in members {
                msgpack::put_text(out, name);
                put(out, value);
            }
        }
    }
}

fn pack(json: serde_json::Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, &json);
    out
}

fn taken(message: &[u8]) -> (Result<Asked>, Records) {
    let mut records = Records::new();
    let asked =
        read(message, 1000, &mut Rows::new(&mut records, Limits::default(), 0), &mut Partials::default());
    (asked, records)
}

/// `[tag, entries, options]` with the entries as bytes.
fn packed(entries: &[u8], options: serde_json::Value) -> Vec<u8> {
    let mut out = vec![0x93];
    msgpack::put_text(&mut out, "app.web");
    out.push(0xc6);
    out.extend((entries.len() as u32).to_be_bytes());
    out.extend_from_slice(entries);
    put(&mut out, &options);
    out
}

fn entries() -> Vec<u8> {
    let mut out = vec![0x92, 0xd7, 0];
    out.extend(1_700_000_000u32.to_be_bytes());
    out.extend(5u32.to_be_bytes());
    put(&mut out, &serde_json::json!({"log": "one", "n": 1}));
    out.extend(pack(serde_json::json!([1_700_000_001, {"message": "two", "container_name": "/web"}])));
    out
}

#[test]
fn all_modes_say_the_same() {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&entries()).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut forward = vec![0x93];
    msgpack::put_text(&mut forward, "app.web");
    forward.push(0x92);
    forward.extend(entries());
    put(&mut forward, &serde_json::json!({"chunk": "abc"}));
    for message in [
        forward,
        packed(&entries(), serde_json::json!({"chunk": "abc", "size": 2})),
        packed(&gzip, serde_json::json!({"chunk": "abc", "compressed": "gzip"})),
    ] {
        let (asked, records) = taken(&message);
        assert_eq!(asked.unwrap(), Asked { chunk: Some("abc".into()), number: 1, malformed: 0 });
        let rows: Vec<_> = records.iter().collect();
        assert_eq!((rows[0].body(), rows[0].time_ns()), ("one", 1_700_000_000_000_000_005));
        assert_eq!(rows[0].field("n"), Some(FieldRef::Int(1)));
        assert_eq!(rows[0].labels().to_string(), r#"{input="fluent", tag="app.web"}"#);
        assert_eq!((rows[1].body(), rows[1].labels().get("container")), ("two", Some("web")));
        assert_eq!(rows.len(), 2);
    }
    let (asked, records) = taken(&pack(serde_json::json!(["t", 7, {"msg": "m", "time": 9}])));
    assert_eq!(asked.unwrap().chunk, None);
    let row = records.get(0).unwrap();
    assert_eq!((row.body(), row.time_ns(), row.field("time")), ("m", 7_000_000_000, Some(FieldRef::Int(9))));
    let (_, records) = taken(&pack(serde_json::json!(["t", [[[7, {"a": 1}], {"msg": "m"}]]])));
    assert_eq!(records.get(0).map(|row| (row.body(), row.time_ns())), Some(("m", 7_000_000_000)));
    let (_, records) = taken(&pack(serde_json::json!(["t", 0, {"msg": "m"}, {}])));
    assert_eq!(records.get(0).unwrap().time_ns(), NO_TIME);
    // A sign of life.
    assert!(taken(&[0xc0]).1.is_empty());
}

#[test]
fn the_output_of_a_container_has_one_name() {
    let source = |record| taken(&pack(serde_json::json!(["t", 7, record]))).1;
    let records = source(serde_json::json!({"log": "x", "container_id": "5e", "source": "stderr"}));
    let row = records.get(0).unwrap();
    assert_eq!((row.field("stream"), row.field("source")), (Some(FieldRef::Text("stderr")), None));
    for other in [
        serde_json::json!({"log": "x", "container_id": "5e", "source": "api"}),
        serde_json::json!({"log": "x", "source": "stderr"}),
    ] {
        assert!(source(other).get(0).unwrap().field("source").is_some());
    }
}

#[test]
fn what_is_wrong_is_told() {
    for (message, why) in [
        (vec![7], "is an array"),
        (pack(serde_json::json!([1, 2, {}])), "begins with its tag"),
        (pack(serde_json::json!(["t", [1]])), "an entry is an array"),
        (pack(serde_json::json!(["t"])), "ends early"),
        (vec![0x93, 0xa1, b't', 0xc1], "begins no value"),
        (packed(&[1; 20], serde_json::json!({"compressed": "gzip"})), "cannot be read"),
        (vec![0x91; 100], "too deep"),
        ([vec![0x92, 0xa1, b't', 1], vec![0x91; 100]].concat(), "too deep"),
    ] {
        let (asked, records) = taken(&message);
        let error = asked.unwrap_err();
        assert!(error.message.contains(why), "{error}");
        assert!(records.is_empty());
    }
    let bomb = vec![b' '; 100_000];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&bomb).unwrap();
    let bomb = packed(&gzip.finish().unwrap(), serde_json::json!({"compressed": "gzip"}));
    assert_eq!(taken(&bomb).0.unwrap_err().kind, model::ErrorKind::TooLarge);
    let half = [entries(), vec![0x92]].concat();
    let (asked, records) = taken(&packed(&half, serde_json::json!({})));
    assert_eq!((asked.unwrap().malformed, records.len()), (1, 2));
}

fn piece(id: &str, text: &str, last: bool, asked: bool) -> Vec<u8> {
    let last = if last { "true" } else { "false" };
    let record = serde_json::json!({"log": text, "container_name": "/web", "partial_message": "true",
        "partial_id": id, "partial_ordinal": "1", "partial_last": last});
    let options = if asked { serde_json::json!({"chunk": "c"}) } else { serde_json::json!({}) };
    pack(serde_json::json!(["t", 7, record, options]))
}

#[test]
fn pieces_of_a_line_are_put_together() {
    let (mut records, mut partials) = (Records::new(), Partials::default());
    let limits = Limits { line_bytes: 10, ..Limits::default() };
    let mut feed = |records: &mut Records, message: &[u8]| {
        read(message, 1000, &mut Rows::new(records, limits, 0), &mut partials).unwrap();
    };
    feed(&mut records, &piece("a", "pass", false, false));
    feed(&mut records, &piece("b", "other", false, false));
    feed(&mut records, &pack(serde_json::json!(["t", 8, {"log": "whole"}, {}])));
    feed(&mut records, &piece("a", "word", false, false));
    feed(&mut records, &piece("a", "=x", true, false));
    feed(&mut records, &piece("c", "asked", false, true));
    feed(&mut records, &piece("d", "0123456789ab", false, false));
    feed(&mut records, &piece("d", "cd", true, false));
    let bodies: Vec<_> = records.iter().map(|row| row.body().to_owned()).collect();
    assert_eq!(bodies, ["whole", "password=x", "asked", "0123456789"]);
    let row = records.get(1).unwrap();
    assert_eq!((row.labels().get("container"), row.time_ns()), (Some("web"), 7_000_000_000));
    assert_eq!(row.field("partial_id"), None);
    assert_eq!(records.get(3).unwrap().field("cut_bytes"), Some(FieldRef::Int(4)));
    // The connection ends before the last piece of one.
    assert!(!partials.is_empty());
    partials.finish(&mut Rows::new(&mut records, limits, 0));
    let row = records.get(4).unwrap();
    assert_eq!(
        (row.body(), row.labels().get("container"), partials.is_empty()),
        ("other", Some("web"), true)
    );
}

#[test]
fn messages_with_pieces_of_a_line_wait_for_the_last_one() {
    let (mut records, mut partials) = (Records::new(), Partials::default());
    let mut feed = |partials: &mut Partials, pieces: &[(&str, &str, &str)]| {
        let entry = |(id, text, last): &(&str, &str, &str)| serde_json::json!([7, {"log": text, "partial_id": id, "partial_last": last}]);
        let entries: Vec<_> = pieces.iter().map(entry).collect();
        let message = pack(serde_json::json!(["t", entries, {"chunk": "c"}]));
        let mut rows = Rows::new(&mut records, Limits::default(), 0);
        let number = read(&message, 1000, &mut rows, partials).unwrap().number;
        (number, partials.waits_for())
    };
    assert_eq!(feed(&mut partials, &[("", "whole", "")]), (1, None));
    assert_eq!(feed(&mut partials, &[("a", "pass", "false"), ("b", "x", "false")]), (2, Some(2)));
    assert_eq!(feed(&mut partials, &[("b", "y", "true"), ("d", "1", "false")]), (3, Some(2)));
    assert_eq!(feed(&mut partials, &[("a", "word=x", "true")]), (4, Some(3)));
    assert_eq!(feed(&mut partials, &[("d", "2", "true")]), (5, None));
    let bodies: Vec<_> = records.iter().map(|row| row.body().to_owned()).collect();
    assert_eq!(bodies, ["whole", "xy", "password=x", "12"]);
}

#[test]
fn lines_that_never_end_take_no_more_than_their_room() {
    let (mut records, mut partials) = (Records::new(), Partials::default());
    for n in 0..1000 {
        let message =
            piece(&format!("id {n}"), &"x".repeat(if n < 500 { 10 } else { 100_000 }), false, false);
        let mut rows = Rows::new(&mut records, Limits::default(), 0);
        read(&message, 1 << 20, &mut rows, &mut partials).unwrap();
    }
    assert!((850..1000).contains(&records.len()), "{}", records.len());
    partials.finish(&mut Rows::new(&mut records, Limits::default(), 0));
    assert_eq!(records.len(), 1000);
}

#[test]
fn a_message_ends_where_it_ends() {
    let message = packed(&entries(), serde_json::json!({"chunk": "abc"}));
    let two = [message.clone(), vec![0x93]].concat();
    let mut scan = Scan::default();
    for at in 0..message.len() {
        assert_eq!(scan.end(&two[..at], 1000).unwrap(), None);
    }
    assert_eq!(scan.end(&two, 1000).unwrap(), Some(message.len()));
    assert!(Scan::default().end(&[0xc1], 10).is_err());
    let claim = [0xdb, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Scan::default().end(&claim, 1000).unwrap_err().kind, model::ErrorKind::TooLarge);
    let claim = [0xdd, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Scan::default().end(&claim, 1000).unwrap_err().kind, model::ErrorKind::TooLarge);
}

#[test]
fn a_shared_key_is_proved_on_both_sides() {
    use handshake::{hello, ping};
    let nonce = [7; 16];
    assert!(hello(&nonce, &[]).windows(16).any(|w| w == nonce));
    assert!(hello(&nonce, b"pepper").windows(6).any(|w| w == b"pepper"));
    let digest = |host: &str, key: &str| {
        use sha2::Digest as _;
        msgpack::hex(&sha2::Sha512::digest([b"salt", host.as_bytes(), &nonce, key.as_bytes()].concat()))
    };
    let message =
        |key: &str| pack(serde_json::json!(["PING", "client", "salt", digest("client", key), "", ""]));
    let known = ping(&message("key")).unwrap();
    assert!(known.knows(&nonce, "key") && !known.knows(&nonce, "other"));
    assert!(!ping(&message("wrong")).unwrap().knows(&nonce, "key"));
    let pong = known.pong(&nonce, "key", "server", None);
    let ours = digest("server", "key");
    assert!(pong.windows(ours.len()).any(|w| w == ours.as_bytes()));
    assert!(ping(&pack(serde_json::json!(["t", 1, {}, {}]))).is_err());
    use sha2::Digest as _;
    let password = msgpack::hex(&sha2::Sha512::digest(b"pepperannbread"));
    let user = ping(&pack(serde_json::json!(["PING", "client", "salt", "digest", "ann", password]))).unwrap();
    assert!(user.is_user(b"pepper", "ann", "bread"));
    for (salt, name, word) in
        [("salt", "ann", "bread"), ("pepper", "bob", "bread"), ("pepper", "ann", "butter")]
    {
        assert!(!user.is_user(salt.as_bytes(), name, word), "{salt} {name} {word}");
    }
    assert!(!known.is_user(b"pepper", "", ""), "no name is no user");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80), at in 0usize..60, n in 0usize..6) {
        let mut seed = packed(&entries(), serde_json::json!({"chunk": "abc"}));
        seed.splice(at..(at + n).min(60), bytes.iter().copied());
        for message in [&bytes, &seed] {
            let _ = taken(message);
            let _ = handshake::ping(message);
            if let Ok(Some(end)) = Scan::default().end(message, 1000) {
                prop_assert!(end <= message.len());
            }
        }
    }
}
