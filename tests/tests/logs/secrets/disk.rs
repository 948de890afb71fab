//! What lies in a data directory: files as they are, compressed pieces of them unpacked, and records as their own reader
//! tells them.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use model::records::{FieldRef, RecordReader, RecordScan};
use model::{Ctx, EventKind, SystemClock};
use testkit::secrets::Secret;

use super::all_files;

/// What a frame of zstd begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The most that is unpacked of a frame.
const MOST: u64 = 256 << 20;
/// What is in every log line of the test: where this is not found, nobody looked.
const CONTROL: &str = "mark ";

pub struct Search {
    secrets: AhoCorasick,
    texts: Vec<String>,
}

impl Search {
    pub fn new(secrets: &[Secret]) -> Self {
        let texts: Vec<String> = secrets.iter().map(|secret| secret.gone.clone()).collect();
        assert!(texts.iter().all(|text| text.len() >= 9), "short secrets are everywhere");
        Self { secrets: AhoCorasick::new(&texts).unwrap(), texts }
    }

    /// Fails if a secret is anywhere below `data`.
    pub fn check(&self, data: &Path) {
        let mut files = Vec::new();
        all_files(data, &mut files);
        let (mut control, mut frames) = (false, 0);
        for path in &files {
            let bytes = std::fs::read(path).unwrap();
            self.none(&bytes, path);
            control |= memchr(&bytes, CONTROL.as_bytes());
            for plain in unpacked(&bytes) {
                frames += 1;
                self.none(&plain, path);
            }
        }
        // The lock and the logs of metrics and records; where containers come and go, that of events.
        assert!(control && files.len() > 2, "{control}: {} files were searched", files.len());
        let (rows, found) = self.records(&data.join("bonghwa/records"));
        assert!(found, "{rows} records were read");
        println!("{} files, {frames} compressed pieces and {rows} records hold no secret", files.len());
    }

    /// Fails if a secret is in this file.
    pub fn check_file(&self, path: &Path) {
        self.none(&std::fs::read(path).unwrap(), path);
    }

    fn none(&self, bytes: &[u8], path: &Path) {
        if let Some(hit) = self.secrets.find(bytes) {
            let from = hit.start().saturating_sub(200);
            let around = String::from_utf8_lossy(&bytes[from..(hit.end() + 50).min(bytes.len())]);
            panic!("{:?} is in {}: {around}", self.texts[hit.pattern().as_usize()], path.display());
        }
    }

    /// Reads all records; how many there are, and whether the control is among them.
    fn records(&self, folder: &Path) -> (usize, bool) {
        let options = events::wide::Options::default();
        let store = events::wide::Store::open(Arc::new(disk::RealFs), folder, options, Arc::new(SystemClock))
            .unwrap();
        let scan = RecordScan::everything(EventKind::Log);
        let (mut rows, mut control) = (0, false);
        let mut stream = store.scan(&Ctx::unbounded(), &scan).unwrap();
        let mut columns = model::records::Columns::default();
        while stream.next(&mut columns).unwrap() {
            for row in 0..columns.len() {
                rows += 1;
                let mut text = format!("{} {}", columns.labels(row), columns.body(row));
                control |= text.contains(CONTROL);
                for field in &columns.fields {
                    if let Some(FieldRef::Text(value)) = field.get(row) {
                        text.push('\n');
                        text.push_str(value);
                    }
                }
                self.none(text.as_bytes(), folder);
            }
        }
        (rows, control)
    }
}

fn memchr(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|part| part == needle)
}

/// All frames of zstd in a file, wherever they begin.
fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    let starts = bytes.windows(4).enumerate().filter(|(_, part)| *part == MAGIC).map(|(at, _)| at);
    let frame = |at: usize| {
        let mut plain = Vec::new();
        let decoder = zstd::stream::read::Decoder::new(&bytes[at..]).ok()?.single_frame();
        // Four bytes may look like a beginning; what was read before an error counts, too.
        let _ = decoder.take(MOST).read_to_end(&mut plain);
        (!plain.is_empty()).then_some(plain)
    };
    starts.filter_map(frame).collect()
}

fn part_files(data: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    all_files(data, &mut files);
    files.retain(|path| path.to_string_lossy().contains("/records/") && path.ends_with("part"));
    files
}

/// How many parts of records there are.
pub fn parts(data: &Path) -> usize {
    part_files(data).iter().filter(|path| !path.to_string_lossy().contains("/corrupt-")).count()
}

/// How many were set aside.
pub fn quarantined(data: &Path) -> usize {
    part_files(data).iter().filter(|path| path.to_string_lossy().contains("/corrupt-")).count()
}

/// Flips bits of a block.
pub fn damage_a_part(data: &Path) {
    let path = part_files(data).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    for at in [100, bytes.len() / 3, bytes.len() / 2] {
        bytes[at] ^= 0xff;
    }
    std::fs::write(&path, bytes).unwrap();
}
