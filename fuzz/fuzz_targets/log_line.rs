//! What a log line becomes: masking twice is masking once, and detection stops nowhere.
#![no_main]

use intake::lines::config::Masking;
use intake::lines::detect::{Found, detect};
use intake::lines::mask::{Masker, Scratch};
use libfuzzer_sys::fuzz_target;

thread_local! {
    /// What is on by default, and all there is.
    static MASKERS: [Masker; 2] = [Masking::default(), all()]
        .map(|masking| Masker::new(&masking, None).expect("no pattern is wrong"));
}

fn all() -> Masking {
    let (emails, card_numbers, ibans, phone_numbers, ip_addresses) = (true, true, true, true, true);
    Masking { emails, card_numbers, ibans, phone_numbers, ip_addresses, ..Masking::default() }
}

fuzz_target!(|line: &str| {
    MASKERS.with(|maskers| {
        for masker in maskers {
            let (mut once, mut twice, mut scratch) = (String::new(), String::new(), Scratch::default());
            if masker.mask(line, &mut scratch, &mut once, |_| {}) {
                assert!(!masker.mask(&once, &mut scratch, &mut twice, |_| {}), "{line:?} {once:?} {twice:?}");
            }
        }
    });
    let mut found = Found::default();
    detect(line, 1_700_000_000_000_000_000, &mut found);
    assert!(found.fields().count() <= 17);
});
