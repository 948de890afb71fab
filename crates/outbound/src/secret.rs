//! Text that is never shown, and addresses that may hold a password.

use std::fmt;

use model::config::Empty;
use serde::{Deserialize, Serialize, Serializer};

/// What stands in place of a secret, as in Prometheus.
const HIDDEN: &str = "<secret>";

/// Text that is never shown: `Debug` and serialization print `<secret>`.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() { serializer.serialize_none() } else { serializer.serialize_str(HIDDEN) }
    }
}

impl Empty for Secret {
    fn is_empty_value(&self) -> bool {
        self.is_empty()
    }
}

/// An address as written. A password in it is never shown.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// Keeps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The address with its password: for the one place that connects.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads it; the error does not repeat it.
    pub fn parse(&self) -> Result<url::Url, String> {
        url::Url::parse(&self.0).map_err(|e| format!("the URL cannot be read: {e}"))
    }
}

impl fmt::Display for WebUrl {
    /// With `xxxxx` for a password, as Prometheus shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let password = self.0.split_once("://").and_then(|(scheme, rest)| {
            let authority = rest.split(['/', '?', '#']).next()?;
            let (user_info, _) = authority.rsplit_once('@')?;
            let (user, _) = user_info.split_once(':')?;
            let start = scheme.len() + 3 + user.len() + 1;
            Some(start..scheme.len() + 3 + user_info.len())
        });
        match password {
            Some(range) => write!(f, "{}xxxxx{}", &self.0[..range.start], &self.0[range.end..]),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for WebUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Empty for WebUrl {
    fn is_empty_value(&self) -> bool {
        self.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_secrets_nor_passwords_are_shown() {
        assert_eq!(format!("{:?}", Secret::new("geheim")), "<secret>");
        assert_eq!(serde_json::to_string(&Secret::new("geheim")).unwrap(), "\"<secret>\"");
        for (text, shown) in [
            ("http://u:geheim@h:1/p?q=a:b@c", "http://u:xxxxx@h:1/p?q=a:b@c"),
            ("http://u:ge:h@im@h/", "http://u:xxxxx@h/"),
            ("http://u@h/", "http://u@h/"),
            ("http://h/a:b@c", "http://h/a:b@c"),
            ("봉화", "봉화"),
        ] {
            assert_eq!(WebUrl::new(text).to_string(), shown);
            assert_eq!(format!("{:?}", WebUrl::new(text)), shown);
        }
    }
}
