//! From the configuration to open sockets.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs, UdpSocket};
use std::path::Path;
use std::sync::Arc;

use model::{Error, Result};
use parking_lot::RwLock;
use rustls::ServerConfig;

use super::config::{Config, Listener, Protocol, Secret, Transport};
use super::control::Control;

/// Bytes that the kernel may hold of datagrams.
const UDP_BUFFER: usize = 8 << 20;
/// A file with a secret is short.
const MOST_SECRET: u64 = 64 << 10;

/// Open sockets, before anything is read from them.
#[derive(Default)]
pub struct Receivers {
    pub(crate) config: Config,
    pub(crate) all: Vec<Receiver>,
    control: Arc<Control>,
}

/// A certificate that a reload may put another one in the place of.
pub(crate) type Tls = Arc<RwLock<Arc<ServerConfig>>>;

pub(crate) struct Receiver {
    pub(crate) protocol: Protocol,
    pub(crate) socket: Socket,
    pub(crate) tls: Option<Tls>,
    pub(crate) secrets: Secrets,
    pub(crate) zone: jiff::tz::TimeZone,
    /// What it was made of.
    pub(super) listener: Listener,
}

/// What clients must know.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Secrets {
    /// A shared key, or a token.
    pub(crate) key: Option<String>,
    /// Names and passwords.
    pub(crate) users: Vec<(String, String)>,
}

pub(crate) enum Socket {
    Stream(TcpListener),
    Datagrams(UdpSocket),
}

impl Socket {
    /// The same socket once more.
    pub(super) fn again(&self) -> std::io::Result<Self> {
        Ok(match self {
            Self::Stream(listener) => Self::Stream(listener.try_clone()?),
            Self::Datagrams(socket) => Self::Datagrams(socket.try_clone()?),
        })
    }
}

impl Receivers {
    /// Opens all that is configured.
    ///
    /// # Errors
    /// Kind `Invalid` for what is written wrongly, `Conflict` for addresses that cannot be had.
    pub fn open(config: &Config) -> Result<Self> {
        config.check().map_err(Error::invalid)?;
        let all =
            config.listeners().map(|(protocol, one)| open(protocol, one, None)).collect::<Result<_>>()?;
        Ok(Self { config: config.clone(), all, control: Arc::default() })
    }

    /// What changes the listeners once the server runs.
    pub fn control(&self) -> Arc<Control> {
        self.control.clone()
    }

    /// Where is listened, with the protocol, the real port where 0 was asked for.
    pub fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let address = |one: &Receiver| {
            let found = match &one.socket {
                Socket::Stream(listener) => listener.local_addr(),
                Socket::Datagrams(socket) => socket.local_addr(),
            };
            found.ok().map(|address| (one.protocol.as_str(), address))
        };
        self.all.iter().filter_map(address).collect()
    }
}

/// Opens one, on `socket` where the address is had already.
pub(super) fn open(protocol: Protocol, listener: &Listener, socket: Option<Socket>) -> Result<Receiver> {
    let name = protocol.as_str();
    let text = listener.listen.as_str();
    let addresses = resolve(text).map_err(|e| {
        Error::invalid(format_args!(
            "logs.receive.{name}: {text:?} is no address such as 127.0.0.1:5140 ({e})"
        ))
    })?;
    let refuse = |e: std::io::Error| {
        let hint = match e.kind() {
            std::io::ErrorKind::AddrInUse => "; another program listens there",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
            _ => "",
        };
        Error::conflict(format_args!("logs.receive.{name}: cannot listen on {text}: {e}{hint}"))
    };
    let socket = match (socket, listener.transport) {
        (Some(socket), _) => socket,
        (None, Transport::Tcp) => {
            let socket = TcpListener::bind(&*addresses).map_err(refuse)?;
            socket.set_nonblocking(true).map_err(refuse)?;
            Socket::Stream(socket)
        }
        (None, Transport::Udp) => {
            let socket = UdpSocket::bind(&*addresses).map_err(refuse)?;
            socket.set_nonblocking(true).map_err(refuse)?;
            // The kernel takes as much of it as it allows.
            let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&socket, UDP_BUFFER);
            Socket::Datagrams(socket)
        }
    };
    let tls = match &listener.tls {
        None => None,
        Some(section) => {
            let alpn: &[&[u8]] = match protocol {
                Protocol::Elasticsearch | Protocol::Otlp => &[b"h2", b"http/1.1"],
                _ => &[],
            };
            let built = crate::web_config::section_tls(section, alpn);
            let built = built.map_err(|e| Error::invalid(format_args!("logs.receive.{name}: {e}")))?;
            Some(Arc::new(RwLock::new(built)))
        }
    };
    let key = match protocol {
        Protocol::Fluent => secret(name, &listener.shared_key, &listener.shared_key_file)?,
        _ => secret(name, &listener.token, &listener.token_file)?,
    };
    let users = listener.users.iter().map(|user| {
        let password = secret(name, &user.password, &user.password_file)?;
        Ok((user.username.clone(), password.unwrap_or_default()))
    });
    let secrets = Secrets { key, users: users.collect::<Result<_>>()? };
    let zone = match listener.timezone.as_str() {
        "" => jiff::tz::TimeZone::system(),
        zone => jiff::tz::TimeZone::get(zone)
            .map_err(|e| Error::invalid(format_args!("logs.receive.{name}: timezone: {e}")))?,
    };
    Ok(Receiver { protocol, socket, tls, secrets, zone, listener: listener.clone() })
}

fn resolve(text: &str) -> std::io::Result<Vec<SocketAddr>> {
    if !text.starts_with(':') {
        return Ok(text.to_socket_addrs()?.collect());
    }
    // A machine without IPv6 has no socket of it.
    let all = if UdpSocket::bind("[::]:0").is_ok() { "[::]" } else { "0.0.0.0" };
    Ok(format!("{all}{text}").to_socket_addrs()?.collect())
}

fn secret(name: &str, inline: &Secret, file: &Path) -> Result<Option<String>> {
    use std::io::Read as _;
    if file.as_os_str().is_empty() {
        return Ok((!inline.0.is_empty()).then(|| inline.0.clone()));
    }
    let mut text = String::new();
    let read = std::fs::File::open(file).and_then(|f| f.take(MOST_SECRET).read_to_string(&mut text));
    read.map_err(|e| Error::invalid(format_args!("logs.receive.{name}: {}: {e}", file.display())))?;
    match text.trim() {
        "" => Err(Error::invalid(format_args!("logs.receive.{name}: {} is empty", file.display()))),
        text => Ok(Some(text.to_owned())),
    }
}
