//! Its section of the configuration.

use std::collections::BTreeMap;

use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, end_with_slash, inherit, templated};

model::section! {
    /// Whom an alert goes to; one of the first three is given.
    pub struct OpsgenieResponder ("opsgenie.OpsGenieConfigResponder") {
        /// Id.
        id: String = String::new(),
        /// Name.
        name: String = String::new(),
        /// User.
        username: String = String::new(),
        /// What it is: `team`, `teams`, `user`, `escalation`, `schedule`.
        kind ("type"): String = String::new(),
    }
}

model::section! {
    /// Opsgenie.
    pub struct OpsgenieConfig ("opsgenie.plain") {
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
        /// What happened.
        message: String = "{{ template \"opsgenie.default.message\" . }}".to_owned(),
        /// More about it.
        description: String = "{{ template \"opsgenie.default.description\" . }}".to_owned(),
        /// Who says so.
        source: String = "{{ template \"opsgenie.default.source\" . }}".to_owned(),
        /// Details by name; they are templates.
        details: BTreeMap<String, String> = BTreeMap::new(),
        /// What it happened to.
        entity: String = String::new(),
        /// Whom it goes to.
        responders: Vec<OpsgenieResponder> = Vec::new(),
        /// Actions, with commas between them.
        actions: String = String::new(),
        /// Tags, with commas between them.
        tags: String = String::new(),
        /// A note.
        note: String = String::new(),
        /// `P1` to `P5`.
        priority: String = String::new(),
        /// Whether message and description of an alert follow.
        update_alerts: bool = false,
    }
    check Self::check
}

const KINDS: [&str; 5] = ["team", "teams", "user", "escalation", "schedule"];

impl OpsgenieConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        at_most_one(!self.api_key.is_empty(), !self.api_key_file.is_empty(), "api_key & api_key_file")?;
        for responder in &mut self.responders {
            let OpsgenieResponder { id, name, username, kind } = &*responder;
            let shown = format!("opsGenieConfig responder {{{id} {name} {username} {kind}}}");
            if id.is_empty() && name.is_empty() && username.is_empty() {
                return Err(format!("{shown} has to have at least one of id, username or name specified"));
            }
            if !templated(kind) {
                let kind = kind.to_lowercase();
                if !KINDS.contains(&kind.as_str()) {
                    return Err(format!("{shown} type does not match valid options ^({})$", KINDS.join("|")));
                }
                responder.kind = kind;
            }
        }
        Ok(())
    }
}

impl Inherit for OpsgenieConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.opsgenie_api_url);
        if self.api_url.is_empty() {
            return Err("no global OpsGenie URL set".to_owned());
        }
        end_with_slash(&mut self.api_url);
        // A key of its own comes before a file of all.
        if self.api_key.is_empty() && self.api_key_file.is_empty() {
            self.api_key = global.opsgenie_api_key.clone();
            self.api_key_file.clone_from(&global.opsgenie_api_key_file);
        }
        if self.api_key.is_empty() && self.api_key_file.is_empty() {
            return Err("no global OpsGenie API Key set either inline or in a file".to_owned());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
