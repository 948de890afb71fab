//! Checks that many sections share.

use outbound::Url;

/// Refuses two ways of saying one thing; `names` are joined by `&`.
pub(crate) fn at_most_one(one: bool, other: bool, names: &str) -> Result<(), String> {
    if one && other { Err(format!("at most one of {names} must be configured")) } else { Ok(()) }
}

/// Refuses that neither is there; `names` are joined by `or`.
pub(crate) fn one_of(one: bool, other: bool, names: &str) -> Result<(), String> {
    if one || other { Ok(()) } else { Err(format!("one of {names} must be configured")) }
}

/// Whether a text is a template.
pub(crate) fn templated(text: &str) -> bool {
    text.contains("{{")
}

/// Refuses what is no address of a web server. Nothing at all, and the word that stands for a hidden one, are let
/// pass.
pub(crate) fn address(text: &str) -> Result<(), String> {
    if text.is_empty() || text == "<secret>" || text.starts_with("${env:") {
        return Ok(());
    }
    let scheme = text.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    if scheme != "http" && scheme != "https" {
        return Err(format!("unsupported scheme {scheme:?} for URL"));
    }
    // Browsers forgive too many slashes; here they are an address without a host.
    let host = text.split_once("://").map_or("", |(_, rest)| rest);
    if host.is_empty() || host.starts_with(['/', '?', '#']) {
        return Err("missing host for URL".to_owned());
    }
    Url::parse(text).map(drop).map_err(|e| format!("the URL cannot be read: {e}"))
}

/// Refuses what is not `host:port`, where it is anything.
pub(crate) fn host_port(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Ok(());
    }
    let Some((host, port)) = text.rsplit_once(':') else {
        return Err(format!("address {text}: missing port in address"));
    };
    if port.is_empty() {
        return Err(format!("address {text:?}: port cannot be empty"));
    }
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if !bracketed && host.contains(':') {
        return Err(format!("address {text}: too many colons in address"));
    }
    Ok(())
}
