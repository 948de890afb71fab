//! One receiver: a name, and every way it tells people.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Global, Inherit};
use crate::receivers::{
    discord, email, incidentio, jira, mattermost, msteams, msteamsv2, opsgenie, pagerduty, pushover,
    rocketchat, slack, sns, telegram, victorops, webex, webhook, wechat,
};

model::section! {
    /// One entry of `receivers`.
    pub struct Receiver ("config.plain") {
        /// Its name; routes say it.
        name: String = String::new() => always,
        /// Labels to find it by; `name` is always among them.
        labels: BTreeMap<String, String> = BTreeMap::new(),
        /// Sections for discord.
        discord_configs: Vec<discord::DiscordConfig> = Vec::new() => list("missing discord config"),
        /// Sections for email.
        email_configs: Vec<email::EmailConfig> = Vec::new() => list("missing email config"),
        /// Sections for incidentio.
        incidentio_configs: Vec<incidentio::IncidentioConfig> = Vec::new() => list("missing incidentio config"),
        /// Sections for pagerduty.
        pagerduty_configs: Vec<pagerduty::PagerdutyConfig> = Vec::new() => list("missing pagerduty config"),
        /// Sections for slack.
        slack_configs: Vec<slack::SlackConfig> = Vec::new() => list("no Slack API URL nor App token set either inline or in a file"),
        /// Sections for webhook.
        webhook_configs: Vec<webhook::WebhookConfig> = Vec::new() => list("missing webhook config"),
        /// Sections for opsgenie.
        opsgenie_configs: Vec<opsgenie::OpsgenieConfig> = Vec::new() => list("no global OpsGenie API Key set either inline or in a file"),
        /// Sections for wechat.
        wechat_configs: Vec<wechat::WechatConfig> = Vec::new() => list("no global Wechat Api Secret set either inline or in a file"),
        /// Sections for pushover.
        pushover_configs: Vec<pushover::PushoverConfig> = Vec::new() => list("missing pushover config"),
        /// Sections for victorops.
        victorops_configs: Vec<victorops::VictoropsConfig> = Vec::new() => list("missing victorops config"),
        /// Sections for sns.
        sns_configs: Vec<sns::SnsConfig> = Vec::new() => list("missing sns config"),
        /// Sections for telegram.
        telegram_configs: Vec<telegram::TelegramConfig> = Vec::new() => list("missing telegram config"),
        /// Sections for webex.
        webex_configs: Vec<webex::WebexConfig> = Vec::new() => list("missing webex config"),
        /// Sections for msteams.
        msteams_configs: Vec<msteams::MsteamsConfig> = Vec::new() => list("missing msteams config"),
        /// Sections for msteamsv2.
        msteamsv2_configs: Vec<msteamsv2::MsteamsV2Config> = Vec::new() => list("missing msteamsv2 config"),
        /// Sections for jira.
        jira_configs: Vec<jira::JiraConfig> = Vec::new() => list("missing jira config"),
        /// Sections for rocketchat.
        rocketchat_configs: Vec<rocketchat::RocketchatConfig> = Vec::new() => list("no global Rocketchat TokenID set either inline or in a file"),
        /// Sections for mattermost.
        mattermost_configs: Vec<mattermost::MattermostConfig> = Vec::new() => list("missing mattermost config"),
    }
    check Self::check
}

impl Receiver {
    fn check(&mut self) -> Result<(), String> {
        if self.name.is_empty() {
            return Err("missing name in receiver".to_owned());
        }
        match self.labels.get("name") {
            Some(label) if *label != self.name => Err(format!(
                "receiver label \"name\" must match receiver name {:?}, got {label:?}",
                self.name
            )),
            _ => {
                self.labels.insert("name".to_owned(), self.name.clone());
                Ok(())
            }
        }
    }

    /// Fills in what its sections inherit, and refuses those that then still lack something.
    pub fn complete(&mut self, global: &Global) -> Result<(), String> {
        self.each(|section| section.complete(global))
    }

    /// Takes relative file names of `http_config` and `tls_config` as relative to `dir`, the folder of the
    /// configuration file.
    pub fn set_directory(&mut self, dir: &Path) {
        let named = |section: &mut dyn Inherit| {
            if let Some(http) = section.http() {
                http.set_directory(dir);
            }
            Ok(())
        };
        // The closure refuses nothing.
        let _ = self.each(named);
        for tls in self.email_configs.iter_mut().filter_map(|email| email.tls_config.as_mut()) {
            tls.set_directory(dir);
        }
    }

    /// Every section, in the order in which Alertmanager completes them.
    fn each(&mut self, mut each: impl FnMut(&mut dyn Inherit) -> Result<(), String>) -> Result<(), String> {
        self.webhook_configs.iter_mut().try_for_each(|section| each(section))?;
        self.email_configs.iter_mut().try_for_each(|section| each(section))?;
        self.slack_configs.iter_mut().try_for_each(|section| each(section))?;
        self.pushover_configs.iter_mut().try_for_each(|section| each(section))?;
        self.pagerduty_configs.iter_mut().try_for_each(|section| each(section))?;
        self.incidentio_configs.iter_mut().try_for_each(|section| each(section))?;
        self.opsgenie_configs.iter_mut().try_for_each(|section| each(section))?;
        self.wechat_configs.iter_mut().try_for_each(|section| each(section))?;
        self.victorops_configs.iter_mut().try_for_each(|section| each(section))?;
        self.sns_configs.iter_mut().try_for_each(|section| each(section))?;
        self.telegram_configs.iter_mut().try_for_each(|section| each(section))?;
        self.discord_configs.iter_mut().try_for_each(|section| each(section))?;
        self.webex_configs.iter_mut().try_for_each(|section| each(section))?;
        self.msteams_configs.iter_mut().try_for_each(|section| each(section))?;
        self.msteamsv2_configs.iter_mut().try_for_each(|section| each(section))?;
        self.jira_configs.iter_mut().try_for_each(|section| each(section))?;
        self.rocketchat_configs.iter_mut().try_for_each(|section| each(section))?;
        self.mattermost_configs.iter_mut().try_for_each(|section| each(section))?;
        Ok(())
    }
}
