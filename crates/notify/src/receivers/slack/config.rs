//! Its section of the configuration.

use model::config::Duration;
use outbound::config::Authorization;
use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, inherit};

model::section! {
    /// Asks before an action is done.
    pub struct SlackConfirm ("config.plain") {
        /// The question.
        text: String = String::new(),
        /// Its title.
        title: String = String::new(),
        /// Yes.
        ok_text: String = String::new(),
        /// No.
        dismiss_text: String = String::new(),
    }
    check |confirm| match confirm.text.is_empty() {
        true => Err("missing text in Slack confirmation configuration".to_owned()),
        false => Ok(()),
    }
}

model::section! {
    /// A button.
    pub struct SlackAction ("config.plain") {
        /// What it is: `button`.
        kind ("type"): String = String::new(),
        /// What it says.
        text: String = String::new(),
        /// Where it leads.
        url: String = String::new(),
        /// How it looks.
        style: String = String::new(),
        /// Name that comes back.
        name: String = String::new(),
        /// Value that comes back.
        value: String = String::new(),
        /// The question before it is done.
        confirm: Option<SlackConfirm> = None,
    }
    check Self::check
}

impl SlackAction {
    fn check(&mut self) -> Result<(), String> {
        if self.kind.is_empty() {
            return Err("missing type in Slack action configuration".to_owned());
        }
        if self.text.is_empty() {
            return Err("missing text in Slack action configuration".to_owned());
        }
        if !self.url.is_empty() {
            self.name.clear();
            self.value.clear();
            self.confirm = None;
        } else if self.name.is_empty() {
            return Err("missing name or url in Slack action configuration".to_owned());
        }
        Ok(())
    }
}

model::section! {
    /// A field of the table.
    pub struct SlackField ("config.plain") {
        /// Its name.
        title: String = String::new(),
        /// Its value.
        value: String = String::new(),
        /// Whether another fits beside it.
        short: Option<bool> = None,
    }
    check |field| match (field.title.is_empty(), field.value.is_empty()) {
        (true, _) => Err("missing title in Slack field configuration".to_owned()),
        (_, true) => Err("missing value in Slack field configuration".to_owned()),
        _ => Ok(()),
    }
}

model::section! {
    /// A channel of Slack.
    pub struct SlackConfig ("config.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = false => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// The webhook, or the method of the API.
        api_url: Secret = Secret::default(),
        /// File with it.
        api_url_file: String = String::new(),
        /// Token of an app.
        app_token: Secret = Secret::default(),
        /// File with it.
        app_token_file: String = String::new(),
        /// Where apps post to.
        app_url: WebUrl = WebUrl::default(),
        /// Channel or person.
        channel: String = String::new(),
        /// Name to post under.
        username: String = "{{ template \"slack.default.username\" . }}".to_owned(),
        /// Colour of the bar.
        color: String = "{{ template \"slack.default.color\" . }}".to_owned(),
        /// Title.
        title: String = "{{ template \"slack.default.title\" . }}".to_owned(),
        /// Where the title leads.
        title_link: String = "{{ template \"slack.default.titlelink\" . }}".to_owned(),
        /// Text above the attachment.
        pretext: String = "{{ template \"slack.default.pretext\" . }}".to_owned(),
        /// Text.
        text: String = "{{ template \"slack.default.text\" . }}".to_owned(),
        /// What is shown where attachments are not.
        fallback: String = "{{ template \"slack.default.fallback\" . }}".to_owned(),
        /// Id that actions come back with.
        callback_id: String = "{{ template \"slack.default.callbackid\" . }}".to_owned(),
        /// Emoji to post under.
        icon_emoji: String = "{{ template \"slack.default.iconemoji\" . }}".to_owned(),
        /// Picture to post under.
        icon_url: String = "{{ template \"slack.default.iconurl\" . }}".to_owned(),
        /// Text below.
        footer: String = "{{ template \"slack.default.footer\" . }}".to_owned(),
        /// Text beside the attachment.
        message_text: String = String::new(),
        /// Picture.
        image_url: String = String::new(),
        /// Small picture.
        thumb_url: String = String::new(),
        /// A table.
        fields: Vec<SlackField> = Vec::new(),
        /// Whether fields stand beside each other that do not say so themselves.
        short_fields: bool = false => always,
        /// Whether names of people and channels become links.
        link_names: bool = false => always,
        /// Parts that are read as Slack's markup.
        mrkdwn_in: Vec<String> = Vec::new(),
        /// Buttons.
        actions: Vec<SlackAction> = Vec::new(),
        /// Whether the first message of a group is changed instead of another one sent.
        update_message: bool = false => always,
        /// How long an attempt may take; 0: as long as the group's interval.
        timeout: Duration = Duration::default() => always,
    }
    check Self::check
}

impl SlackConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        address(self.app_url.expose())?;
        let (url, url_file) = (!self.api_url.is_empty(), !self.api_url_file.is_empty());
        let (token, token_file) = (!self.app_token.is_empty(), !self.app_token_file.is_empty());
        at_most_one(url, url_file, "api_url & api_url_file")?;
        at_most_one(token, token_file, "app_token & app_token_file")?;
        at_most_one(url || url_file, token || token_file, "api_url/api_url_file & app_token/app_token_file")?;
        if self.update_message && self.api_url.expose() != "https://slack.com/api/chat.postMessage" {
            return Err("update_message can only be used with bot tokens. api_url must be set to \
                        https://slack.com/api/chat.postMessage"
                .to_owned());
        }
        Ok(())
    }
}

impl Inherit for SlackConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        inherit(&mut self.app_url, &global.slack_app_url);
        if self.app_url.is_empty() {
            return Err("no global Slack App URL set".to_owned());
        }
        let authorized = self.http_config.as_ref().is_some_and(|http| http.authorization.is_some());
        let token = |slack: &Self| !slack.app_token.is_empty() || !slack.app_token_file.is_empty();
        let url = |slack: &Self| !slack.api_url.is_empty() || !slack.api_url_file.is_empty();
        if !token(self) && !authorized && self.api_url.is_empty() {
            self.app_token = global.slack_app_token.clone();
            self.app_token_file.clone_from(&global.slack_app_token_file);
        }
        if !url(self) {
            self.api_url = global.slack_api_url.clone();
            self.api_url_file.clone_from(&global.slack_api_url_file);
        }
        if !url(self) && !token(self) {
            return Err("no Slack API URL nor App token set either inline or in a file".to_owned());
        }
        let with_token = token(self);
        let http = self.http_config.get_or_insert_with(|| global.http_config.clone());
        if with_token {
            if http.authorization.is_some() {
                return Err("http authorization can't be set when using Slack App tokens".to_owned());
            }
            let mut authorization = Authorization::default();
            "Bearer".clone_into(&mut authorization.kind);
            authorization.credentials = self.app_token.clone();
            authorization.credentials_file =
                Some(self.app_token_file.clone()).filter(|file| !file.is_empty()).map(Into::into);
            http.authorization = Some(authorization);
            self.api_url = Secret::new(self.app_url.expose());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
