use super::*;

fn floats(text: &str) -> Vec<Option<f64>> {
    let desc = parse_series_desc(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let float = |v| match v {
        SequenceValue::Omitted => None,
        SequenceValue::Float(v) => Some(v),
        other => panic!("{other:?}"),
    };
    desc.values.into_iter().map(float).collect()
}

#[test]
fn floats_and_their_repetitions() {
    let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(floats("x"), []);
    assert_eq!(floats("x 1 -2.5 1e3  .5 -1e-3"), some(&[1.0, -2.5, 1000.0, 0.5, -0.001]));
    assert_eq!(floats("x 1 _ _x2 2"), [Some(1.0), None, None, None, Some(2.0)]);
    assert_eq!(floats("x 5x2"), some(&[5.0; 3]));
    assert_eq!(floats("x 1+2x2 0-10x1"), some(&[1.0, 3.0, 5.0, 0.0, -10.0]));
    assert_eq!(
        floats("x Inf -Inf +Infx1"),
        some(&[f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY, f64::INFINITY])
    );
    let nans = floats("x NaN stale stalex1");
    let bits: Vec<bool> = nans.iter().map(|v| model::is_stale_nan(v.unwrap())).collect();
    assert_eq!(bits, [false, true, true, true]);
}

#[test]
fn series_in_all_spellings() {
    for (text, wanted) in [
        ("x 1", "x"),
        ("a:b{c=\"d\",} 1", "a:b{c=\"d\"}"),
        ("{} 1", "{}"),
        ("{\"utf8.name\", a='}'} 1", "{\"utf8.name\", a=\"}\"}"),
        ("sum{by=`}\\`} 1", "sum{by=\"}\\\\\"}"),
    ] {
        let desc = parse_series_desc(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!((desc.labels.to_string().as_str(), desc.values.len()), (wanted, 1), "{text}");
    }
    assert_eq!(parse_series("x{a=\"b\"} ").unwrap().to_string(), "x{a=\"b\"}");
}

#[test]
fn mistakes_are_placed() {
    for (text, wanted) in [
        ("", "unknown position: parse error: expected a series, e.g. name{label=\"value\"}"),
        ("x 1 y", "1:5: parse error: bad number \"\" in series values: invalid syntax"),
        ("x 1+2", "1:6: parse error: expected how often to repeat, e.g. x10"),
        ("x 1--1x2", "1:4: parse error: bad number \"\" in series values: invalid syntax"),
        ("x 1x", "1:4: parse error: expected how often to repeat, e.g. x10"),
        ("x 0x99999999999", "1:4: parse error: more than 1000000 values"),
        ("x 1,2", "1:4: parse error: expected a blank between items"),
        ("x{a} 1", "1:4: parse error: unexpected \"}\" in label set, expected \"=\""),
        ("x{a=\"b\" 1", "1:9: parse error: unexpected character inside braces: '1'"),
        ("x {{sum:1 sum:2}}", "1:11: parse error: duplicate key \"sum\" in histogram"),
        ("x {{foo:1}}", "1:5: parse error: bad histogram descriptor found: \"foo\""),
        ("x {{sum}}", "1:8: parse error: missing `:` for histogram descriptor"),
        ("x {{schema:9}}", "1:15: parse error: unknown histogram schema 9"),
        (
            "x {{schema:1}}+{{schema:0}}x2",
            "1:5: parse error: error combining histograms: cannot merge from schema 0 to 1",
        ),
        ("x {{buckets:[1 2", "1:17: parse error: bad number \"\" in series values: invalid syntax"),
    ] {
        assert_eq!(parse_series_desc(text).unwrap_err().to_string(), wanted, "{text}");
    }
}

fn histograms(text: &str) -> Vec<Histogram> {
    let desc = parse_series_desc(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let histogram = |v| match v {
        SequenceValue::Histogram { histogram, .. } => *histogram,
        other => panic!("{other:?}"),
    };
    desc.values.into_iter().map(histogram).collect()
}

#[test]
fn histograms_have_all_their_parts() {
    let text = "x {{schema:1 sum:-2.5 count:9 z_bucket:1 z_bucket_w:0.001 buckets:[1 2 3] offset:-1 \
                n_buckets:[4 Inf] n_offset:2 counter_reset_hint:gauge}}";
    let span = |offset, length| vec![model::Span { offset, length }];
    let wanted = Histogram {
        reset_hint: model::ResetHint::Gauge,
        schema: 1,
        zero_threshold: 0.001,
        zero_count: 1.0,
        count: 9.0,
        sum: -2.5,
        positive_spans: span(-1, 3),
        positive_buckets: vec![1.0, 2.0, 3.0],
        negative_spans: span(2, 2),
        negative_buckets: vec![4.0, f64::INFINITY],
        custom_values: Vec::new(),
    };
    assert_eq!(histograms(text), [wanted]);
    assert_eq!(histograms("x {{}} {{ }}x2").len(), 4);
}

#[test]
fn histograms_add_up() {
    let all = histograms(
        "x {{schema:0 sum:1 count:2 buckets:[1 1]}}+{{schema:1 sum:2 count:3 buckets:[1 1 1] offset:1}}x2",
    );
    assert_eq!((all[2].sum, all[2].count, all[2].schema), (5.0, 8.0, 0));
    // Buckets 1 and 2 of schema 1 are bucket 1 of schema 0; bucket 3 is in bucket 2.
    assert_eq!(all[2].positive_buckets, [1.0, 5.0, 2.0]);
    let odd = histograms("x {{z_bucket_w:NaN z_bucket:1}}+{{z_bucket_w:0.5 z_bucket:1}}x1");
    assert_eq!(odd[1].zero_count, 2.0, "a width that is no number is left alone");
    let down = histograms("x {{count:5 buckets:[5]}}-{{count:1 buckets:[1]}}x3");
    assert_eq!(down[3].positive_buckets, [2.0]);
    let custom = "{{schema:-53 sum:1 count:1 custom_values:[5 10] buckets:[1 2 3]}}";
    let all = histograms(&format!("x {custom}+{{{{schema:-53 custom_values:[10] buckets:[1 1]}}}}x1"));
    assert_eq!(
        (all[1].custom_values.as_slice(), all[1].positive_buckets.as_slice()),
        (&[10.0][..], &[4.0, 4.0][..])
    );
}

#[test]
fn start_times_are_relative() {
    let start = parse_start_times("x{a=\"b\"}@st _ _x2 -30s-1mx1 0 1ms").unwrap().unwrap();
    assert_eq!(start.values, [None, None, None, Some(-30_000), Some(-90_000), Some(0), Some(1)]);
    assert_eq!(parse_start_times("x 1").unwrap(), None);
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic(text in "x(\\{a=\"b\"\\})?( |_|x[0-9]{1,3}|[0-9.+-]|\\{\\{|\\}\\}|sum:|buckets:|\\[|\\]|stale|NaN|\\PC){0,16}") {
        let _ = parse_series_desc(&text);
        let _ = parse_start_times(&text);
    }
}
