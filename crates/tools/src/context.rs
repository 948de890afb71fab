//! What a command works with and how it ends.

use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// How a command ended, as promtool tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All is well: 0.
    Success,
    /// Something is wrong: 1.
    Failure,
    /// A lint found something: 3.
    Lint,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Success => Self::SUCCESS,
            Exit::Failure => Self::FAILURE,
            Exit::Lint => Self::from(3),
        }
    }
}

/// Why a command could not do its work, in words for its caller; without words where nobody reads the output any more
/// (`bonghwa ... | head`).
#[derive(Debug)]
pub struct Failed(pub String);

impl Failed {
    /// A failure with these words.
    pub fn new(text: impl fmt::Display) -> Self {
        Self(text.to_string())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self(String::new()),
            _ => Self(error.to_string()),
        }
    }
}

impl From<model::Error> for Failed {
    fn from(error: model::Error) -> Self {
        Self(match error.detail {
            Some(detail) => format!("{}: {detail}", error.message),
            None => error.message,
        })
    }
}

/// What a command comes to.
pub type Outcome = Result<Exit, Failed>;

/// What a command works with.
pub struct Context<'a> {
    /// Input.
    pub stdin: &'a mut dyn Read,
    /// What was asked for.
    pub out: &'a mut dyn Write,
    /// What is wrong.
    pub err: &'a mut dyn Write,
    /// What the program around knows.
    pub host: &'a Host,
    /// `--enable-feature`.
    pub features: &'a [String],
    /// Whether a person reads the output on a terminal.
    pub terminal: bool,
}

/// What only the whole program knows, handed in by it.
pub struct Host {
    /// Loads and checks a configuration file as the server does; with `true`, without the files that it names.
    pub check_config: fn(&Path, bool) -> model::Result<CheckedConfig>,
    /// Loads and checks a file of `--web.config.file`.
    pub check_web_config: fn(&Path) -> model::Result<()>,
}

/// What a configuration that is right names.
#[derive(Debug, Clone, Default)]
pub struct CheckedConfig {
    /// Files that `rule_files` match.
    pub rule_files: Vec<PathBuf>,
    /// Files that `logs.rules` match.
    pub log_rule_files: Vec<PathBuf>,
    /// The scrape jobs.
    pub jobs: Vec<CheckedJob>,
    /// What is not wrong, but may not be meant.
    pub warnings: Vec<String>,
    /// Files that are not there where promtool does not look. They are said beside the output, which is promtool's.
    pub notes: Vec<String>,
}

/// A scrape job of a configuration that is right.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckedJob {
    /// Its name.
    pub name: String,
    /// How often it scrapes, ms.
    pub interval_ms: i64,
}
