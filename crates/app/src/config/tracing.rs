//! `tracing`: where Prometheus would send traces of its own.

use std::collections::BTreeMap;

use model::config::Duration;
use outbound::config::TlsConfig;

model::section! {
    /// Read, checked and shown.
    pub struct TracingConfig ("config.plain") {
        /// `http` or `grpc`.
        client_type: String = "grpc".to_owned(),
        /// Where traces are sent.
        endpoint: String = String::new(),
        /// Share of requests that are traced.
        sampling_fraction: f64 = 0.0,
        /// Whether TLS is not used.
        insecure: bool = false,
        /// TLS.
        tls_config: TlsConfig = TlsConfig::default(),
        /// Extra headers.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// `gzip`, or nothing.
        compression: String = String::new(),
        /// How long a request may take.
        timeout: Duration = Duration::default(),
    }
    check Self::check
}

impl TracingConfig {
    fn check(&mut self) -> Result<(), String> {
        if !["http", "grpc"].contains(&self.client_type.as_str()) {
            return Err(format!(
                "expected tracing client type to be to be http or grpc, but got {}",
                self.client_type
            ));
        }
        for name in self.headers.keys() {
            if name.eq_ignore_ascii_case("authorization") {
                return Err("custom authorization header configuration is not yet supported".to_owned());
            }
            if relay::config::is_reserved(name) {
                return Err(format!("{name} is a reserved header. It must not be changed"));
            }
        }
        if self.endpoint.is_empty() {
            return Err("tracing endpoint must be set".to_owned());
        }
        if !self.compression.is_empty() && self.compression != "gzip" {
            return Err(format!(
                "invalid compression type {} provided, valid options: gzip",
                self.compression
            ));
        }
        Ok(())
    }
}
