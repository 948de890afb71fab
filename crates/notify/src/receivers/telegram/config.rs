//! Its section of the configuration.

use outbound::{HttpConfig, Secret, WebUrl};

use crate::config::{Global, Inherit, address, at_most_one, inherit};

model::section! {
    /// A chat of Telegram.
    pub struct TelegramConfig ("telegram.plain") {
        /// Whether it hears that alerts are resolved.
        send_resolved: bool = true => always,
        /// How to talk; where it is left out, as `global` says.
        http_config: Option<HttpConfig> = None,
        /// Where it is.
        api_url: WebUrl = WebUrl::default(),
        /// Token of the bot.
        bot_token: Secret = Secret::default(),
        /// File with it.
        bot_token_file: String = String::new(),
        /// Id of the chat.
        chat_id: i64 = 0,
        /// File with it.
        chat_id_file: String = String::new(),
        /// Thread in the chat.
        message_thread_id: i64 = 0,
        /// Message.
        message: String = "{{ template \"telegram.default.message\" . }}".to_owned(),
        /// Whether it comes without a sound.
        disable_notifications: bool = false,
        /// `Markdown`, `MarkdownV2`, `HTML` or nothing.
        parse_mode: String = "HTML".to_owned(),
    }
    check Self::check
}

impl TelegramConfig {
    fn check(&mut self) -> Result<(), String> {
        address(self.api_url.expose())?;
        at_most_one(
            !self.bot_token.is_empty(),
            !self.bot_token_file.is_empty(),
            "bot_token & bot_token_file",
        )?;
        let (chat, chat_file) = (self.chat_id != 0, !self.chat_id_file.is_empty());
        if !chat && !chat_file {
            return Err("missing chat_id or chat_id_file on telegram_config".to_owned());
        }
        at_most_one(chat, chat_file, "chat_id & chat_id_file")?;
        match self.parse_mode.as_str() {
            "" | "Markdown" | "MarkdownV2" | "HTML" => Ok(()),
            _ => Err(
                "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string"
                    .to_owned(),
            ),
        }
    }
}

impl Inherit for TelegramConfig {
    fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.http_config.get_or_insert_with(|| global.http_config.clone());
        inherit(&mut self.api_url, &global.telegram_api_url);
        if self.bot_token.is_empty() && self.bot_token_file.is_empty() {
            if global.telegram_bot_token.is_empty() && global.telegram_bot_token_file.is_empty() {
                return Err("missing bot_token or bot_token_file on telegram_config".to_owned());
            }
            self.bot_token = global.telegram_bot_token.clone();
            self.bot_token_file.clone_from(&global.telegram_bot_token_file);
        }
        Ok(())
    }

    fn http(&mut self) -> Option<&mut HttpConfig> {
        self.http_config.as_mut()
    }
}
