//! Private keys that come line by line, each line a record of its own: what began is remembered for each stream, until the
//! key's end or for a while.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};

use hashbrown::HashMap;
use parking_lot::Mutex;

use super::{Found, Kind, Masker};

/// How many streams are remembered; over them the one that was silent for longest is forgotten.
const STREAMS: usize = 4096;
/// How long a key is waited for behind its last line.
const WAIT_NS: i64 = 60_000_000_000;
/// The most lines that a stream has from the beginning of a key to its end: the longest keys in use have some 200.
const LINES: u32 = 1000;
/// How many lines of others may lie before the last line of a key.
const NEAR: u32 = 16;
/// A text of this length in base64 is a line of a key. Lines have 64 characters, 70 or 76; the last may have fewer.
const LONG: usize = 40;

/// Streams in which a key began and did not end.
#[derive(Debug, Default)]
pub struct Keys {
    hasher: RandomState,
    /// So that nothing is locked while there is none, which is nearly always.
    count: AtomicUsize,
    begun: Mutex<HashMap<u64, Begun>>,
}

#[derive(Debug, Clone, Copy)]
struct Begun {
    /// How many began and did not end: several senders may write to one stream.
    open: u32,
    last_ns: i64,
    lines: u32,
    /// How many more lines may lie before the next of the key while that may be a short one.
    near: u32,
}

/// What a line is that comes behind the beginning of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Key,
    End { with_key: bool },
    Other,
}

impl Keys {
    /// Whether a stream may be within a key at all.
    pub fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// A key was found in a text of this stream: remembers it where its end is missing.
    pub fn found(&self, stream: &impl std::hash::Hash, text: &str, now_ns: i64) {
        let goes_on = text.rfind("-----BEGIN ").is_some_and(|at| !text[at..].contains("-----END"));
        if !goes_on {
            return;
        }
        let mut begun = self.begun.lock();
        if begun.len() >= STREAMS {
            begun.retain(|_, key| !key.is_over(now_ns));
        }
        if begun.len() >= STREAMS
            && let Some(oldest) = begun.iter().min_by_key(|(_, key)| key.last_ns).map(|(id, _)| *id)
        {
            begun.remove(&oldest);
        }
        let new = Begun { open: 0, last_ns: now_ns, lines: 0, near: NEAR };
        let key = begun.entry(self.hasher.hash_one(stream)).or_insert(new);
        *key = Begun { open: key.open.saturating_add(1), ..new };
        self.count.store(begun.len(), Ordering::Relaxed);
    }

    /// Writes `text` of this stream to the end of `out`, with what is of a key that began before replaced; `false`: nothing
    /// is, and nothing was written.
    pub fn mask(
        &self,
        masker: &Masker,
        stream: &impl std::hash::Hash,
        text: &str,
        now_ns: i64,
        out: &mut String,
    ) -> bool {
        let id = self.hasher.hash_one(stream);
        let mut begun = self.begun.lock();
        let Some(key) = begun.get_mut(&id) else { return false };
        let start = out.len();
        let (mut masked, mut is_over) = (false, key.is_over(now_ns));
        for (at, line) in text.split('\n').enumerate() {
            if at > 0 {
                out.push('\n');
            }
            let part = if is_over { Part::Other } else { part(line, key.near > 0) };
            key.lines += 1;
            key.near = if part == Part::Key { NEAR } else { key.near.saturating_sub(1) };
            match part {
                Part::Key | Part::End { with_key: true } => {
                    masker.replace(line, &Found::new(0..line.len(), Kind::PrivateKey), out);
                    (masked, key.last_ns) = (true, now_ns);
                }
                _ => out.push_str(line),
            }
            key.open -= u32::from(matches!(part, Part::End { .. }) && key.open > 0);
            is_over |= key.is_over(now_ns);
        }
        if is_over {
            begun.remove(&id);
            self.count.store(begun.len(), Ordering::Relaxed);
        }
        if !masked {
            out.truncate(start);
        }
        masked
    }
}

impl Begun {
    fn is_over(&self, now_ns: i64) -> bool {
        self.open == 0 || self.lines >= LINES || now_ns.saturating_sub(self.last_ns) > WAIT_NS
    }
}

fn part(line: &str, within: bool) -> Part {
    if let Some(end) = line.find("-----END") {
        return Part::End { with_key: has_key(&line[..end], within) };
    }
    if has_key(line, within) { Part::Key } else { Part::Other }
}

/// Whether a line has something of a key in it: a long word in base64, also behind a time or a level; alone also a short
/// one, behind a line of the key; a header of an encrypted key.
fn has_key(line: &str, within: bool) -> bool {
    let line = line.trim();
    if within && ["Proc-Type:", "DEK-Info:", "Comment:", "X-"].iter().any(|name| line.starts_with(name)) {
        return true;
    }
    let mut words = line.split([' ', '\t', '"', '\'', ',', '\\']).filter(|word| !word.is_empty());
    let alone = words.clone().nth(1).is_none();
    words.any(|word| is_base64(word) && (is_long(word, alone) || alone && within && is_last(word)))
}

