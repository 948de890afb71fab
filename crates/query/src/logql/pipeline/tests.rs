use model::Labels;
use model::records::{Columns, FieldColumn, Origin, TextColumn, Values};

use super::entry::{Entry, Sent, Wish};
use super::*;
use crate::logql::ast::Expr;
use crate::logql::parse;

/// A batch of one line of stream `{app="x", env="prod"}`, with `trace_id` sent beside it and a level found in it.
fn batch(line: &str) -> Columns {
    let column = |text: &str| {
        let mut column = TextColumn::default();
        column.push(text);
        column
    };
    let field = |name: &str, origin, text: &str| FieldColumn {
        name: name.into(),
        origin,
        values: Values::Text(column(text)),
    };
    Columns {
        times: vec![1_700_000_000_123_456_789],
        stream: vec![0],
        streams: vec![Labels::from_pairs([("app", "x"), ("env", "prod")])],
        body: Some(column(line)),
        fields: vec![
            field("trace_id", Origin::Sent, "abc0"),
            field("level", Origin::Detected, "ERROR"),
            field("client_ip", Origin::Detected, "10.1.2.3"),
        ],
        exact: false,
    }
}

/// The line and the labels behind `stages`, without those it came with; `None` where it is filtered out.
fn run(stages: &str, line: &str) -> Option<(String, String)> {
    let query = format!("{{app=\"x\"}} {stages}");
    let Ok(Expr::Log(log)) = parse(&query) else { panic!("{query} is refused: {:?}", parse(&query)) };
    let columns = batch(line);
    let sent = Sent::new(&columns, &Wish::All);
    let mut entry = Entry::new(&columns, 0, &sent);
    let pipeline = Pipeline::new(&log.stages, Wish::All).unwrap();
    pipeline.run(&mut entry).then(|| {
        let came_with = ["app", "env", "trace_id", "detected_level", "__error_details__"];
        let labels = entry.labels().filter(|name| !came_with.contains(&name));
        (entry.line.to_string(), labels.iter().map(|(n, v)| format!("{n}={v}")).collect::<Vec<_>>().join(" "))
    })
}

fn labels(stages: &str, line: &str) -> String {
    run(stages, line).unwrap_or_else(|| panic!("{stages} filters {line} out")).1
}

fn text(stages: &str, line: &str) -> String {
    run(stages, line).unwrap_or_else(|| panic!("{stages} filters {line} out")).0
}

#[test]
fn line_filters() {
    let line = "GET /x from 10.0.0.7 took 5ms, then 한국어";
    for (stages, passes) in [
        ("|= \"GET\"", true),
        ("|= \"POST\" or \"GET\"", true),
        ("!= \"POST\" or \"GET\"", false),
        ("|~ \"took [0-9]+ms\"", true),
        ("!~ \"(?i)get\"", false),
        ("|= ip(\"10.0.0.0/24\")", true),
        ("|= ip(\"10.0.0.8-10.0.0.9\")", false),
        ("!= ip(\"10.0.0.7\")", false),
        ("|> \"GET <_> from <_> took <_>\"", true),
        ("|> \"GET <_> to <_>\"", false),
        ("!> \"<_>한국어\"", false),
        ("|> \"<_>POST<_>\" or \"<_>took<_>\"", true),
    ] {
        assert_eq!(run(stages, line).is_some(), passes, "{stages}");
    }
}

#[test]
fn json_is_flattened() {
    let line = r#"{"a":"x\"\u00e9\ud83d\ude00\n","b":{"c d":1.50,"e":[1,{"f":true}]},"n":null,"ok":true,"app":"y","1z":2}"#;
    assert_eq!(labels("| json", line), "_1z=2 a=x\"é😀\n app_extracted=y b_c_d=1.50 ok=true");
    assert_eq!(
        labels("| json one=\"b.e[1].f\", two=\"b[\\\"c d\\\"]\", three=\"nope.x\", four=\"b.e\"", line),
        "four=[1,{\"f\":true}] one=true two=1.50"
    );
    assert_eq!(labels("| json", "{\"a\":1,\"b\":"), "__error__=JSONParserErr a=1");
    assert_eq!(labels("| json", "no object"), "__error__=JSONParserErr");
    assert_eq!(labels("| json", &format!("{}1", "{\"a\":".repeat(1000))), "__error__=JSONParserErr");
    assert_eq!(labels("| json | __error__=\"\"", "{}"), "");
    assert!(run("| json | __error__=\"\"", "x").is_none());
}

