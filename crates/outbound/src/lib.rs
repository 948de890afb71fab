//! How everything that connects out does so: the `http_config` fields of Prometheus' YAML and the client made of them.
//!
//! What it is: authorization (basic, bearer, OAuth 2), TLS, proxies, headers, redirects, and the secrets in them: read
//! here, from the file or from other files, and never shown.
//!
//! What it is not: it knows nobody it connects to, keeps no connection of its own account, and decides no retry.
//!
//! ```text
//! HttpConfig (inline in a section) -> Client -> Request --headers, token--> Response, capped
//! ```
//!
//! A section that has these fields among its own says so with [`model::section!`]:
//!
//! ```
//! model::section! {
//!     /// One receiver.
//!     pub struct Receiver ("config.plain") {
//!         /// Where it is.
//!         url: outbound::WebUrl = outbound::WebUrl::default(),
//!         /// How to talk to it: `basic_auth`, `tls_config` and the others beside `url`.
//!         http: outbound::HttpConfig = outbound::HttpConfig::default() => inline,
//!     }
//! }
//! ```
//!
//! Start reading at [`HttpConfig`], then [`Client`].

#![forbid(unsafe_code)]

pub mod client;
pub mod config;
pub mod discovery;
mod secret;

pub use client::{Client, ClientOptions, Clients, Failure, Method, Request, Response, StatusCode, Url};
pub use config::HttpConfig;
pub use secret::{Secret, WebUrl};