fn is_base64(word: &str) -> bool {
    let body = word.trim_end_matches('=');
    word.len() - body.len() <= 2
        && !body.is_empty()
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}

/// Chance gives so many characters of base64 both cases: hashes in hexadecimal have one. A path may have both.
fn is_long(word: &str, alone: bool) -> bool {
    let any = |holds: fn(&u8) -> bool| word.bytes().any(|b| holds(&b));
    let cases = any(u8::is_ascii_lowercase) && any(u8::is_ascii_uppercase);
    word.len() >= LONG && cases && (alone || any(u8::is_ascii_digit))
}

/// The last line of a key: whole groups of four, no word of a language, and no hash.
fn is_last(word: &str) -> bool {
    let hexadecimal = word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if hexadecimal && word.len() >= 16 {
        return false;
    }
    let odd = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'/' | b'=');
    let inner = word.bytes().skip(1).any(|b| b.is_ascii_uppercase());
    let lower = word.bytes().any(|b| b.is_ascii_lowercase());
    word.len().is_multiple_of(4) && (word.bytes().any(odd) || inner && lower || word.len() >= 16)
}

#[cfg(test)]
mod tests {
    use super::super::Masking;
    use super::*;

    const BODY: &str = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj";

    /// What becomes of lines of one stream, a second apart.
    fn through(keys: &Keys, lines: &[&str]) -> Vec<String> {
        let masker = Masker::new(&Masking::default(), None).unwrap();
        let mut out = Vec::new();
        for (at, line) in (0i64..).zip(lines) {
            let mut text = String::new();
            if !keys.mask(&masker, &"stream", line, at * 1_000_000_000, &mut text) {
                text.push_str(line);
            }
            keys.found(&"stream", line, at * 1_000_000_000);
            out.push(text);
        }
        out
    }

    #[test]
    fn lines_of_a_key_are_masked_and_those_between_are_not() {
        let gone = "[masked:private-key]";
        let hash = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let path = "/usr/Share/Lib/some/quite/long/path/of/a/program/without/dots";
        let lines = [
            ("-----BEGIN RSA PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----"),
            ("Proc-Type: 4,ENCRYPTED", gone),
            ("DEK-Info: AES-256-CBC,5E22A2BD85A653FB7A3ED20DE84F54CD", gone),
            ("", ""),
            (BODY, gone),
            ("GET /orders?page=2 200", "GET /orders?page=2 200"),
            (hash, hash),
            (&format!("loaded {path}"), &format!("loaded {path}")),
            (&format!("2026-05-01T10:00:00Z INFO {BODY}"), gone),
            (BODY, gone),
            ("done", "done"),
            (BODY, gone),
            ("between", "between"),
            ("q83vEg==", gone),
            ("-----END RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"),
            (BODY, BODY),
        ];
        let keys = Keys::default();
        let out = through(&keys, &lines.map(|(line, _)| line));
        assert_eq!(out, lines.map(|(_, want)| want));
        assert!(!keys.any());
        // Several lines in one record, and the end on a line of the key.
        let out = through(
            &Keys::default(),
            &[
                "-----BEGIN PRIVATE KEY-----",
                &format!("{BODY}\n{BODY}"),
                "q83vEg==-----END PRIVATE KEY-----",
                BODY,
            ],
        );
        assert_eq!(out[1..], [format!("{gone}\n{gone}"), gone.to_owned(), BODY.to_owned()]);
        assert_eq!(through(&Keys::default(), &["no key", BODY]), ["no key", BODY]);
        // Two senders.
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        let out = through(&Keys::default(), &[begin, BODY, begin, BODY, end, BODY, end, BODY]);
        assert_eq!(out, [begin, gone, begin, gone, end, gone, end, BODY]);
    }

    #[test]
    fn a_key_without_an_end_is_waited_for_only_so_long() {
        let keys = Keys::default();
        let mut lines = vec!["-----BEGIN PRIVATE KEY-----"];
        lines.extend(vec!["x"; LINES as usize]);
        lines.push(BODY);
        assert_eq!(through(&keys, &lines).last().unwrap(), BODY);
        keys.found(&"stream", "-----BEGIN PRIVATE KEY-----", 0);
        let masker = Masker::new(&Masking::default(), None).unwrap();
        assert!(keys.mask(&masker, &"stream", BODY, WAIT_NS, &mut String::new()));
        assert!(!keys.mask(&masker, &"other", BODY, WAIT_NS, &mut String::new()));
        assert!(!keys.mask(&masker, &"stream", BODY, 2 * WAIT_NS + 1, &mut String::new()));
        assert!(!keys.any());
    }

    #[test]
    fn streams_that_are_remembered_are_bounded() {
        let keys = Keys::default();
        for stream in 0..STREAMS + 10 {
            keys.found(&stream, "-----BEGIN PRIVATE KEY-----", stream as i64);
        }
        let masker = Masker::new(&Masking::default(), None).unwrap();
        assert_eq!(keys.count.load(Ordering::Relaxed), STREAMS);
        let is_masked = |stream: usize| keys.mask(&masker, &stream, BODY, 0, &mut String::new());
        assert!(!is_masked(9) && is_masked(10));
    }
}
