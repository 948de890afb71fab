//! Who knows the shared key: HELO with a nonce, PING with the client's digest, PONG with ours. Users and their passwords
//! are proved in the same messages.

use model::{Error, Result};
use sha2::{Digest as _, Sha512};

use super::msgpack::{Reader, hex, put_array, put_bool, put_bytes, put_map, put_text};

/// What a client answers to HELO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ping {
    /// The client's name of itself.
    pub host: String,
    salt: Vec<u8>,
    digest: Vec<u8>,
    /// Who it says it is; empty where no user names are asked for.
    pub user: String,
    password: Vec<u8>,
}

/// The server's first message. With a salt, user name and password are asked for.
pub fn hello(nonce: &[u8; 16], salt: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_array(&mut out, 2);
    put_text(&mut out, "HELO");
    put_map(&mut out, 3);
    put_text(&mut out, "nonce");
    put_bytes(&mut out, nonce);
    put_text(&mut out, "auth");
    put_bytes(&mut out, salt);
    put_text(&mut out, "keepalive");
    put_bool(&mut out, true);
    out
}

/// Reads the client's answer.
///
/// # Errors
/// Kind `Invalid` where it is no PING.
pub fn ping(message: &[u8]) -> Result<Ping> {
    let mut reader = Reader::new(message);
    let wrong = || Error::invalid("expected a PING: the client knows of no shared key");
    if reader.array()?.is_none_or(|items| items < 4) || reader.bytes()? != Some(b"PING") {
        return Err(wrong());
    }
    let mut part = || reader.bytes()?.map(<[u8]>::to_vec).ok_or_else(wrong);
    let (host, salt, digest) = (part()?, part()?, part()?);
    // Old clients end here.
    let (user, password) = (part().unwrap_or_default(), part().unwrap_or_default());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Ping { host: text(&host), salt, digest, user: text(&user), password })
}

impl Ping {
    /// Whether the client knows the key.
    pub fn knows(&self, nonce: &[u8; 16], key: &str) -> bool {
        let wanted = digest(&self.salt, &self.host, nonce, key);
        // The digest of a nonce that is used once: how long a comparison takes says nothing of use.
        self.digest == wanted.as_bytes()
    }

    /// Whether the client knows its user's password.
    pub fn is_user(&self, salt: &[u8], user: &str, password: &str) -> bool {
        let mut hash = Sha512::new();
        for part in [salt, user.as_bytes(), password.as_bytes()] {
            hash.update(part);
        }
        self.user == user && self.password == hex(&hash.finalize()).as_bytes()
    }

    /// Our answer: with our own digest where the client may go on, else with the reason.
    pub fn pong(&self, nonce: &[u8; 16], key: &str, host: &str, refused: Option<&str>) -> Vec<u8> {
        let mut out = Vec::new();
        put_array(&mut out, 5);
        put_text(&mut out, "PONG");
        put_bool(&mut out, refused.is_none());
        put_text(&mut out, refused.unwrap_or_default());
        put_text(&mut out, host);
        let ours = if refused.is_none() { digest(&self.salt, host, nonce, key) } else { String::new() };
        put_text(&mut out, &ours);
        out
    }
}

fn digest(salt: &[u8], host: &str, nonce: &[u8], key: &str) -> String {
    let mut hash = Sha512::new();
    for part in [salt, host.as_bytes(), nonce, key.as_bytes()] {
        hash.update(part);
    }
    hex(&hash.finalize())
}
