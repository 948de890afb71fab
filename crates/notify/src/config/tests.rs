//! Sections as they stand in files.

use serde::Deserialize;

use super::*;
use crate::receivers::slack::SlackConfig;

/// The part of `alertmanager.yml` that is this crate's.
#[derive(Deserialize)]
struct Part {
    #[serde(default)]
    global: Option<Global>,
    #[serde(default)]
    receivers: Vec<Receiver>,
}

fn load(text: &str) -> Result<Vec<Receiver>, String> {
    let part: Part = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
    let global = part.global.unwrap_or_default();
    let mut receivers = part.receivers;
    receivers.iter_mut().try_for_each(|receiver| receiver.complete(&global))?;
    Ok(receivers)
}

fn one(text: &str) -> Result<Receiver, String> {
    load(text).map(|mut receivers| receivers.remove(0))
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn files_of_alertmanager_load_or_are_refused_as_it_says() {
    let folder = std::env::var_os("BONGHWA_CONFORMANCE").map_or_else(
        || concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/conformance").into(),
        std::path::PathBuf::from,
    );
    let folder = folder.join("alertmanager/config");
    let expected = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut refused = 0;
    for line in expected.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let loaded = load(&std::fs::read_to_string(folder.join(fields[0])).unwrap());
        // What is wrong with routes is not for this crate to say.
        let elsewhere = ["route", "regex", "group_", "interval", "is not unique"];
        match fields[1] {
            "bad" if !elsewhere.iter().any(|word| fields[2].contains(word)) => {
                let error = loaded.map(drop).unwrap_err();
                assert!(error.contains(fields[2]), "{}: {error}", fields[0]);
                refused += 1;
            }
            _ => drop(loaded.unwrap_or_else(|e| panic!("{}: {e}", fields[0]))),
        }
    }
    assert!(refused >= 15, "only {refused} were for this crate");

    let empty = std::fs::read_to_string(folder.join("empty_integrations.json")).unwrap();
    let empty: serde_json::Value = serde_json::from_str(&empty).unwrap();
    let template = empty["template"].as_str().unwrap();
    for case in empty["cases"].as_array().unwrap() {
        let integration = case["integration"].as_str().unwrap();
        let error = load(&template.replace("@INTEGRATION@", integration)).map(drop).unwrap_err();
        assert!(error.contains(case["error_contains"].as_str().unwrap()), "{integration}: {error}");
    }
}

#[test]
fn secrets_are_shown_nowhere() {
    let receiver = one(
        "global: {slack_api_url: 'http://h/geheim', smtp_smarthost: 'h:25', smtp_from: a@b, \
           smtp_auth_password: geheim, telegram_bot_token: geheim}\n\
         receivers:\n- name: r\n  slack_configs: [{}]\n  email_configs: [{to: a@b}]\n  \
           telegram_configs: [{chat_id: 1}]\n  webhook_configs: [{url: 'http://h/geheim'}]\n  \
           pagerduty_configs: [{routing_key: geheim}]\n  discord_configs: [{webhook_url: 'http://h/geheim'}]\n",
    )
    .unwrap();
    assert_eq!(receiver.slack_configs[0].api_url.expose(), "http://h/geheim");
    assert_eq!(receiver.email_configs[0].auth_password.expose(), "geheim");
    let shown = serde_saphyr::to_string(&receiver).unwrap();
    assert!(shown.contains("<secret>") && !shown.contains("geheim"), "{shown}");
    let debug = format!("{receiver:?}");
    assert!(!debug.contains("geheim"), "{debug}");
    let again: Receiver = serde_saphyr::from_str(&shown).unwrap();
    assert_eq!(again.name, "r", "what is shown can be read");
}

