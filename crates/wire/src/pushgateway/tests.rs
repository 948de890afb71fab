use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::exposition::write::Escaping;

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect()
}

#[test]
fn paths_name_groups() {
    for (path, wanted) in [
        ("/job/a", pairs(&[("job", "a")])),
        ("/job/a/", pairs(&[("job", "a")])),
        ("/job/a/instance/b", pairs(&[("instance", "b"), ("job", "a")])),
        ("/job/a/instance/", pairs(&[("instance", ""), ("job", "a")])),
        ("/job/a/job/b/x/1/x/2", pairs(&[("job", "a"), ("x", "2")])),
        ("/job@base64/YS9i/path@base64/L3Zhci90bXA", pairs(&[("job", "a/b"), ("path", "/var/tmp")])),
        (
            "/job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C",
            pairs(&[("job", "titan"), ("name", "Προμηθεύς")]),
        ),
        ("/job/a/first_label@base64/=", pairs(&[("first_label", ""), ("job", "a")])),
    ] {
        assert_eq!(grouping(path), Ok(wanted), "{path}");
    }
    for (path, wanted) in [
        ("/job/", "job name is required"),
        ("/job@base64/=", "job name is required"),
        ("/job/a/x", "odd number of components in label string \"/x\""),
        ("/job/a/1x/b", "improper label name \"1x\""),
        ("/job/a/__x/b", "improper label name \"__x\""),
        ("/job@base64/!/x/y", "invalid base64 encoding in job name \"!\""),
        ("/job/a/x@base64/!", "invalid base64 encoding for label x=\"!\""),
    ] {
        let error = grouping(path).unwrap_err().to_string();
        assert!(error.starts_with(wanted), "{path}: {error}");
    }
}

const TEXT: &str = "# HELP h Size.\n# TYPE h histogram\nh_bucket{le=\"+Inf\",a=\"1\"} 3\nh_bucket{le=\"1.0\",a=\"1\"} 1\n\
    h_count{a=\"1\"} 3\nh_sum{a=\"1\"} 4.5\n# TYPE s summary\ns{quantile=\"0.50\"} NaN\ns_sum 1\ns_count 0\n\
    # TYPE c counter\nc{x=\"b\"} 2\nc{x=\"a\"} +Inf\nplain 1\n";

#[test]
fn text_is_read_arranged_put_under_its_group_and_written() {
    let mut families = read_text(TEXT.as_bytes()).unwrap();
    let group = pairs(&[("job", "x"), ("a", "group")]);
    families.values_mut().for_each(|f| f.put_under(&group));
    let text = write_text(families.values(), Escaping::AllowUtf8);
    assert_eq!(
        text,
        "# TYPE c counter\nc{a=\"group\",instance=\"\",job=\"x\",x=\"a\"} +Inf\n\
         c{a=\"group\",instance=\"\",job=\"x\",x=\"b\"} 2\n\
         # HELP h Size.\n# TYPE h histogram\n\
         h_bucket{a=\"group\",instance=\"\",job=\"x\",le=\"1\"} 1\n\
         h_bucket{a=\"group\",instance=\"\",job=\"x\",le=\"+Inf\"} 3\n\
         h_sum{a=\"group\",instance=\"\",job=\"x\"} 4.5\nh_count{a=\"group\",instance=\"\",job=\"x\"} 3\n\
         # TYPE plain untyped\nplain{a=\"group\",instance=\"\",job=\"x\"} 1\n\
         # TYPE s summary\ns{a=\"group\",instance=\"\",job=\"x\",quantile=\"0.5\"} NaN\n\
         s_sum{a=\"group\",instance=\"\",job=\"x\"} 1\ns_count{a=\"group\",instance=\"\",job=\"x\"} 0\n"
    );
    let again = read_text(text.as_bytes()).unwrap();
    assert_eq!(write_text(again.values(), Escaping::AllowUtf8), text);
    let json = serde_json::to_string(&families).unwrap();
    let kept: BTreeMap<String, Family> = serde_json::from_str(&json).unwrap();
    assert_eq!(write_text(kept.values(), Escaping::AllowUtf8), text, "what is kept is what was pushed");
    let series: Vec<String> = families["c"].to_series(5).map(|s| s.labels.to_string()).collect();
    assert_eq!(series[0], "c{a=\"group\", job=\"x\", x=\"a\"}");
}

#[test]
fn wrong_text_is_told_with_its_line() {
    for (body, wanted) in [
        ("a 1\nb x\n", "text format parsing error in line 2:"),
        ("a 1", "text format parsing error in line 1: unexpected end of input stream"),
        ("a 1\n# TYPE a gauge\n", "text format parsing error: second TYPE line for metric name \"a\""),
        ("# HELP a b\n# HELP a b\n", "text format parsing error: second HELP line"),
        ("# TYPE h histogram\nh_bucket{le=\"x\"} 1\n", "text format parsing error: expected float"),
    ] {
        let error = read_text(body.as_bytes()).unwrap_err();
        assert!(error.starts_with(wanted), "{error}");
    }
    assert!(read_text(b"").unwrap().is_empty());
    assert!(read_text(b"a 1 5\n").unwrap()["a"].timestamped);
}

