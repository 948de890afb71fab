//! Exceptions and stack traces of Java, .NET, JavaScript, Python, Go and Rust.

use memchr::memmem;

use super::found::{Field, Found};
use super::values::Level;

/// Takes the stack trace of a message of several lines, and a panic of one.
pub(super) fn look(body: &str, found: &mut Found) {
    let lines = memchr::memchr(b'\n', body.as_bytes()).is_some();
    if let Some(at) = panic(body, lines) {
        found.word(Field::ErrorKind, "panic");
        found.level(if body[at..].starts_with("thread ") { Level::Error } else { Level::Fatal });
        if lines {
            found.text(Field::ErrorStack, body, at..body.trim_end().len());
        }
    } else if let Some(start) = lines.then(|| stack(body)).flatten() {
        found.text(Field::ErrorStack, body, start..body.trim_end().len());
        kind_of(&body[start..], found);
        found.level(Level::Error);
    } else if body.starts_with("Exception in thread ") {
        kind_of(body, found);
        found.level(Level::Error);
    }
}

/// Takes the class of the error out of a stack trace.
pub(super) fn kind_of(stack: &str, found: &mut Found) {
    let line = if stack.starts_with(PYTHON) {
        // The last line that is not indented.
        stack.lines().rev().find(|line| !line.is_empty() && !line.starts_with([' ', '\t']))
    } else {
        stack.lines().next()
    };
    let words = line.unwrap_or("").split([' ', ':', '"', '\t']);
    if let Some(kind) = words.into_iter().find(|word| is_class(word)) {
        found.own(Field::ErrorKind, kind);
    }
}

const PYTHON: &str = "Traceback (most recent call last)";

fn is_class(word: &str) -> bool {
    let plain = word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'));
    let upper =
        word.rsplit(['.', '$']).next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_uppercase()));
    let ends = ["Exception", "Error", "Throwable", "Interrupt", "Exit", "Iteration", "Warning"];
    plain && upper && ends.iter().any(|end| word.len() > end.len() && word.ends_with(end))
}

/// Where the line of a panic begins.
fn panic(body: &str, lines: bool) -> Option<usize> {
    let line = |at: usize| body[..at].rfind('\n').map_or(0, |newline| newline + 1);
    if body.starts_with("panic: ") || body.starts_with("fatal error: ") {
        return Some(0);
    }
    if body.starts_with("thread '") && memmem::find(body.as_bytes(), b"' panicked at").is_some() {
        return Some(0);
    }
    let at = lines.then(|| memmem::find(body.as_bytes(), b"\ngoroutine ")).flatten().and_then(|_| {
        memmem::find(body.as_bytes(), b"\npanic: ")
            .or_else(|| memmem::find(body.as_bytes(), b"\nfatal error: "))
    })?;
    Some(line(at + 1))
}

/// Where a stack trace begins.
fn stack(body: &str) -> Option<usize> {
    let bytes = body.as_bytes();
    if let Some(python) = memmem::find(bytes, PYTHON.as_bytes()) {
        return Some(python);
    }
    // The first frame: a line that is indented and begins with `at `.
    let frame = memmem::find_iter(bytes, b"at ").find(|at| {
        let indent = bytes[..*at].iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
        indent > 0 && bytes[..at - indent].ends_with(b"\n")
    })?;
    let line_end = body[..frame].rfind('\n')?;
    let line_start = body[..line_end].rfind('\n').map_or(0, |newline| newline + 1);
    // In the first line of a message the class stands behind the head.
    let line = &body[line_start..line_end];
    let class = line.split([' ', ':', '"', '\t']).find(|word| is_class(word));
    Some(class.map_or(line_start, |class| line_start + (class.as_ptr() as usize - line.as_ptr() as usize)))
}
