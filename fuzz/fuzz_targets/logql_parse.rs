//! A query parses or is refused; what parses prints, and the print parses to the same print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use query::logql::{format, parse};

fuzz_target!(|text: &str| {
    if let Ok(expr) = parse(text) {
        for printed in [expr.to_string(), format(&expr)] {
            let again = parse(&printed).unwrap_or_else(|e| panic!("{printed:?} from {text:?}: {e}"));
            assert_eq!(again.to_string(), expr.to_string(), "{text:?}");
        }
    }
});
