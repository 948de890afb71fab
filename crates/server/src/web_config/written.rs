//! What the file says, checked as far as it can be without looking at other files.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};
use model::{Error, Result};
use serde::Deserialize;

use super::rate::RateLimit;
use super::users;

/// A file of settings is short, inline certificates included.
const MAX_BYTES: u64 = 4 << 20;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    #[serde(deserialize_with = "nullable")]
    pub(super) tls_server_config: TlsServer,
    #[serde(deserialize_with = "nullable")]
    pub(super) http_server_config: HttpServer,
    #[serde(deserialize_with = "nullable")]
    pub(super) rate_limit: RateLimit,
    #[serde(deserialize_with = "nullable")]
    pub(super) basic_auth_users: BTreeMap<String, Secret>,
}

/// The section `tls_server_config`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsServer {
    pub(super) cert: String,
    pub(super) key: Secret,
    pub(super) client_ca: String,
    pub(super) cert_file: PathBuf,
    pub(super) key_file: PathBuf,
    pub(super) client_ca_file: PathBuf,
    pub(super) client_auth_type: String,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    pub(super) min_version: Version,
    pub(super) max_version: Version,
    /// Go ignores it, and so do we: the order of the suites is the library's.
    #[allow(dead_code, reason = "accepted as in Prometheus")]
    pub(super) prefer_server_cipher_suites: bool,
}

impl Default for TlsServer {
    fn default() -> Self {
        Self {
            cert: String::new(),
            key: Secret::default(),
            client_ca: String::new(),
            cert_file: PathBuf::new(),
            key_file: PathBuf::new(),
            client_ca_file: PathBuf::new(),
            client_auth_type: String::new(),
            client_allowed_sans: None,
            cipher_suites: Vec::new(),
            curve_preferences: Vec::new(),
            min_version: Version::Tls12,
            max_version: Version::Tls13,
            prefer_server_cipher_suites: true,
        }
    }
}

/// Names of TLS versions as Go's configuration has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) enum Version {
    #[serde(rename = "TLS10")]
    Tls10,
    #[serde(rename = "TLS11")]
    Tls11,
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

/// The section `http_server_config`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct HttpServer {
    pub(super) http2: bool,
    #[serde(deserialize_with = "nullable")]
    headers: BTreeMap<String, String>,
}

impl Default for HttpServer {
    fn default() -> Self {
        Self { http2: true, headers: BTreeMap::new() }
    }
}

/// A text that is never shown.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// A key with nothing after it means what a missing key means.
fn nullable<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

/// Reads and checks a file; paths in it are relative to its folder.
pub(super) fn load(path: &Path) -> Result<Written> {
    use std::io::Read;
    let shown = path.display();
    let fail =
        |e: std::io::Error| Error::invalid(format_args!("--web.config.file {shown} cannot be read: {e}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    if file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(fail)? as u64 > MAX_BYTES {
        return Err(Error::invalid(format_args!("{shown} is larger than {MAX_BYTES} bytes")));
    }
    let mut written = parse(&text).map_err(|e| Error::invalid(format_args!("{shown}{e}")))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    written.tls_server_config.set_directory(folder);
    Ok(written)
}

/// The error begins with `:line:column: ` or `: `.
pub(super) fn parse(text: &str) -> Result<Written, String> {
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
        return Ok(Written::default());
    }
    let written: Written = serde_saphyr::from_str(text).map_err(|e| {
        let place = e.location().map_or_else(String::new, |l| format!(":{}:{}", l.line(), l.column()));
        let text = e.without_snippet().to_string();
        format!("{place}: {}", text.lines().next().unwrap_or_default())
    })?;
    written.http_server_config.pairs().map_err(|e| format!(": {e}"))?;
    for (name, hash) in &written.basic_auth_users {
        if users::cost(&hash.0).is_none() {
            return Err(format!(
                ": basic_auth_users: what stands for {name:?} is no bcrypt hash (htpasswd -nBC 10 \"\" makes one)"
            ));
        }
    }
    Ok(written)
}

impl HttpServer {
    /// Headers for every answer; only those whose names exporters allow.
    pub(super) fn pairs(&self) -> Result<Vec<(HeaderName, HeaderValue)>> {
        const ALLOWED: [(&str, &[&str]); 5] = [
            ("Strict-Transport-Security", &[]),
            ("X-Content-Type-Options", &["nosniff"]),
            ("X-Frame-Options", &["deny", "sameorigin"]),
            ("X-XSS-Protection", &[]),
            ("Content-Security-Policy", &[]),
        ];
        let pair = |(name, value): (&String, &String)| {
            let Some((_, values)) = ALLOWED.iter().find(|(allowed, _)| allowed == name) else {
                return Err(Error::invalid(format_args!("HTTP header {name:?} can not be configured")));
            };
            if !values.is_empty() && !values.contains(&value.as_str()) {
                return Err(Error::invalid(format_args!(
                    "invalid value for {name}. Expected one of: {values:?}, but got: {value:?}"
                )));
            }
            let bad = |_| Error::invalid(format_args!("the value of the header {name} is not plain text"));
            let value = HeaderValue::from_str(value).map_err(bad)?;
            // The names of the table are header names.
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| Error::invalid(format_args!("{name:?} is no header")))?;
            Ok((name, value))
        };
        self.headers.iter().map(pair).collect()
    }
}

impl TlsServer {
    /// Whether the section says anything: then there is TLS.
    pub(super) fn is_enabled(&self) -> bool {
        !self.cert.is_empty()
            || !self.key.0.is_empty()
            || !self.client_ca.is_empty()
            || !self.client_auth_type.is_empty()
            || !self.files().is_empty()
    }

    /// The files it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let all = [&self.cert_file, &self.key_file, &self.client_ca_file];
        all.into_iter().filter(|path| !path.as_os_str().is_empty()).cloned().collect()
    }

    pub(super) fn verifies_every_client(&self) -> bool {
        self.client_auth_type == "RequireAndVerifyClientCert"
    }

    pub(crate) fn set_directory(&mut self, folder: &Path) {
        for path in [&mut self.cert_file, &mut self.key_file, &mut self.client_ca_file] {
            if !path.as_os_str().is_empty() {
                *path = folder.join(&path);
            }
        }
    }
}
