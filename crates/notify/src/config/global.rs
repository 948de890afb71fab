//! What receivers inherit.

use model::config::Duration;
use outbound::config::TlsConfig;
use outbound::{HttpConfig, Secret, WebUrl};

use super::{address, at_most_one, host_port};

model::section! {
    /// The section `global`.
    pub struct Global ("config.plain") {
        /// After how long without news an alert is over.
        resolve_timeout: Duration = Duration::from_secs(300) => always,
        /// How receivers talk HTTP that do not say so themselves.
        http_config: HttpConfig = HttpConfig::default(),
        /// Jira's address.
        jira_api_url: WebUrl = WebUrl::default(),
        /// Sender of mail.
        smtp_from: String = String::new(),
        /// Name to greet mail servers with.
        smtp_hello: String = "localhost".to_owned(),
        /// Mail server, `host:port`.
        smtp_smarthost: String = String::new(),
        /// User at the mail server.
        smtp_auth_username: String = String::new(),
        /// Password for LOGIN and PLAIN.
        smtp_auth_password: Secret = Secret::default(),
        /// File with the password.
        smtp_auth_password_file: String = String::new(),
        /// Secret for CRAM-MD5.
        smtp_auth_secret: Secret = Secret::default(),
        /// File with the secret.
        smtp_auth_secret_file: String = String::new(),
        /// Identity for PLAIN.
        smtp_auth_identity: String = String::new(),
        /// Whether mail goes over TLS or not at all.
        smtp_require_tls: bool = true => always,
        /// TLS towards the mail server.
        smtp_tls_config: TlsConfig = TlsConfig::default(),
        /// Whether TLS begins before the first word; by the port where it is left out.
        smtp_force_implicit_tls: Option<bool> = None,
        /// Slack's webhook.
        slack_api_url: Secret = Secret::default(),
        /// File with Slack's webhook.
        slack_api_url_file: String = String::new(),
        /// Token of a Slack app.
        slack_app_token: Secret = Secret::default(),
        /// File with that token.
        slack_app_token_file: String = String::new(),
        /// Where Slack apps post to.
        slack_app_url: WebUrl = WebUrl::new("https://slack.com/api/chat.postMessage"),
        /// PagerDuty's address.
        pagerduty_url: WebUrl = WebUrl::new("https://events.pagerduty.com/v2/enqueue"),
        /// Opsgenie's address.
        opsgenie_api_url: WebUrl = WebUrl::new("https://api.opsgenie.com/"),
        /// Key for Opsgenie.
        opsgenie_api_key: Secret = Secret::default(),
        /// File with that key.
        opsgenie_api_key_file: String = String::new(),
        /// WeChat's address.
        wechat_api_url: WebUrl = WebUrl::new("https://qyapi.weixin.qq.com/cgi-bin/"),
        /// Secret for WeChat.
        wechat_api_secret: Secret = Secret::default(),
        /// File with that secret.
        wechat_api_secret_file: String = String::new(),
        /// Id of the company at WeChat.
        wechat_api_corp_id: String = String::new(),
        /// VictorOps' address.
        victorops_api_url: WebUrl =
            WebUrl::new("https://alert.victorops.com/integrations/generic/20131114/alert/"),
        /// Key for VictorOps.
        victorops_api_key: Secret = Secret::default(),
        /// File with that key.
        victorops_api_key_file: String = String::new(),
        /// Telegram's address.
        telegram_api_url: WebUrl = WebUrl::new("https://api.telegram.org"),
        /// Token of the bot at Telegram.
        telegram_bot_token: Secret = Secret::default(),
        /// File with that token.
        telegram_bot_token_file: String = String::new(),
        /// Webex' address.
        webex_api_url: WebUrl = WebUrl::new("https://webexapis.com/v1/messages"),
        /// Rocket.Chat's address.
        rocketchat_api_url: WebUrl = WebUrl::new("https://open.rocket.chat/"),
        /// Token for Rocket.Chat.
        rocketchat_token: Secret = Secret::default(),
        /// File with that token.
        rocketchat_token_file: String = String::new(),
        /// Id of that token.
        rocketchat_token_id: Secret = Secret::default(),
        /// File with that id.
        rocketchat_token_id_file: String = String::new(),
        /// Mattermost's webhook.
        mattermost_webhook_url: Secret = Secret::default(),
        /// File with that webhook.
        mattermost_webhook_url_file: String = String::new(),
    }
    check Self::check
}

impl Global {
    fn check(&mut self) -> Result<(), String> {
        for url in [
            &self.jira_api_url,
            &self.slack_app_url,
            &self.pagerduty_url,
            &self.opsgenie_api_url,
            &self.wechat_api_url,
            &self.victorops_api_url,
            &self.telegram_api_url,
            &self.webex_api_url,
            &self.rocketchat_api_url,
        ] {
            address(url.expose())?;
        }
        address(self.slack_api_url.expose())?;
        address(self.mattermost_webhook_url.expose())?;
        host_port(&self.smtp_smarthost)?;
        at_most_one_file(&self.slack_app_token, &self.slack_app_token_file, "slack_app_token")?;
        at_most_one_file(&self.slack_api_url, &self.slack_api_url_file, "slack_api_url")?;
        let token = !self.slack_app_token.is_empty() || !self.slack_app_token_file.is_empty();
        let url = !self.slack_api_url.is_empty() || !self.slack_api_url_file.is_empty();
        // Both may be there where the URL is that of apps: so tokens could be used before there was a field for them.
        if self.slack_api_url.expose() != self.slack_app_url.expose() {
            at_most_one(
                token,
                url,
                "slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file",
            )?;
        }
        for (secret, file, name) in [
            (&self.opsgenie_api_key, &self.opsgenie_api_key_file, "opsgenie_api_key"),
            (&self.victorops_api_key, &self.victorops_api_key_file, "victorops_api_key"),
            (&self.telegram_bot_token, &self.telegram_bot_token_file, "telegram_bot_token"),
            (&self.smtp_auth_password, &self.smtp_auth_password_file, "smtp_auth_password"),
            (&self.rocketchat_token, &self.rocketchat_token_file, "rocketchat_token"),
            (&self.rocketchat_token_id, &self.rocketchat_token_id_file, "rocketchat_token_id"),
            (&self.smtp_auth_secret, &self.smtp_auth_secret_file, "smtp_auth_secret"),
            (&self.wechat_api_secret, &self.wechat_api_secret_file, "wechat_api_secret"),
            (&self.mattermost_webhook_url, &self.mattermost_webhook_url_file, "mattermost_webhook_url"),
        ] {
            at_most_one_file(secret, file, name)?;
        }
        Ok(())
    }
}

fn at_most_one_file(secret: &Secret, file: &str, name: &str) -> Result<(), String> {
    at_most_one(!secret.is_empty(), !file.is_empty(), &format!("{name} & {name}_file"))
}
