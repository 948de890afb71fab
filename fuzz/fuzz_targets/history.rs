//! History as our own tools send it: frames of a body that comes in two pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::history::{Frames, read_frame};
use wire::remote_write::Error;

fuzz_target!(|body: &[u8]| {
    let mut frames = Frames::default();
    let (first, second) = body.split_at(body.len() / 2);
    for piece in [first, second] {
        frames.push(piece);
        while let Ok(Some(frame)) = frames.next_frame() {
            let _ = read_frame::<Error>(frame, &mut |_, _| Ok(()));
        }
    }
    // A frame without the compression around it, too.
    let _ = read_frame::<Error>(body, &mut |_, _| Ok(()));
});
