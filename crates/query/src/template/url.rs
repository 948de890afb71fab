//! Texts of URLs.

/// Takes the escapes of a query string away. Errors are worded as Go words them.
pub fn unescape(text: &str) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(byte) = byte.filter(|_| digits.is_some_and(|d| !d.contains('+'))) else {
                    return Err(format!(
                        "invalid URL escape {:?}",
                        format!("%{}", digits.unwrap_or_default())
                    ));
                };
                out.push(byte);
                rest = &tail[2..];
            }
            other => out.push(*other),
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}
