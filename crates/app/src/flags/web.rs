//! `--web.*`: listening, and what stands before every request.

use std::time::Duration;

use clap::Args;
use model::Pattern;

use super::values::{pattern, positive_duration};

/// Flags of the web server.
#[derive(Debug, Clone, Args)]
pub struct WebFlags {
    /// Address to listen on; may be given more than once.
    #[arg(
        long = "web.listen-address",
        value_name = "HOST:PORT",
        env = "BONGHWA_LISTEN",
        default_value = "127.0.0.1:9090",
        value_delimiter = ','
    )]
    pub listen: Vec<String>,
    /// File that configures TLS, users and headers, as Prometheus' exporters have it.
    #[arg(id = "web.config.file", long = "web.config.file", value_name = "FILE", default_value = "")]
    pub config_file: String,
    /// How long a client may take for a request, and keep an idle connection.
    #[arg(long = "web.read-timeout", value_name = "DURATION", default_value = "5m", value_parser = positive_duration)]
    pub read_timeout: Duration,
    /// Connections at one time.
    #[arg(long = "web.max-connections", value_name = "N", default_value_t = 512)]
    pub max_connections: usize,
    /// Clients that wait for notifications at one time.
    #[arg(long = "web.max-notifications-subscribers", value_name = "N", default_value_t = 16)]
    pub max_notifications_subscribers: usize,
    /// Address under which browsers reach this server, where a proxy stands before it.
    #[arg(long = "web.external-url", value_name = "URL", default_value = "")]
    pub external_url: String,
    /// Prefix of all paths; without it the path of --web.external-url.
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    pub route_prefix: Option<String>,
    /// A folder whose files are served under /user.
    #[arg(long = "web.user-assets", value_name = "DIR")]
    pub user_assets: Option<String>,
    /// Reload and quit over HTTP.
    #[arg(long = "web.enable-lifecycle", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_lifecycle: bool,
    /// Deletion and snapshots over HTTP.
    #[arg(long = "web.enable-admin-api", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_admin: bool,
    /// Takes samples that others send by remote write.
    #[arg(long = "web.enable-remote-write-receiver", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_remote_write: bool,
    /// Which messages of remote write are taken.
    #[arg(
        long = "web.remote-write-receiver.accepted-protobuf-messages",
        value_name = "MESSAGES",
        value_delimiter = ',',
        default_values = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"],
        value_parser = ["prometheus.WriteRequest", "io.prometheus.write.v2.Request"]
    )]
    pub remote_write_messages: Vec<String>,
    /// Takes samples that others send by OTLP.
    #[arg(long = "web.enable-otlp-receiver", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_value = "false", default_missing_value = "true")]
    pub enable_otlp: bool,
    /// Title of the pages.
    #[arg(long = "web.page-title", value_name = "TEXT", default_value = "Bonghwa")]
    pub page_title: String,
    /// Which other sites' pages may read the API (a regular expression that matches the whole origin).
    #[arg(long = "web.cors.origin", value_name = "REGEX", default_value = ".*", value_parser = pattern)]
    pub cors_origin: Pattern,
}
