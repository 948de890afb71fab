//! Text in quotes, in and out, as Go's `strconv` has it.

use std::fmt::Write;

/// The value of a string literal with its quotes, or `None` where it is not one. The bytes need not be UTF-8.
pub(crate) fn unquote(literal: &str) -> Option<Vec<u8>> {
    let mut chars = literal.chars();
    let quote = chars.next()?;
    let inner = chars.as_str().strip_suffix(quote)?;
    match quote {
        '`' => return Some(inner.as_bytes().to_vec()),
        '"' | '\'' => {}
        _ => return None,
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => unescape(&mut chars, quote, &mut out)?,
            '\n' => return None,
            c if c == quote => return None,
            c => push(&mut out, c),
        }
    }
    Some(out)
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Reads one escape sequence whose backslash has been read.
fn unescape(chars: &mut std::str::Chars<'_>, quote: char, out: &mut Vec<u8>) -> Option<()> {
    let simple = match chars.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        c if c == quote => {
            push(out, c);
            return Some(());
        }
        c @ '0'..='7' => {
            let value = c.to_digit(8)? * 64 + digits(chars, 2, 8)?;
            u8::try_from(value).ok()?
        }
        'x' => u8::try_from(digits(chars, 2, 16)?).ok()?,
        'u' => {
            push(out, char::from_u32(digits(chars, 4, 16)?)?);
            return Some(());
        }
        'U' => {
            push(out, char::from_u32(digits(chars, 8, 16)?)?);
            return Some(());
        }
        _ => return None,
    };
    out.push(simple);
    Some(())
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, base: u32) -> Option<u32> {
    let mut value: u32 = 0;
    for _ in 0..count {
        value = value.checked_mul(base)?.checked_add(chars.next()?.to_digit(base)?)?;
    }
    Some(value)
}

/// Text in double quotes with escapes.
pub(crate) fn go_string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        put(&mut out, c, '"');
    }
    out.push('"');
    out
}

/// Bytes in double quotes; what is not UTF-8 as `\xff`.
pub(crate) fn go_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            put(&mut out, c, '"');
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}"); // writing to a String cannot fail
        }
    }
    out.push('"');
    out
}

/// A character in single quotes with escapes.
pub(crate) fn go_char(c: char) -> String {
    let mut out = String::from("'");
    put(&mut out, c, '\'');
    out.push('\'');
    out
}

fn put(out: &mut String, c: char, quote: char) {
    let code = u32::from(c);
    match c {
        '\u{7}' => out.push_str("\\a"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{b}' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        c if c == quote => {
            out.push('\\');
            out.push(c);
        }
        c if is_printable(c) => out.push(c),
        // Writing to a String cannot fail.
        _ if code < 0x80 => drop(write!(out, "\\x{code:02x}")),
        _ if code <= 0xffff => drop(write!(out, "\\u{code:04x}")),
        _ => drop(write!(out, "\\U{code:08x}")),
    }
}

/// Whether a character can be seen: no control, format or private character, and no blank but U+0020.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(
            u32::from(c),
            0xad | 0x600..=0x605
                | 0x61c
                | 0x6dd
                | 0x70f
                | 0x180e
                | 0x200b..=0x200f
                | 0x202a..=0x202e
                | 0x2060..=0x206f
                | 0xe000..=0xf8ff
                | 0xfdd0..=0xfdef
                | 0xfeff
                | 0xfff0..=0xfffb
                | 0xfffe..=0xffff
                | 0xe0000..=0xe0fff
                | 0xf0000..=0x10_ffff
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_those_of_go() {
        let all = r#""\a\b\f\n\r\t\v\\\" - \xFF\377\u1234\U00010111☺""#;
        let mut wanted = b"\x07\x08\x0c\n\r\t\x0b\\\" - \xff\xff".to_vec();
        wanted.extend_from_slice("\u{1234}\u{10111}☺".as_bytes());
        assert_eq!(unquote(all), Some(wanted));
        assert_eq!(unquote(r"'it\'s'").as_deref(), Some(&b"it's"[..]));
        assert_eq!(unquote(r"`a\n`").as_deref(), Some(&br"a\n"[..]));
    }

    #[test]
    fn wrong_escapes_are_refused() {
        for bad in
            [r#""\q""#, r#""\x1""#, r#""\u12""#, r#""\ud800""#, r#""\400""#, r#""\'""#, "\"", "\"a", "'a\""]
        {
            assert_eq!(unquote(bad), None, "{bad}");
        }
    }

    #[test]
    fn quoting_reads_back() {
        for text in ["", "a\"b", "tab\t\u{7f}", "한글 \u{a0}\u{200b}\u{e000}", "\u{10ffff}'`"] {
            assert_eq!(unquote(&go_string(text)).as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(go_bytes(b"a\xc5z"), r#""a\xc5z""#);
        assert_eq!(go_char('\''), r"'\''");
    }
}
