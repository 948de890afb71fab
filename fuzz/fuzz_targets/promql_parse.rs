//! A query parses or is refused; what parses prints, and the print parses to the same print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use query::promql::{ParseOptions, format, parse, parse_with};

fuzz_target!(|text: &str| {
    let _ = parse(text);
    if let Ok(expr) = parse_with(text, &ParseOptions::ALL) {
        for printed in [expr.to_string(), format(&expr)] {
            let again = parse_with(&printed, &ParseOptions::ALL);
            let again = again.unwrap_or_else(|e| panic!("{printed:?} from {text:?}: {e}"));
            assert_eq!(again.to_string(), expr.to_string(), "{text:?}");
        }
    }
});
