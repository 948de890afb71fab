//! `logs.receive`: which protocols of logs are listened for. Nothing is unless it is listed here.

use std::fmt;
use std::path::{Path, PathBuf};

use model::config::Size;
use serde::Deserialize;

use crate::web_config::TlsServer;

/// The section.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Bytes of a message that are kept; the rest is cut off and counted.
    pub line_bytes: Size,
    /// Bytes of a frame: a message of a protocol, before and after it is decompressed.
    pub frame_bytes: Size,
    /// Connections at one time, for each listener.
    pub connections: usize,
    /// Syslog, RFC 3164 and 5424.
    pub syslog: Vec<Listener>,
    /// Graylog's GELF.
    pub gelf: Vec<Listener>,
    /// Lines of JSON, an object each.
    pub json: Vec<Listener>,
    /// Fluentd's forward protocol.
    pub fluent: Vec<Listener>,
    /// Lumberjack, as Beats and Logstash speak it.
    pub beats: Vec<Listener>,
    /// Elasticsearch's bulk API.
    pub elasticsearch: Vec<Listener>,
    /// OpenTelemetry over HTTP and gRPC, both on each of the addresses.
    pub otlp: Vec<Listener>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            line_bytes: Size(256 << 10),
            frame_bytes: Size(16 << 20),
            connections: 1024,
            syslog: Vec::new(),
            gelf: Vec::new(),
            json: Vec::new(),
            fluent: Vec::new(),
            beats: Vec::new(),
            elasticsearch: Vec::new(),
            otlp: Vec::new(),
        }
    }
}

/// One listener.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listener {
    /// `host:port`, or `:port` for all addresses.
    pub listen: String,
    /// `tcp`, or `udp` for syslog and GELF.
    pub transport: Transport,
    /// Certificate and key, in the form of `tls_server_config` of `--web.config.file`.
    pub(crate) tls: Option<TlsServer>,
    /// The key that clients of the forward protocol must know.
    pub shared_key: Secret,
    /// A file that holds it.
    pub shared_key_file: PathBuf,
    /// Who may send by the forward protocol, beside knowing the key; without, whoever knows it.
    pub users: Vec<User>,
    /// What HTTP clients must send: as bearer token, as password, or as API key.
    pub token: Secret,
    /// A file that holds it.
    pub token_file: PathBuf,
    /// The zone of syslog times that name none, e.g. `Asia/Seoul`; that of this machine where nothing is said.
    pub timezone: String,
}

/// A user of the forward protocol.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct User {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
    /// A file that holds it.
    pub password_file: PathBuf,
}

/// What carries the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// A stream.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

/// A text that is never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Syslog,
    Gelf,
    Json,
    Fluent,
    Beats,
    Elasticsearch,
    Otlp,
}

impl Protocol {
    /// The value of the label `input`, of records and of metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::Gelf => "gelf",
            Self::Json => "json",
            Self::Fluent => "fluent",
            Self::Beats => "beats",
            Self::Elasticsearch => "elasticsearch",
            Self::Otlp => "otlp",
        }
    }

    pub(crate) const fn is_http(self) -> bool {
        matches!(self, Self::Elasticsearch | Self::Otlp)
    }
}

impl Config {
    /// Files are relative to `folder`.
    pub fn set_directory(&mut self, folder: &Path) {
        let Self { syslog, gelf, json, fluent, beats, elasticsearch, otlp, .. } = self;
        let lists = [syslog, gelf, json, fluent, beats, elasticsearch, otlp];
        for listener in lists.into_iter().flatten() {
            listener.tls.iter_mut().for_each(|tls| tls.set_directory(folder));
            let passwords = listener.users.iter_mut().map(|user| &mut user.password_file);
            let files = [&mut listener.shared_key_file, &mut listener.token_file];
            for file in files.into_iter().chain(passwords).filter(|file| !file.as_os_str().is_empty()) {
                *file = folder.join(&*file);
            }
        }
    }

    /// All listeners with what is spoken there.
    pub(crate) fn listeners(&self) -> impl Iterator<Item = (Protocol, &Listener)> {
        let lists = [
            (Protocol::Syslog, &self.syslog),
            (Protocol::Gelf, &self.gelf),
            (Protocol::Json, &self.json),
            (Protocol::Fluent, &self.fluent),
            (Protocol::Beats, &self.beats),
            (Protocol::Elasticsearch, &self.elasticsearch),
            (Protocol::Otlp, &self.otlp),
        ];
        lists.into_iter().flat_map(|(protocol, list)| list.iter().map(move |one| (protocol, one)))
    }