#[test]
fn what_cannot_be_scraped_together_is_refused() {
    let read = |text: &str| read_text(text.as_bytes()).unwrap();
    let judge = |texts: &[&str]| {
        let all: Vec<_> = texts.iter().map(|t| read(t)).collect();
        merge(all.iter().flat_map(BTreeMap::values)).and_then(|merged| check(&merged))
    };
    assert_eq!(judge(&["a 1\n", "a{x=\"1\"} 1\n"]), Ok(()));
    for (texts, wanted) in [
        (["a 1\na 2\n", ""], "was collected before with the same name and label values"),
        (["a{x=\"1\"} 1\n", "a{x=\"1\"} 2\n"], "was collected before with the same name and label values"),
        (
            ["# TYPE a gauge\na 1\n", "# TYPE a counter\na{x=\"1\"} 1\n"],
            "collected metric \"a\" is not a GAUGE",
        ),
        (["a{x=\"1\",x=\"2\"} 1\n", ""], "has two or more labels with the same name: x"),
        (
            ["# TYPE a summary\na_sum 1\na_count 1\n", "a_sum 1\n"],
            "collides with previously collected summary named \"a\"",
        ),
    ] {
        let error = judge(&texts).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
}

#[test]
fn protobuf_is_read_like_text() {
    use crate::remote_write::proto::{put_bytes, put_double, put_varint};
    let mut label = Vec::new();
    put_bytes(&mut label, 1, b"a");
    put_bytes(&mut label, 2, b"1");
    let mut bucket = Vec::new();
    put_varint(&mut bucket, 1 << 3);
    put_varint(&mut bucket, 2);
    put_double(&mut bucket, 2, 0.5);
    let mut histogram = Vec::new();
    put_varint(&mut histogram, 1 << 3);
    put_varint(&mut histogram, 3);
    put_double(&mut histogram, 2, 4.5);
    put_bytes(&mut histogram, 3, &bucket);
    let mut metric = Vec::new();
    put_bytes(&mut metric, 1, &label);
    put_bytes(&mut metric, 7, &histogram);
    let mut native = histogram[..histogram.len() - bucket.len() - 2].to_vec();
    native.extend_from_slice(b"\x28\x01"); // schema -1
    native.extend_from_slice(b"\x62\x04\x08\x02\x10\x02\x6a\x02\x02\x02"); // span 1, 2; deltas 1, 1
    let mut second = Vec::new();
    put_bytes(&mut second, 7, &native);
    let mut family = Vec::new();
    put_bytes(&mut family, 1, b"h");
    put_varint(&mut family, 3 << 3);
    put_varint(&mut family, 4);
    put_bytes(&mut family, 4, &metric);
    put_bytes(&mut family, 4, &second);
    let mut body = Vec::new();
    put_varint(&mut body, family.len() as u64);
    body.extend_from_slice(&family);
    let families = read_protobuf(&body).unwrap();
    assert_eq!(
        write_text(families.values(), Escaping::AllowUtf8),
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 3\nh_sum 4.5\nh_count 3\n\
         h_bucket{a=\"1\",le=\"0.5\"} 2\nh_bucket{a=\"1\",le=\"+Inf\"} 3\nh_sum{a=\"1\"} 4.5\n\
         h_count{a=\"1\"} 3\n"
    );
    let native = &families["h"].native[0];
    assert_eq!((native.value.schema, native.integer), (-1, true));
    assert_eq!(native.value.positive_buckets, [1.0, 2.0]);
    assert_eq!(native.value.check_whole(), Ok(()));
    let names: Vec<_> = families["h"].to_series(5).map(|s| s.labels.metric_name().to_owned()).collect();
    assert_eq!(names, ["h_bucket", "h_bucket", "h_sum", "h_count", "h"], "of the native one no classic part");
    assert_eq!(read_protobuf(&write_protobuf(families.values(), Escaping::AllowUtf8)).unwrap(), families);
    let kept = serde_json::to_string(&families).unwrap();
    assert_eq!(serde_json::from_str::<BTreeMap<String, Family>>(&kept).unwrap(), families);
    for cut in 1..body.len() {
        assert!(read_protobuf(&body[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn every_type_goes_through_protobuf() {
    let text =
        format!("{TEXT}# TYPE g gauge\ng{{le=\"a\",quantile=\"b\"}} -0\n{{\"a.b\",\"c.d\"=\"e\"}} 1\n");
    let families = read_text(text.as_bytes()).unwrap();
    let again = read_protobuf(&write_protobuf(families.values(), Escaping::AllowUtf8)).unwrap();
    // A type that was not told is that of a counter's message of its own.
    assert_eq!(
        write_text(again.values(), Escaping::AllowUtf8),
        write_text(families.values(), Escaping::AllowUtf8)
    );
    let escaped = read_protobuf(&write_protobuf(families.values(), Escaping::Values)).unwrap();
    assert_eq!(escaped["U__a_2e_b"].samples[0].labels, pairs(&[("U__c_2e_d", "e")]));
    assert!(write_text(families.values(), Escaping::Dots).contains("a_dot_b{c_dot_d=\"e\"} 1\n"));
}

proptest! {
    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..200), path in "/job[/a-z@base64=_0-9]{0,30}") {
        let _ = read_text(&bytes);
        let _ = read_protobuf(&bytes);
        let _ = grouping(&path);
    }

    #[test]
    fn any_text_of_the_format_is_written_as_it_is_read_again(text in "(# TYPE [ab] (gauge|summary|histogram)\n|[ab](_sum|_count|_bucket)?(\\{(x|le|quantile)=\"[0-9a]{0,2}\"\\})? [0-9]{1,3}\n){0,8}") {
        if let Ok(families) = read_text(text.as_bytes()) {
            let written = write_text(families.values(), Escaping::AllowUtf8);
            let again = read_text(written.as_bytes()).unwrap();
            prop_assert_eq!(write_text(again.values(), Escaping::AllowUtf8), written);
            let _ = merge(families.values()).map(|m| check(&m));
            let _ = write_protobuf(families.values(), Escaping::Values);
        }
    }
}
