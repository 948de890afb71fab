//! Damaged bodies: whatever is cut, flipped or repeated, the parsers end with an error or with samples.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use wire::exposition::Entry;
use wire::{openmetrics, prom_text};

const PROM: &str = "# HELP a What \\\\ it\\n is.\n# TYPE a histogram\na_bucket{le=\"1\",x=\"\\\"y\\\"\"} 1 5\n\
    a_bucket{le=\"+Inf\"} 2\na_sum 3.5e-7\na_count 2\n{\"quoted.name\",\"l b\"=\"\u{bd09}\"} NaN\n\n";
const OPENMETRICS: &str = "# TYPE b counter\n# UNIT b_s s\n# HELP b Text.\nb_total{x=\"1\"} 1 2.5 # {t=\"\u{ac00}\"} 0.5 3\n\
    b_created 1.5\n# EOF\n";

fn read(body: &[u8]) -> (Result<usize, String>, Result<usize, String>) {
    let prom = || {
        let mut parser = prom_text::Parser::new(body).map_err(|e| e.to_string())?;
        let mut samples = 0;
        while let Some(entry) = parser.next_entry().map_err(|e| e.to_string())? {
            if let Entry::Sample(sample) = entry {
                let _ = sample.to_labels();
                samples += 1;
            }
        }
        Ok(samples)
    };
    let openmetrics = || {
        let mut parser = openmetrics::Parser::new(body).map_err(|e| e.to_string())?;
        let mut samples = 0;
        while let Some(entry) = parser.next_entry().map_err(|e| e.to_string())? {
            if let Entry::Sample(sample) = entry {
                let _ = sample.to_labels();
                samples += 1;
            }
        }
        Ok(samples)
    };
    (prom(), openmetrics())
}

#[test]
fn the_seeds_are_whole() {
    assert_eq!(read(PROM.as_bytes()).0, Ok(5));
    assert_eq!(read(OPENMETRICS.as_bytes()).1, Ok(2));
}

#[test]
fn every_cut_of_openmetrics_is_noticed() {
    for cut in 0..OPENMETRICS.len() - 1 {
        assert!(read(&OPENMETRICS.as_bytes()[..cut]).1.is_err(), "cut at {cut}");
    }
}

#[test]
fn errors_name_line_and_column() {
    for (body, wanted) in [
        (&b"a 1\nb{c=\"\xff\"} 2\n"[..], "line 2, column 6: invalid UTF-8, byte 0xff"),
        ("가{x=\"1\"} 1\n".as_bytes(), "line 1, column 1: expected a metric name, '#' or '{', got '가'"),
        ("a{x=\"가\" y} 1\n".as_bytes(), "line 1, column 10: expected '=', got '}'"),
        (b"a 1\n\nb x\n", "line 3, column 3: expected a number, got \"x\""),
        (b"a 1 99999999999999999999\n", "line 1, column 5: the timestamp is out of range"),
        (b"a", "line 1, column 2: expected a value, got the end"),
        (b"# TYPE a foo\n", "line 1, column 9: invalid metric type \"foo\""),
    ] {
        let error = read(body).0.unwrap_err();
        assert!(error.starts_with(wanted), "{error}\n{wanted}");
    }
    let error = read(b"a 1\na 1 # {} 1 Inf\n# EOF\n").1.unwrap_err();
    assert_eq!(error, "line 2, column 12: invalid timestamp inf");
}

#[test]
fn created_samples_and_units_are_recognised() {
    let mut parser = openmetrics::Parser::new(OPENMETRICS.as_bytes()).unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = parser.next_entry().unwrap() {
        match entry {
            Entry::Sample(s) => seen.push(format!("{} {} {:?}", s.name.raw, s.created, s.kind)),
            Entry::Unit { name, unit } => seen.push(format!("{} {unit}", name.raw)),
            _ => {}
        }
    }
    assert_eq!(seen, ["b_s s", "b_total false Counter", "b_created true Counter"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_end(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let _ = openmetrics::strict::check(&bytes);
    }

    #[test]
    fn any_text_of_the_formats_own_letters_ends(text in "[ab_{}=,\"\\\\ \n\t#0-9.eE+NaTYPHELUNIOF가-]{0,80}") {
        let _ = read(text.as_bytes());
        let _ = openmetrics::strict::check(text.as_bytes());
    }

    #[test]
    fn damaged_seeds_end(at in any::<proptest::sample::Index>(), byte in any::<u8>(), cut in any::<proptest::sample::Index>()) {
        for seed in [PROM, OPENMETRICS] {
            let mut body = seed.as_bytes().to_vec();
            let at = at.index(body.len());
            body[at] = byte;
            body.truncate(cut.index(body.len()) + 1);
            let _ = read(&body);
            let _ = openmetrics::strict::check(&body);
        }
    }

    #[test]
    fn values_and_labels_come_back_as_written(
        value in any::<f64>().prop_filter("finite", |v| v.is_finite()),
        label in "\\PC{0,12}",
        t in 0i64..4_000_000_000_000,
    ) {
        let escaped = label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let body = format!("m{{l=\"{escaped}\"}} {value:e} {t}\n");
        let mut parser = prom_text::Parser::new(body.as_bytes()).unwrap();
        let Ok(Some(Entry::Sample(sample))) = parser.next_entry() else { panic!("{body}") };
        prop_assert_eq!(sample.value.to_bits(), value.to_bits());
        prop_assert_eq!(sample.timestamp_ms, Some(t));
        let labels = sample.to_labels().unwrap();
        prop_assert_eq!(labels.get_or_empty("l"), label);
    }
}
