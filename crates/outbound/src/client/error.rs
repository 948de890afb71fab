//! Why there is no answer.

/// What the client's own layers say before they come to the point.
const WRAPPERS: [&str; 4] =
    ["error sending request", "client error (Connect)", "client error (SendRequest)", "builder error"];

/// An error with its causes: what the user needs is at the end ("connection refused").
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        next = error.source();
        let text = error.to_string();
        let told = parts.last().is_some_and(|last| last.ends_with(&text));
        let wrapper = next.is_some() && WRAPPERS.contains(&text.as_str());
        if !(told || wrapper) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// Why there is no answer, or none that is whole. The texts hold no secret and no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The body has more bytes than were allowed.
    #[error("body size limit exceeded ({0} bytes)")]
    TooLarge(u64),
    /// It took longer than the request may.
    #[error("{0}")]
    Timeout(String),
    /// A file, a token or a header that the request needs cannot be had.
    #[error("{0}")]
    Authorization(String),
    /// The server cannot be reached, or the connection broke.
    #[error("{0}")]
    Connection(String),
}

impl Failure {
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let text = chain(&error);
        if error.is_timeout() { Self::Timeout(text) } else { Self::Connection(text) }
    }
}
