//! How everything that connects out does so: the `http_config` fields of Prometheus' YAML and the client made of them.
//!
//! What it is: authorization (basic, bearer, OAuth 2), TLS, proxies, headers, redirects, and the secrets in them: read
//! here, from the file or from other files, and never shown.
//!
//! What it is not: it knows nobody it connects to, keeps no connection of its own account, and decides no retry.

#![forbid(unsafe_code)]
