//! Secrets that can be told by how they look.

use std::ops::Range;

use super::anchors::Anchor;
use super::places::is_masked;
use super::{Found, Kind};

/// Looks around an anchor.
pub(super) fn look(text: &str, here: Range<usize>, anchor: Anchor) -> Option<Found> {
    let bytes = text.as_bytes();
    let start = here.start;
    // First of all: within a long run of a token's characters nothing is looked at twice.
    let inside = !begins(bytes, start);
    if inside && !matches!(anchor, Anchor::SlackHook | Anchor::Pem | Anchor::Url | Anchor::Bearer) {
        return None;
    }
    let (end, kind) = match anchor {
        Anchor::Aws => (aws(bytes, start)?, Kind::AwsKey),
        Anchor::Gcp => (prefixed(bytes, &here, if bytes[start] == b'A' { 35 } else { 20 })?, Kind::GcpKey),
        Anchor::Github => (prefixed(bytes, &here, if here.len() == 4 { 30 } else { 22 })?, Kind::GithubToken),
        Anchor::Slack => (slack(bytes, &here)?, Kind::SlackToken),
        Anchor::SlackHook => return slack_hook(text, here.end),
        Anchor::Service(least) => (prefixed(bytes, &here, least)?, Kind::ServiceKey),
        Anchor::Sendgrid => (sendgrid(bytes, &here)?, Kind::ServiceKey),
        Anchor::Jwt => (jwt(bytes, start)?, Kind::Jwt),
        Anchor::Pem => return pem(text, start),
        Anchor::Url => return url(text, here.end),
        Anchor::Bearer => return bearer(text, here),
        Anchor::Key | Anchor::Word | Anchor::Resident => return None,
    };
    Some(Found::new(start..end, kind))
}

/// The end of the bytes from `at` on that `holds` is true of.
pub(super) fn run(bytes: &[u8], at: usize, holds: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| !holds(*b)).unwrap_or(rest.len())
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Whether no token reaches into this place from before.
fn begins(bytes: &[u8], at: usize) -> bool {
    at.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|b| !is_base64url(*b))
}

fn aws(bytes: &[u8], start: usize) -> Option<usize> {
    let end = run(bytes, start, |b| b.is_ascii_alphanumeric());
    let key = &bytes[start..end];
    let plain = key.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    (end - start == 20 && plain).then_some(end)
}

fn prefixed(bytes: &[u8], here: &Range<usize>, least: usize) -> Option<usize> {
    let end = run(bytes, here.end, is_base64url);
    (end - here.end >= least).then_some(end)
}

fn slack(bytes: &[u8], here: &Range<usize>) -> Option<usize> {
    let mut at = here.end;
    if here.len() == 3 {
        // xoxb-, and xoxe.xoxp-
        matches!(bytes.get(at), Some(b'a' | b'b' | b'e' | b'o' | b'p' | b'r' | b's')).then_some(())?;
        at += 1;
        if bytes.get(at..at + 4) == Some(b".xox") {
            at += 5;
        }
        (bytes.get(at) == Some(&b'-')).then_some(())?;
        at += 1;
    }
    let end = run(bytes, at, is_base64url);
    let has_digit = bytes[at.min(end)..end].iter().any(u8::is_ascii_digit);
    (end.saturating_sub(at) >= 10 && has_digit).then_some(end)
}

/// `hooks.slack.com/services/T.../B.../...`: what comes after `services/`.
fn slack_hook(text: &str, at: usize) -> Option<Found> {
    let bytes = text.as_bytes();
    let path = run(bytes, at, |b| b.is_ascii_lowercase());
    let start = path + 1;
    let end = run(bytes, start, |b| b.is_ascii_alphanumeric() || b == b'/');
    (bytes.get(path) == Some(&b'/') && end.saturating_sub(start) >= 20)
        .then(|| Found::new(start..end, Kind::SlackToken))
}

fn sendgrid(bytes: &[u8], here: &Range<usize>) -> Option<usize> {
    let dot = run(bytes, here.end, is_base64url);
    let end = run(bytes, dot + 1, is_base64url);
    let long = dot - here.end >= 16 && end.saturating_sub(dot + 1) >= 16;
    (long && bytes.get(dot) == Some(&b'.')).then_some(end)
}

/// Header, claims and signature, the latter possibly empty; encrypted ones have two parts more.
fn jwt(bytes: &[u8], start: usize) -> Option<usize> {
    let header = run(bytes, start, is_base64url);
    if header - start < 10 || bytes.get(header) != Some(&b'.') {
        return None;
    }
    let claims = run(bytes, header + 1, is_base64url);
    if claims - header < 5 || bytes.get(claims) != Some(&b'.') {
        return None;
    }
    let mut end = run(bytes, claims + 1, is_base64url);
    for _ in 0..2 {
        if bytes.get(end) == Some(&b'.') && bytes.get(end + 1).is_some_and(|b| is_base64url(*b)) {
            end = run(bytes, end + 1, is_base64url);
        }
    }
    Some(end)
}

/// From the dashes before `BEGIN` to those after `END`; to the end of the text where that is missing.
fn pem(text: &str, at: usize) -> Option<Found> {
    let title_from = at + "-BEGIN ".len();
    let title_end =
        run(text.as_bytes(), title_from, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    let title = &text[title_from..title_end];
    if !title.contains("PRIVATE KEY") || !text[title_end..].starts_with("--") {
        return None;
    }
    let start = text[..at].len() - text[..at].bytes().rev().take_while(|b| *b == b'-').count();
    let rest = &text[title_end..];
    let end = rest.find("-----END").and_then(|end| {
        let after = end + "-----END".len();
        let close = rest[after..].find("-----")?;
        Some(title_end + after + close + "-----".len())
    });
    Some(Found::new(start..end.unwrap_or(text.len()), Kind::PrivateKey))
}

/// The password between `://user:` and `@`.
fn url(text: &str, at: usize) -> Option<Found> {
    let rest = &text[at..];
    let stop = rest
        .bytes()
        .position(|b| {
            matches!(b, b'/' | b'?' | b'#' | b'"' | b'\'' | b'<' | b'>' | b'\\' | b'`') || b <= b' '
        })
        .unwrap_or(rest.len());
    let authority = &rest[..stop];
    let host = authority.rfind('@')?;
    let colon = authority[..host].find(':')?;
    let password = &authority[colon + 1..host];
    (!password.is_empty() && !is_masked(password))
        .then(|| Found::new(at + colon + 1..at + host, Kind::UrlPassword))
}

fn bearer(text: &str, here: Range<usize>) -> Option<Found> {
    let bytes = text.as_bytes();
    matches!(here.start.checked_sub(1).map(|before| bytes[before]), Some(b'b' | b'B')).then_some(())?;
    let start = run(bytes, here.end, |b| b == b' ');
    let body = run(bytes, start, |b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
    let end = run(bytes, body, |b| b == b'=');
    let token = &bytes[start..end];
    let random = token.len() >= 20 || token.iter().any(u8::is_ascii_digit);
    (token.len() >= 8 && random).then(|| Found::new(start..end, Kind::Authorization))
}
