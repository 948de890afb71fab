//! How to talk to an HTTP server: Prometheus' `HTTPClientConfig`.
//!
//! In Prometheus' YAML these fields stand among those of the section they belong to. [`model::section!`] does that:
//! `http: HttpConfig = HttpConfig::default() => inline`.

mod authorization;
mod cloud;
mod headers;
mod oauth2;
mod proxy;
mod tls;

use std::path::{Path, PathBuf};

pub use authorization::{Authorization, BasicAuth};
pub use cloud::{
    AzureAdConfig, AzureCertificate, AzureOAuth, AzureSdk, GoogleIamConfig, ManagedIdentity, SigV4Config,
    WorkloadIdentity,
};
pub use headers::{Header, Headers};
pub use oauth2::{GRANT_JWT, OAuth2};
pub use proxy::ProxyConfig;
pub use tls::TlsConfig;

use crate::secret::Secret;

model::section! {
    /// Everything about the client.
    pub struct HttpConfig ("config.plain") {
        /// User name and password.
        basic_auth: Option<BasicAuth> = None,
        /// The `Authorization` header.
        authorization: Option<Authorization> = None,
        /// OAuth 2.0.
        oauth2: Option<OAuth2> = None,
        /// Older spelling of `authorization.credentials`; moved there when it is read.
        bearer_token: Secret = Secret::default(),
        /// Older spelling of `authorization.credentials_file`; moved there when it is read.
        bearer_token_file: Option<PathBuf> = None,
        /// TLS.
        tls_config: TlsConfig = TlsConfig::default(),
        /// Whether redirects are followed.
        follow_redirects: bool = true => always,
        /// Whether HTTP/2 may be used.
        enable_http2: bool = true => always,
        /// Proxy.
        proxy: ProxyConfig = ProxyConfig::default() => inline,
        /// Extra headers.
        http_headers: Headers = Headers::default(),
    }
    check Self::check
}

/// Whether more than one of them is set.
pub(crate) fn several(set: &[bool]) -> bool {
    set.iter().filter(|set| **set).count() > 1
}

pub(crate) fn fail(message: &str) -> Result<(), String> {
    Err(message.to_owned())
}

/// Takes a relative file name as relative to `dir`.
pub fn in_directory(dir: &Path, file: &mut Option<PathBuf>) {
    if let Some(file) = file {
        *file = dir.join(&*file);
    }
}

impl HttpConfig {
    /// Whether a header says who asks.
    pub const fn has_authorization(&self) -> bool {
        self.basic_auth.is_some() || self.authorization.is_some() || self.oauth2.is_some()
    }

    fn check(&mut self) -> Result<(), String> {
        let (token, token_file) = (!self.bearer_token.is_empty(), self.bearer_token_file.is_some());
        if token && token_file {
            return fail("at most one of bearer_token & bearer_token_file must be configured");
        }
        let (basic, oauth2) = (self.basic_auth.is_some(), self.oauth2.is_some());
        if (basic || oauth2) && (token || token_file) {
            return fail(
                "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
            );
        }
        if self.authorization.is_some() && (token || token_file) {
            return fail("authorization is not compatible with bearer_token & bearer_token_file");
        }
        if self.authorization.is_some() && (basic || oauth2) || basic && oauth2 {
            return fail("at most one of basic_auth, oauth2 & authorization must be configured");
        }
        if token || token_file {
            let mut authorization = Authorization::default();
            "Bearer".clone_into(&mut authorization.kind);
            authorization.credentials = std::mem::take(&mut self.bearer_token);
            authorization.credentials_file = self.bearer_token_file.take();
            self.authorization = Some(authorization);
        }
        Ok(())
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        if let Some(basic) = &mut self.basic_auth {
            in_directory(dir, &mut basic.username_file);
            in_directory(dir, &mut basic.password_file);
        }
        if let Some(authorization) = &mut self.authorization {
            in_directory(dir, &mut authorization.credentials_file);
        }
        if let Some(oauth2) = &mut self.oauth2 {
            in_directory(dir, &mut oauth2.client_secret_file);
            in_directory(dir, &mut oauth2.client_certificate_key_file);
            oauth2.tls_config.set_directory(dir);
        }
        in_directory(dir, &mut self.bearer_token_file);
        self.tls_config.set_directory(dir);
        self.http_headers.set_directory(dir);
    }
}

#[cfg(test)]
mod tests;
