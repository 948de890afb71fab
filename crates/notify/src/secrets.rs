//! Secrets of receivers: written in the section, in a file, or in the environment.

use outbound::Secret;

use crate::Failure;

/// Largest file that holds a secret, bytes.
const MOST_BYTES: u64 = 64 << 10;

/// The secret, or what is in the file. `${env:NAME}` as a whole means the variable of that name. The text is read for
/// every notification, so a file may change.
pub(crate) fn read(secret: &Secret, file: &str, what: &str) -> Result<String, Failure> {
    if file.is_empty() {
        return from_environment(secret.expose(), what);
    }
    let failed = |e: String| Failure::later(format!("{what}: {file}: {e}"));
    let length = std::fs::metadata(file).map_err(|e| failed(e.to_string()))?.len();
    if length > MOST_BYTES {
        return Err(failed(format!("more than {MOST_BYTES} bytes")));
    }
    let text = std::fs::read_to_string(file).map_err(|e| failed(e.to_string()))?;
    Ok(text.trim().to_owned())
}

fn from_environment(text: &str, what: &str) -> Result<String, Failure> {
    match text.strip_prefix("${env:").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => std::env::var(name)
            .map_err(|_| Failure::never(format!("{what}: there is no environment variable {name}"))),
        None => Ok(text.to_owned()),
    }
}

/// A text without these secrets.
pub(crate) fn scrubbed(text: &str, secrets: &[String]) -> String {
    let long = secrets.iter().filter(|secret| secret.len() >= 4);
    long.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "<secret>"))
}
