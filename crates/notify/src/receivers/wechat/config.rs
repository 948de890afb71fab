//! Its section of the configuration.

use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, end_with_slash, inherit};

model::section! {
    /// People at WeChat Work.
    pub struct WechatConfig ("config.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = false => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Secret of the app.
        api_secret: Secret = Secret::default(),
        /// File with it.
        api_secret_file: String = String::new(),
        /// Id of the company.
        corp_id: String = String::new(),
        /// Where it is.
        api_url: WebUrl = WebUrl::default(),
        /// Message.
        message: String = "{{ template \"wechat.default.message\" . }}".to_owned(),
        /// People.
        to_user: String = "{{ template \"wechat.default.to_user\" . }}".to_owned(),
        /// Departments.
        to_party: String = "{{ template \"wechat.default.to_party\" . }}".to_owned(),
        /// Tags.
        to_tag: String = "{{ template \"wechat.default.to_tag\" . }}".to_owned(),
        /// Id of the app.
        agent_id: String = "{{ template \"wechat.default.agent_id\" . }}".to_owned(),
        /// `text` or `markdown`.
        message_type: String = String::new(),
    }
    check Self::check
}

impl WechatConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        if self.message_type.is_empty() {
            "text".clone_into(&mut self.message_type);
        }
        if !["text", "markdown"].contains(&self.message_type.as_str()) {
            return Err(format!(
                "weChat message type {:?} does not match valid options ^(text|markdown)$",
                self.message_type
            ));
        }
        at_most_one(
            !self.api_secret.is_empty(),
            !self.api_secret_file.is_empty(),
            "api_secret & api_secret_file",
        )
    }
}

impl Inherit for WechatConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.wechat_api_url);
        if self.api_url.is_empty() {
            return Err("no global Wechat URL set".to_owned());
        }
        if self.api_secret.is_empty() && self.api_secret_file.is_empty() {
            if global.wechat_api_secret.is_empty() && global.wechat_api_secret_file.is_empty() {
                return Err("no global Wechat Api Secret set either inline or in a file".to_owned());
            }
            self.api_secret = global.wechat_api_secret.clone();
            self.api_secret_file.clone_from(&global.wechat_api_secret_file);
        }
        inherit(&mut self.corp_id, &global.wechat_api_corp_id);
        if self.corp_id.is_empty() {
            return Err("no global Wechat CorpID set".to_owned());
        }
        end_with_slash(&mut self.api_url);
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
