//! What a log line becomes: masking twice is masking once, and detection stops nowhere.
#![no_main]

use intake::lines::config::Masking;
use intake::lines::detect::{Found, detect};
use intake::lines::mask::{Masker, Scratch};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static MASKER: Masker = Masker::new(&Masking::default(), None).expect("the defaults can be compiled");
}

fuzz_target!(|line: &str| {
    MASKER.with(|masker| {
        let (mut once, mut twice, mut scratch) = (String::new(), String::new(), Scratch::default());
        if masker.mask(line, &mut scratch, &mut once, |_| {}) {
            assert!(!masker.mask(&once, &mut scratch, &mut twice, |_| {}), "{line:?} {once:?} {twice:?}");
        }
    });
    let mut found = Found::default();
    detect(line, 1_700_000_000_000_000_000, &mut found);
    assert!(found.fields(line).count() <= 17);
});
