//! Every endpoint gets truncated, oversized, wrongly typed, non-UTF-8 and exploding input: each answer is a clear
//! error, and the server goes on.

use std::io::Write as _;

use server::Limits;

use crate::fixture::{Fixture, Wanted};
use crate::write::{post, receiving};

const READS: [&str; 9] = [
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/series",
    "/api/v1/labels",
    "/api/v1/format_query",
    "/api/v1/label/job/values",
    "/api/v1/metadata",
    "/api/v1/targets",
    "/api/v1/status/tsdb",
];
const OWN: [&str; 7] = [
    "/api/bonghwa/v1/containers",
    "/api/bonghwa/v1/containers/web/live",
    "/api/bonghwa/v1/containers/web/events",
    "/api/bonghwa/v1/containers/web/log",
    "/api/bonghwa/v1/events",
    "/api/bonghwa/v1/live",
    "/api/bonghwa/v1/why-empty",
];

async fn alive(fixture: &Fixture) {
    assert_eq!(fixture.get("/-/healthy").await.status(), 200);
}

#[tokio::test]
async fn broken_escapes_and_texts_that_are_not_utf8() {
    let fixture = Fixture::start();
    for path in READS.into_iter().chain(OWN) {
        for query in ["query=%zz", "query=%ff", "match[]=%", "x=%C3%28", "a;b"] {
            let (status, body) = fixture.json(&format!("{path}?{query}")).await;
            assert_eq!(status, 400, "{path}?{query}");
            assert!(
                body["error"].as_str().unwrap().contains("parsing form values"),
                "{path}?{query}: {body}"
            );
        }
    }
    for path in
        ["/api/v1/label/%ff/values", "/api/bonghwa/v1/containers/%ff", "/api/bonghwa/v1/containers/%ff/log"]
    {
        let (status, body) = fixture.json(path).await;
        assert!(status == 400 && body["error"].as_str().unwrap().contains("UTF-8"), "{path}: {body}");
    }
    alive(&fixture).await;
}

#[tokio::test]
async fn wrong_types_are_named() {
    let fixture = Fixture::start();
    let cases = [
        "/api/bonghwa/v1/containers?gone=perhaps",
        "/api/bonghwa/v1/containers/web/live?since=x",
        "/api/bonghwa/v1/containers/web/events?limit=0",
        "/api/bonghwa/v1/containers/web/events?limit=99999999999999999999",
        "/api/bonghwa/v1/events?start=5&end=4",
        "/api/bonghwa/v1/containers/web/log?backlog=-1",
        "/api/bonghwa/v1/containers/web/log?backlog=10001",
        "/api/bonghwa/v1/live?gone=x",
        "/api/bonghwa/v1/why-empty",
        "/api/bonghwa/v1/why-empty?query=sum(",
        "/api/v1/metadata?limit=x",
        "/api/v1/query?query=up&lookback_delta=-1",
        "/api/v1/query?query=up&time=1e400",
    ];
    for path in cases {
        let (status, body) = fixture.json(path).await;
        assert_eq!(status, 400, "{path}: {body}");
        assert!(!body["error"].as_str().unwrap().is_empty());
    }
    alive(&fixture).await;
}

