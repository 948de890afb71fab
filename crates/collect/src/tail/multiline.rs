//! Lines that belong together become one event: stack traces of Java, .NET, JavaScript, Python, Go and Rust, keys in PEM, or
//! whatever a pattern of the configuration says. Pure.

use std::sync::Arc;

use model::pattern::Search;

/// Which lines go on with the one before.
#[derive(Debug, Clone, Default)]
pub enum Rule {
    /// None.
    Off,
    /// Those of stack traces.
    #[default]
    Traces,
    /// Those in which this is not found.
    Starts(Arc<Search>),
}

/// What an event under way is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Plain,
    /// A line that tells of an error: an exception may follow it.
    Troubled,
    /// Frames that begin with `at`.
    Frames,
    /// Within a Python traceback.
    Python,
    /// Behind its last line.
    PythonEnd,
    Go,
    /// Behind the first line of a Rust panic.
    RustFirst,
    Rust,
    Pem,
}

/// Decides line by line.
#[derive(Debug, Clone, Default)]
pub struct Joining {
    rule: Rule,
    kind: Kind,
}

impl Joining {
    /// With this rule.
    pub fn new(rule: Rule) -> Self {
        Self { rule, kind: Kind::Plain }
    }

    /// Whether the end of an event can only be told by the line behind it.
    pub fn waits(&self) -> bool {
        !matches!(self.rule, Rule::Off)
    }

    /// Whether `line` goes on with the event under way; otherwise it begins one.
    pub fn continues(&mut self, line: &str, under_way: bool) -> bool {
        let next = match &self.rule {
            Rule::Off => None,
            _ if under_way && self.kind == Kind::Pem => follow(self.kind, line),
            Rule::Starts(start) => (!start.is_match(line)).then_some(Kind::Plain),
            Rule::Traces if under_way => follow(self.kind, line),
            Rule::Traces => None,
        };
        // Wherever a key begins, in the message of an exception too: its lines stay together, or masking misses them.
        self.kind = if is_pem(line) { Kind::Pem } else { next.unwrap_or_else(|| begin(line)) };
        under_way && next.is_some()
    }

    /// Whether the end of a key is missing.
    pub fn is_within_key(&self) -> bool {
        self.kind == Kind::Pem
    }
}

/// What a first line begins.
fn begin(line: &str) -> Kind {
    if line.starts_with(PYTHON) {
        Kind::Python
    } else if line.starts_with("panic: ") || line.starts_with("fatal error: ") {
        Kind::Go
    } else if is_rust(line) {
        Kind::RustFirst
    } else if ["ERROR", "FATAL", "SEVERE", "CRITICAL", "WARN", "error", "Error", "Exception"]
        .iter()
        .any(|w| line.contains(w))
    {
        Kind::Troubled
    } else {
        Kind::Plain
    }
}

const PYTHON: &str = "Traceback (most recent call last):";

fn is_rust(line: &str) -> bool {
    line.starts_with("thread '") && line.contains("panicked at")
}

/// Whether a key begins in this line and does not end in it.
fn is_pem(line: &str) -> bool {
    line.rfind("-----BEGIN ").is_some_and(|at| !line[at..].contains("-----END "))
}

/// What an event of this kind is with `line`; `None` where the line is not its.
fn follow(kind: Kind, line: &str) -> Option<Kind> {
    let trimmed = line.trim_start();
    let indented = trimmed.len() < line.len();
    match kind {
        Kind::Pem => return Some(if line.contains("-----END ") { Kind::Plain } else { Kind::Pem }),
        Kind::Python if indented => return Some(Kind::Python),
        // The exception itself; a traceback that is cut off ends with whatever comes.
        Kind::Python => return Some(Kind::PythonEnd),
        Kind::PythonEnd if line.is_empty() => return Some(Kind::PythonEnd),
        Kind::PythonEnd
            if line.starts_with("During handling of the above")
                || line.starts_with("The above exception was") =>
        {
            return Some(Kind::PythonEnd);
        }
        Kind::PythonEnd | Kind::Troubled if line.starts_with(PYTHON) => return Some(Kind::Python),
        Kind::Go if is_go(line, indented) => return Some(Kind::Go),
        Kind::RustFirst => return Some(Kind::Rust),
        Kind::Rust if indented || line.starts_with("note: ") || line.starts_with("stack backtrace:") => {
            return Some(Kind::Rust);
        }
        Kind::Troubled if is_exception(line) => return Some(Kind::Frames),
        _ => {}
    }
    if indented && is_frame(trimmed) || is_cause(trimmed) && kind != Kind::Plain {
        return Some(Kind::Frames);
    }
    None
}

