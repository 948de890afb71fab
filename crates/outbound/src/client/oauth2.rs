//! Tokens of OAuth 2.0: fetched, kept until shortly before they end, fetched again when the secret has changed.

mod assertion;

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex as SyncMutex;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};
use tokio::sync::Mutex;
use url::form_urlencoded;

use super::authorization::sensitive;
use super::{ClientOptions, Failure, Transport, Url, read};
use crate::config::{GRANT_JWT, OAuth2};

/// A token is not used in its last seconds.
const EARLY: Duration = Duration::from_secs(10);
/// Bytes that the answer of a token server may have.
const BODY_LIMIT: usize = 1 << 20;
/// How long fetching a token may take.
const CALL_LIMIT: Duration = Duration::from_secs(30);

/// Where the tokens of one client come from.
pub(super) struct Source {
    config: OAuth2,
    url: Url,
    transport: Transport,
    token: Mutex<Option<Token>>,
    /// Whether the server wants id and secret in the body; `None`: not known yet.
    in_body: SyncMutex<Option<bool>>,
}

struct Token {
    value: HeaderValue,
    /// The secret it was fetched with.
    secret: String,
    ends: Option<Instant>,
}

/// What the server answers.
#[derive(serde::Deserialize)]
struct Answer {
    #[serde(default)]
    access_token: String,
    #[serde(default)]
    token_type: String,
    /// A number; some servers write it as a text.
    #[serde(default)]
    expires_in: serde_json::Value,
    #[serde(default)]
    error: String,
}

impl Source {
    pub(super) fn new(config: &OAuth2) -> Result<Self, String> {
        let url = Url::parse(&config.token_url).map_err(|e| format!("oauth2 token_url: {e}"))?;
        let transport = Transport {
            tls: config.tls_config.clone(),
            proxy: config.proxy.clone(),
            follow_redirects: true,
            http2: true,
            options: ClientOptions::default(),
            current: SyncMutex::default(),
        };
        transport.client(None).map_err(|e| format!("oauth2: {e}"))?;
        Ok(Self {
            config: config.clone(),
            url,
            transport,
            token: Mutex::default(),
            in_body: SyncMutex::default(),
        })
    }

    /// The `Authorization` header, its token fetched if need be. Requests that come meanwhile wait for the same token.
    pub(super) async fn header(&self) -> Result<HeaderValue, String> {
        let secret = self.secret()?;
        let mut token = self.token.lock().await;
        if let Some(token) = &*token
            && token.secret == secret
            && token.ends.is_none_or(|ends| Instant::now() + EARLY < ends)
        {
            return Ok(token.value.clone());
        }
        let fetched = self.fetch(secret).await.map_err(|e| format!("oauth2: cannot fetch token: {e}"))?;
        let value = fetched.value.clone();
        *token = Some(fetched);
        Ok(value)
    }

    /// The client secret, or the key that signs assertions.
    fn secret(&self) -> Result<String, String> {
        let (text, file) = if self.config.grant_type == GRANT_JWT {
            (&self.config.client_certificate_key, &self.config.client_certificate_key_file)
        } else {
            (&self.config.client_secret, &self.config.client_secret_file)
        };
        match file {
            Some(path) => Ok(read(path)?.trim().to_owned()),
            None => Ok(text.expose().to_owned()),
        }
    }

    async fn fetch(&self, secret: String) -> Result<Token, String> {
        let asked = Instant::now();
        let answer = if self.config.grant_type == GRANT_JWT {
            let assertion = assertion::sign(&self.config, &secret)?;
            self.ask(&[("assertion", &assertion)], GRANT_JWT, None).await?
        } else {
            self.ask_with_secret(&secret).await?
        };
        let (status, body) = answer;
        let parsed: Option<Answer> = serde_json::from_slice(&body).ok();
        if !status.is_success() {
            let reason = parsed.map(|a| a.error).unwrap_or_default();
            return Err(format!(
                "HTTP status {status}{}",
                if reason.is_empty() { reason } else { format!(": {reason:?}") }
            ));
        }
        let answer = parsed.ok_or("the answer is not JSON")?;
        if answer.access_token.is_empty() {
            return Err("server response missing access_token".to_owned());
        }
        let kind = match answer.token_type.as_str() {
            "" => "Bearer",
            kind if kind.eq_ignore_ascii_case("bearer") => "Bearer",
            kind => kind,
        };
        let seconds = match &answer.expires_in {
            serde_json::Value::Number(number) => number.as_f64(),
            serde_json::Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let seconds = seconds.filter(|s| *s > 0.0 && *s < 1e9);
        let value = sensitive(&format!("{kind} {}", answer.access_token))?;
        Ok(Token { value, secret, ends: seconds.map(|s| asked + Duration::from_secs_f64(s)) })
    }

    /// Id and secret in the header first, then in the body, as servers differ; what worked is remembered.
    async fn ask_with_secret(&self, secret: &str) -> Result<(StatusCode, Vec<u8>), String> {
        const GRANT: &str = "client_credentials";
        let known = *self.in_body.lock();
        let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let user = format!("{}:{}", encode(&self.config.client_id), encode(secret));
        let header = format!("Basic {}", STANDARD.encode(user));
        let mut in_body = vec![("client_id", self.config.client_id.as_str())];
        if !secret.is_empty() {
            in_body.push(("client_secret", secret));
        }
        if known != Some(true) {
            let answer = self.ask(&[], GRANT, Some(sensitive(&header)?)).await?;
            if known.is_some() || answer.0.is_success() {
                *self.in_body.lock() = Some(false);
                return Ok(answer);
            }
        }
        let answer = self.ask(&in_body, GRANT, None).await?;
        if answer.0.is_success() {
            *self.in_body.lock() = Some(true);
        }
        Ok(answer)
    }

    fn form(&self, more: &[(&str, &str)], grant: &str) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        // A server that does not follow the standard may want another grant type.
        let grant = self.config.endpoint_params.get("grant_type").map_or(grant, String::as_str);
        form.append_pair("grant_type", grant);
        if !self.config.scopes.is_empty() {
            form.append_pair("scope", &self.config.scopes.join(" "));
        }
        form.extend_pairs(more);
        form.extend_pairs(self.config.endpoint_params.iter().filter(|(name, _)| *name != "grant_type"));
        form.finish()
    }

    async fn ask(
        &self,
        more: &[(&str, &str)],
        grant: &str,
        authorization: Option<HeaderValue>,
    ) -> Result<(StatusCode, Vec<u8>), String> {
        let mut headers = HeaderMap::new();
        let (client, url) = self.transport.route(self.url.clone(), &mut headers)?;
        let mut request = client
            .request(Method::POST, url)
            .headers(headers)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .timeout(CALL_LIMIT)
            .body(self.form(more, grant));
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await.map_err(|e| Failure::of(e).to_string())?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| Failure::of(e).to_string())? {
            if body.len() + chunk.len() > BODY_LIMIT {
                return Err(format!("the answer has more than {BODY_LIMIT} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }
}
