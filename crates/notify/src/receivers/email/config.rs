//! Its section of the configuration.

use std::collections::BTreeMap;

use outbound::config::TlsConfig;
use outbound::{HttpConfig, Secret};

use crate::config::{Global, Inherit, host_port, inherit};

model::section! {
    /// Whether mails of one group make one conversation.
    pub struct ThreadingConfig ("config.plain") {
        /// Whether they do.
        enabled: bool = false,
        /// `daily`: a new conversation every day; `none`.
        thread_by_date: String = String::new(),
    }
}

model::section! {
    /// Somebody who takes mail.
    pub struct EmailConfig ("config.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = false => always,
        /// Recipients; a template, addresses with commas between them.
        to: String = String::new(),
        /// Sender; a template.
        from: String = String::new(),
        /// Name to greet the server with.
        hello: String = String::new(),
        /// Mail server, `host:port`.
        smarthost: String = String::new(),
        /// User at the mail server.
        auth_username: String = String::new(),
        /// Password for LOGIN and PLAIN.
        auth_password: Secret = Secret::default(),
        /// File with it.
        auth_password_file: String = String::new(),
        /// Secret for CRAM-MD5.
        auth_secret: Secret = Secret::default(),
        /// File with it.
        auth_secret_file: String = String::new(),
        /// Identity for PLAIN.
        auth_identity: String = String::new(),
        /// Headers; their values are templates.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// The mail as HTML; a template.
        html: String = "{{ template \"email.default.html\" . }}".to_owned(),
        /// The mail as text; a template.
        text: String = String::new(),
        /// Whether it goes over TLS or not at all.
        require_tls: Option<bool> = None,
        /// TLS towards the server.
        tls_config: Option<TlsConfig> = None,
        /// Whether TLS begins before the first word; by the port (465) where it is left out.
        force_implicit_tls: Option<bool> = None,
        /// Conversations.
        threading: ThreadingConfig = ThreadingConfig::default(),
    }
    check Self::check
}

impl EmailConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.to.is_empty() {
            return Err("missing to address in email config".to_owned());
        }
        host_port(&self.smarthost)?;
        let mut headers = BTreeMap::new();
        for (name, value) in std::mem::take(&mut self.headers) {
            let name = canonical(&name);
            if headers.contains_key(&name) {
                return Err(format!("duplicate header {name:?} in email config"));
            }
            headers.insert(name, value);
        }
        self.headers = headers;
        if !self.threading.enabled {
            return Ok(());
        }
        for name in ["References", "In-Reply-To"] {
            if self.headers.contains_key(name) {
                return Err(format!(
                    "conflicting configuration: threading.enabled conflicts with custom {name} header"
                ));
            }
        }
        match self.threading.thread_by_date.as_str() {
            "none" | "daily" => Ok(()),
            _ => Err("threading.thread_by_date must be either 'none' or 'daily'".to_owned()),
        }
    }
}

/// `message-id` as `Message-Id`; a name that is none stays.
fn canonical(name: &str) -> String {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if !name.chars().all(token) {
        return name.to_owned();
    }
    let mut first = true;
    let cased = name.chars().map(|c| {
        let cased = if first { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
        first = c == '-';
        cased
    });
    cased.collect()
}

impl Inherit for EmailConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.tls_config.get_or_insert_with(|| global.smtp_tls_config.clone());
        inherit(&mut self.smarthost, &global.smtp_smarthost);
        if self.smarthost.is_empty() {
            return Err("no global SMTP smarthost set".to_owned());
        }
        inherit(&mut self.from, &global.smtp_from);
        if self.from.is_empty() {
            return Err("no global SMTP from set".to_owned());
        }
        inherit(&mut self.hello, &global.smtp_hello);
        inherit(&mut self.auth_username, &global.smtp_auth_username);
        if self.auth_password.is_empty() && self.auth_password_file.is_empty() {
            self.auth_password = global.smtp_auth_password.clone();
            self.auth_password_file.clone_from(&global.smtp_auth_password_file);
        }
        if self.auth_secret.is_empty() && self.auth_secret_file.is_empty() {
            self.auth_secret = global.smtp_auth_secret.clone();
            self.auth_secret_file.clone_from(&global.smtp_auth_secret_file);
        }
        inherit(&mut self.auth_identity, &global.smtp_auth_identity);
        self.require_tls.get_or_insert(global.smtp_require_tls);
        inherit(&mut self.force_implicit_tls, &global.smtp_force_implicit_tls);
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        None
    }
}
