//! The signed assertion of RFC 7523, a JSON web token (RFC 7515).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Map, Value, json};

use crate::config::OAuth2;

/// How long an assertion holds, seconds.
const VALID: i64 = 600;

/// The assertion that `config` asks for, signed with the RSA key `pem`.
pub(super) fn sign(config: &OAuth2, pem: &str) -> Result<String, String> {
    let (algorithm, scheme) = match config.signature_algorithm.as_str() {
        "RS384" => ("RS384", SignatureScheme::RSA_PKCS1_SHA384),
        "RS512" => ("RS512", SignatureScheme::RSA_PKCS1_SHA512),
        _ => ("RS256", SignatureScheme::RSA_PKCS1_SHA256),
    };
    let key =
        PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|e| format!("client_certificate_key: {e}"))?;
    let key = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|e| format!("client_certificate_key: {e}"))?;
    let signer = key.choose_scheme(&[scheme]).ok_or("client_certificate_key is not an RSA key")?;
    let mut header = Map::from_iter([("alg".to_owned(), json!(algorithm)), ("typ".to_owned(), json!("JWT"))]);
    if !config.client_certificate_key_id.is_empty() {
        header.insert("kid".to_owned(), json!(config.client_certificate_key_id));
    }
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&Value::Object(header)), part(&Value::Object(claims(config)?)));
    let signature = signer.sign(signed.as_bytes()).map_err(|e| format!("client_certificate_key: {e}"))?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

fn claims(config: &OAuth2) -> Result<Map<String, Value>, String> {
    // The server checks it against the real time.
    let now = model::Clock::now_ms(&model::SystemClock) / 1000;
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let mut id = [0; 16];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut id)
        .map_err(|_| "no random numbers to be had".to_owned())?;
    let mut claims = Map::from_iter([
        ("iss".to_owned(), json!(or(&config.iss, &config.client_id))),
        ("sub".to_owned(), json!(config.client_id)),
        ("jti".to_owned(), json!(URL_SAFE_NO_PAD.encode(id))),
        ("aud".to_owned(), json!(or(&config.audience, &config.token_url))),
        ("iat".to_owned(), json!(now)),
        ("exp".to_owned(), json!(now + VALID)),
    ]);
    if !config.scopes.is_empty() {
        claims.insert("scope".to_owned(), json!(config.scopes.join(" ")));
    }
    claims.extend(config.claims.clone());
    Ok(claims)
}
