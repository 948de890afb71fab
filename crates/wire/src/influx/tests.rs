use proptest::prelude::*;

use super::*;

fn read(body: &str) -> Vec<Result<Line<'_>, String>> {
    let mut lines = Lines::new(body.as_bytes()).unwrap();
    let mut line = Line::default();
    let mut all = Vec::new();
    while let Some(result) = lines.next_line(&mut line) {
        all.push(result.map(|()| line.clone()).map_err(|e| e.to_string()));
    }
    all
}

fn one(body: &str) -> Line<'_> {
    let mut all = read(body);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).unwrap()
}

#[test]
fn a_line_has_measurement_tags_fields_and_timestamp() {
    let line = one(
        "cpu,host=a,cpu=0 usage=0.5,count=3i,big=18446744073709551615u,up=true,ok=F,text=\"a b,c=1\" 1700\r\n",
    );
    assert_eq!(line.measurement, "cpu");
    assert_eq!(line.tags, [("host".into(), "a".into()), ("cpu".into(), "0".into())]);
    let fields: Vec<_> = line.fields.iter().map(|(n, v)| (n.as_ref(), v.clone())).collect();
    assert_eq!(
        fields,
        [
            ("usage", FieldValue::Number(0.5)),
            ("count", FieldValue::Number(3.0)),
            ("big", FieldValue::Number(18_446_744_073_709_551_615.0)),
            ("up", FieldValue::Number(1.0)),
            ("ok", FieldValue::Number(0.0)),
            ("text", FieldValue::Text("a b,c=1".into())),
        ]
    );
    assert_eq!(line.timestamp, Some(1700));
    assert_eq!(one("m f=-1.5e3").timestamp, None);
}

#[test]
fn escapes_blank_lines_comments_and_texts_over_lines() {
    let line = one("# comment\n\n  wea\\,th\\ er,lo\\=c=a\\ b\\\\c,t=\\x f\\ g=1 5\n# end");
    assert_eq!(line.measurement, "wea,th er");
    assert_eq!(line.tags, [("lo=c".into(), "a b\\c".into()), ("t".into(), "\\x".into())]);
    assert_eq!(line.fields[0].0, "f g");
    let lines = read("m t=\"line one\nline \\\"two\\\"\\\\\",g=2 7\nn f=1\n");
    assert_eq!(lines.len(), 2);
    let fields = &lines[0].as_ref().unwrap().fields;
    assert_eq!(fields[0].1, FieldValue::Text("line one\nline \"two\"\\".into()));
    assert_eq!(fields[1], ("g".into(), FieldValue::Number(2.0)));
    assert_eq!(one("m=x,a=b=c f=1").tags, [("a".into(), "b=c".into())]);
}

#[test]
fn a_wrong_line_is_told_with_its_place_and_the_next_is_read() {
    for (bad, wanted) in [
        ("m", "column 2: expected a blank and fields"),
        (",a=b f=1", "column 1: expected a measurement"),
        ("m,=b f=1", "column 3: expected the name of a tag"),
        ("m,a f=1", "column 4: expected '=' behind the name of a tag"),
        ("m,a= f=1", "column 5: expected the value of a tag"),
        ("m f", "column 4: expected '=' behind the name of a field"),
        ("m f=", "column 5: expected the value of a field"),
        ("m f=nan", "column 5: \"nan\" is no number, boolean or text in quotes"),
        ("m f=1e999", "column 5: \"1e999\" is no number"),
        ("m f=1.5i", "column 5: \"1.5i\" is no number"),
        ("m f=\"x", "column 5: the text has no closing quote"),
        ("m f=1 x", "column 7: \"x\" is no timestamp"),
        ("m f=1 99999999999999999999", "column 7: \"99999999999999999999\" is no timestamp"),
        ("m f=1 5 6", "column 9: expected the end of the line"),
        ("가,a f=1", "column 4: expected '='"),
    ] {
        let body = format!("ok f=1\n{bad}\nok f=2\n");
        let all = read(&body);
        assert_eq!(all.len(), 3, "{bad}: {all:?}");
        assert!(all[0].is_ok() && all[2].is_ok(), "{bad}: {all:?}");
        let error = all[1].as_ref().unwrap_err();
        assert!(error.starts_with(&format!("line 2, {wanted}")), "{error}\n{wanted}");
    }
    let error = Lines::new(b"m f=1\nm,t=\xff f=1").unwrap_err().to_string();
    assert_eq!(error, "line 2, column 5: invalid UTF-8");
}

#[test]
fn timestamps_have_the_unit_that_was_named_or_that_of_their_size() {
    for (name, t, ms) in [
        ("ns", 1_700_000_000_123_456_789, 1_700_000_000_123),
        ("us", 1_700_000_000_123_456, 1_700_000_000_123),
        ("ms", 1_700_000_000_123, 1_700_000_000_123),
        ("s", 1_700_000_000, 1_700_000_000_000),
        ("m", 2, 120_000),
        ("h", -1, -3_600_000),
        ("ns", -1, -1),
        ("s", i64::MAX, i64::MAX),
        ("", 1_700_000_000, 1_700_000_000_000),
        ("", 1_700_000_000_123, 1_700_000_000_123),
        ("", 1_700_000_000_123_456, 1_700_000_000_123),
        ("", 1_700_000_000_123_456_789, 1_700_000_000_123),
    ] {
        assert_eq!(Precision::of(name).unwrap().to_ms(t), ms, "{name} {t}");
    }
    assert_eq!(Precision::of("fortnight"), None);
}

fn escaped(text: &str) -> String {
    let escape = |c: char| if ",= \\".contains(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escape).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        names in proptest::collection::vec("[a-z,= \\\\가]{1,6}", 4),
        value in any::<f64>().prop_filter("finite", |v| v.is_finite()),
        t in any::<i64>(),
    ) {
        prop_assume!(!names[0].trim().is_empty() && !names[0].starts_with(' '));
        let e: Vec<String> = names.iter().map(|n| escaped(n)).collect();
        let body = format!("{},{}={} {}={value:e} {t}\n", e[0], e[1], e[2], e[3]);
        let line = one(&body);
        prop_assert_eq!(&line.measurement, &names[0]);
        prop_assert_eq!(&line.tags[0], &(Cow::from(&names[1]), Cow::from(&names[2])));
        prop_assert_eq!(&line.fields[0], &(Cow::from(&names[3]), FieldValue::Number(value)));
        prop_assert_eq!(line.timestamp, Some(t));
    }

    #[test]
    fn any_text_ends_and_says_at_most_one_thing_a_line(text in "[ab,= \\\\\"#\n\r\t0-9.ieu가-]{0,120}") {
        prop_assert!(read(&text).len() <= text.lines().count());
    }

    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(mut lines) = Lines::new(&bytes) {
            let mut line = Line::default();
            while lines.next_line(&mut line).is_some() {}
        }
    }
}
