//! The mail itself: headers, and its text in two forms.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::config::EmailConfig;
use crate::shorten::digest;
use crate::template::Words;
use crate::{Failure, Notification, Templates};

/// A mail, and whom it goes to.
pub(super) struct Mail {
    /// Address of the sender.
    pub(super) from: String,
    /// Addresses of the recipients.
    pub(super) to: Vec<String>,
    text: String,
}

impl Mail {
    /// As it goes over the wire: lines that begin with a full stop get another, and one ends it all.
    pub(super) fn dotted(&self) -> Vec<u8> {
        let mut out = self.text.replace("\r\n.", "\r\n..");
        if !out.ends_with("\r\n") {
            out.push_str("\r\n");
        }
        out.push_str(".\r\n");
        out.into_bytes()
    }
}

/// The mail of a notification.
pub(super) fn compose(
    config: &EmailConfig,
    templates: &Templates,
    notification: &Notification,
) -> Result<Mail, Failure> {
    let words = templates.words(notification, 0);
    let from = words.text(&config.from).map_err(|e| format!("execute 'from' template: {e}"))?;
    let to = words.text(&config.to).map_err(|e| format!("execute 'to' template: {e}"))?;
    let senders = addresses(&from).map_err(|e| format!("parse 'from' addresses: {e}"))?;
    let [sender] = senders.as_slice() else {
        return Err(Failure::never(format!("must be exactly one 'from' address (got: {})", senders.len())));
    };
    let to = addresses(&to).map_err(|e| format!("parse 'to' addresses: {e}"))?;
    let mut text = headers(config, &words, &from, notification, sender)?;
    parts(config, &words, notification, &mut text)?;
    Ok(Mail { from: sender.clone(), to, text })
}

fn headers(
    config: &EmailConfig,
    words: &Words,
    from: &str,
    notification: &Notification,
    sender: &str,
) -> Result<String, Failure> {
    let default = BTreeMap::from([
        ("From", from.to_owned()),
        ("To", words.text(&config.to)?),
        ("Subject", words.text("{{ template \"email.default.subject\" . }}")?),
    ]);
    let mut all: BTreeMap<String, String> =
        default.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    for (name, template) in &config.headers {
        let value = words.text(template).map_err(|e| format!("execute {name:?} header template: {e}"))?;
        all.insert(name.clone(), value);
    }
    let domain = sender.rsplit('@').next().unwrap_or("localhost");
    let key = digest(&notification.group_key);
    // The same for every attempt, so that a mail which came twice can be known.
    let id = digest(&format!("{}\n{}\n{key}", words.data.receiver, config.to));
    all.entry("Message-Id".to_owned())
        .or_insert_with(|| format!("<{}.{}@{domain}>", notification.now_ms, &id[..16]));
    let now = Timestamp::from_millisecond(notification.now_ms).unwrap_or_default().to_zoned(TimeZone::UTC);
    if config.threading.enabled {
        let day = match config.threading.thread_by_date.as_str() {
            "none" => String::new(),
            _ => now.strftime("%Y-%m-%d").to_string(),
        };
        let root = format!("<alert-{}-{day}@{domain}>", &key[..16]);
        all.insert("References".to_owned(), root.clone());
        all.insert("In-Reply-To".to_owned(), root);
    }
    let mut out = String::new();
    for (name, value) in &all {
        let value = if ["From", "To", "Cc", "Reply-To"].contains(&name.as_str()) {
            people(value)
        } else {
            encoded(value)
        };
        // Writing to a text does not fail.
        let _ = write!(out, "{}: {value}\r\n", one_line(name));
    }
    let _ = write!(out, "Date: {}\r\n", now.strftime("%a, %d %b %Y %H:%M:%S %z"));
    Ok(out)
}

fn parts(
    config: &EmailConfig,
    words: &Words,
    notification: &Notification,
    out: &mut String,
) -> Result<(), Failure> {
    // Quoted text never has `=_` in it.
    let boundary =
        format!("=_{}", &digest(&format!("{}{}", notification.group_key, notification.now_ms))[..32]);
    let _ = write!(
        out,
        "Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\nMIME-Version: 1.0\r\n\r\n"
    );
    let mut part = |kind: &str, body: &str| {
        let _ = write!(
            out,
            "--{boundary}\r\nContent-Transfer-Encoding: quoted-printable\r\nContent-Type: {kind}; charset=UTF-8\r\n\r\n{}\r\n",
            quoted_printable(body)
        );
    };
    if !config.text.is_empty() {
        part("text/plain", &words.text(&config.text).map_err(|e| format!("execute text template: {e}"))?);
    }
    // What readers prefer stands last (RFC 2046, 5.1.4).
    if !config.html.is_empty() {
        part("text/html", &words.html(&config.html).map_err(|e| format!("execute html template: {e}"))?);
    }
    let _ = write!(out, "--{boundary}--\r\n");
    Ok(())
}

fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

/// A header's text: as it is, or in words of RFC 2047 where it is more than ASCII.
fn encoded(text: &str) -> String {
    let text = one_line(text);
    if text.is_ascii() {
        return text;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        // 75 characters are the most that one word may have.
        if word.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words: Vec<String> =
        words.iter().map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

/// What stands between commas, outside quotes and angle brackets.
fn entries(list: &str) -> Vec<&str> {
    let (mut quoted, mut bracketed) = (false, false);
    let split = list.split(move |c: char| {
        match c {
            '"' => quoted = !quoted,
            '<' => bracketed = true,
            '>' => bracketed = false,
            _ => {}
        }
        c == ',' && !quoted && !bracketed
    });
    split.map(str::trim).filter(|entry| !entry.is_empty()).collect()
}

/// Name and address of one entry.
fn parted(entry: &str) -> (&str, &str) {
    match entry.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()),
        None => ("", entry),
    }
}

/// The addresses of a list.
fn addresses(list: &str) -> Result<Vec<String>, String> {
    let all = entries(list).into_iter().map(|entry| {
        let (_, address) = parted(entry);
        let bad = |c: char| c.is_whitespace() || c.is_control() || "<>\"(),;".contains(c) || !c.is_ascii();
        let halves =
            address.rsplit_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
        if halves && !address.contains(bad) && !entry.contains(char::is_control) {
            Ok(address.to_owned())
        } else {
            Err(format!("{entry:?} is no address"))
        }
    });
    let all: Vec<String> = all.collect::<Result<_, _>>()?;
    if all.is_empty() { Err("no address".to_owned()) } else { Ok(all) }
}

/// A list of people in a header.
fn people(list: &str) -> String {
    let list = one_line(list);
    let all = entries(&list).into_iter().map(|entry| match parted(entry) {
        ("", address) => address.to_owned(),
        (name, address) if name.is_ascii() => format!("{name} <{address}>"),
        (name, address) => format!("{} <{address}>", encoded(name.trim_matches('"'))),
    });
    all.collect::<Vec<_>>().join(",\r\n ")
}

/// RFC 2045, 6.7: lines of at most 76 characters, all of them ASCII.
fn quoted_printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            out.push_str("\r\n");
        }
        let line = line.strip_suffix('\r').unwrap_or(line).as_bytes();
        let mut width = 0;
        for (at, byte) in line.iter().enumerate() {
            let last = at + 1 == line.len();
            let plain = matches!(byte, b'!'..=b'<' | b'>'..=b'~') || (matches!(byte, b' ' | b'\t') && !last);
            let size = if plain { 1 } else { 3 };
            if width + size > 75 {
                out.push_str("=\r\n");
                width = 0;
            }
            width += size;
            if plain {
                out.push(char::from(*byte));
            } else {
                let _ = write!(out, "={byte:02X}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_encoded_where_they_must_be() {
        assert_eq!(encoded("plain\r\nBcc: x"), "plain  Bcc: x");
        assert_eq!(encoded("봉화"), "=?utf-8?b?67SJ7ZmU?=");
        assert!(encoded(&"봉".repeat(40)).split("\r\n ").all(|word| word.len() <= 75));
        assert_eq!(quoted_printable("a=b \n봉\n."), "a=3Db=20\r\n=EB=B4=89\r\n.");
        assert!(quoted_printable(&"봉x".repeat(100)).lines().all(|line| line.len() <= 76));
        assert_eq!(addresses("A <a@b>, \"x, y\" <c@d>, e@f").unwrap(), ["a@b", "c@d", "e@f"]);
        for wrong in ["", "a", "@b", "a@", "a b@c", "a@b\r\nRCPT TO:<x@y>", "봉@화"] {
            assert!(addresses(wrong).is_err(), "{wrong}");
        }
        assert_eq!(people("봉화 <a@b>, c@d"), "=?utf-8?b?67SJ7ZmU?= <a@b>,\r\n c@d");
    }
}
