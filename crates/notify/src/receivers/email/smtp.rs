//! What of SMTP (RFC 5321) it takes to hand a mail over.

use outbound::config::TlsConfig;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::auth;
use super::config::EmailConfig;
use super::message::Mail;
use crate::{Failure, Retry};

/// The longest answer, bytes, and its most lines.
const ANSWER: u64 = 16 << 10;
const LINES: usize = 100;

trait Stream: AsyncBufRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncBufRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A conversation with a mail server.
pub(super) struct Session {
    stream: Box<dyn Stream>,
    /// The connection under TLS, where it is not yet.
    plain: bool,
    /// What the server says it can.
    extensions: Vec<String>,
}

/// What the server said: a code, and the last line.
struct Reply {
    code: u16,
    lines: Vec<String>,
}

fn broken(what: &str, error: &std::io::Error) -> Failure {
    Failure::later(format!("{what}: {error}"))
}

impl Session {
    /// Connects and waits for the greeting.
    pub(super) async fn open(config: &EmailConfig, host: &str, tls: bool) -> Result<Self, Failure> {
        let connection = TcpStream::connect(config.smarthost.as_str())
            .await
            .map_err(|e| broken("establish connection to server", &e))?;
        let stream: Box<dyn Stream> = if tls {
            Box::new(BufStream::new(secured(connection, config, host).await?))
        } else {
            Box::new(BufStream::new(connection))
        };
        let mut session = Self { stream, plain: !tls, extensions: Vec::new() };
        session.reply("greeting", 220).await?;
        Ok(session)
    }

    /// Greets, and hears what the server can.
    pub(super) async fn hello(&mut self, name: &str) -> Result<(), Failure> {
        let name = if name.is_empty() { "localhost" } else { name };
        let reply = self.command("EHLO", name, 250).await?;
        self.extensions = reply.lines.into_iter().skip(1).collect();
        Ok(())
    }

    /// Turns to TLS.
    pub(super) async fn start_tls(mut self, config: &EmailConfig, host: &str) -> Result<Self, Failure> {
        if self.extension("STARTTLS").is_none() {
            return Err(Failure::later(format!(
                "'require_tls' is true (default) but {:?} does not advertise the STARTTLS extension",
                config.smarthost
            )));
        }
        self.command("STARTTLS", "", 220).await?;
        let connection = Through(self.stream);
        let stream = secured(connection, config, host).await?;
        Ok(Self { stream: Box::new(BufStream::new(stream)), plain: false, extensions: Vec::new() })
    }

