//! Its section of the configuration.

use std::collections::BTreeMap;

use outbound::HttpConfig;
use outbound::config::SigV4Config;

use crate::config::{Global, Inherit};

model::section! {
    /// A topic, a device or a telephone of Amazon's SNS.
    pub struct SnsConfig ("sns.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where it is; by the region where it is left out.
        api_url: String = String::new(),
        /// How requests are signed.
        sigv4: SigV4Config = SigV4Config::default(),
        /// Topic.
        topic_arn: String = String::new(),
        /// Telephone.
        phone_number: String = String::new(),
        /// Device.
        target_arn: String = String::new(),
        /// Subject.
        subject: String = "{{ template \"sns.default.subject\" . }}".to_owned(),
        /// Message.
        message: String = "{{ template \"sns.default.message\" . }}".to_owned(),
        /// Attributes by name; they are templates.
        attributes: BTreeMap<String, String> = BTreeMap::new(),
        /// Read for the sake of Alertmanager; it changes nothing.
        use_aws_http_client: bool = false,
    }
    check |sns| match sns.target_arn.is_empty() ^ sns.topic_arn.is_empty() ^ sns.phone_number.is_empty() {
        true => Err("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config".to_owned()),
        false => Ok(()),
    }
}

impl Inherit for SnsConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
