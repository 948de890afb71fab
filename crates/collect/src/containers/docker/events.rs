//! The event stream: one JSON object a line.

use super::api::RawEvent;

/// The longest line that is parsed; longer ones are passed over.
const LINE_CAP: usize = 1 << 20;

/// Something the engine reported about a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEvent {
    /// Nanoseconds since the Unix epoch.
    pub time_ns: i64,
    /// Full container id.
    pub id: String,
    /// One of [`ACTIONS`].
    pub action: &'static str,
    /// Container name.
    pub name: String,
    /// Image as the user named it.
    pub image: String,
    /// `exit_code` of `die`.
    pub exit_code: Option<i64>,
    /// `signal` of `kill`.
    pub signal: String,
    /// What a `health_status` says.
    pub health: String,
    /// The name before a `rename`.
    pub old_name: String,
}

/// Actions that are kept. Others are dropped unread: `exec_create` and `exec_start` carry command lines.
pub const ACTIONS: [&str; 13] = [
    "create",
    "start",
    "die",
    "oom",
    "health_status",
    "pause",
    "unpause",
    "restart",
    "kill",
    "stop",
    "destroy",
    "rename",
    "update",
];

impl EngineEvent {
    /// The event of one line; `None` for other types and actions and for what is no event.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let raw: RawEvent = serde_json::from_slice(line).ok()?;
        if !raw.kind.is_empty() && raw.kind != "container" {
            return None;
        }
        let (word, rest) = raw.action.split_once(':').unwrap_or((&raw.action, ""));
        let action = known_action(word)?;
        let mut attributes = raw.actor.attributes;
        let health = if rest.is_empty() { attributes.health } else { rest.trim().to_owned() };
        let is_health = action == "health_status";
        let time_ns = if raw.time_nano > 0 { raw.time_nano } else { raw.time.saturating_mul(1_000_000_000) };
        if raw.actor.id.is_empty() {
            return None;
        }
        attributes.old_name = attributes.old_name.trim_start_matches('/').to_owned();
        Some(Self {
            time_ns,
            id: raw.actor.id,
            action,
            name: attributes.name,
            image: attributes.image,
            exit_code: attributes.exit_code.and_then(|text| text.parse().ok()),
            signal: attributes.signal,
            health: if is_health { health } else { String::new() },
            old_name: attributes.old_name,
        })
    }
}

/// The action's name here, Podman's words translated.
fn known_action(word: &str) -> Option<&'static str> {
    let word = match word {
        "died" => "die",
        "remove" => "destroy",
        other => other,
    };
    ACTIONS.into_iter().find(|known| *known == word)
}

/// Cuts a byte stream into lines, bounded.
#[derive(Debug, Default)]
pub struct LineSplitter {
    rest: Vec<u8>,
    skipping: bool,
}

impl LineSplitter {
    /// Takes the next bytes and hands each whole line to `sink`.
    pub fn push(&mut self, mut bytes: &[u8], mut sink: impl FnMut(&[u8])) {
        while let Some(at) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = (&bytes[..at], &bytes[at + 1..]);
            bytes = rest;
            if std::mem::take(&mut self.skipping) {
                self.rest.clear();
            } else if self.rest.is_empty() {
                sink(line);
            } else {
                self.rest.extend_from_slice(line);
                sink(&self.rest);
                self.rest.clear();
            }
        }
        if self.rest.len() + bytes.len() > LINE_CAP {
            self.rest.clear();
            self.skipping = true;
        }
        if !self.skipping {
            self.rest.extend_from_slice(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dies_and_health_and_passes_over_command_lines() {
        let die = br#"{"status":"die","id":"ab","Type":"container","Action":"die","Actor":{"ID":"ab",
            "Attributes":{"exitCode":"137","image":"i:1","name":"n"}},"time":5,"timeNano":5000000001}"#;
        let event = EngineEvent::parse(die).unwrap();
        assert_eq!((event.action, event.exit_code, event.time_ns), ("die", Some(137), 5_000_000_001));
        let health =
            br#"{"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"ab"},"time":5}"#;
        let event = EngineEvent::parse(health).unwrap();
        assert_eq!(
            (event.action, &*event.health, event.time_ns),
            ("health_status", "unhealthy", 5_000_000_000)
        );
        for other in [
            &br#"{"Type":"container","Action":"exec_create: sh -c secret","Actor":{"ID":"ab"}}"#[..],
            br#"{"Type":"network","Action":"create","Actor":{"ID":"ab"}}"#,
            br#"{"Type":"container","Action":"die","Actor":{}}"#,
            b"{",
        ] {
            assert_eq!(EngineEvent::parse(other), None);
        }
    }

    #[test]
    fn lines_come_whole_however_the_bytes_are_cut() {
        let mut lines = Vec::new();
        let mut splitter = LineSplitter::default();
        for chunk in b"ab\n\ncde\nf".chunks(2) {
            splitter.push(chunk, |line| lines.push(line.to_vec()));
        }
        assert_eq!(lines, [b"ab".to_vec(), b"".to_vec(), b"cde".to_vec()]);
        splitter.push(&vec![b'x'; LINE_CAP + 1], |_| panic!("no line yet"));
        splitter.push(b"tail\nnext\n", |line| lines.push(line.to_vec()));
        assert_eq!(lines.last().map(Vec::as_slice), Some(&b"next"[..]), "an endless line is passed over");
        assert_eq!(lines.len(), 4);
    }
}