    /// What follows the name of an extension; `None` where the server has none of that name.
    fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find_map(|line| {
            let (found, rest) = line.split_once([' ', '=']).unwrap_or((line, ""));
            found.eq_ignore_ascii_case(name).then_some(rest)
        })
    }

    /// Says who we are, by the first way that the server offers and we have a secret for.
    pub(super) async fn log_in(&mut self, config: &EmailConfig, host: &str) -> Result<(), Failure> {
        let Some(offered) = self.extension("AUTH") else { return Ok(()) };
        let hidden = !self.plain
            || host == "localhost"
            || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let (first, way) = auth::choose(offered, config, hidden)?;
        let mut reply = self.exchange("AUTH", &first).await?;
        let mut steps = 0;
        while reply.code == 334 && steps < 3 {
            steps += 1;
            let challenge = reply.lines.last().map(String::as_str).unwrap_or_default();
            let answer = way.answer(challenge)?;
            reply = self.exchange("", &answer).await?;
        }
        match reply.code {
            235 => Ok(()),
            // What it says may repeat what it was told.
            code => Err(Failure { reason: "authError", ..refused(code, "AUTH", "not accepted") }),
        }
    }

    /// Hands the mail over; what the server says last.
    pub(super) async fn deliver(&mut self, mail: &Mail) -> Result<String, Failure> {
        self.command("MAIL", &format!("FROM:<{}>", mail.from), 250).await?;
        for to in &mail.to {
            self.command("RCPT", &format!("TO:<{to}>"), 250).await?;
        }
        self.command("DATA", "", 354).await?;
        self.write(&mail.dotted()).await?;
        let reply = self.reply("delivery failure", 250).await?;
        Ok(format!("{} {}", reply.code, reply.lines.last().map(String::as_str).unwrap_or_default()))
    }

    /// Says goodbye; what was handed over stays so.
    pub(super) async fn quit(&mut self) {
        let _ = self.exchange("QUIT", "").await;
    }

    async fn command(&mut self, verb: &str, rest: &str, want: u16) -> Result<Reply, Failure> {
        let reply = self.exchange(verb, rest).await?;
        wanted(reply, verb, want)
    }

    async fn exchange(&mut self, verb: &str, rest: &str) -> Result<Reply, Failure> {
        let parts: Vec<&str> = [verb, rest].into_iter().filter(|part| !part.is_empty()).collect();
        let line = parts.join(" ");
        if line.contains(['\r', '\n']) {
            return Err(Failure::never(format!("{verb}: it has a line break in it")));
        }
        self.write(format!("{line}\r\n").as_bytes()).await?;
        self.read(verb).await
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.stream.write_all(bytes).await.map_err(|e| broken("write", &e))?;
        self.stream.flush().await.map_err(|e| broken("write", &e))
    }

    async fn reply(&mut self, what: &str, want: u16) -> Result<Reply, Failure> {
        let reply = self.read(what).await?;
        wanted(reply, what, want)
    }

    async fn read(&mut self, what: &str) -> Result<Reply, Failure> {
        let mut lines = Vec::new();
        let mut stream = (&mut self.stream).take(ANSWER);
        while lines.len() < LINES {
            let mut line = Vec::new();
            stream.read_until(b'\n', &mut line).await.map_err(|e| broken(what, &e))?;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let Some(code) = code else {
                return Err(Failure::later(format!("{what}: the server does not speak SMTP, or went away")));
            };
            let more = line.as_bytes().get(3) == Some(&b'-');
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if !more {
                return Ok(Reply { code, lines });
            }
        }
        Err(Failure::later(format!("{what}: the answer has more than {LINES} lines")))
    }
}

fn wanted(reply: Reply, what: &str, want: u16) -> Result<Reply, Failure> {
    // 251: it will be forwarded.
    if reply.code == want || (want == 250 && reply.code == 251) {
        return Ok(reply);
    }
    let told: String = reply.lines.join(" ").chars().take(300).collect();
    Err(refused(reply.code, what, &told))
}

/// 5xx is for good, anything else may pass.
fn refused(code: u16, what: &str, told: &str) -> Failure {
    let message = format!("{what}: {code} {told}");
    match code {
        500..=599 => Failure::refused(message),
        _ => Failure { message, retry: Retry::Later, reason: "serverError" },
    }
}

async fn secured<S: tokio::io::AsyncRead + AsyncWrite + Unpin>(
    connection: S,
    config: &EmailConfig,
    host: &str,
) -> Result<tokio_rustls::client::TlsStream<S>, Failure> {
    let default = TlsConfig::default();
    let settings = config.tls_config.as_ref().unwrap_or(&default);
    let tls = outbound::client::tls(settings)
        .map_err(|e| Failure::never(format!("parse TLS configuration: {e}")))?;
    let name = if settings.server_name.is_empty() { host } else { &settings.server_name };
    let name = ServerName::try_from(name.to_owned())
        .map_err(|e| Failure::never(format!("the name of the server is none: {e}")))?;
    let connected = TlsConnector::from(tls).connect(name, connection).await;
    connected.map_err(|e| broken("establish TLS connection to server", &e))
}

/// The stream under TLS that is turned to later. What came after the answer to STARTTLS in the clear is never taken for
/// TLS: the handshake fails over it.
struct Through(Box<dyn Stream>);

impl tokio::io::AsyncRead for Through {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut *self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Through {
    fn poll_write(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        std::pin::Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::pin::Pin::new(&mut *self.0).poll_shutdown(context)
    }
}
