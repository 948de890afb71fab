//! `!!binary` scalars, in Prometheus' words: a file may hold bytes where only text can be meant.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The error about the scalar at `line` and `column` (both from 1) of `text`, which is no text.
pub(super) fn not_text(text: &str, line: u64, column: u64) -> Option<String> {
    let index = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
    let rest: String = text.lines().nth(index(line)?)?.chars().skip(index(column)?).collect();
    let rest = rest.strip_prefix("!!binary").unwrap_or(&rest).trim_start();
    let (scalar, after) = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"')?,
        None => rest.split_at(rest.find([':', ' ']).unwrap_or(rest.len())),
    };
    let bytes = STANDARD.decode(scalar).ok()?;
    let shown: String = bytes.utf8_chunks().fold(String::new(), |mut shown, chunk| {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
        shown
    });
    let what = if after.trim_start().starts_with(':') { "name" } else { "value" };
    Some(format!("\"{shown}\" is not a valid label {what}"))
}
