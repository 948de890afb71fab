//! Its section of the configuration.

use std::collections::BTreeMap;

use model::config::Duration;
use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, inherit};

model::section! {
    /// A link.
    pub struct PagerdutyLink ("pagerduty.PagerdutyLink") {
        /// Where it leads.
        href: String = String::new(),
        /// What it says.
        text: String = String::new(),
    }
}

model::section! {
    /// A picture.
    pub struct PagerdutyImage ("pagerduty.PagerdutyImage") {
        /// Where it is.
        src: String = String::new(),
        /// What it shows.
        alt: String = String::new(),
        /// Where it leads.
        href: String = String::new(),
    }
}

model::section! {
    /// A service of PagerDuty.
    pub struct PagerdutyConfig ("pagerduty.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Key of an integration of the first API.
        service_key: Secret = Secret::default(),
        /// File with it.
        service_key_file: String = String::new(),
        /// Key of an integration of the second API.
        routing_key: Secret = Secret::default(),
        /// File with it.
        routing_key_file: String = String::new(),
        /// Where events go.
        url: WebUrl = WebUrl::default(),
        /// Who says so.
        client: String = "{{ template \"pagerduty.default.client\" . }}".to_owned(),
        /// Where that is seen.
        client_url: String = "{{ template \"pagerduty.default.clientURL\" . }}".to_owned(),
        /// What happened.
        description: String = "{{ template \"pagerduty.default.description\" . }}".to_owned(),
        /// Details by name; texts in them are templates.
        details: BTreeMap<String, serde_json::Value> = BTreeMap::new(),
        /// Pictures.
        images: Vec<PagerdutyImage> = Vec::new(),
        /// Links.
        links: Vec<PagerdutyLink> = Vec::new(),
        /// What it happened to; `client` where it is left out.
        source: String = String::new(),
        /// How bad it is.
        severity: String = String::new(),
        /// Class of the event.
        class: String = String::new(),
        /// Component it happened to.
        component: String = String::new(),
        /// Group of components.
        group: String = String::new(),
        /// How long an attempt may take; 0: as long as the group's interval.
        timeout: Duration = Duration::default() => always,
    }
    check Self::check
}

/// Details that are always there.
const DETAILS: [(&str, &str); 4] = [
    ("firing", "{{ .Alerts.Firing | toJson }}"),
    ("resolved", "{{ .Alerts.Resolved | toJson }}"),
    ("num_firing", "{{ .Alerts.Firing | len }}"),
    ("num_resolved", "{{ .Alerts.Resolved | len }}"),
];

impl PagerdutyConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.url.expose())?;
        let (routing, routing_file) = (!self.routing_key.is_empty(), !self.routing_key_file.is_empty());
        let (service, service_file) = (!self.service_key.is_empty(), !self.service_key_file.is_empty());
        if !(routing || service || routing_file || service_file) {
            return Err("missing service or routing key in PagerDuty config".to_owned());
        }
        at_most_one(routing, routing_file, "routing_key & routing_key_file")?;
        at_most_one(service, service_file, "service_key & service_key_file")?;
        inherit(&mut self.source, &self.client);
        for (name, text) in DETAILS {
            self.details.entry(name.to_owned()).or_insert_with(|| text.into());
        }
        Ok(())
    }
}

impl Inherit for PagerdutyConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.url, &global.pagerduty_url);
        if self.url.is_empty() {
            return Err("no global PagerDuty URL set".to_owned());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
