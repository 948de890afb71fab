//! Any bytes as a body of Prometheus' protobuf exposition format.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::prom_proto::{Parser, Value};

fuzz_target!(|body: &[u8]| {
    let mut parser = Parser::new(body);
    while let Ok(Some(family)) = parser.next_family() {
        let mut metrics = family.metrics();
        while let Ok(Some(metric)) = metrics.next_metric() {
            if let Value::Histogram(h) = metric.value {
                let _ = h.native(false).check_whole();
            }
        }
    }
});
