//! A rule file is read or refused; a template is expanded or refused.
#![no_main]

use alert::rules::file::{ParseSettings, parse};
use alert::template::{Expander, Surroundings};
use libfuzzer_sys::fuzz_target;
use model::Labels;
use query::promql::SampleValue;
use std::sync::Arc;

fuzz_target!(|text: &str| {
    let _ = parse(text, &ParseSettings::default());
    let surroundings = Surroundings {
        query: Arc::new(|_| Ok(Vec::new())),
        now_ms: 0,
        external_url: Arc::from("http://h/p"),
        external_labels: Labels::empty(),
    };
    let labels = Labels::from_pairs([("a", "b")]);
    let _ = Expander::new(&surroundings).expand("A", text, &labels, &SampleValue::Float(1.5));
});
