//! Its section of the configuration.

use std::collections::BTreeMap;

use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, end_with_slash, inherit};

model::section! {
    /// VictorOps (Splunk On-Call).
    pub struct VictoropsConfig ("config.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Key.
        api_key: Secret = Secret::default(),
        /// File with it.
        api_key_file: String = String::new(),
        /// Where it is.
        api_url: WebUrl = WebUrl::default(),
        /// Which team.
        routing_key: String = String::new(),
        /// How bad it is, while it fires.
        message_type: String = "CRITICAL".to_owned(),
        /// What happened.
        state_message: String = "{{ template \"victorops.default.state_message\" . }}".to_owned(),
        /// What it happened to.
        entity_display_name: String = "{{ template \"victorops.default.entity_display_name\" . }}".to_owned(),
        /// Who says so.
        monitoring_tool: String = "{{ template \"victorops.default.monitoring_tool\" . }}".to_owned(),
        /// More fields by name; they are templates.
        custom_fields: BTreeMap<String, String> = BTreeMap::new(),
    }
    check Self::check
}

const RESERVED: [&str; 7] = [
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
];

impl VictoropsConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        if self.routing_key.is_empty() {
            return Err("missing Routing key in VictorOps config".to_owned());
        }
        at_most_one(!self.api_key.is_empty(), !self.api_key_file.is_empty(), "api_key & api_key_file")?;
        match RESERVED.iter().find(|name| self.custom_fields.contains_key(**name)) {
            Some(name) => Err(format!(
                "victorOps config contains custom field {name} which cannot be used as it conflicts with the \
                 fixed/static fields"
            )),
            None => Ok(()),
        }
    }
}

impl Inherit for VictoropsConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.victorops_api_url);
        if self.api_url.is_empty() {
            return Err("no global VictorOps URL set".to_owned());
        }
        end_with_slash(&mut self.api_url);
        if self.api_key.is_empty() && self.api_key_file.is_empty() {
            self.api_key = global.victorops_api_key.clone();
            self.api_key_file.clone_from(&global.victorops_api_key_file);
        }
        if self.api_key.is_empty() && self.api_key_file.is_empty() {
            return Err("no global VictorOps API Key set".to_owned());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
