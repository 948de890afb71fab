//! Kubernetes' components: `I0501 10:00:00.123456    1234 controller.go:42] message`.

use wire::timestamp;

use super::found::{Field, Found};
use super::logfmt;
use super::values::Level;

/// Reads a line; `false` where it is of another format.
pub(super) fn line(body: &str, start: usize, now_ns: i64, found: &mut Found) -> bool {
    let bytes = &body.as_bytes()[start..];
    let shape = bytes.len() > 30
        && bytes[1..5].iter().all(u8::is_ascii_digit)
        && bytes[5] == b' '
        && bytes[8] == b':'
        && bytes[11] == b':'
        && bytes[14] == b'.';
    let Some(close) = shape.then(|| memchr::memchr(b']', &bytes[..bytes.len().min(160)])).flatten() else {
        return false;
    };
    if let Some(level) = Level::of_letter(bytes[0]) {
        found.level(level);
    }
    if found.wants_time() {
        found.time(time(bytes, now_ns));
    }
    // The source file without its line.
    let head = &bytes[..close];
    let file = head.iter().rposition(|b| *b == b' ').map_or(close, |space| space + 1);
    let end = file + head[file..].iter().position(|b| *b == b':').unwrap_or(close - file);
    found.text(Field::Component, body, start + file..start + end);
    logfmt::pairs(body, start + close, found);
    true
}

/// `0501 10:00:00.123456`, read as old syslog's times are, whose year is missing too.
fn time(bytes: &[u8], now_ns: i64) -> Option<i64> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = usize::from(bytes[1] - b'0') * 10 + usize::from(bytes[2] - b'0');
    let name = MONTHS.get(month.checked_sub(1)? * 3..month * 3)?;
    let mut text = [b' '; 22];
    text[..3].copy_from_slice(name);
    text[4..6].copy_from_slice(&bytes[3..5]);
    text[7..22].copy_from_slice(bytes.get(6..21)?);
    timestamp::syslog_prefix(&text, now_ns).map(|(time, _)| time)
}