#[tokio::test]
async fn oversized_and_foreign_bodies_are_refused() {
    let limits = Limits { form_bytes: 1000, ..Limits::default() };
    let fixture = Fixture::with(Wanted { limits, ..Wanted::default() });
    for path in
        ["/api/v1/query", "/api/v1/query_range", "/api/v1/series", "/api/v1/labels", "/api/v1/format_query"]
    {
        let url = format!("{}{path}", fixture.url);
        let form = "application/x-www-form-urlencoded";
        let large = fixture
            .client
            .post(&url)
            .header("content-type", form)
            .body("query=".to_owned() + &"x".repeat(2000));
        let answer = large.send().await.unwrap();
        assert_eq!(answer.status(), 413, "{path}");
        assert!(answer.text().await.unwrap().contains("larger than 1000 bytes"));
        let json = fixture
            .client
            .post(&url)
            .header("content-type", "application/json")
            .body("{}")
            .send()
            .await
            .unwrap();
        assert_eq!(json.status(), 400, "{path}");
        let packed = fixture
            .client
            .post(&url)
            .header("content-type", form)
            .header("content-encoding", "gzip")
            .body("x");
        assert_eq!(packed.send().await.unwrap().status(), 400, "{path}");
    }
    let long = fixture.client.get(format!("{}/api/v1/query?query={}", fixture.url, "x".repeat(60_000)));
    let status = long.header("x-more", "y".repeat(400_000)).send().await.unwrap().status().as_u16();
    assert!(status == 431 || status == 414, "{status}");
    alive(&fixture).await;
}

#[tokio::test]
async fn broken_writes_change_nothing() {
    let fixture = receiving();
    let mut plain = Vec::new();
    plain.extend_from_slice(&[0x0a, 0x05, 0x0a, 0x7f]);
    let snappy = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&vec![0; 1 << 20]).unwrap();
    // A body of a few bytes that declares 4 GiB.
    let bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x00];
    // Seven megabytes of zeros in a few hundred kilobytes.
    let inflating = snappy(&vec![0; 7 << 20]);
    let cases: [(&str, Vec<u8>, u16); 7] = [
        ("not snappy", b"hello".to_vec(), 400),
        ("gzip", gzip.finish().unwrap(), 400),
        ("broken protobuf", snappy(&plain), 400),
        ("truncated snappy", snappy(&[7; 1000])[..10].to_vec(), 400),
        ("declares 4 GiB", bomb, 413),
        ("inflates", inflating, 413),
        ("too large", vec![1; 2 << 20], 413),
    ];
    for (name, body, want) in cases {
        let (status, text) = post(&fixture, body).await;
        assert!(status == want || (name == "gzip" && status == 413), "{name}: {status} {text}");
        assert!(!text.trim().is_empty(), "{name}");
    }
    let request = fixture.client.post(format!("{}/api/v1/write", fixture.url));
    let other = request.header("content-encoding", "gzip").body("x").send().await.unwrap();
    assert_eq!(other.status(), 415);
    for (kind, wanted) in [
        ("application/x-protobuf;proto=io.prometheus.write.v2.Request", 400),
        ("application/x-protobuf; proto=prometheus.WriteRequest", 400),
        ("application/x-protobuf;proto=io.prometheus.write.v3.Request", 415),
        ("application/x-protobuf;proto", 415),
        ("application/json", 415),
    ] {
        let request = fixture.client.post(format!("{}/api/v1/write", fixture.url));
        let answer = request.header("content-type", kind).body("x").send().await.unwrap();
        assert_eq!(answer.status(), wanted, "{kind}");
    }
    assert!(fixture.metrics.is_empty());
    alive(&fixture).await;
}

#[tokio::test]
async fn half_a_request_and_noise_on_the_socket() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let limits = Limits {
        header_timeout: std::time::Duration::from_millis(300),
        body_idle: std::time::Duration::from_millis(300),
        ..Limits::default()
    };
    let fixture = Fixture::with(Wanted { limits, ..Wanted::default() });
    let address = fixture.url.trim_start_matches("http://").to_owned();
    let noise: [&[u8]; 5] = [
        b"GET /metrics HTTP/1.1\r\nHost: local",
        b"POST /api/v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nquery=up",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish that is no frame",
    ];
    for bytes in noise {
        let mut socket = tokio::net::TcpStream::connect(&address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut said = Vec::new();
        // The server ends each of them by itself; a reset is an end, too.
        let end =
            tokio::time::timeout(std::time::Duration::from_secs(20), socket.read_to_end(&mut said)).await;
        assert!(end.is_ok(), "{:?} was kept open", String::from_utf8_lossy(bytes));
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains(" 200 "), "{said}");
    }
    alive(&fixture).await;
}