#[test]
fn an_app_of_slack_has_its_token_in_a_header() {
    let text = "global: {slack_app_token: t}\nreceivers: [{name: r, slack_configs: [{channel: c}]}]";
    let slack = one(text).unwrap().slack_configs.remove(0);
    assert_eq!(slack.api_url.expose(), "https://slack.com/api/chat.postMessage");
    let http = slack.http_config.unwrap();
    assert_eq!(http.authorization.unwrap().credentials.expose(), "t");

    let own = "global: {slack_app_token: t}\nreceivers: [{name: r, slack_configs: [{api_url: 'http://h/'}]}]";
    let slack = one(own).unwrap().slack_configs.remove(0);
    assert_eq!((slack.api_url.expose(), slack.app_token.is_empty()), ("http://h/", true));
    assert_eq!(SlackConfig::default().title, "{{ template \"slack.default.title\" . }}");
}

#[test]
fn what_is_wrong_is_said_in_the_usual_words() {
    for (section, error) in [
        ("webhook_configs: [{}]", "one of url or url_file must be configured"),
        ("webhook_configs: [{url: 'ftp://h/'}]", "unsupported scheme \"ftp\" for URL"),
        ("webhook_configs: [{url: 'http:///x'}]", "missing host for URL"),
        ("webhook_configs: [{url: 'http://h', wrong: 1}]", "field wrong not found in type webhook.plain"),
        (
            "email_configs: [{to: a@b, headers: {subject: a, Subject: b}}]",
            "duplicate header \"Subject\" in email config",
        ),
        ("email_configs: [{to: a@b}]", "no global SMTP smarthost set"),
        ("email_configs: [{to: a@b, smarthost: 'h:25'}]", "no global SMTP from set"),
        ("email_configs: [{to: a@b, smarthost: h}]", "missing port in address"),
        ("email_configs: [{to: a@b, threading: {enabled: true}}]", "must be either 'none' or 'daily'"),
        ("pagerduty_configs: [{}]", "missing service or routing key in PagerDuty config"),
        (
            "opsgenie_configs: [{responders: [{type: team}]}]",
            "has to have at least one of id, username or name",
        ),
        ("opsgenie_configs: [{responders: [{id: a, type: x}]}]", "^(team|teams|user|escalation|schedule)$"),
        ("pushover_configs: [{user_key: a}]", "one of token or token_file must be configured"),
        (
            "pushover_configs: [{user_key: a, token: b, html: true, monospace: true}]",
            "at most one of monospace & html",
        ),
        ("telegram_configs: [{chat_id: 1}]", "missing bot_token or bot_token_file on telegram_config"),
        ("telegram_configs: [{chat_id: 1, parse_mode: x}]", "unknown parse_mode on telegram_config"),
        ("webex_configs: [{room_id: a}]", "missing webex_configs.http_config.authorization"),
        ("jira_configs: [{project: a, issue_type: b}]", "no global Jira Cloud URL set"),
        ("jira_configs: [{project: a, issue_type: b, api_type: c}]", "unknown api_type on jira_config"),
        ("slack_configs: [{actions: [{type: button, text: a}]}]", "missing name or url in Slack action"),
        ("slack_configs: [{fields: [{title: a}]}]", "missing value in Slack field configuration"),
        (
            "victorops_configs: [{routing_key: a, custom_fields: {entity_id: x}}]",
            "custom field entity_id which",
        ),
        ("wechat_configs: [{message_type: html}]", "weChat message type \"html\" does not match"),
        ("incidentio_configs: [{url: 'http://h', http_config: {}}]", "at least one of alert_source_token"),
        ("sns_configs: [{topic_arn: a, phone_number: b}]", "must provide either a Target ARN"),
        ("labels: {name: other}", "receiver label \"name\" must match receiver name \"r\", got \"other\""),
    ] {
        let text = format!("receivers:\n- name: r\n  {section}\n");
        let told = one(&text).map(drop).unwrap_err();
        assert!(told.contains(error), "{section}: {told}");
    }
}

#[test]
fn fields_of_jira_are_texts_or_objects() {
    let text = "receivers: [{name: r, jira_configs: [{api_url: 'http://h', project: a, issue_type: b, \
                summary: 12, description: {template: t, enable_update: false}}]}]";
    let jira = one(text).unwrap().jira_configs.remove(0);
    assert_eq!(jira.summary.template, "12");
    assert_eq!((jira.description.template.as_str(), jira.description.enable_update), ("t", Some(false)));
}
