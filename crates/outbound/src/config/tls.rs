//! Which servers are trusted, and who we are to them.

use std::path::{Path, PathBuf};

use super::{fail, in_directory, several};
use crate::secret::Secret;

model::section! {
    /// TLS towards the server.
    pub struct TlsConfig ("config.plain") {
        /// Authorities to trust, PEM.
        ca: String = String::new(),
        /// Client certificate, PEM.
        cert: String = String::new(),
        /// Client key, PEM.
        key: Secret = Secret::default(),
        /// File with authorities to trust.
        ca_file: Option<PathBuf> = None,
        /// File with the client certificate.
        cert_file: Option<PathBuf> = None,
        /// File with the client key.
        key_file: Option<PathBuf> = None,
        /// Name of a secret in a secret store, which is refused when the client is made: there is none.
        ca_ref: String = String::new(),
        /// Name of a secret, likewise.
        cert_ref: String = String::new(),
        /// Name of a secret, likewise.
        key_ref: String = String::new(),
        /// Name that the server's certificate must carry.
        server_name: String = String::new(),
        /// Whether any certificate is accepted.
        insecure_skip_verify: bool = false => always,
        /// `TLS10` .. `TLS13`.
        min_version: String = String::new(),
        /// `TLS10` .. `TLS13`.
        max_version: String = String::new(),
    }
    check Self::check
}

impl TlsConfig {
    fn check(&mut self) -> Result<(), String> {
        if several(&[!self.ca.is_empty(), self.ca_file.is_some(), !self.ca_ref.is_empty()]) {
            return fail("at most one of ca, ca_file & ca_ref must be configured");
        }
        if several(&[!self.cert.is_empty(), self.cert_file.is_some(), !self.cert_ref.is_empty()]) {
            return fail("at most one of cert, cert_file & cert_ref must be configured");
        }
        if several(&[!self.key.is_empty(), self.key_file.is_some(), !self.key_ref.is_empty()]) {
            return fail("at most one of key and key_file must be configured");
        }
        let cert = self.has_cert() || !self.cert_ref.is_empty();
        let key = !self.key.is_empty() || self.key_file.is_some() || !self.key_ref.is_empty();
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
        for version in [&self.min_version, &self.max_version] {
            if !["", "TLS10", "TLS11", "TLS12", "TLS13"].contains(&version.as_str()) {
                return Err(format!("unknown TLS version: {version}"));
            }
        }
        Ok(())
    }

    /// Takes relative file names as relative to `dir`.
    pub fn set_directory(&mut self, dir: &Path) {
        for file in [&mut self.ca_file, &mut self.cert_file, &mut self.key_file] {
            in_directory(dir, file);
        }
    }

    /// The files it is read from.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        [&self.ca_file, &self.cert_file, &self.key_file].into_iter().filter_map(|file| file.as_deref())
    }

    pub(crate) const fn has_cert(&self) -> bool {
        !self.cert.is_empty() || self.cert_file.is_some()
    }
}
