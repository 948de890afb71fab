use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};

use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::{Clients, chain};
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
            if stream.read(&mut request).is_ok_and(|n| n > 0) {
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

async fn get(address: SocketAddr, tls: &str) -> Result<u16, String> {
    let config = serde_saphyr::from_str(&format!("tls_config: {{{tls}}}")).unwrap();
    let client = Clients::default().get(&config)?;
    let answer = client.get(format!("https://{address}/")).send().await;
    answer.map(|a| a.status().as_u16()).map_err(|e| chain(&e))
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
    assert!(error.contains("needs ca_file"), "{error}");
    let error = get(address, &format!("{ca}, server_name: x, min_version: TLS13, max_version: TLS12")).await;
    assert_eq!(error, Err("min_version is above max_version".to_owned()));
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
async fn a_renewed_certificate_is_read_at_the_next_reload() {
    use crate::scrape::{GlobalConfig, Manager, ScrapeConfig};
    use model::target::{Health, Targets as _};

    let address = server("address", false);
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    // Some certificate, but not that of the authority.
    std::fs::copy(file("client.pem"), &ca).unwrap();
    let yaml = format!(
        "[{{job_name: j, scheme: https, scrape_interval: 100ms, fallback_scrape_protocol: PrometheusText0.0.4,
           tls_config: {{ca_file: {}}}, static_configs: [{{targets: ['{address}']}}]}}]",
        ca.display()
    );
    let jobs: Vec<ScrapeConfig> = serde_saphyr::from_str(&yaml).unwrap();
    let store = Arc::new(testkit::MemoryMetrics::new());
    let clock = Arc::new(model::SystemClock);
    let manager = Manager::start(jobs.clone(), &GlobalConfig::default(), store, clock).unwrap();
    let error = |wanted: &'static str| {
        let manager = manager.clone();
        async move {
            for _ in 0..3000 {
                let status = manager.active().pop().unwrap();
                if status.health == Health::Down && status.last_error.contains(wanted) {
                    return;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            panic!("no error with {wanted:?}: {:?}", manager.active());
        }
    };
    error("certificate").await;
    std::fs::copy(file("ca.pem"), &ca).unwrap();
    manager.apply(jobs, &GlobalConfig::default()).unwrap();
    // The answer is read now: "ok" is no sample.
    error("expected a value").await;
    manager.stop().await;
}
