//! How to talk to an HTTP server: Prometheus' `HTTPClientConfig`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::nullable;

/// Text that is never shown.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// User name and password.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BasicAuth {
    /// User name.
    pub username: String,
    /// File that holds the user name.
    pub username_file: Option<PathBuf>,
    /// Name of a secret; secret providers are not supported.
    pub username_ref: String,
    /// Password.
    pub password: Secret,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Name of a secret; secret providers are not supported.
    pub password_ref: String,
}

/// The `Authorization` header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorization {
    /// Scheme; empty means `Bearer`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What follows the scheme.
    pub credentials: Secret,
    /// File that holds what follows the scheme; read for every request.
    pub credentials_file: Option<PathBuf>,
    /// Name of a secret; secret providers are not supported.
    pub credentials_ref: String,
}

/// OAuth 2.0 client credentials. Understood, not supported yet: a job that uses it says so.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OAuth2 {
    /// Client id.
    pub client_id: String,
    /// Client secret.
    pub client_secret: Secret,
    /// File that holds the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// Name of a secret.
    pub client_secret_ref: String,
    /// Id of the key for JWT grants.
    pub client_certificate_key_id: String,
    /// Key for JWT grants.
    pub client_certificate_key: Secret,
    /// File that holds the key.
    pub client_certificate_key_file: Option<PathBuf>,
    /// Name of a secret.
    pub client_certificate_key_ref: String,
    /// `client_credentials` or the JWT grant.
    pub grant_type: String,
    /// Algorithm of the JWT.
    pub signature_algorithm: String,
    /// Issuer of the JWT.
    pub iss: String,
    /// Audience of the JWT.
    pub audience: String,
    /// Further claims of the JWT.
    pub claims: BTreeMap<String, serde_json::Value>,
    /// Scopes to ask for.
    pub scopes: Vec<String>,
    /// Where tokens come from.
    pub token_url: String,
    /// Parameters of the token request.
    pub endpoint_params: BTreeMap<String, String>,
    /// TLS towards the token server.
    pub tls_config: TlsConfig,
    /// Proxy towards the token server.
    pub proxy_url: Option<String>,
    /// Hosts that are reached without it.
    pub no_proxy: String,
    /// Whether the environment names the proxy.
    pub proxy_from_environment: bool,
    /// Headers for the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

/// TLS towards the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// Authorities to trust, PEM.
    pub ca: String,
    /// File with authorities to trust.
    pub ca_file: Option<PathBuf>,
    /// Name of a secret.
    pub ca_ref: String,
    /// Client certificate, PEM.
    pub cert: String,
    /// File with the client certificate.
    pub cert_file: Option<PathBuf>,
    /// Name of a secret.
    pub cert_ref: String,
    /// Client key, PEM.
    pub key: Secret,
    /// File with the client key.
    pub key_file: Option<PathBuf>,
    /// Name of a secret.
    pub key_ref: String,
    /// Name that the server's certificate must carry.
    pub server_name: String,
    /// Whether any certificate is accepted.
    pub insecure_skip_verify: bool,
    /// `TLS10` .. `TLS13`.
    pub min_version: Option<String>,
    /// `TLS10` .. `TLS13`.
    pub max_version: Option<String>,
}

/// Values of one extra header.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Header {
    /// Values.
    pub values: Vec<String>,
    /// Secret values.
    pub secrets: Vec<Secret>,
    /// Files that hold values.
    pub files: Vec<PathBuf>,
}

/// Everything about the client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpClientConfig {
    /// User name and password.
    pub basic_auth: Option<BasicAuth>,
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
    /// OAuth 2.0.
    pub oauth2: Option<OAuth2>,
    /// Older spelling of `authorization.credentials`.
    pub bearer_token: Secret,
    /// Older spelling of `authorization.credentials_file`.
    pub bearer_token_file: Option<PathBuf>,
    /// TLS.
    #[serde(deserialize_with = "nullable")]
    pub tls_config: TlsConfig,
    /// Whether redirects are followed.
    pub follow_redirects: bool,
    /// Whether HTTP/2 may be used.
    pub enable_http2: bool,
    /// Proxy.
    pub proxy_url: Option<String>,
    /// Hosts that are reached without it, separated by commas.
    pub no_proxy: String,
    /// Whether the environment names the proxy.
    pub proxy_from_environment: bool,
    /// Headers for the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
    /// Extra headers.
    pub http_headers: BTreeMap<String, Header>,
}

impl Default for HttpClientConfig {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            bearer_token: Secret::default(),
            bearer_token_file: None,
            tls_config: TlsConfig::default(),
            follow_redirects: true,
            enable_http2: true,
            proxy_url: None,
            no_proxy: String::new(),
            proxy_from_environment: false,
            proxy_connect_header: BTreeMap::new(),
            http_headers: BTreeMap::new(),
        }
    }
}

