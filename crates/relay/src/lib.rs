//! Passing on what was stored, and asking others for what they have stored: remote write and remote read.
//!
//! What it is: a sender per `remote_write` section, fed from the log of the store through [`model::MetricFeed`], and
//! readers for `remote_read` sections that stand beside the store behind [`model::MetricReader`].
//!
//! What it is not: it writes to no store, and holds nothing that the log does not hold.
//!
//! Start reading at [`write`], then [`read`].

#![forbid(unsafe_code)]

pub mod config;
pub mod read;
pub mod write;

#[cfg(test)]
mod testing;

use outbound::WebUrl;

/// The URL as it is shown and kept: without user, password and query.
fn shown_url(url: &WebUrl) -> String {
    match url.parse() {
        Ok(mut url) => {
            url.set_query(None);
            // Fails only for URLs without a host, which have no user either.
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.to_string()
        }
        Err(_) => url.to_string(),
    }
}

/// A short name made of a text.
fn short_hash(text: &str) -> String {
    let hash = model::Labels::from_pairs([("text", text)]).hash128();
    format!("{:06x}", hash & 0xff_ffff)
}
