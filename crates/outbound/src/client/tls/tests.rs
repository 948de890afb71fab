use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::{Client, ClientOptions, Method};
use super::*;

fn file(name: &str) -> String {
    format!("{}/testdata/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).unwrap()
}

/// A server with the certificate `name` that answers every connection with `ok`; its thread ends with the test.
fn server(name: &str, wants_client: bool) -> SocketAddr {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = ServerConfig::builder();
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(certificates(&read("ca.pem")).unwrap().remove(0)).unwrap();
        builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let cert = certificates(&read(&format!("{name}.pem"))).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&read(&format!("{name}.key"))).unwrap();
    let config = Arc::new(builder.with_single_cert(cert, key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut request = [0; 4096];
            // A client that refuses the certificate hangs up here.
            if let Ok(size @ 1..) = stream.read(&mut request) {
                let text = String::from_utf8_lossy(&request[..size]).to_ascii_lowercase();
                let host =
                    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("-").to_owned();
                let seen = format!("{} {host}", stream.conn.server_name().unwrap_or("-"));
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{seen}",
                    seen.len()
                );
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

async fn get(address: SocketAddr, tls: &str) -> Result<u16, String> {
    let config = serde_saphyr::from_str(&format!("tls_config: {{{tls}}}")).unwrap();
    let client = Client::new(&config, ClientOptions::default())?;
    let answer = client.request(Method::GET, format!("https://{address}/").parse().unwrap()).send().await;
    answer.map(|a| a.status().as_u16()).map_err(|e| e.to_string())
}

#[tokio::test]
async fn only_servers_of_the_given_authority_are_trusted() {
    let address = server("address", false);
    let ca = format!("ca_file: {}", file("ca.pem"));
    assert_eq!(get(address, &ca).await, Ok(200));
    assert_eq!(get(address, &format!("{ca}, min_version: TLS13")).await, Ok(200));
    let unknown = get(address, "").await.unwrap_err();
    assert!(unknown.contains("certificate"), "{unknown}");
    assert_eq!(get(address, "insecure_skip_verify: true").await, Ok(200));
}

#[tokio::test]
async fn the_server_name_replaces_the_hosts() {
    let address = server("name", false);
    let ca = format!("ca_file: {}", file("ca.pem"));
    assert!(get(address, &ca).await.is_err(), "the certificate does not name the address");
    assert_eq!(get(address, &format!("{ca}, server_name: exporter.internal")).await, Ok(200));
    let error = get(address, &format!("{ca}, server_name: other.internal")).await.unwrap_err();
    assert!(error.contains("certificate"), "{error}");
    let error = get(address, "server_name: exporter.internal").await.unwrap_err();
    assert!(error.contains("certificate"), "the system does not know the authority: {error}");
    let error = get(address, &format!("{ca}, server_name: x, min_version: TLS13, max_version: TLS12")).await;
    assert_eq!(error, Err("min_version is above max_version".to_owned()));
}

#[tokio::test]
async fn the_server_is_told_which_name_is_expected() {
    let address = server("name", false);
    let ca = format!("ca_file: {}", file("ca.pem"));
    let seen = async |tls: &str, url: &str| {
        let config =
            serde_saphyr::from_str(&format!("{{enable_http2: false, tls_config: {{{tls}}}}}")).unwrap();
        let client = Client::new(&config, ClientOptions::default()).unwrap();
        let answer = client.request(Method::GET, url.parse().unwrap()).send().await.unwrap();
        answer.beginning(200).await
    };
    let (by_address, port) = (format!("https://{address}/"), address.port());
    let named = format!("{ca}, server_name: exporter.internal");
    assert_eq!(seen(&named, &by_address).await, format!("exporter.internal {address}"));
    let skipped = "insecure_skip_verify: true, server_name: exporter.internal";
    assert_eq!(seen(skipped, &by_address).await, format!("exporter.internal {address}"));
    let by_name = format!("https://localhost:{port}/");
    assert_eq!(seen(&named, &by_name).await, format!("exporter.internal localhost:{port}"));
    assert_eq!(seen("insecure_skip_verify: true", &by_address).await, format!("- {address}"));
    assert_eq!(seen("insecure_skip_verify: true", &by_name).await, format!("localhost localhost:{port}"));
}

#[tokio::test]
async fn versions_that_are_not_safe_are_refused_with_a_reason() {
    for version in ["TLS10", "TLS11"] {
        for field in ["min_version", "max_version"] {
            let config = serde_saphyr::from_str(&format!("tls_config: {{{field}: {version}}}")).unwrap();
            let error = Client::new(&config, ClientOptions::default()).unwrap_err();
            assert!(error.contains(version) && error.contains("TLS12 or TLS13"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let address = server("address", true);
    let ca = format!("ca_file: {}", file("ca.pem"));
    let own = format!("{ca}, cert_file: {}, key_file: {}", file("client.pem"), file("client.key"));
    assert_eq!(get(address, &own).await, Ok(200));
    assert!(get(address, &ca).await.is_err(), "no certificate was shown");
    let named = server("name", true);
    assert_eq!(get(named, &format!("{own}, server_name: exporter.internal")).await, Ok(200));
}

#[tokio::test]
async fn a_renewed_certificate_is_read_before_the_next_request() {
    let address = server("address", false);
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    // Some certificate, but not that of the authority.
    std::fs::copy(file("client.pem"), &ca).unwrap();
    let config = serde_saphyr::from_str(&format!("tls_config: {{ca_file: {}}}", ca.display())).unwrap();
    let client = Client::new(&config, ClientOptions::default()).unwrap();
    let ask = || client.request(Method::GET, format!("https://{address}/").parse().unwrap()).send();
    let error = ask().await.unwrap_err().to_string();
    assert!(error.contains("certificate"), "{error}");
    std::fs::remove_file(&ca).unwrap();
    std::fs::copy(file("ca.pem"), &ca).unwrap();
    assert_eq!(ask().await.unwrap().status(), 200);
}
