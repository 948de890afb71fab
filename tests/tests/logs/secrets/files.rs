//! The corpus as logs of a pod, as a plain file and in the journal.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use testkit::journal::JournalFile;
use testkit::secrets::Secret;

use crate::clock::{next_ns, rfc3339};

use super::marked;

/// What their lines are marked with.
pub const WAYS: [&str; 3] = ["pod", "plain", "journal"];

/// Writes all below `folder`, while they are read.
pub fn write(folder: &Path, secrets: &[Secret]) {
    let pod = folder.join("pods/shop_web-0_1234/app");
    let (plain, journal) = (folder.join("plain"), folder.join("journal"));
    for folder in [&pod, &plain, &journal] {
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
    let packed = |bytes: &[u8]| (bytes.len() > 300).then(|| (4, zstd::bulk::compress(bytes, 3).unwrap()));
    let mut file = JournalFile::new(true, [7; 16], packed);
    for (seqnum, text) in (1..).zip(marked("journal", secrets)) {
        let us = next_ns() as u64 / 1000;
        file.entry(seqnum, us, &[("MESSAGE", &text), ("SYSLOG_IDENTIFIER", "proof"), ("_HOSTNAME", "box")]);
    }
    fs::write(journal.join("written"), file.bytes()).unwrap();
    fs::rename(journal.join("written"), journal.join("system.journal")).unwrap();
}
