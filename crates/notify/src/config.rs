//! What `alertmanager.yml` says about receivers: the defaults in `global`, and the receivers themselves.
//!
//! A section is checked as it is read; [`Receiver::complete`] then fills in what it inherits and checks the rest. Names,
//! defaults and error texts are Alertmanager's.

mod check;
mod global;
mod receiver;
#[cfg(test)]
mod tests;

pub(crate) use check::{address, at_most_one, host_port, one_of, templated};
pub use global::Global;
pub use receiver::Receiver;

/// What every kind of section inherits, and the files it names.
pub(crate) trait Inherit {
    /// Fills in from `global` what the section leaves out.
    fn complete(&mut self, global: &Global) -> Result<(), String>;

    /// How it talks, where it talks HTTP and says so itself.
    fn http(&mut self) -> Option<&mut outbound::HttpConfig>;
}

/// Takes `from` where `into` is empty.
pub(crate) fn inherit<T: model::config::Empty + Clone>(into: &mut T, from: &T) {
    if into.is_empty_value() {
        *into = from.clone();
    }
}

/// Lets an address that others are appended to end with a slash.
pub(crate) fn end_with_slash(url: &mut outbound::WebUrl) {
    if !url.expose().ends_with('/') && !url.expose().contains('?') {
        *url = outbound::WebUrl::new(format!("{}/", url.expose()));
    }
}
