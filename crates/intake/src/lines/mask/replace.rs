//! What stands in place of a secret.

use std::fmt;

use sha2::{Digest, Sha256};

use super::places::{OPEN, STARS};
use super::{Found, Kind, Masker};
use crate::lines::config::Mode;

/// Bytes of a block of SHA-256, by which HMAC pads its key.
const BLOCK: usize = 64;
/// Fewer characters than these show none of themselves in partial replacements.
const SHOWN_FROM: usize = 12;
/// How many characters a partial replacement shows.
const SHOWN: usize = 4;

/// The key of hashes. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; BLOCK]);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        let mut key = [0; BLOCK];
        if bytes.len() > BLOCK {
            key[..32].copy_from_slice(&Sha256::digest(bytes));
        } else {
            key[..bytes.len()].copy_from_slice(bytes);
        }
        Self(key)
    }

    /// The first 64 bits of HMAC-SHA-256 (RFC 2104).
    fn hash(&self, text: &str) -> u64 {
        let mut inner = Sha256::new();
        inner.update(self.0.map(|b| b ^ 0x36));
        inner.update(text.as_bytes());
        let mut outer = Sha256::new();
        outer.update(self.0.map(|b| b ^ 0x5c));
        outer.update(inner.finalize());
        let digest = outer.finalize();
        digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

impl Masker {
    /// Writes what stands for `secret`.
    pub(super) fn replace(&self, secret: &str, found: &Found, out: &mut String) {
        use fmt::Write;
        if found.quote {
            out.push('"');
        }
        let name = self.name(found.kind);
        // Writing to a string cannot fail.
        let _ = match (self.mode, &self.key) {
            (Mode::Hash, Some(key)) => write!(out, "{OPEN}{name}:{:016x}]", key.hash(secret)),
            (Mode::Partial, _) if found.kind != Kind::PrivateKey => {
                partial(secret, found.kind, out);
                Ok(())
            }
            _ => write!(out, "{OPEN}{name}]"),
        };
        if found.quote {
            out.push('"');
        }
    }
}

fn partial(secret: &str, kind: Kind, out: &mut String) {
    // A birthday and the digit after it, as they are shown on Korean forms.
    if kind == Kind::ResidentNumber
        && let Some(head) = secret.get(..8).filter(|head| head.contains('-'))
    {
        out.push_str(head);
        out.push_str("******");
        return;
    }
    out.push_str(STARS);
    let length = secret.chars().count();
    let tail = secret.char_indices().rev().nth(SHOWN - 1).map_or("", |(at, _)| &secret[at..]);
    if length >= SHOWN_FROM && tail.bytes().all(|b| b.is_ascii_alphanumeric()) {
        out.push_str(tail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_rfc_4231() {
        assert_eq!(Key::new(b"Jefe").hash("what do ya want for nothing?"), 0x5bdc_c146_bf60_754e);
        assert_eq!(Key::new(&[0x0b; 20]).hash("Hi There"), 0xb034_4c61_d8db_3853);
        let long = Key::new(&[0xaa; 131]);
        let text = "Test Using Larger Than Block-Size Key - Hash Key First";
        assert_eq!(long.hash(text), 0x60e4_3159_1ee0_b67f);
        assert_eq!(format!("{long:?}"), "<secret>");
    }
}
