//! Who asks: a user name with a password, or an `Authorization` header.

use std::path::PathBuf;

use super::{fail, several};
use crate::secret::Secret;

model::section! {
    /// User name and password.
    pub struct BasicAuth ("config.plain") {
        /// User name.
        username: String = String::new(),
        /// File that holds the user name; read for every request.
        username_file: Option<PathBuf> = None,
        /// Name of a secret in a secret store, which is refused when the client is made: there is none.
        username_ref: String = String::new(),
        /// Password.
        password: Secret = Secret::default(),
        /// File that holds the password; read for every request.
        password_file: Option<PathBuf> = None,
        /// Name of a secret, likewise.
        password_ref: String = String::new(),
    }
    check Self::check
}

impl BasicAuth {
    fn check(&mut self) -> Result<(), String> {
        if several(&[!self.username.is_empty(), self.username_file.is_some(), !self.username_ref.is_empty()])
        {
            return fail(
                "at most one of basic_auth username, username_file & username_ref must be configured",
            );
        }
        if several(&[!self.password.is_empty(), self.password_file.is_some(), !self.password_ref.is_empty()])
        {
            return fail(
                "at most one of basic_auth password, password_file & password_ref must be configured",
            );
        }
        Ok(())
    }
}

model::section! {
    /// The `Authorization` header.
    pub struct Authorization ("config.Authorization") {
        /// Scheme.
        kind ("type"): String = String::new(),
        /// What follows the scheme.
        credentials: Secret = Secret::default(),
        /// File that holds what follows the scheme; read for every request.
        credentials_file: Option<PathBuf> = None,
        /// Name of a secret in a secret store, which is refused when the client is made: there is none.
        credentials_ref: String = String::new(),
    }
    check Self::check
}

impl Authorization {
    fn check(&mut self) -> Result<(), String> {
        if several(&[
            !self.credentials.is_empty(),
            self.credentials_file.is_some(),
            !self.credentials_ref.is_empty(),
        ]) {
            return fail("at most one of authorization credentials & credentials_file must be configured");
        }
        self.kind = self.kind.trim().to_owned();
        if self.kind.is_empty() {
            "Bearer".clone_into(&mut self.kind);
        }
        if self.kind.eq_ignore_ascii_case("basic") {
            return fail("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
        }
        Ok(())
    }
}
