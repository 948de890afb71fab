//! Where alerts go: the door between the rules and whoever tells people.

use model::Labels;
use model::rule::Texts;

/// An alert on its way. Times are ms.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingAlert {
    /// Its labels; they are its identity.
    pub labels: Labels,
    /// Texts that describe it.
    pub annotations: Texts,
    /// Since when it fires.
    pub starts_at_ms: i64,
    /// When it ended, or until when it is to be believed without hearing of it again.
    pub ends_at_ms: i64,
    /// Address of the page that shows its expression.
    pub generator_url: String,
}

/// Takes alerts: external Alertmanagers behind [`crate::notify`], or one of our own.
pub trait AlertSink: Send + Sync {
    /// Takes alerts that fire or were resolved; it must not wait for anybody outside.
    fn send(&self, alerts: Vec<OutgoingAlert>);
}

/// Takes alerts and forgets them: for tests of rules, which nobody is told about.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSink;

impl AlertSink for NoSink {
    fn send(&self, _alerts: Vec<OutgoingAlert>) {}
}
