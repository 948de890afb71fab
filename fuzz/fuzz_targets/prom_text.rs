//! Any bytes as a body in the Prometheus text format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::exposition::Entry;

fuzz_target!(|body: &[u8]| {
    let Ok(mut parser) = wire::prom_text::Parser::new(body) else { return };
    while let Ok(Some(entry)) = parser.next_entry() {
        if let Entry::Sample(sample) = entry
            && let Ok(labels) = sample.to_labels()
        {
            // What was read is a label set like any other.
            assert_eq!(model::Labels::from_canonical(labels.canonical()), Some(labels));
        }
    }
});
