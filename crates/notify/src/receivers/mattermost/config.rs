//! Its section of the configuration.

use outbound::{HttpConfig, Secret};

use crate::config::{Global, Inherit, address, at_most_one};

model::section! {
    /// How urgent a post is.
    pub struct MattermostPriority ("mattermost.MattermostPriority") {
        /// `important` or `urgent`.
        priority: String = String::new(),
        /// Whether readers confirm.
        requested_ack: bool = false,
        /// Whether people are told until they do.
        persistent_notifications: bool = false,
    }
}

model::section! {
    /// More about a post.
    pub struct MattermostProps ("mattermost.MattermostProps") {
        /// What opens at the side.
        card: String = String::new(),
    }
}

model::section! {
    /// A field of the table.
    pub struct MattermostField ("mattermost.plain") {
        /// Its name.
        title: String = String::new(),
        /// Its value.
        value: String = String::new(),
        /// Whether another fits beside it.
        short: Option<bool> = None,
    }
    check |field| match (field.title.is_empty(), field.value.is_empty()) {
        (true, _) => Err("missing title in Mattermost field configuration".to_owned()),
        (_, true) => Err("missing value in Mattermost field configuration".to_owned()),
        _ => Ok(()),
    }
}

model::section! {
    /// An attachment.
    pub struct MattermostAttachment ("mattermost.MattermostAttachment") {
        /// What is shown where attachments are not.
        fallback: String = String::new(),
        /// Colour of the bar.
        color: String = String::new(),
        /// Text above.
        pretext: String = String::new(),
        /// Text.
        text: String = String::new(),
        /// Author.
        author_name: String = String::new(),
        /// Where the author leads.
        author_link: String = String::new(),
        /// Picture of the author.
        author_icon: String = String::new(),
        /// Title.
        title: String = String::new(),
        /// Where the title leads.
        title_link: String = String::new(),
        /// A table.
        fields: Vec<MattermostField> = Vec::new(),
        /// Small picture.
        thumb_url: String = String::new(),
        /// Text below.
        footer: String = String::new(),
        /// Picture below.
        footer_icon: String = String::new(),
        /// Picture.
        image_url: String = String::new(),
    }
}

model::section! {
    /// A channel of Mattermost.
    pub struct MattermostConfig ("mattermost.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// The webhook.
        webhook_url: Secret = Secret::default(),
        /// File with it.
        webhook_url_file: String = String::new(),
        /// Channel or person.
        channel: String = String::new(),
        /// Name to post under.
        username: String = "{{ template \"mattermost.default.username\" . }}".to_owned(),
        /// What is shown where attachments are not.
        fallback: String = "{{ template \"mattermost.default.fallback\" . }}".to_owned(),
        /// Colour of the bar.
        color: String = "{{ template \"mattermost.default.color\" . }}".to_owned(),
        /// Text above.
        pretext: String = String::new(),
        /// Text.
        text: String = "{{ template \"mattermost.default.text\" . }}".to_owned(),
        /// Author.
        author_name: String = String::new(),
        /// Where the author leads.
        author_link: String = String::new(),
        /// Picture of the author.
        author_icon: String = String::new(),
        /// Title.
        title: String = "{{ template \"mattermost.default.title\" . }}".to_owned(),
        /// Where the title leads.
        title_link: String = "{{ template \"mattermost.default.titlelink\" . }}".to_owned(),
        /// A table.
        fields: Vec<MattermostField> = Vec::new(),
        /// Small picture.
        thumb_url: String = String::new(),
        /// Text below.
        footer: String = String::new(),
        /// Picture below.
        footer_icon: String = String::new(),
        /// Picture.
        image_url: String = String::new(),
        /// Picture to post under.
        icon_url: String = String::new(),
        /// Emoji to post under.
        icon_emoji: String = String::new(),
        /// Attachments, in place of the one that is made of the fields above.
        attachments: Vec<MattermostAttachment> = Vec::new(),
        /// Kind of post, `custom_...`.
        kind ("type"): String = String::new(),
        /// More about it.
        props: Option<MattermostProps> = None,
        /// How urgent it is.
        priority: Option<MattermostPriority> = None,
    }
    check Self::check
}

impl MattermostConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.webhook_url.expose())?;
        at_most_one(
            !self.webhook_url.is_empty(),
            !self.webhook_url_file.is_empty(),
            "webhook_url & webhook_url_file",
        )
    }
}

impl Inherit for MattermostConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        if self.webhook_url.is_empty() && self.webhook_url_file.is_empty() {
            if global.mattermost_webhook_url.is_empty() && global.mattermost_webhook_url_file.is_empty() {
                return Err("missing webhook_url or webhook_url_file on mattermost_config".to_owned());
            }
            self.webhook_url = global.mattermost_webhook_url.clone();
            self.webhook_url_file.clone_from(&global.mattermost_webhook_url_file);
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
