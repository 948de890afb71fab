//! Mail to a server that speaks SMTP, with and without TLS.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

use crate::kit::{built, firing_and_resolved, send};
use crate::{Failure, Retry};

const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../outbound/testdata/tls");

/// A server: what it offers, what it answers to some commands, and what it heard.
#[derive(Clone, Default)]
struct Server {
    address: String,
    tls_first: bool,
    offers: &'static str,
    answers: &'static [(&'static str, &'static str)],
    heard: Arc<Mutex<Vec<String>>>,
}

fn acceptor() -> TlsAcceptor {
    let cert = CertificateDer::pem_file_iter(format!("{TLS}/address.pem")).unwrap();
    let cert: Vec<_> = cert.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_file(format!("{TLS}/address.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(cert, key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

impl Server {
    async fn start(mut self) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.address = listener.local_addr().unwrap().to_string();
        let server = self.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move {
                    if server.tls_first {
                        let stream = acceptor().accept(connection).await.unwrap();
                        server.talk(BufStream::new(stream), true).await;
                    } else if let Some(stream) = server.talk(BufStream::new(connection), true).await {
                        let stream = acceptor().accept(stream.into_inner()).await.unwrap();
                        server.heard.lock().unwrap().push("(TLS)".to_owned());
                        server.talk(BufStream::new(stream), false).await;
                    }
                });
            }
        });
        self
    }

    /// Talks until the end, or until the client turns to TLS.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufStream<S>,
        greet: bool,
    ) -> Option<BufStream<S>> {
        let mut answer = if greet { "220 hi".to_owned() } else { String::new() };
        let mut body = false;
        loop {
            if !answer.is_empty() {
                stream.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
                stream.flush().await.ok()?;
                if answer.ends_with("ready for TLS") {
                    return Some(stream);
                }
            }
            let mut line = String::new();
            if stream.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            let line = line.trim_end_matches("\r\n").to_owned();
            self.heard.lock().unwrap().push(line.clone());
            let known = self.answers.iter().find(|(command, _)| line.starts_with(command));
            answer = match line.split(' ').next().unwrap_or_default() {
                "." if body => {
                    body = false;
                    "250 queued as 4Xb".to_owned()
                }
                _ if body => String::new(),
                _ if known.is_some() => known.unwrap().1.to_owned(),
                "EHLO" => format!("250-me\r\n250-8BITMIME\r\n250 {}", self.offers),
                "STARTTLS" => "220 ready for TLS".to_owned(),
                "AUTH" if line.starts_with("AUTH PLAIN") => "235 ok".to_owned(),
                "AUTH" if line == "AUTH LOGIN" => format!("334 {}", STANDARD.encode("Username:")),
                "AUTH" => format!("334 {}", STANDARD.encode("<1@2>")),
                "DATA" => {
                    body = true;
                    "354 go".to_owned()
                }
                "MAIL" | "RCPT" => "250 ok".to_owned(),
                "QUIT" => "221 bye".to_owned(),
                // The first of LOGIN's two, or the answer to a challenge.
                said if said == STANDARD.encode("me") => format!("334 {}", STANDARD.encode("Password:")),
                _ => "235 ok".to_owned(),
            };
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    fn section(&self, more: &str) -> String {
        format!(
            "email_configs: [{{to: 'Ops <ops@h>, b@h', from: '봉화 <a@h>', smarthost: '{}', \
             tls_config: {{ca_file: '{TLS}/ca.pem'}}, {more}}}]",
            self.address
        )
    }
}

fn decoded(line: &str) -> String {
    String::from_utf8(STANDARD.decode(line).unwrap()).unwrap()
}

#[tokio::test]
async fn a_mail_has_headers_and_two_texts() {
    let server = Server { offers: "AUTH CRAM-MD5 PLAIN", ..Server::default() }.start().await;
    let section = server.section(
        "require_tls: false, hello: us, auth_username: me, auth_secret: geheim, text: \".\\n봉화 {{ .Status }}\", \
         headers: {subject: '봉화 {{ .Status }}', X-Team: t}, threading: {enabled: true, thread_by_date: daily}",
    );
    let delivered = send(&section, &firing_and_resolved()).await.unwrap();
    assert_eq!(delivered.answer, "250 queued as 4Xb");
    let heard = server.heard();
    assert_eq!(&heard[..2], ["EHLO us", "AUTH CRAM-MD5"]);
    assert!(decoded(&heard[2]).starts_with("me "), "the name and a digest");
    assert_eq!(&heard[3..7], ["MAIL FROM:<a@h>", "RCPT TO:<ops@h>", "RCPT TO:<b@h>", "DATA"]);
    let mail = heard[7..].join("\n");
    for told in [
        "From: =?utf-8?b?67SJ7ZmU?= <a@h>\n",
        "To: Ops <ops@h>,\n b@h\n",
        "Subject: =?utf-8?b?67SJ7ZmUIGZpcmluZw==?=\n",
        "X-Team: t\n",
        "Date: Tue, 02 Jan 2024 03:10:00 +0000\n",
        "MIME-Version: 1.0\n",
        "Content-Type: text/plain; charset=UTF-8\n\n..\n=EB=B4=89=ED=99=94 firing\n",
        "Content-Type: text/html; charset=UTF-8\n\n<!DOCTYPE html>",
    ] {
        assert!(mail.contains(told), "{told:?} is not in\n{mail}");
    }
    let header = |name: &str| heard.iter().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    assert!(header("Message-Id: ").ends_with("@h>"));
    assert!(header("References: ").contains("-2024-01-02@h>"));
    assert_eq!(header("References: "), header("In-Reply-To: "));
    assert!(!mail.contains("geheim") && heard.last().is_some_and(|line| line == "QUIT" || line == "."));
}

#[tokio::test]
async fn starttls_comes_before_the_password() {
    let server = Server { offers: "STARTTLS\r\n250 AUTH PLAIN", ..Server::default() };
    let server = Server { offers: "STARTTLS", ..server }.start().await;
    send(&server.section(""), &firing_and_resolved()).await.unwrap();
    let heard = server.heard();
    assert_eq!(&heard[..4], ["EHLO localhost", "STARTTLS", "(TLS)", "EHLO localhost"]);

    let failure =
        send(&server.section("").replace("ca.pem", "client.pem"), &firing_and_resolved()).await.unwrap_err();
    assert!(failure.message.contains("establish TLS connection to server"), "{failure}");
    let trusting = server.section("").replace("ca_file: ", "insecure_skip_verify: true, ca_file: ");
    send(&trusting, &firing_and_resolved()).await.unwrap();
}

#[tokio::test]
async fn tls_may_come_first() {
    let server = Server { tls_first: true, offers: "AUTH LOGIN", ..Server::default() }.start().await;
    let section = server.section("force_implicit_tls: true, auth_username: me, auth_password: geheim");
    send(&section, &firing_and_resolved()).await.unwrap();
    let heard = server.heard();
    assert_eq!(
        (heard[1].as_str(), decoded(&heard[2]), decoded(&heard[3])),
        ("AUTH LOGIN", "me".to_owned(), "geheim".to_owned())
    );

    let plain = Server { tls_first: true, offers: "AUTH PLAIN", ..Server::default() }.start().await;
    let section =
        plain.section("force_implicit_tls: true, auth_identity: i, auth_username: me, auth_password: geheim");
    send(&section, &firing_and_resolved()).await.unwrap();
    assert_eq!(decoded(plain.heard()[1].strip_prefix("AUTH PLAIN ").unwrap()), "i\0me\0geheim");
}

async fn failed(
    offers: &'static str,
    answers: &'static [(&'static str, &'static str)],
    more: &str,
) -> Failure {
    let server = Server { offers, answers, ..Server::default() }.start().await;
    send(&server.section(more), &firing_and_resolved()).await.unwrap_err()
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let open = "require_tls: false";
    let failure = failed("HELP", &[("RCPT", "550 no such user")], open).await;
    assert_eq!((failure.retry, failure.message.as_str()), (Retry::Never, "RCPT: 550 no such user"));
    let failure = failed("HELP", &[("RCPT", "451 greylisted")], open).await;
    assert_eq!((failure.retry, failure.reason), (Retry::Later, "serverError"));
    let failure = failed("HELP", &[], "").await;
    assert!(failure.message.contains("does not advertise the STARTTLS extension"), "{failure}");
    let login = "require_tls: false, auth_username: me, auth_password: geheim";
    let failure = failed("AUTH PLAIN", &[("AUTH", "535 geheim is wrong")], login).await;
    assert_eq!((failure.retry, failure.reason), (Retry::Never, "authError"));
    assert!(!failure.message.contains("geheim"), "{failure}");
    let failure = failed("AUTH GSSAPI CRAM-MD5", &[], login).await;
    assert!(
        failure.message.contains("unknown auth mechanism: GSSAPI; missing secret for CRAM-MD5"),
        "{failure}"
    );
    let failure = failed("HELP", &[("EHLO", "nonsense")], open).await;
    assert_eq!(failure.retry, Retry::Later);
}

#[tokio::test]
async fn an_address_cannot_smuggle_commands() {
    let server = Server { offers: "HELP", ..Server::default() }.start().await;
    let section =
        server.section("require_tls: false").replace("Ops <ops@h>, b@h", "{{ .CommonAnnotations.to }}");
    let mut notification = firing_and_resolved();
    for alert in &mut notification.alerts {
        alert.annotations.insert("to".to_owned(), "a@b>\r\nRCPT TO:<c@d".to_owned());
    }
    let failure = built(&section)[0].notify(&notification).await.unwrap_err();
    assert!(failure.message.contains("parse 'to' addresses"), "{failure}");
    assert!(server.heard().is_empty());
}
