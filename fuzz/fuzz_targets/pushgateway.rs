//! Pushes: text, protobuf, paths, and the checks over them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::exposition::write::Escaping;
use wire::pushgateway::{check, grouping, merge, read_protobuf, read_text, write_text};

fuzz_target!(|body: &[u8]| {
    if let Ok(path) = std::str::from_utf8(body) {
        let _ = grouping(path);
    }
    let both = [read_text(body).ok(), read_protobuf(body).ok()];
    for families in both.into_iter().flatten() {
        let _ = merge(families.values()).map(|merged| check(&merged));
        for escaping in [Escaping::Underscores, Escaping::AllowUtf8, Escaping::Dots, Escaping::Values] {
            let _ = write_text(families.values(), escaping);
        }
    }
});
