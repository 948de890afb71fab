use std::net::{IpAddr, SocketAddr};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, NS, SRV};
use hickory_resolver::proto::rr::{Name, Record};

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// The records of a small zone.
fn zone(asked: &str, kind: Kind) -> Vec<RData> {
    match (asked, kind) {
        ("web.test.", Kind::A) => vec![RData::A(A("192.0.2.1".parse().unwrap()))],
        ("web.test.", Kind::AAAA) => vec![RData::AAAA(AAAA("2001:db8::1".parse().unwrap()))],
        ("_http._tcp.test.", Kind::SRV) => vec![
            RData::SRV(SRV::new(1, 1, 8080, name("a.test."))),
            RData::SRV(SRV::new(2, 1, 9090, name("b.test."))),
        ],
        ("test.", Kind::MX) => vec![RData::MX(MX::new(10, name("mail.test.")))],
        ("test.", Kind::NS) => vec![RData::NS(NS(name("ns.test.")))],
        _ => Vec::new(),
    }
}

/// A server on loopback for the zone; asked for `broken.` it fails.
async fn server() -> SocketAddr {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let Ok(request) = Message::from_vec(&buffer[..length]) else { continue };
            let query = request.queries[0].clone();
            let asked = query.name().to_string();
            let mut answer = request.clone();
            answer.metadata.message_type = MessageType::Response;
            answer.metadata.recursion_available = true;
            answer.metadata.response_code = match asked.as_str() {
                "broken.test." => ResponseCode::ServFail,
                _ => ResponseCode::NoError,
            };
            for data in zone(&asked, query.query_type()) {
                answer.answers.push(Record::from_rdata(query.name().clone(), 60, data));
            }
            let _ = socket.send_to(&answer.to_vec().unwrap(), from).await;
        }
    });
    address
}

async fn resolver() -> TokioResolver {
    let address = server().await;
    let ip: IpAddr = address.ip();
    let mut connection = ConnectionConfig::udp();
    connection.port = address.port();
    let servers = vec![NameServerConfig::new(ip, true, vec![connection])];
    let config = ResolverConfig::from_parts(None, Vec::new(), servers);
    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).build().unwrap()
}

async fn ask(resolver: &TokioResolver, yaml: &str) -> Result<Vec<String>, String> {
    let config: DnsConfig = serde_saphyr::from_str(yaml).unwrap();
    let found = lookup(resolver, &config, &config.names[0]).await?;
    Ok(found.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn records_of_every_kind_become_targets() {
    let resolver = resolver().await;
    for (yaml, wanted) in [
        (
            "{names: [web.test.], type: A, port: 80}",
            vec![r#"{__address__="192.0.2.1:80", __meta_dns_name="web.test."}"#],
        ),
        (
            "{names: [web.test.], type: AAAA, port: 80}",
            vec![r#"{__address__="[2001:db8::1]:80", __meta_dns_name="web.test."}"#],
        ),
        (
            "{names: [_http._tcp.test.]}",
            vec![
                r#"{__address__="a.test:8080", __meta_dns_name="_http._tcp.test.", __meta_dns_srv_record_port="8080", __meta_dns_srv_record_target="a.test."}"#,
                r#"{__address__="b.test:9090", __meta_dns_name="_http._tcp.test.", __meta_dns_srv_record_port="9090", __meta_dns_srv_record_target="b.test."}"#,
            ],
        ),
        (
            "{names: [test.], type: mx, port: 25}",
            vec![
                r#"{__address__="mail.test:25", __meta_dns_mx_record_target="mail.test.", __meta_dns_name="test."}"#,
            ],
        ),
        (
            "{names: [test.], type: NS, port: 53}",
            vec![
                r#"{__address__="ns.test:53", __meta_dns_name="test.", __meta_dns_ns_record_target="ns.test."}"#,
            ],
        ),
        ("{names: [nothing.test.], type: A, port: 80}", vec![]),
    ] {
        let mut found = ask(&resolver, yaml).await.unwrap();
        found.sort();
        assert_eq!(found, wanted, "{yaml}");
    }
}

#[tokio::test]
async fn a_server_that_fails_is_an_error_and_not_an_empty_list() {
    let resolver = resolver().await;
    assert!(ask(&resolver, "{names: [broken.test.], type: A, port: 80}").await.is_err());
}