#[test]
fn logfmt_is_read_as_it_is_written() {
    let line = r#"level=warn msg="a \"b\" c" took=1.5s empty= flag ünicode=1 =x "quoted" last=end"#;
    assert_eq!(labels("| logfmt", line), "_nicode=1 last=end level=warn msg=a \"b\" c took=1.5s");
    assert_eq!(labels("| logfmt m=\"msg\", none", line), "m=a \"b\" c");
    assert!(labels("| logfmt --strict", line).starts_with("__error__=LogfmtParserErr"));
    assert_eq!(labels("| logfmt", "a=\"open"), "");
}

#[test]
fn patterns_and_expressions() {
    let line = "10.0.0.1 - - [x] \"GET /a HTTP/1.1\" 200 5";
    assert_eq!(
        labels("| pattern `<ip> - <_> \"<method> <path> <_>\" <status> <size>`", line),
        "ip=10.0.0.1 method=GET path=/a size=5 status=200"
    );
    assert_eq!(labels("| pattern `nope <a>`", line), "");
    assert_eq!(labels("| pattern `<a> - <b>|<c>`", "1 - 2"), "a=1 b=2");
    assert_eq!(labels("| regexp `(?P<method>[A-Z]+) (?P<path>/\\S*)`", line), "method=GET path=/a");
    assert_eq!(labels("| regexp `(?P<nope>xyz)`", line), "");
}

#[test]
fn packed_entries_are_unpacked() {
    let line = r#"{"pod":"p1","_entry":"the line","n":1}"#;
    assert_eq!(run("| unpack", line).unwrap(), ("the line".to_owned(), "pod=p1".to_owned()));
    assert_eq!(text("| unpack", "{\"a\":\"b\"}"), "{\"a\":\"b\"}");
    assert_eq!(labels("| unpack", "plain"), "__error__=JSONParserErr");
}

#[test]
fn label_filters_compare_what_they_are_given() {
    let line = "status=500 took=1.5s size=12KB ip=10.0.0.7 word=abc";
    for (filter, passes) in [
        ("status>=500", true),
        ("status==500.0 and took>1s", true),
        ("took<1500ms", false),
        ("size>10KB, size<=12KB", true),
        ("ip=ip(\"10.0.0.0/8\")", true),
        ("ip!=ip(\"10.0.0.0/8\")", false),
        ("word=~\"a.c\" and word!~\"x\"", true),
        ("status<500 or word=\"abc\"", true),
        ("(status<500 or word=\"abc\") and missing=\"\"", true),
        ("missing>1", false),
        ("trace_id=\"abc0\"", true),
        ("level=\"ERROR\"", true),
        ("detected_level=\"error\"", true),
        ("client_ip=ip(\"10.1.0.0/16\")", true),
    ] {
        assert_eq!(run(&format!("| logfmt | {filter}"), line).is_some(), passes, "{filter}");
    }
    assert!(labels("| logfmt | word>5", line).contains("__error__=LabelFilterErr"));
}

#[test]
fn labels_are_dropped_kept_and_formatted() {
    let line = "a=1 b=2 c=3";
    assert_eq!(labels("| logfmt | drop a, b=\"x\", c=\"3\"", line), "b=2");
    assert_eq!(labels("| logfmt | keep a, b=\"x\"", line), "a=1");
    assert_eq!(labels("| logfmt | label_format d=a, b=\"{{.c}}{{.app}}\"", line), "b=3x c=3 d=1");
    assert_eq!(labels("| json | drop __error__", line), "");
}

