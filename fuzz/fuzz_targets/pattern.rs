//! A regular expression compiles or is refused; its shortcuts agree with each other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use model::Pattern;

fuzz_target!(|input: (&str, &str)| {
    let (expression, text) = input;
    if let Ok(pattern) = Pattern::new(expression) {
        let matched = pattern.is_match(text);
        assert_eq!(pattern.expand(text, "$0").is_some(), matched, "{expression:?} {text:?}");
        assert!(!matched || text.starts_with(pattern.prefix()), "{expression:?} {text:?}");
        for literal in pattern.literals().unwrap_or_default() {
            assert!(pattern.expand(literal, "").is_some(), "{expression:?} {literal:?}");
        }
    }
});
