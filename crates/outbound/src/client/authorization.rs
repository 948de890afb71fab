//! The headers that the configuration adds to every request.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::read;
use crate::config::HttpConfig;

/// Refuses names of secrets: there is no store that could tell them.
pub(super) fn check(config: &HttpConfig) -> Result<(), String> {
    let tls =
        |tls: &crate::config::TlsConfig| [tls.ca_ref.clone(), tls.cert_ref.clone(), tls.key_ref.clone()];
    let mut names: Vec<String> = tls(&config.tls_config).to_vec();
    if let Some(basic) = &config.basic_auth {
        names.extend([basic.username_ref.clone(), basic.password_ref.clone()]);
    }
    names.extend(config.authorization.iter().map(|authorization| authorization.credentials_ref.clone()));
    if let Some(oauth2) = &config.oauth2 {
        names.extend([oauth2.client_secret_ref.clone(), oauth2.client_certificate_key_ref.clone()]);
        names.extend(tls(&oauth2.tls_config));
    }
    match names.iter().find(|name| !name.is_empty()) {
        Some(name) => {
            Err(format!("secret {name:?}: there is no secret store; use the fields that end in _file"))
        }
        None => Ok(()),
    }
}

/// The headers now. Files are read every time, so that a rotated secret is picked up.
pub(super) fn headers(config: &HttpConfig) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, header) in &config.http_headers.0 {
        for value in &header.values {
            append(&mut headers, name, value, false)?;
        }
        for secret in &header.secrets {
            append(&mut headers, name, secret.expose(), true)?;
        }
        for file in &header.files {
            append(&mut headers, name, read(file)?.trim(), true)?;
        }
    }
    let value = if let Some(basic) = &config.basic_auth {
        let user = text(&basic.username, basic.username_file.as_ref())?;
        let password = text(basic.password.expose(), basic.password_file.as_ref())?;
        Some(format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
    } else if let Some(authorization) = &config.authorization {
        let credentials = text(authorization.credentials.expose(), authorization.credentials_file.as_ref())?;
        Some(format!("{} {credentials}", authorization.kind))
    } else {
        None
    };
    if let Some(value) = value {
        headers.insert(AUTHORIZATION, sensitive(&value)?);
    }
    Ok(headers)
}

fn text(value: &str, file: Option<&PathBuf>) -> Result<String, String> {
    match file {
        Some(path) => Ok(read(path)?.trim().to_owned()),
        None => Ok(value.to_owned()),
    }
}

/// A header value that no log shows.
pub(super) fn sensitive(value: &str) -> Result<HeaderValue, String> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| "the credentials hold control characters".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Adds a header; the value of a wrong one is not repeated.
pub(super) fn append(headers: &mut HeaderMap, name: &str, value: &str, secret: bool) -> Result<(), String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("{name:?} is not a header name"))?;
    let mut value =
        HeaderValue::from_str(value).map_err(|_| format!("the value of header {name} is not allowed"))?;
    value.set_sensitive(secret);
    headers.append(name, value);
    Ok(())
}
