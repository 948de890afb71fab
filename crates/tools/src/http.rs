//! Asking a server.

use std::time::Duration;

use crate::Failed;

/// An answer larger than this is not an answer to one of our questions.
const MAX_BODY: usize = 1 << 30;

/// A server that commands ask.
pub(crate) struct Server {
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
    base: String,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Server {
    /// The server under `url`; without a scheme it is `http`.
    pub(crate) fn new(url: &str) -> Result<Self, Failed> {
        let base = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let base = base.trim_end_matches('/').to_owned();
        reqwest::Url::parse(&base).map_err(|e| Failed::new(format_args!("{url} is not a URL: {e}")))?;
        let client = reqwest::Client::builder()
            .user_agent(concat!("bonghwa/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Failed::new(format_args!("no HTTP client: {e}")))?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, runtime, base })
    }

    /// The URL as commands show it.
    pub(crate) fn url(&self) -> &str {
        &self.base
    }

    /// Gets `path` (which begins with a slash).
    pub(crate) fn get(&self, path: &str, limit: Duration) -> Result<Answer, Failed> {
        let request = self.client.get(format!("{}{path}", self.base)).timeout(limit);
        self.runtime.block_on(async {
            let mut response = request.send().await.map_err(|e| describe(&e))?;
            let status = response.status().as_u16();
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|e| describe(&e))? {
                if body.len() + chunk.len() > MAX_BODY {
                    return Err(Failed::new("the answer is too large"));
                }
                body.extend_from_slice(&chunk);
            }
            Ok(Answer { status, body })
        })
    }
}

/// The error with its causes; reqwest's own text names only the outermost.
fn describe(error: &reqwest::Error) -> Failed {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Failed(text)
}