impl HttpClientConfig {
    /// Refuses combinations that contradict each other.
    pub fn check(&self) -> Result<(), String> {
        let (token, token_file) = (!self.bearer_token.0.is_empty(), self.bearer_token_file.is_some());
        if token && token_file {
            return fail("at most one of bearer_token & bearer_token_file must be configured");
        }
        let others = usize::from(self.basic_auth.is_some()) + usize::from(self.oauth2.is_some());
        if others > 0 && (token || token_file) || others > 1 && self.authorization.is_none() {
            return fail(
                "at most one of basic_auth, oauth2, bearer_token & bearer_token_file must be configured",
            );
        }
        if self.authorization.is_some() && (token || token_file) {
            return fail("authorization is not compatible with bearer_token & bearer_token_file");
        }
        if self.authorization.is_some() && others > 0 {
            return fail("at most one of basic_auth, oauth2 & authorization must be configured");
        }
        self.basic_auth.as_ref().map_or(Ok(()), BasicAuth::check)?;
        self.authorization.as_ref().map_or(Ok(()), Authorization::check)?;
        self.oauth2.as_ref().map_or(Ok(()), OAuth2::check)?;
        self.tls_config.check()?;
        if self.proxy_from_environment && (self.proxy_url.is_some() || !self.no_proxy.is_empty()) {
            return fail("if proxy_from_environment is configured, proxy_url and no_proxy must not be");
        }
        if !self.no_proxy.is_empty() && self.proxy_url.is_none() {
            return fail("if no_proxy is configured, proxy_url must also be configured");
        }
        for name in self.http_headers.keys() {
            if RESERVED_HEADERS.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                return Err(format!("setting header {name:?} is not allowed"));
            }
        }
        Ok(())
    }

    /// Takes relative file names as relative to `dir`.
    pub fn set_directory(&mut self, dir: &Path) {
        let basic = self.basic_auth.iter_mut().flat_map(|b| [&mut b.username_file, &mut b.password_file]);
        let authorization = self.authorization.iter_mut().map(|a| &mut a.credentials_file);
        let tls = &mut self.tls_config;
        let files = [&mut tls.ca_file, &mut tls.cert_file, &mut tls.key_file, &mut self.bearer_token_file];
        for file in basic.chain(authorization).chain(files).flatten() {
            *file = dir.join(&*file);
        }
        for file in self.http_headers.values_mut().flat_map(|h| &mut h.files) {
            *file = dir.join(&*file);
        }
    }
}

/// Headers that the client itself decides on (prometheus/common `config/headers.go`).
const RESERVED_HEADERS: [&str; 16] = [
    "Authorization",
    "Host",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
    "X-Amz-Date",
];

fn fail<T>(message: &str) -> Result<T, String> {
    Err(message.to_owned())
}

impl BasicAuth {
    fn check(&self) -> Result<(), String> {
        if !self.username_ref.is_empty() || !self.password_ref.is_empty() {
            return fail("secret references are not supported; use username_file and password_file");
        }
        if !self.username.is_empty() && self.username_file.is_some() {
            return fail(
                "at most one of basic_auth username, username_file & username_ref must be configured",
            );
        }
        if !self.password.0.is_empty() && self.password_file.is_some() {
            return fail(
                "at most one of basic_auth password, password_file & password_ref must be configured",
            );
        }
        Ok(())
    }
}

impl Authorization {
    fn check(&self) -> Result<(), String> {
        if !self.credentials_ref.is_empty() {
            return fail("secret references are not supported; use credentials_file");
        }
        if !self.credentials.0.is_empty() && self.credentials_file.is_some() {
            return fail("at most one of authorization credentials & credentials_file must be configured");
        }
        if self.kind.eq_ignore_ascii_case("basic") {
            return fail("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
        }
        Ok(())
    }
}

impl OAuth2 {
    fn check(&self) -> Result<(), String> {
        if self.client_id.is_empty() {
            return fail("oauth2 client_id must be configured");
        }
        if self.token_url.is_empty() {
            return fail("oauth2 token_url must be configured");
        }
        if !self.client_secret.0.is_empty() && self.client_secret_file.is_some() {
            return fail("at most one of oauth2 client_secret & client_secret_file must be configured");
        }
        self.tls_config.check()
    }
}

impl TlsConfig {
    fn check(&self) -> Result<(), String> {
        if !(self.ca_ref.is_empty() && self.cert_ref.is_empty() && self.key_ref.is_empty()) {
            return fail("secret references are not supported in tls_config; use the _file fields");
        }
        if !self.ca.is_empty() && self.ca_file.is_some() {
            return fail("at most one of ca and ca_file must be configured");
        }
        if !self.cert.is_empty() && self.cert_file.is_some() {
            return fail("at most one of cert and cert_file must be configured");
        }
        if !self.key.0.is_empty() && self.key_file.is_some() {
            return fail("at most one of key and key_file must be configured");
        }
        let (cert, key) = (self.has_cert(), !self.key.0.is_empty() || self.key_file.is_some());
        if cert && !key {
            return fail(
                "exactly one of key or key_file must be configured when a client certificate is configured",
            );
        }
        if key && !cert {
            return fail(
                "exactly one of cert or cert_file must be configured when a client key is configured",
            );
        }
        for version in [&self.min_version, &self.max_version].into_iter().flatten() {
            if !["TLS10", "TLS11", "TLS12", "TLS13"].contains(&version.as_str()) {
                return Err(format!("unknown TLS version: {version}"));
            }
        }
        Ok(())
    }

    /// Whether any of it is read from a file.
    pub(crate) const fn has_files(&self) -> bool {
        self.ca_file.is_some() || self.cert_file.is_some() || self.key_file.is_some()
    }

    pub(crate) const fn has_cert(&self) -> bool {
        !self.cert.is_empty() || self.cert_file.is_some()
    }
}
