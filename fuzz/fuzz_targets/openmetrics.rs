//! Any bytes as an OpenMetrics body, scraped and checked strictly.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::exposition::Entry;

fuzz_target!(|body: &[u8]| {
    let Ok(mut parser) = wire::openmetrics::Parser::new(body) else { return };
    let scraped = loop {
        match parser.next_entry() {
            Ok(Some(Entry::Sample(sample))) => drop(sample.to_labels()),
            Ok(Some(_)) => {}
            Ok(None) => break true,
            Err(_) => break false,
        }
    };
    // What is right in the strict sense is right for a scraper, too.
    assert!(scraped || wire::openmetrics::strict::check(body).is_err());
});