    /// Docker's log drivers whose protocol is listened for: containers that have one send here by themselves.
    pub fn drivers(&self) -> Vec<&'static str> {
        let all = [("fluentd", &self.fluent), ("gelf", &self.gelf), ("syslog", &self.syslog)];
        all.into_iter().filter(|(_, list)| !list.is_empty()).map(|(driver, _)| driver).collect()
    }

    /// What only the values together can say.
    ///
    /// # Errors
    /// The section and what is wrong there.
    pub fn check(&self) -> Result<(), String> {
        for (name, size) in [("line_bytes", self.line_bytes), ("frame_bytes", self.frame_bytes)] {
            if size.0 < 1024 || size.0 > 1 << 28 {
                return Err(format!("logs.receive.{name} must be between 1KiB and 256MiB"));
            }
        }
        if self.connections == 0 {
            return Err("logs.receive.connections must be at least 1".to_owned());
        }
        for (protocol, listener) in self.listeners() {
            let wrong = |why: &str| Err(format!("logs.receive.{}: {why}", protocol.as_str()));
            let of_udp = matches!(protocol, Protocol::Syslog | Protocol::Gelf);
            if listener.listen.is_empty() {
                return wrong("listen is missing: an address such as 127.0.0.1:5140");
            }
            if listener.transport == Transport::Udp && !of_udp {
                return wrong("transport udp is of syslog and gelf only");
            }
            if listener.transport == Transport::Udp && listener.tls.is_some() {
                return wrong("there is no TLS over udp");
            }
            let has = |secret: &Secret, file: &PathBuf| !secret.0.is_empty() || !file.as_os_str().is_empty();
            if has(&listener.shared_key, &listener.shared_key_file) && protocol != Protocol::Fluent {
                return wrong("shared_key is of fluent only");
            }
            if !listener.users.is_empty() && !has(&listener.shared_key, &listener.shared_key_file) {
                return wrong("users are of fluent only, and need a shared_key beside them");
            }
            if listener.users.iter().any(|u| u.username.is_empty() || !has(&u.password, &u.password_file)) {
                return wrong("a user has a username, and a password or password_file");
            }
            if has(&listener.token, &listener.token_file) && !protocol.is_http() {
                return wrong("token is of elasticsearch and otlp only");
            }
            if !listener.timezone.is_empty() && protocol != Protocol::Syslog {
                return wrong("timezone is of syslog only");
            }
        }
        Ok(())
    }

    /// Whether what holds for all listeners is the same.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        let common = |one: &Self| (one.line_bytes, one.frame_bytes, one.connections);
        common(self) == common(other)
    }

    /// Bounds on records.
    pub(crate) fn limits(&self) -> wire::logs::Limits {
        wire::logs::Limits { line_bytes: as_size(self.line_bytes), ..wire::logs::Limits::default() }
    }

    /// Bytes of a frame.
    pub(crate) fn frame(&self) -> usize {
        as_size(self.frame_bytes)
    }
}

fn as_size(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        serde_saphyr::from_str::<Config>(text).map_err(|e| e.to_string())?.check()
    }

    #[test]
    fn files_are_relative_to_the_folder_of_the_configuration() {
        let text = "syslog: [{listen: ':1', tls: {cert_file: a.pem, key_file: /b.key}}]\n\
            fluent: [{listen: ':2', shared_key_file: k, users: [{username: u, password_file: p}]}]\n\
            otlp: [{listen: ':3', token_file: t}]";
        let mut config: Config = serde_saphyr::from_str(text).unwrap();
        config.set_directory(Path::new("/etc/b"));
        let fluent = &config.fluent[0];
        let files = [&fluent.shared_key_file, &fluent.users[0].password_file, &config.otlp[0].token_file];
        assert_eq!(files, [Path::new("/etc/b/k"), Path::new("/etc/b/p"), Path::new("/etc/b/t")]);
        assert_eq!(fluent.token_file, Path::new(""), "what is not given stays so");
        let tls = format!("{:?}", config.syslog[0].tls);
        assert!(tls.contains("\"/etc/b/a.pem\"") && tls.contains("\"/b.key\""), "{tls}");
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        assert_eq!(checked("syslog: [{listen: ':514', transport: udp, timezone: Asia/Seoul}]"), Ok(()));
        assert_eq!(checked("fluent: [{listen: ':24224', shared_key: x}]\nline_bytes: 64KiB"), Ok(()));
        for (text, why) in [
            ("beats: [{}]", "logs.receive.beats: listen is missing"),
            ("fluent: [{listen: ':1', transport: udp}]", "udp is of syslog and gelf"),
            ("gelf: [{listen: ':1', transport: udp, tls: {cert_file: a}}]", "no TLS over udp"),
            ("gelf: [{listen: ':1', shared_key: a}]", "shared_key is of fluent"),
            ("gelf: [{listen: ':1', token: a}]", "token is of"),
            ("fluent: [{listen: ':1', users: [{username: a, password: b}]}]", "need a shared_key"),
            ("fluent: [{listen: ':1', shared_key: k, users: [{username: a}]}]", "a user has"),
            ("gelf: [{listen: ':1', timezone: UTC}]", "timezone is of syslog"),
            ("line_bytes: 1B", "line_bytes must be"),
            ("connections: 0", "at least 1"),
            ("nothing: 0", "nothing"),
        ] {
            let error = checked(text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let shown =
            format!("{:?}", serde_saphyr::from_str::<Config>("fluent: [{shared_key: verysecret}]").unwrap());
        assert!(!shown.contains("verysecret"));
    }
}
