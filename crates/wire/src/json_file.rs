//! Lines of Docker's json-file log driver: `{"log":"text\n","stream":"stdout","time":"2024-05-01T10:00:00Z"}`.

use std::borrow::Cow;

use crate::timestamp;

/// An entry: a line, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The text, without the newline that ends it.
    pub text: Cow<'a, str>,
    /// `stdout` or `stderr`.
    pub stderr: bool,
    /// Nanoseconds since the Unix epoch; `None` where it is missing or no time.
    pub time_ns: Option<i64>,
    /// Whether the line goes on in the next entry of its stream: the engine cuts at 16 KiB.
    pub partial: bool,
}

/// Reads an entry; `None` where the line is none (half written before a crash, or of another format).
pub fn decode(line: &[u8]) -> Option<Entry<'_>> {
    let mut reader = Reader { bytes: line, at: 0 };
    let mut entry = Entry { text: Cow::Borrowed(""), stderr: false, time_ns: None, partial: true };
    let mut has_text = false;
    reader.expect(b'{')?;
    loop {
        let name = reader.text()?;
        reader.expect(b':')?;
        match &*name {
            b"log" => {
                entry.text = utf8(reader.text()?);
                has_text = true;
            }
            b"stream" => entry.stderr = &*reader.text()? == b"stderr",
            b"time" => entry.time_ns = timestamp::parse(&reader.text()?),
            _ => reader.skip()?,
        }
        match reader.next()? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    if let Some(text) = entry.text.strip_suffix('\n') {
        let length = text.strip_suffix('\r').unwrap_or(text).len();
        entry.partial = false;
        match &mut entry.text {
            Cow::Borrowed(text) => *text = &text[..length],
            Cow::Owned(text) => text.truncate(length),
        }
    }
    has_text.then_some(entry)
}

fn utf8(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(
            String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()),
        ),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<u8> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        self.expect(b'"')?;
        let start = self.at;
        let stop = |at: usize| Some(at + memchr::memchr2(b'"', b'\\', self.bytes.get(at..)?)?);
        let mut end = stop(start)?;
        if self.bytes[end] == b'"' {
            self.at = end + 1;
            return Some(Cow::Borrowed(&self.bytes[start..end]));
        }
        let mut plain = Vec::with_capacity((end - start) * 2 + 64);
        let mut from = start;
        while self.bytes[end] == b'\\' {
            plain.extend_from_slice(&self.bytes[from..end]);
            from = escape(self.bytes, end + 1, &mut plain)?;
            end = stop(from)?;
        }
        plain.extend_from_slice(&self.bytes[from..end]);
        self.at = end + 1;
        Some(Cow::Owned(plain))
    }

    /// Goes past any value.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.next()? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b'"' => {
                    self.at -= 1;
                    self.text()?;
                }
                b',' | b'}' | b']' if depth == 0 => {
                    self.at -= 1;
                    return Some(());
                }
                _ => {}
            }
            if depth == 0 && matches!(self.bytes.get(self.at), Some(b',' | b'}')) {
                return Some(());
            }
        }
    }
}

/// Writes what the escape at `at` stands for; gives where it ends.
fn escape(bytes: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let byte = match bytes.get(at)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => {
            let (mut unit, mut end) = (hex(bytes, at + 1)?, at + 5);
            if (0xd800..0xdc00).contains(&unit)
                && bytes.get(end..end + 2) == Some(b"\\u")
                && let Some(low) = hex(bytes, end + 2).filter(|low| (0xdc00..0xe000).contains(low))
            {
                unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                end += 6;
            }
            let char = char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(end);
        }
        other => *other,
    };
    out.push(byte);
    Some(at + 1)
}

fn hex(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..at + 4)?
        .iter()
        .try_fold(0, |value, byte| Some(value << 4 | char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn entries_of_the_engine() {
        let line = br#"{"log":"a \"b\" \u003ctag\u003e\tc\n","stream":"stderr","attrs":{"a":"}","b":[1]},"time":"2024-05-01T10:00:00.5Z"}"#;
        let entry = decode(line).unwrap();
        assert_eq!((&*entry.text, entry.stderr, entry.partial), ("a \"b\" <tag>\tc", true, false));
        assert_eq!(entry.time_ns, Some(1_714_557_600_500_000_000));
        let piece = decode(br#"{"log":"no newline","stream":"stdout","time":"x"}"#).unwrap();
        assert_eq!(
            (&*piece.text, piece.stderr, piece.partial, piece.time_ns),
            ("no newline", false, true, None)
        );
        assert_eq!(&*decode(br#"{"log":"crlf\r\n"}"#).unwrap().text, "crlf");
        assert_eq!(&*decode(br#"{"log":"\ud83d\ude00\ud83dx\n"}"#).unwrap().text, "😀\u{fffd}x");
        assert_eq!(&*decode(b"{\"log\":\"\xff\\n\"}").unwrap().text, "\u{fffd}");
    }

    #[test]
    fn what_is_no_entry_is_none() {
        for line in [
            &b""[..],
            b"{",
            b"{}",
            b"text",
            br#"{"stream":"stdout"}"#,
            br#"{"log":"cut"#,
            br#"{"log":"a\"#,
            br#"{"log":1}"#,
        ] {
            assert_eq!(decode(line), None, "{}", String::from_utf8_lossy(line));
        }
    }

    proptest! {
        #[test]
        fn what_serde_writes_is_read_back(text in ".{0,40}", key in "[a-z]{1,6}", extra in any::<u32>()) {
            let mut line = serde_json::json!({"log": format!("{text}\n"), "stream": "stdout", "time": "2024-05-01T10:00:00Z"});
            if !["log", "stream", "time"].contains(&key.as_str()) {
                line[&key] = serde_json::json!({"n": extra, "l": [1, "]", {}], "t": text});
            }
            let line = serde_json::to_vec(&line).unwrap();
            let entry = decode(&line).unwrap();
            prop_assert_eq!(&*entry.text, text.strip_suffix('\r').unwrap_or(&text));
            prop_assert!(!entry.partial);
        }

        #[test]
        fn damaged_lines_stop_nowhere(at in 0usize..90, byte: u8, cut in 0usize..90) {
            let mut line = br#"{"log":"a \u003c\"b\n","stream":"stderr","attrs":{"a":["}"]},"time":"2024-05-01T10:00:00.5Z"}"#.to_vec();
            line[at] = byte;
            line.truncate(cut.max(1));
            decode(&line);
        }
    }
}