fn is_frame(trimmed: &str) -> bool {
    trimmed.starts_with("at ")
        || trimmed.starts_with("--- End of ")
        || trimmed.starts_with("... ") && trimmed.ends_with(" more")
        || trimmed.starts_with("... ") && trimmed.contains(" common frames")
}

fn is_cause(trimmed: &str) -> bool {
    trimmed.starts_with("Caused by: ") || trimmed.starts_with("Suppressed: ")
}

/// A line that begins with the class of an exception: `java.lang.IllegalStateException: no`.
fn is_exception(line: &str) -> bool {
    let class = line.split([':', ' ']).next().unwrap_or("");
    let plain = class.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'$'));
    plain && class.contains('.') && ["Exception", "Error", "Throwable"].iter().any(|end| class.ends_with(end))
}

fn is_go(line: &str, indented: bool) -> bool {
    line.is_empty()
        || indented
        || line.ends_with(')')
        || ["goroutine ", "created by ", "[signal ", "exit status ", "\tpanic: ", "panic: "]
            .iter()
            .any(|s| line.starts_with(s))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(rule: Rule, text: &str) -> Vec<String> {
        let mut joining = Joining::new(rule);
        let mut events: Vec<String> = Vec::new();
        for line in text.lines() {
            if joining.continues(line, !events.is_empty()) {
                let last = events.last_mut().unwrap();
                last.push('\n');
                last.push_str(line);
            } else {
                events.push(line.to_owned());
            }
        }
        events
    }

    #[test]
    fn traces_are_one_event_and_other_lines_are_not() {
        let parts = [
            "INFO start",
            "  an indented line",
            "ERROR failed\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\t... 3 more\nCaused by: java.io.IOException: x\n\tat a.D.e(D.java:2)",
            "INFO between",
            "Exception in thread \"main\" java.lang.Error: x\n\tat a.B.c(B.java:1)",
            "TypeError: x\n    at f (/a.js:1:1)\n    at g (/a.js:2:2)",
            "2024-05-01 ERROR root: failed\nTraceback (most recent call last):\n  File \"a.py\", line 1\n    f()\nValueError: x\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"b.py\"\nKeyError: 'y'",
            "next line",
            "panic: boom\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/a/main.go:7 +0x1d\ncreated by main.main\n\t/a/main.go:3",
            "level=info msg=ok",
            "thread 'main' panicked at src/main.rs:2:5:\nno stock\nstack backtrace:\n   0: rust_begin_unwind\n             at /x\nnote: Some details are omitted",
            "plain",
            "key: -----BEGIN PRIVATE KEY-----\nMIIE\nabc=\n-----END PRIVATE KEY-----",
            "ERROR x\njava.lang.Error: y\n\tat a.B.c(B.java:1)\nCaused by: java.lang.Error: -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n\tat a.D.e(D.java:2)",
            "panic: -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
            "last",
        ];
        assert_eq!(events(Rule::Traces, &parts.join("\n")), parts);
        assert_eq!(events(Rule::Off, "ERROR x\n\tat y").len(), 2);
    }

    #[test]
    fn a_pattern_says_what_begins_an_event() {
        let rule = Rule::Starts(Arc::new(Search::new(r"^\d{4}-").unwrap()));
        assert_eq!(
            events(rule, "head\n2024-05 a\n b\nc\n2024-06 d"),
            ["head", "2024-05 a\n b\nc", "2024-06 d"]
        );
        // A line of a key may look like a beginning.
        let rule = Rule::Starts(Arc::new(Search::new("^[A-Z]").unwrap()));
        let key = "K: -----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----";
        assert_eq!(events(rule, &format!("{key}\nNext")), [key, "Next"]);
    }
}
