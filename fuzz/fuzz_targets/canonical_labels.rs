//! Any text as the canonical form of a label set: one form, one set.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Labels;

fuzz_target!(|text: &str| {
    let Some(labels) = Labels::from_canonical(text) else { return };
    assert_eq!(labels.canonical(), text);
    assert_eq!(Labels::from_pairs(labels.iter()), labels);
});
