use model::records::Records;
use proptest::prelude::*;

use super::*;
use crate::logs::Limits;
use crate::remote_write::proto::{put_bytes, put_int};

/// Time, line and structured metadata.
type Entry<'a> = (i64, &'a str, &'a [(&'a str, &'a str)]);

/// A stream (labels as text) with entries, as protobuf.
fn message(labels: &str, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut stream = Vec::new();
    for (ns, line, metadata) in entries {
        let (mut time, mut entry) = (Vec::new(), Vec::new());
        put_int(&mut time, 1, ns / 1_000_000_000);
        put_int(&mut time, 2, ns % 1_000_000_000);
        put_bytes(&mut entry, 1, &time);
        put_bytes(&mut entry, 2, line.as_bytes());
        for (name, value) in *metadata {
            let mut pair = Vec::new();
            put_bytes(&mut pair, 1, name.as_bytes());
            put_bytes(&mut pair, 2, value.as_bytes());
            put_bytes(&mut entry, 3, &pair);
        }
        put_bytes(&mut stream, 2, &entry);
    }
    // Behind the entries: nothing says that they come first.
    put_bytes(&mut stream, 1, labels.as_bytes());
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &stream);
    out
}

fn read(body: &[u8], json: bool) -> (Result<()>, Records) {
    let mut records = Records::new();
    let mut rows = Rows::new(&mut records, Limits::default(), 5);
    let result = if json { read_json(body, &mut rows) } else { read_protobuf(body, &mut rows) };
    (result, records)
}

#[test]
fn both_forms_say_the_same() {
    let json = r#"{"streams":[{"stream":{"app":"web","env":"a\"b"},"values":[
        ["1700000000123456789","one 끝",{"trace_id":"abc","n":"1"}],["1700000000123456790","two\n"]]}]}"#;
    let binary = message(
        r#"{app="web", env="a\"b"}"#,
        &[
            (1_700_000_000_123_456_789, "one 끝", &[("trace_id", "abc"), ("n", "1")]),
            (1_700_000_000_123_456_790, "two\n", &[]),
        ],
    );
    for (result, records) in [read(json.as_bytes(), true), read(&binary, false)] {
        result.unwrap();
        let rows: Vec<_> = records.iter().collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].labels().to_string(), r#"{app="web", env="a\"b"}"#);
        assert_eq!((rows[0].time_ns(), rows[0].body()), (1_700_000_000_123_456_789, "one 끝"));
        assert_eq!(rows[0].field("trace_id"), Some(FieldRef::Text("abc")));
        assert_eq!((rows[1].body(), rows[1].fields().count()), ("two", 0));
    }
}

#[test]
fn labels_are_read_as_go_writes_them() {
    let pairs = selector::parse("{ a=\"\\u00e9\\x41\\101\\n\" , \"b.c\" = `\\n`,}").unwrap();
    assert_eq!(pairs, [("a".to_owned(), "éAA\n".to_owned()), ("b.c".to_owned(), "\\n".to_owned())]);
    assert_eq!(selector::parse("{}").unwrap(), []);
    for (bad, why) in [
        ("", "expected '{' at byte 0"),
        ("{a}", "expected '=' at byte 2"),
        ("{a=b}", "expected a quoted text at byte 3"),
        ("{a=\"b}", "expected a closing '\"' at byte 4"),
        ("{a=\"b\" c=\"d\"}", "expected '}' at byte 7"),
        ("{a=\"\\q\"}", "expected an escape of Go at byte 5"),
        ("{a=\"b\"} x", "expected nothing more at byte 8"),
    ] {
        assert_eq!(selector::parse(bad).unwrap_err(), why, "{bad}");
    }
}

#[test]
fn what_is_wrong_is_told_and_nothing_is_taken() {
    for (body, why) in [
        ("{", "line 1"),
        (r#"{"streams":[{"stream":{},"values":[]}]}"#, "at least one label pair"),
        (r#"{"streams":[{"stream":{"a":"b"},"values":[["x","y"]]}]}"#, "no timestamp"),
        (r#"{"streams":[{"stream":{"a":"b"},"values":[["1"]]}]}"#, "invalid length 1"),
        (
            r#"{"streams":[{"stream":{"a":"b"},"values":[["1","y"]]},{"stream":{},"values":[]}]}"#,
            "label pair",
        ),
        (r#"{"streams":[{"stream":{"a":1},"values":[]}]}"#, "integer"),
    ] {
        let (result, records) = read(body.as_bytes(), true);
        let error = result.unwrap_err();
        assert!(error.message.contains(why), "{error}");
        assert!(records.is_empty());
    }
    let (result, _) = read(&message("{a=}", &[]), false);
    assert_eq!(
        result.unwrap_err().message,
        "error parsing labels '{a=}' with error: expected a quoted text at byte 3"
    );
    assert!(read(&[0x0a, 0xff], false).0.is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let mut seed = message("{a=\"b\"}", &[(1, "line", &[("x", "y")])]);
        let at = cut % seed.len();
        seed.splice(at..at, body.iter().copied());
        let _ = (read(&body, true), read(&body, false), read(&seed, false));
        let _ = selector::parse(&String::from_utf8_lossy(&body));
    }

    #[test]
    fn quoted_texts_come_back(value in any::<String>()) {
        let text = format!("{{a={}}}", serde_json::to_string(&value).unwrap());
        // JSON escapes what Go does, and writes control characters as \u.
        prop_assert_eq!(selector::parse(&text).unwrap(), [("a".to_owned(), value)]);
    }
}
