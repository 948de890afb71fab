//! The configuration as it may be shown: secrets hidden.

use serde_json::Value;

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

/// The YAML text with secrets replaced. A text that cannot be read back shows nothing.
pub fn without_secrets(text: &str) -> String {
    if text.trim().is_empty() {
        return String::new();
    }
    let Ok(mut value) = serde_saphyr::from_str::<Value>(text) else { return String::new() };
    hide(&mut value);
    serde_saphyr::to_string(&value).unwrap_or_default()
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
    use super::without_secrets;

    #[test]
    fn secrets_are_hidden_and_the_rest_is_kept() {
        let text = "global: {scrape_interval: 15s}\n\
             scrape_configs:\n\
             - job_name: a\n  \
               basic_auth: {username: u, password: geheim1, password_file: /f}\n  \
               authorization: {type: Bearer, credentials: geheim2}\n  \
               oauth2: {client_id: c, client_secret: geheim3, token_url: 'https://u:geheim4@h/t'}\n  \
               http_headers: {X-Key: {secrets: [geheim5], values: [open]}}\n  \
               tls_config: {key: geheim6, key_file: /k}\n  \
               bearer_token: geheim7\n";
        let shown = without_secrets(text);
        assert!(!shown.contains("geheim"), "{shown}");
        for kept in ["15s", "/f", "/k", "Bearer", "open", "https://u:<secret>@h/t", "username: u"] {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
    }
}
