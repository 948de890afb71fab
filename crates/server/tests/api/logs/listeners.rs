//! Listeners of protocols that are not HTTP.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::{counted, serve};

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

async fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    let read = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_exact(&mut bytes));
    read.await.unwrap().unwrap();
    bytes
}

#[tokio::test]
async fn syslog_by_stream_and_by_datagram() {
    let section =
        "syslog: [{listen: '127.0.0.1:0'}, {listen: '127.0.0.1:0', transport: udp}]\nline_bytes: 1KiB";
    let (fixture, kept, ports) = serve(section);
    let mut stream = connect(ports[0]).await;
    let long = "x".repeat(100_000);
    let text = format!(
        "<14>1 1970-01-01T00:00:01Z h app 7 - - one\n24 <14>1 - h app - - - t\nwo<14>1 - h app - - - {long}\n<14>1 - h app - - - end"
    );
    for piece in text.as_bytes().chunks(1000) {
        stream.write_all(piece).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    let rows = kept.wait(4).await;
    let labels = r#"{input="syslog", node="h", service="app"}"#;
    assert_eq!(rows[0], format!("1000000000 {labels} one severity=info facility=user procid=7"));
    assert_eq!(rows[1], format!("{labels} t\nwo severity=info facility=user"));
    assert!(rows[2].starts_with(&format!("{labels} {} cut_bytes=", "x".repeat(1024))), "{}", rows[2].len());
    assert_eq!(rows[3], format!("{labels} end severity=info facility=user"));
    assert_eq!(
        counted(&fixture, "bonghwa_logs_received_cut_total{input=\"syslog\",reason=\"line\"}").await,
        1.0
    );

    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for n in 0..50 {
        socket.send_to(format!("<11>web: datagram {n}").as_bytes(), ("127.0.0.1", ports[1])).await.unwrap();
    }
    let rows = kept.wait(54).await;
    assert_eq!(
        rows[53],
        r#"{input="syslog", node="127.0.0.1", service="web"} datagram 49 severity=err facility=user"#
    );
}

#[tokio::test]
async fn nothing_is_lost_while_the_store_takes_nothing() {
    let (fixture, kept, ports) = serve("json: [{listen: '127.0.0.1:0'}]\nbeats: [{listen: '127.0.0.1:0'}]");
    kept.full.store(true, Ordering::SeqCst);
    let mut stream = connect(ports[0]).await;
    stream.write_all(b"{\"msg\":\"one\"}\n{\"msg\":\"two\"}\n").await.unwrap();
    let mut beats = connect(ports[1]).await;
    beats.write_all(b"2W\0\0\0\x012J\0\0\0\x01\0\0\0\x0d{\"message\":1}").await.unwrap();
    let retried = async |input: &str| {
        let series = format!("bonghwa_logs_write_retries_total{{input=\"{input}\"}}");
        while counted(&fixture, &series).await == 0.0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(retried("json"), retried("beats"));
    let mut byte = [0];
    assert!(beats.try_read(&mut byte).is_err(), "nothing is acknowledged before it is durable");
    kept.full.store(false, Ordering::SeqCst);
    assert_eq!(read(&mut beats, 6).await, b"2A\0\0\0\x01");
    let mut rows = kept.wait(3).await;
    rows.sort();
    assert_eq!(
        rows,
        [r#"{input="beats"} {"message":1} message=1"#, r#"{input="json"} one"#, r#"{input="json"} two"#]
    );
}

#[tokio::test]
async fn gelf_by_stream_and_in_compressed_pieces() {
    let section = "gelf: [{listen: '127.0.0.1:0'}, {listen: '127.0.0.1:0', transport: udp}]";
    let (fixture, kept, ports) = serve(section);
    let mut stream = connect(ports[0]).await;
    stream
        .write_all(b"{\"host\":\"h\",\"short_message\":\"one\",\"level\":3}\0{\"host\":1}\0\0")
        .await
        .unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(kept.wait(1).await, [r#"{input="gelf", node="h"} one severity=err"#]);

    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(
        br#"{"host":"h","short_message":"two","timestamp":1,"_container_name":"web","_command":"x"}"#,
    )
    .unwrap();
    let packed = zlib.finish().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let count = packed.len().div_ceil(20) as u8;
    for (n, piece) in packed.chunks(20).enumerate() {
        let datagram = [&[0x1e, 0x0f, 1, 2, 3, 4, 5, 6, 7, 8, n as u8, count], piece].concat();
        socket.send_to(&datagram, ("127.0.0.1", ports[1])).await.unwrap();
    }
    let rows = kept.wait(2).await;
    assert_eq!(rows[1], r#"1000000000 {container="web", input="gelf", node="h"} two"#);
    assert_eq!(
        counted(&fixture, "bonghwa_logs_received_malformed_total{input=\"gelf\",reason=\"message\"}").await,
        1.0
    );
}

#[tokio::test]
async fn fluentd_forwards_and_is_acknowledged() {
    let (fixture, kept, ports) =
        serve("fluent: [{listen: '127.0.0.1:0'}, {listen: '127.0.0.1:0', shared_key: key}]");
    let message = b"\x94\xa3app\x07\x81\xa3log\xa3one\x81\xa5chunk\xa2id";
    let mut stream = connect(ports[0]).await;
    for piece in message.chunks(3) {
        stream.write_all(piece).await.unwrap();
    }
    assert_eq!(read(&mut stream, 8).await, b"\x81\xa3ack\xa2id");
    let row = r#"7000000000 {input="fluent", tag="app"} one"#;
    assert_eq!(kept.rows(), [row]);
    // What begins no value: what was before is kept, the connection ends.
    stream.write_all(message).await.unwrap();
    stream.write_all(b"\xc1").await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!((rest.as_slice(), kept.rows().len()), (b"\x81\xa3ack\xa2id".as_ref(), 2));
    assert_eq!(
        counted(&fixture, "bonghwa_logs_received_malformed_total{input=\"fluent\",reason=\"frame\"}").await,
        1.0
    );

    // Without the key nothing is taken.
    let mut stranger = connect(ports[1]).await;
    let greeting = read(&mut stranger, 7).await;
    assert_eq!(greeting[..6], *b"\x92\xa4HELO");
    stranger.write_all(b"\x96\xa4PING\xa1c\xa1s\xa3abc\xa0\xa0").await.unwrap();
    let mut rest = Vec::new();
    let _ = stranger.read_to_end(&mut rest).await;
    let text = String::from_utf8_lossy(&rest);
    assert!(text.contains("PONG") && text.contains("shared_key mismatch"), "{text}");
    assert_eq!(kept.rows().len(), 2);
}

/// A message of forward mode with one piece of a line.
fn piece(text: &str, last: bool, chunk: &str) -> Vec<u8> {
    let put = |out: &mut Vec<u8>, text: &str| {
        out.extend([0xd9, text.len() as u8]);
        out.extend(text.as_bytes());
    };
    let mut out = vec![0x93];
    put(&mut out, "app");
    out.extend([0x91, 0x92, 7, 0x83]);
    let last = if last { "true" } else { "false" };
    for text in ["log", text, "partial_id", "a", "partial_last", last] {
        put(&mut out, text);
    }
    out.push(0x81);
    put(&mut out, "chunk");
    put(&mut out, chunk);
    out
}

#[tokio::test]
async fn pieces_of_a_line_are_acknowledged_once_all_of_it_is_stored() {
    let (_fixture, kept, ports) = serve("fluent: [{listen: '127.0.0.1:0'}]");
    let mut stream = connect(ports[0]).await;
    kept.full.store(true, Ordering::SeqCst);
    stream.write_all(&piece("pass", false, "c1")).await.unwrap();
    stream.write_all(&piece("word=", false, "c2")).await.unwrap();
    stream.write_all(&piece("x", true, "c3")).await.unwrap();
    assert!(stream.try_read(&mut [0]).is_err());
    kept.full.store(false, Ordering::SeqCst);
    let answers = read(&mut stream, 24).await;
    assert_eq!(answers, b"\x81\xa3ack\xa2c1\x81\xa3ack\xa2c2\x81\xa3ack\xa2c3");
    let row = r#"7000000000 {input="fluent", tag="app"} password=x"#;
    assert_eq!(kept.rows(), [row]);
    // What does not come is not waited for without end; then the piece is stored as it is.
    stream.write_all(&piece("half", false, "c4")).await.unwrap();
    assert_eq!(read(&mut stream, 8).await, b"\x81\xa3ack\xa2c4");
    assert_eq!(kept.rows()[1], row.replace("password=x", "half"));
}

#[tokio::test]
async fn beats_send_compressed_windows_over_tls() {
    let file = |name: &str| format!("{}/../outbound/testdata/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let section = format!(
        "beats: [{{listen: '127.0.0.1:0', tls: {{cert_file: {}, key_file: {}}}}}]",
        file("address.pem"),
        file("address.key")
    );
    let (_fixture, kept, ports) = serve(&section);
    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let name = "127.0.0.1".try_into().unwrap();
    let mut stream = connector.connect(name, connect(ports[0]).await).await.unwrap();

    let mut frames = Vec::new();
    for n in 1..=3u8 {
        let event = format!(
            "{{\"@timestamp\":\"1970-01-01T00:00:0{n}Z\",\"message\":\"m{n}\",\"host\":{{\"name\":\"h\"}}}}"
        );
        frames.extend([b'2', b'J', 0, 0, 0, n, 0, 0, 0, event.len() as u8]);
        frames.extend(event.as_bytes());
    }
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    zlib.write_all(&frames).unwrap();
    let packed = zlib.finish().unwrap();
    let mut all = b"2W\0\0\0\x032C\0\0\0".to_vec();
    all.push(packed.len() as u8);
    all.extend(packed);
    stream.write_all(&all).await.unwrap();
    let mut ack = [0; 6];
    stream.read_exact(&mut ack).await.unwrap();
    assert_eq!(ack, *b"2A\0\0\0\x03");
    let rows = kept.rows();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2], r#"3000000000 {input="beats", node="h"} m3"#);
}
