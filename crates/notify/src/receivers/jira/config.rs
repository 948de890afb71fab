//! Its section of the configuration.

use std::collections::BTreeMap;
use std::fmt;

use model::config::{Duration, Empty};
use outbound::{HttpConfig, WebUrl};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::{Global, Inherit, address, inherit};

/// A field of an issue: a template, or an object that also says whether it follows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JiraField {
    /// What it holds; a template.
    pub template: String,
    /// Whether it is written again when the issue changes; so it is where nothing is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_update: Option<bool>,
}

model::section! {
    /// The long form.
    pub struct LongField ("jira.plain") {
        /// What it holds.
        template: String = String::new(),
        /// Whether it follows.
        enable_update: Option<bool> = None,
    }
}

impl Empty for JiraField {
    fn is_empty_value(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for JiraField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = JiraField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a template, or an object with template and enable_update")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<JiraField, E> {
                Ok(JiraField { template: text.to_owned(), enable_update: None })
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<JiraField, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<JiraField, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<JiraField, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_bool<E: serde::de::Error>(self, truth: bool) -> Result<JiraField, E> {
                self.visit_str(if truth { "true" } else { "false" })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JiraField, A::Error> {
                let long = LongField::deserialize(MapAccessDeserializer::new(map))?;
                Ok(JiraField { template: long.template, enable_update: long.enable_update })
            }
        }

        deserializer.deserialize_any(Either)
    }
}

model::section! {
    /// A project of Jira.
    pub struct JiraConfig ("jira.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where its REST API is.
        api_url: WebUrl = WebUrl::default(),
        /// `cloud`, `datacenter`, or `auto`: by the address.
        api_type: String = "auto".to_owned(),
        /// Key of the project; a template.
        project: String = String::new(),
        /// Title.
        summary: JiraField = JiraField {
            template: "{{ template \"jira.default.summary\" . }}".to_owned(),
            enable_update: None,
        },
        /// Text.
        description: JiraField = JiraField {
            template: "{{ template \"jira.default.description\" . }}".to_owned(),
            enable_update: None,
        },
        /// Labels; they are templates.
        labels: Vec<String> = Vec::new(),
        /// Priority; a template.
        priority: String = "{{ template \"jira.default.priority\" . }}".to_owned(),
        /// Kind of issue; a template.
        issue_type: String = String::new(),
        /// What reopens an issue.
        reopen_transition: String = String::new(),
        /// What resolves one.
        resolve_transition: String = String::new(),
        /// Issues with this resolution are left alone.
        wont_fix_resolution: String = String::new(),
        /// For how long after its end an issue is reopened; after that a new one is made.
        reopen_duration: Duration = Duration::default(),
        /// Other fields by name; texts in them are templates.
        fields: BTreeMap<String, serde_json::Value> = BTreeMap::new(),
    }
    check Self::check
}

impl JiraConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        if self.project.is_empty() {
            return Err("missing project in jira_config".to_owned());
        }
        if self.issue_type.is_empty() {
            return Err("missing issue_type in jira_config".to_owned());
        }
        match self.api_type.as_str() {
            "auto" | "cloud" | "datacenter" => Ok(()),
            _ => Err("unknown api_type on jira_config, must be auto, cloud or datacenter".to_owned()),
        }
    }
}

impl Inherit for JiraConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.jira_api_url);
        if self.api_url.is_empty() {
            return Err("no global Jira Cloud URL set".to_owned());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
