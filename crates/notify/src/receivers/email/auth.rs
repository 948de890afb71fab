//! Ways of telling a mail server who we are: PLAIN (RFC 4616), LOGIN, CRAM-MD5 (RFC 2195).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

use super::config::EmailConfig;
use crate::{Failure, secrets};

/// A way, with what it needs.
pub(super) enum Way {
    Plain,
    Login { user: String, password: String },
    CramMd5 { user: String, secret: String },
}

/// The first way that is offered and that there is a secret for, and the command that begins it. PLAIN is not chosen
/// where others could listen.
pub(super) fn choose(offered: &str, config: &EmailConfig, hidden: bool) -> Result<(String, Way), Failure> {
    let mut why = Vec::new();
    for way in offered.split_whitespace() {
        match way.to_ascii_uppercase().as_str() {
            "CRAM-MD5" => {
                let secret = secrets::read(&config.auth_secret, &config.auth_secret_file, "auth_secret")?;
                if !secret.is_empty() {
                    let user = config.auth_username.clone();
                    return Ok(("CRAM-MD5".to_owned(), Way::CramMd5 { user, secret }));
                }
                why.push("missing secret for CRAM-MD5 auth mechanism".to_owned());
            }
            "PLAIN" if !hidden => why.push("PLAIN needs a connection with TLS".to_owned()),
            known @ ("PLAIN" | "LOGIN") => {
                let password =
                    secrets::read(&config.auth_password, &config.auth_password_file, "auth_password")?;
                if password.is_empty() {
                    why.push(format!("missing password for {known} auth mechanism"));
                    continue;
                }
                let user = config.auth_username.clone();
                return Ok(match known {
                    "PLAIN" => {
                        let text = format!("{}\0{user}\0{password}", config.auth_identity);
                        (format!("PLAIN {}", STANDARD.encode(text)), Way::Plain)
                    }
                    _ => ("LOGIN".to_owned(), Way::Login { user, password }),
                });
            }
            _ => why.push(format!("unknown auth mechanism: {way}")),
        }
    }
    Err(Failure::never(format!("find auth mechanism: {}", why.join("; "))))
}

impl Way {
    /// What is said to a challenge, both in base64.
    pub(super) fn answer(&self, challenge: &str) -> Result<String, Failure> {
        let asked = STANDARD.decode(challenge.trim()).unwrap_or_default();
        let answer = match self {
            Self::Plain => String::new(),
            Self::CramMd5 { user, secret } => format!("{user} {}", hmac_md5(secret.as_bytes(), &asked)),
            Self::Login { user, password } => match asked.to_ascii_lowercase().as_slice() {
                b"username:" | b"user name\0" => user.clone(),
                b"password:" | b"password\0" => password.clone(),
                _ => return Err(Failure::never("unexpected server challenge")),
            },
        };
        Ok(STANDARD.encode(answer))
    }
}

/// RFC 2104 over MD5, in hexadecimal.
fn hmac_md5(key: &[u8], text: &[u8]) -> String {
    let mut block = [0u8; 64];
    if key.len() > block.len() {
        block[..16].copy_from_slice(&Md5::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |with: u8| block.map(|byte| byte ^ with);
    let inner = Md5::new().chain_update(padded(0x36)).chain_update(text).finalize();
    let outer = Md5::new().chain_update(padded(0x5c)).chain_update(inner).finalize();
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2195() {
        let way = Way::CramMd5 { user: "tim".to_owned(), secret: "tanstaaftanstaaf".to_owned() };
        let challenge = STANDARD.encode("<1896.697170952@postoffice.reston.mci.net>");
        let answer = STANDARD.decode(way.answer(&challenge).unwrap()).unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), "tim b913a602c7eda7a495b4e6e7334d3890");
        assert_eq!(
            hmac_md5(&[0xaa; 80], b"Test Using Larger Than Block-Size Key - Hash Key First"),
            "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"
        );
    }
}
