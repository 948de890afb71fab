//! The corpus as logs of a pod and as a plain file.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::clock::{next_ns, rfc3339};

use super::corpus::Secret;
use super::marked;

/// What the lines of the two are marked with.
pub const WAYS: [&str; 2] = ["pod", "plain"];

/// Writes both below `folder`, while they are read.
pub fn write(folder: &Path, secrets: &[Secret]) {
    let pod = folder.join("pods/shop_web-0_1234/app");
    let plain = folder.join("plain");
    for folder in [&pod, &plain] {
        fs::create_dir_all(folder).unwrap();
    }
    let mut file = fs::File::create(pod.join("0.log")).unwrap();
    for (at, (text, secret)) in marked("pod", secrets).iter().zip(secrets).enumerate() {
        for line in text.lines() {
            let mut rest = line;
            // Where the secret is on this line, a piece ends in its middle.
            if at % 2 == 0
                && let Some(place) = line.find(&secret.gone)
            {
                let mut middle = place + secret.gone.len() / 2;
                while !line.is_char_boundary(middle) {
                    middle += 1;
                }
                writeln!(file, "{} stdout P {}", rfc3339(next_ns()), &line[..middle]).unwrap();
                rest = &line[middle..];
            }
            writeln!(file, "{} stdout F {rest}", rfc3339(next_ns())).unwrap();
        }
    }
    // In pieces of odd sizes: a reader finds lines without their end.
    let mut file = fs::File::create(plain.join("app.log")).unwrap();
    let text = marked("plain", secrets).join("\n") + "\n";
    for piece in text.as_bytes().chunks(997) {
        file.write_all(piece).unwrap();
        file.flush().unwrap();
    }
}
