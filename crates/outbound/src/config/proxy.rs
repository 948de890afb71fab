//! By which way.

use std::collections::BTreeMap;

use super::fail;
use crate::secret::{Secret, WebUrl};

model::section! {
    /// Proxy towards the server.
    pub struct ProxyConfig ("config.ProxyConfig") {
        /// Proxy.
        proxy_url: WebUrl = WebUrl::default(),
        /// Hosts that are reached without it, separated by commas.
        no_proxy: String = String::new(),
        /// Whether `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say so.
        proxy_from_environment: bool = false,
        /// Headers for the proxy.
        proxy_connect_header: BTreeMap<String, Vec<Secret>> = BTreeMap::new(),
    }
    check Self::check
}

impl ProxyConfig {
    fn check(&mut self) -> Result<(), String> {
        let url = !self.proxy_url.is_empty();
        if !self.proxy_connect_header.is_empty() && !self.proxy_from_environment && !url {
            return fail(
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
            );
        }
        if self.proxy_from_environment && url {
            return fail("if proxy_from_environment is configured, proxy_url must not be configured");
        }
        if self.proxy_from_environment && !self.no_proxy.is_empty() {
            return fail("if proxy_from_environment is configured, no_proxy must not be configured");
        }
        if !self.no_proxy.is_empty() && !url {
            return fail("if no_proxy is configured, proxy_url must also be configured");
        }
        Ok(())
    }
}
