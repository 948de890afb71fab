//! The configuration as it may be shown: secrets hidden.

use serde_json::Value;

use super::Written;

/// What stands in place of a secret, as in Prometheus.
const HIDDEN: &str = "<secret>";

/// Keys whose values are secrets, by their last word.
const SECRET_WORDS: [&str; 12] = [
    "password",
    "credentials",
    "token",
    "secret",
    "secrets",
    "secret_key",
    "access_key",
    "api_key",
    "routing_key",
    "service_key",
    "client_secret",
    "key",
];

/// The sections that only this program has, by name.
pub(super) const OWN: [&str; 7] =
    ["alertmanager", "cardinality", "collect", "history", "intake", "logs", "relay"];

/// What holds: Prometheus' sections with defaults filled in and secrets hidden, then our own as they are written.
pub(super) fn shown(written: &Written, text: &str) -> String {
    let mut shown = serde_saphyr::to_string(written).unwrap_or_default();
    if let Ok(Value::Object(all)) = serde_saphyr::from_str::<Value>(text) {
        let mut own =
            Value::Object(all.into_iter().filter(|(name, _)| OWN.contains(&name.as_str())).collect());
        hide(&mut own);
        if own.as_object().is_some_and(|own| !own.is_empty()) {
            shown.push_str(&serde_saphyr::to_string(&own).unwrap_or_default());
        }
    }
    shown
}

fn hide(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                if is_secret(key) && !matches!(inner, Value::Null | Value::Bool(_)) {
                    *inner = Value::String(HIDDEN.to_owned());
                } else {
                    hide(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(hide),
        Value::String(text) => {
            if let Some(without) = hide_user_info(text) {
                *text = without;
            }
        }
        _ => {}
    }
}

/// `password`, `client_secret`, `api_key`; not `password_file`, `label_key` or a map key of relabelling.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| {
        key == *word
            || key.strip_suffix(word).is_some_and(|rest| rest.ends_with(['_', '-']) && *word != "key")
    })
}

/// `https://user:password@host` becomes `https://user:<secret>@host`.
fn hide_user_info(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user_info, _) = authority.rsplit_once('@')?;
    let (user, _) = user_info.split_once(':')?;
    Some(format!("{scheme}://{user}:{HIDDEN}{}", &rest[user_info.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_is_shown_without_secrets() {
        let text = "global: {scrape_interval: 15s}\n\
             scrape_configs:\n\
             - job_name: a\n  \
               basic_auth: {username: u, password: geheim1}\n  \
               http_headers: {X-Key: {secrets: [geheim5], values: [open]}}\n  \
               tls_config: {cert: c, key: geheim6, ca_file: /k}\n\
             remote_write: [{url: 'https://u:geheim4@h/t', oauth2: {client_id: c, client_secret: geheim3, token_url: t}}]\n\
             cardinality: {series: 123456}\ncollect: {interval: 5s}\nrelay: {log_cap: 3GB}\n";
        let written: Written = serde_saphyr::from_str(text).unwrap();
        let shown = shown(&written, text);
        assert!(!shown.contains("geheim"), "{shown}");
        for kept in [
            "scrape_interval: 15s",
            "scrape_timeout: 10s",
            "evaluation_interval: 1m",
            "metrics_path: /metrics",
            "password: <secret>",
            "/k",
            "open",
            "https://u:xxxxx@h/t",
            "username: u",
            "max_shards: 50",
            "gogc: 75",
            "interval: 5s",
            "series: 123456",
            "log_cap: 3GB",
        ] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
        // What is shown can be read again, except for what is hidden.
        serde_saphyr::from_str::<Written>(&shown.replace("http_headers", "x_headers")).unwrap_err();
        let again: Written = serde_saphyr::from_str(&shown).unwrap();
        assert_eq!(again.scrape_configs[0].scrape_timeout, written.scrape_configs[0].scrape_timeout);
    }
}
