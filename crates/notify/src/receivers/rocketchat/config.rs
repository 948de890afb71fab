//! Its section of the configuration.

use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, inherit};

model::section! {
    /// A field of the table.
    pub struct RocketchatField ("rocketchat.RocketchatAttachmentField") {
        /// Whether another fits beside it.
        short: Option<bool> = None,
        /// Its name.
        title: String = String::new(),
        /// Its value.
        value: String = String::new(),
    }
}

model::section! {
    /// A button.
    pub struct RocketchatAction ("rocketchat.RocketchatAttachmentAction") {
        /// What it is: `button`.
        kind ("type"): String = String::new(),
        /// What it says.
        text: String = String::new(),
        /// Where it leads.
        url: String = String::new(),
        /// Picture on it.
        image_url ("imageurl"): String = String::new(),
        /// Whether it opens inside.
        is_webview ("iswebview"): bool = false,
        /// How much of the window.
        webview_height_ratio ("webviewheightratio"): String = String::new(),
        /// What is sent when it is pressed.
        msg: String = String::new(),
        /// Whether that is seen.
        msg_in_chat_window ("msginchatwindow"): bool = false,
        /// `sendMessage` or `respondWithMessage`.
        msg_processing_type ("msgprocessingtype"): String = String::new(),
    }
}

model::section! {
    /// A channel of Rocket.Chat.
    pub struct RocketchatConfig ("rocketchat.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = false => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        api_url: WebUrl = WebUrl::default(),
        /// Id of the user.
        token_id: Secret = Secret::default(),
        /// File with it.
        token_id_file: String = String::new(),
        /// Token of the user.
        token: Secret = Secret::default(),
        /// File with it.
        token_file: String = String::new(),
        /// Channel or person.
        channel: String = String::new(),
        /// Colour of the bar.
        color: String = "{{ if eq .Status \"firing\" }}red{{ else }}green{{ end }}".to_owned(),
        /// Title.
        title: String = "{{ template \"rocketchat.default.title\" . }}".to_owned(),
        /// Where the title leads.
        title_link: String = "{{ template \"rocketchat.default.titlelink\" . }}".to_owned(),
        /// Text.
        text: String = "{{ template \"rocketchat.default.text\" . }}".to_owned(),
        /// A table.
        fields: Vec<RocketchatField> = Vec::new(),
        /// Whether fields stand beside each other that do not say so themselves.
        short_fields: bool = false => always,
        /// Emoji to post under.
        emoji: String = "{{ template \"rocketchat.default.emoji\" . }}".to_owned(),
        /// Picture to post under.
        icon_url: String = "{{ template \"rocketchat.default.iconurl\" . }}".to_owned(),
        /// Picture.
        image_url: String = String::new(),
        /// Small picture.
        thumb_url: String = String::new(),
        /// Whether names of people and channels become links.
        link_names: bool = false => always,
        /// Buttons.
        actions: Vec<RocketchatAction> = Vec::new(),
    }
    check Self::check
}

impl RocketchatConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        at_most_one(!self.token.is_empty(), !self.token_file.is_empty(), "token & token_file")?;
        at_most_one(!self.token_id.is_empty(), !self.token_id_file.is_empty(), "token_id & token_id_file")
    }
}

impl Inherit for RocketchatConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.rocketchat_api_url);
        if self.token_id.is_empty() && self.token_id_file.is_empty() {
            self.token_id = global.rocketchat_token_id.clone();
            self.token_id_file.clone_from(&global.rocketchat_token_id_file);
        }
        if self.token_id.is_empty() && self.token_id_file.is_empty() {
            return Err("no global Rocketchat TokenID set either inline or in a file".to_owned());
        }
        if self.token.is_empty() && self.token_file.is_empty() {
            self.token = global.rocketchat_token.clone();
            self.token_file.clone_from(&global.rocketchat_token_file);
        }
        if self.token.is_empty() && self.token_file.is_empty() {
            return Err("no global Rocketchat Token set either inline or in a file".to_owned());
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