#[test]
fn lines_are_formatted_with_the_functions_of_loki() {
    let line = "name=web-1 status=500 took=90s size=2KB when=1700000000 json={\"a\":{\"b\":7}}";
    for (template, wanted) in [
        ("{{.name | ToUpper}} {{.nosuch}}x", "WEB-1 x"),
        ("{{ __line__ | len }}", "74"),
        (
            "{{ addf 1.5 2 }} {{ mulf 1.5 2 }} {{ divf 1 4 }} {{ round 2.567 1 }} {{ floor 2.9 }} {{ ceil 2.1 }}",
            "3.5 3 0.25 2.6 2 3",
        ),
        ("{{ printf \"%-6s|%5s\" .name .status }}", "web-1 |  500"),
        ("{{ range $i, $p := splitList \"-\" .name }}{{ $i }}{{ $p }};{{ end }}", "0web;11;"),
        ("{{ if eq .status \"500\" }}bad{{ else }}good{{ end }}", "bad"),
        (
            "{{ add 1 2 3 }} {{ sub 5 2 }} {{ mul 2 .status }} {{ div 7 2 }} {{ mod 7 2 }} {{ max 1 9 }}",
            "6 3 1000 3 1 9",
        ),
        ("{{ duration .took }} {{ bytes .size }} {{ int \"7\" }}", "90 2000 7"),
        ("{{ trunc 3 .name }} {{ trunc -1 .name }} {{ substr 1 3 .name }}", "web 1 eb"),
        ("{{ alignLeft 7 .name }}|{{ alignRight 3 .name }}|", "web-1  |b-1|"),
        (
            "{{ Replace .name \"e\" \"E\" 1 }} {{ replace \"w\" \"W\" .name }} {{ regexReplaceAll \"(\\\\w)-\" .name \"$1+\" }}",
            "wEb-1 Web-1 web+1",
        ),
        (
            "{{ trimPrefix \"web\" .name }} {{ TrimSuffix .name \"1\" }} {{ Trim .name \"w1\" }}",
            "-1 web- eb-",
        ),
        (
            "{{ __timestamp__ | date \"2006-01-02T15:04:05.000\" }} {{ __timestamp__ | unixEpochMillis }}",
            "2023-11-14T22:13:20.123 1700000000123",
        ),
        ("{{ unixToTime .when | date \"Jan _2 15:04\" }}", "Nov 14 22:13"),
        ("{{ (toDate \"2006-01-02\" \"2024-02-29\") | unixEpoch }}", "1709164800"),
        ("{{ (fromJson .json).a.b }}", "7"),
        ("{{ .nosuch | default \"none\" }} {{ b64enc .name }} {{ \"d2Vi\" | b64dec }}", "none d2ViLTE= web"),
        ("{{ urlencode \"a b&\" }} {{ urldecode \"a+b%26\" }} {{ title \"ab cd\" }}", "a+b%26 a b& Ab Cd"),
        (
            "{{ count \"e\" \"been\" }} {{ contains \"eb\" .name }} {{ hasPrefix \"x\" .name }} {{ repeat 2 \"ab\" }}",
            "2 true false abab",
        ),
        ("{{ indent 2 \"a\" }}{{ nindent 1 \"b\" }}", "  a\n b"),
    ] {
        assert_eq!(text(&format!("| logfmt | line_format `{template}`"), line), wanted, "{template}");
    }
    assert!(labels("| line_format `{{ div 1 0 }}`", line).contains("TemplateFormatErr"));
    assert!(labels("| line_format `{{ repeat 999999999 \"x\" }}`", line).contains("TemplateFormatErr"));
}

#[test]
fn colours_are_taken_away() {
    assert_eq!(text("| decolorize", "\u{1b}[1;31mred\u{1b}[0m \u{1b}[ \u{1b}"), "red \u{1b}[ \u{1b}");
    assert_eq!(text("| decolorize", "plain"), "plain");
}

mod any_line {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parsers_take_it(line in "[ -~\n\u{1b}가-힣{}\\[\\]\":=,\\\\]{0,80}") {
            for stages in ["| json", "| json a=\"b[0].c\"", "| logfmt", "| logfmt --strict a", "| unpack",
                "| pattern `<a> <b>=<_>`", "| regexp `(?P<a>.)=(?P<b>.*)`", "| decolorize", "|> `<_>=<_>`",
                "|= ip(\"10.0.0.1\")", "| logfmt | line_format `{{ . }}{{ fromJson __line__ }}`"] {
                super::run(stages, &line);
            }
        }

        /// What the parser finds is what a parser of whole trees finds.
        #[test]
        fn json_texts_are_those_of_a_tree(map in proptest::collection::btree_map("[a-d]", "\\PC{0,9}", 0..4)) {
            let line = serde_json::to_string(&map).unwrap();
            let mut wanted: Vec<String> = map.iter().filter(|(_, v)| !v.is_empty()).map(|(k, v)| format!("{k}={v}")).collect();
            wanted.sort();
            prop_assert_eq!(super::labels("| json", &line), wanted.join(" "));
        }
    }
}
