//! One server that samples are read from.

use std::collections::BTreeMap;
use std::path::Path;

use model::config::Duration;
use outbound::{HttpConfig, WebUrl};

use super::check_headers;

model::section! {
    /// One entry of `remote_read`.
    pub struct RemoteReadConfig ("config.plain") {
        /// Where samples are read.
        url: WebUrl = WebUrl::default() => always,
        /// How long a request may take.
        remote_timeout: Duration = Duration::from_secs(60),
        /// Bytes that one frame of a streamed answer may have.
        chunked_read_limit: u64 = 50_000_000,
        /// Extra headers.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether it is asked for times that the local store has, too.
        read_recent: bool = false,
        /// Its name in metrics.
        name: String = String::new(),
        /// How to talk to the server.
        http: HttpConfig = HttpConfig::default() => inline,
        /// Equality matchers that a selector must have for the server to be asked.
        required_matchers: BTreeMap<String, String> = BTreeMap::new(),
        /// Whether `external_labels` are matched there and left out of the answer.
        filter_external_labels: bool = true,
    }
    check Self::check
}

impl RemoteReadConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.url.is_empty() {
            return Err("url for remote_read is empty".to_owned());
        }
        check_headers(&self.headers)
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        self.http.set_directory(dir);
    }
}
