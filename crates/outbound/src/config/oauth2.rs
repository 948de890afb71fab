//! OAuth 2.0: client credentials, or a signed assertion (RFC 7523).

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{ProxyConfig, TlsConfig, fail, several};
use crate::secret::Secret;

/// The grant type of a signed assertion.
pub const GRANT_JWT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

model::section! {
    /// Where tokens come from, and what is asked for.
    pub struct OAuth2 ("config.plain") {
        /// Client id.
        client_id: String = String::new(),
        /// Client secret.
        client_secret: Secret = Secret::default(),
        /// File that holds the client secret; a change of it ends the token.
        client_secret_file: Option<PathBuf> = None,
        /// Name of a secret in a secret store, which is refused when the client is made: there is none.
        client_secret_ref: String = String::new(),
        /// Id of the key that signs assertions.
        client_certificate_key_id: String = String::new(),
        /// RSA key that signs assertions, PEM.
        client_certificate_key: Secret = Secret::default(),
        /// File that holds the key.
        client_certificate_key_file: Option<PathBuf> = None,
        /// Name of a secret, likewise.
        client_certificate_key_ref: String = String::new(),
        /// `client_credentials`, which is the default, or [`GRANT_JWT`].
        grant_type: String = String::new(),
        /// `RS256`, which is the default, `RS384` or `RS512`.
        signature_algorithm: String = String::new(),
        /// Issuer of the assertion; the client id by default.
        iss: String = String::new(),
        /// Audience of the assertion; the token URL by default.
        audience: String = String::new(),
        /// Further claims of the assertion.
        claims: BTreeMap<String, serde_json::Value> = BTreeMap::new(),
        /// Scopes to ask for.
        scopes: Vec<String> = Vec::new(),
        /// Where tokens come from.
        token_url: String = String::new(),
        /// Parameters of the token request.
        endpoint_params: BTreeMap<String, String> = BTreeMap::new(),
        /// TLS towards the token server.
        tls_config: TlsConfig = TlsConfig::default(),
        /// Proxy towards the token server.
        proxy: ProxyConfig = ProxyConfig::default() => inline,
    }
    check Self::check
}

impl OAuth2 {
    fn check(&mut self) -> Result<(), String> {
        if self.client_id.is_empty() {
            return fail("oauth2 client_id must be configured");
        }
        if self.token_url.is_empty() {
            return fail("oauth2 token_url must be configured");
        }
        if self.grant_type != GRANT_JWT {
            let secrets = [
                !self.client_secret.is_empty(),
                self.client_secret_file.is_some(),
                !self.client_secret_ref.is_empty(),
            ];
            if several(&secrets) {
                return fail(
                    "at most one of oauth2 client_secret, client_secret_file & client_secret_ref must be \
                     configured using grant-type=client_credentials",
                );
            }
            return Ok(());
        }
        let keys = [
            !self.client_certificate_key.is_empty(),
            self.client_certificate_key_file.is_some(),
            !self.client_certificate_key_ref.is_empty(),
        ];
        if several(&keys) {
            return fail(
                "at most one of oauth2 client_certificate_key, client_certificate_key_file & \
                 client_certificate_key_ref must be configured using \
                 grant-type=urn:ietf:params:oauth:grant-type:jwt-bearer",
            );
        }
        if !["", "RS256", "RS384", "RS512"].contains(&self.signature_algorithm.as_str()) {
            return fail("valid signature algorithms are RS256, RS384 and RS512");
        }
        Ok(())
    }
}
