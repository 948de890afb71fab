//! Receivers, one folder each, all of one shape: `config` is its section, the file itself sends.

pub mod discord;
pub mod email;
pub mod incidentio;
pub mod jira;
pub mod mattermost;
pub mod msteams;
pub mod msteamsv2;
pub mod opsgenie;
pub mod pagerduty;
pub mod pushover;
pub mod rocketchat;
pub mod slack;
pub mod sns;
pub mod telegram;
pub mod victorops;
pub mod webex;
pub mod webhook;
pub mod wechat;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use outbound::{Clients, HttpConfig};

use crate::http::Http;
use crate::{Integration, Templates, config};

/// What receivers are made with.
pub(crate) struct Kit<'a> {
    pub(crate) templates: &'a Templates,
    clients: &'a Clients,
}

impl Kit<'_> {
    pub(crate) fn http(&self, config: Option<&HttpConfig>, timeout: Duration) -> Result<Http, String> {
        Http::new(self.clients, config, timeout)
    }
}

/// The ways of telling people, by the names of receivers.
pub struct Receivers;

/// What tells people under one name.
pub type Integrations = Vec<Arc<dyn Integration>>;

impl Receivers {
    /// Makes what sends from sections that are complete; the error says which receiver cannot be made.
    pub fn build(
        configs: &[config::Receiver],
        templates: &Templates,
        clients: &Clients,
    ) -> Result<BTreeMap<String, Integrations>, String> {
        let kit = Kit { templates, clients };
        let one = |config: &config::Receiver| {
            let all = integrations(config, &kit).map_err(|e| format!("receiver {:?}: {e}", config.name))?;
            Ok((config.name.clone(), all))
        };
        configs.iter().map(one).collect()
    }
}

/// Makes what sends of every section of one kind.
macro_rules! add {
    ($all:ident, $config:ident, $kit:ident, $($list:ident: $made:path,)*) => {
        $(for section in &$config.$list {
            $all.push(Arc::new(<$made>::new(section, $kit)?));
        })*
    };
}

fn integrations(config: &config::Receiver, kit: &Kit<'_>) -> Result<Integrations, String> {
    let unsent = [
        ("jira_configs", config.jira_configs.is_empty()),
        ("sns_configs", config.sns_configs.is_empty()),
        ("wechat_configs", config.wechat_configs.is_empty()),
    ];
    // Better no start than alerts that nobody hears of.
    if let Some((name, _)) = unsent.iter().find(|(_, empty)| !empty) {
        return Err(format!("{name}: this version reads them and cannot send"));
    }
    let mut all: Integrations = Vec::new();
    add!(all, config, kit,
        webhook_configs: webhook::Webhook,
        email_configs: email::Email,
        pagerduty_configs: pagerduty::Pagerduty,
        opsgenie_configs: opsgenie::Opsgenie,
        slack_configs: slack::Slack,
        victorops_configs: victorops::Victorops,
        pushover_configs: pushover::Pushover,
        telegram_configs: telegram::Telegram,
        discord_configs: discord::Discord,
        webex_configs: webex::Webex,
        msteams_configs: msteams::Msteams,
        msteamsv2_configs: msteamsv2::MsteamsV2,
        incidentio_configs: incidentio::Incidentio,
        rocketchat_configs: rocketchat::Rocketchat,
        mattermost_configs: mattermost::Mattermost,
    );
    Ok(all)
}

/// Says what a type sends by its method `send`.
macro_rules! integration {
    ($name:ident, $kind:literal) => {
        impl $crate::Integration for $name {
            fn kind(&self) -> &'static str {
                $kind
            }

            fn send_resolved(&self) -> bool {
                self.config.send_resolved
            }

            fn notify<'a>(
                &'a self,
                notification: &'a $crate::Notification,
            ) -> futures::future::BoxFuture<'a, Result<$crate::Delivered, $crate::Failure>> {
                Box::pin(self.send(notification))
            }
        }
    };
}
pub(crate) use integration;

/// Defines what sends over HTTP: its section, its client, the templates.
macro_rules! receiver {
    ($(#[$meta:meta])* $name:ident, $config:ident, $kind:literal $(, $timeout:ident)?) => {
        $(#[$meta])*
        pub(crate) struct $name {
            config: $config,
            http: $crate::http::Http,
            templates: $crate::Templates,
        }

        $crate::receivers::integration!($name, $kind);

        impl $name {
            pub(crate) fn new(config: &$config, kit: &$crate::receivers::Kit<'_>) -> Result<Self, String> {
                let limits = [std::time::Duration::ZERO, $(config.$timeout.to_std())?];
                let http = kit.http(config.http_config.as_ref(), limits.into_iter().max().unwrap_or_default())?;
                Ok(Self { config: config.clone(), http, templates: kit.templates.clone() })
            }
        }
    };
}
pub(crate) use receiver;
