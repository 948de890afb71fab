//! One receiver of samples.

use std::collections::BTreeMap;
use std::path::Path;

use model::config::{Duration, Empty};
use model::relabel::RelabelConfig;
use outbound::config::{AzureAdConfig, GoogleIamConfig, SigV4Config};
use outbound::{HttpConfig, WebUrl};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{MetadataConfig, QueueConfig, check_headers};

/// Which version of the protocol is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProtobufMessage {
    /// Remote write 1.0.
    #[default]
    V1,
    /// Remote write 2.0.
    V2,
}

impl ProtobufMessage {
    /// The name in the configuration and in the content type.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "prometheus.WriteRequest",
            Self::V2 => "io.prometheus.write.v2.Request",
        }
    }
}

impl<'de> Deserialize<'de> for ProtobufMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = [Self::V1, Self::V2].into_iter().find(|message| message.as_str() == name);
        known.ok_or_else(|| {
            D::Error::custom(format_args!(
                "invalid protobuf_message value: unknown type for remote write protobuf message {name}, supported: \
                 prometheus.WriteRequest, io.prometheus.write.v2.Request"
            ))
        })
    }
}

impl Serialize for ProtobufMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Empty for ProtobufMessage {
    fn is_empty_value(&self) -> bool {
        false
    }
}

model::section! {
    /// One entry of `remote_write`.
    pub struct RemoteWriteConfig ("config.plain") {
        /// Where samples are sent.
        url: WebUrl = WebUrl::default() => always,
        /// How long a request may take.
        remote_timeout: Duration = Duration::from_secs(30),
        /// Extra headers.
        headers: BTreeMap<String, String> = BTreeMap::new(),
        /// Rules for what is sent.
        write_relabel_configs: Vec<RelabelConfig> = Vec::new() => list("empty or null relabeling rule in remote write config"),
        /// Its name in metrics and for its place in the log; made of the section where it is empty.
        name: String = String::new(),
        /// Whether exemplars are sent.
        send_exemplars: bool = false,
        /// Whether native histograms are sent.
        send_native_histograms: bool = false,
        /// Whether requests are spread over all addresses of the host.
        round_robin_dns: bool = false,
        /// Which version of the protocol is spoken.
        protobuf_message: ProtobufMessage = ProtobufMessage::V1,
        /// Whether requests that fail are logged.
        failed_request_logging: bool = false,
        /// How to talk to the receiver.
        http: HttpConfig = HttpConfig { enable_http2: false, ..HttpConfig::default() } => inline,
        /// The queue.
        queue_config: QueueConfig = QueueConfig::default(),
        /// Types, help texts and units.
        metadata_config: MetadataConfig = MetadataConfig::default(),
        /// Signing for AWS: checked, not supported.
        sigv4: Option<SigV4Config> = None,
        /// Tokens of Azure: checked, not supported.
        azuread: Option<AzureAdConfig> = None,
        /// Tokens of Google: checked, not supported.
        google_iam: Option<GoogleIamConfig> = None,
    }
    check Self::check
}

impl RemoteWriteConfig {
    fn check(&mut self) -> Result<(), String> {
        if self.url.is_empty() {
            return Err("url for remote_write is empty".to_owned());
        }
        check_headers(&self.headers)?;
        self.queue_config.check()?;
        let configured: Vec<&str> = [
            ("basic_auth", self.http.basic_auth.is_some()),
            ("authorization", self.http.authorization.is_some()),
            ("oauth2", self.http.oauth2.is_some()),
            ("sigv4", self.sigv4.is_some()),
            ("azuread", self.azuread.is_some()),
            ("google_iam", self.google_iam.is_some()),
        ]
        .into_iter()
        .filter(|(_, given)| *given)
        .map(|(name, _)| name)
        .collect();
        if configured.len() > 1 {
            return Err(format!(
                "at most one of basic_auth, authorization, oauth2, sigv4, azuread or google_iam must be configured. \
                 Currently configured: [{}]",
                configured.join(" ")
            ));
        }
        Ok(())
    }

    /// The way of authorization that is asked for and not supported: such a receiver would refuse every request.
    pub const fn unsupported(&self) -> Option<&'static str> {
        if self.sigv4.is_some() {
            Some("sigv4")
        } else if self.azuread.is_some() {
            Some("azuread")
        } else if self.google_iam.is_some() {
            Some("google_iam")
        } else {
            None
        }
    }

    /// Takes relative file names as relative to `dir`, the folder of the configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        self.http.set_directory(dir);
    }
}
