//! Listeners that change while the server runs.

use server::logs::{Control, Receivers};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Kept;
use crate::fixture::{Fixture, Wanted};

/// A port that is free just now.
fn free() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn reload(control: &Control, section: &str) -> Result<(), String> {
    let config = serde_saphyr::from_str(section).unwrap();
    let prepared = control.prepare(&config).map_err(|e| e.to_string())?;
    control.apply(prepared).map_err(|e| e.to_string())
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(format!("{{\"msg\":\"{text}\"}}\n").as_bytes()).await.unwrap();
}

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// Waits until the other side has closed.
async fn ended(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let read = tokio::time::timeout(std::time::Duration::from_secs(30), stream.read_to_end(&mut rest));
    let _ = read.await.unwrap();
}

#[tokio::test]
async fn what_stays_keeps_its_connections_and_what_goes_is_closed() {
    let kept = std::sync::Arc::new(Kept::default());
    let (stays, goes, comes) = (free(), free(), free());
    let one = |port: u16| format!("{{listen: '127.0.0.1:{port}'}}");
    let section = |ports: &[u16]| {
        format!("json: [{}]", ports.iter().map(|port| one(*port)).collect::<Vec<_>>().join(", "))
    };
    let receivers = Receivers::open(&serde_saphyr::from_str(&section(&[stays, goes])).unwrap()).unwrap();
    let control = receivers.control();
    let wanted = Wanted { record_writer: Some(kept.clone()), log_receivers: receivers, ..Wanted::default() };
    let _fixture = Fixture::with(wanted);
    let (mut first, mut second) = (connect(stays).await, connect(goes).await);
    send(&mut first, "one").await;
    kept.wait(1).await;
    send(&mut second, "two").await;
    kept.wait(2).await;

    reload(&control, &section(&[comes, stays])).unwrap();
    ended(&mut second).await;
    send(&mut first, "three").await;
    kept.wait(3).await;
    send(&mut connect(comes).await, "four").await;
    kept.wait(4).await;
    while TcpStream::connect(("127.0.0.1", goes)).await.is_ok() {
        tokio::task::yield_now().await;
    }

    // An address that is taken, and a section that is wrong: everything stays as it was.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = reload(&control, &section(&[port])).unwrap_err();
    assert!(error.contains("another program listens there"), "{error}");
    assert!(reload(&control, "json: [{listen: '127.0.0.1:1', token: x}]").unwrap_err().contains("token"));
    send(&mut first, "five").await;
    kept.wait(5).await;

    // Other bounds hold for whoever connects anew, on the same port.
    reload(&control, &format!("line_bytes: 1KiB\n{}", section(&[stays]))).unwrap();
    ended(&mut first).await;
    send(&mut connect(stays).await, &"x".repeat(5000)).await;
    let rows = kept.wait(6).await;
    assert!(rows[5].contains("cut_bytes=3976"), "{}", rows[5]);
    while TcpStream::connect(("127.0.0.1", comes)).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_key_that_changes_turns_old_clients_away() {
    let kept = std::sync::Arc::new(Kept::default());
    let port = free();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "old").unwrap();
    let section = format!("fluent: [{{listen: '127.0.0.1:{port}', shared_key_file: '{}'}}]", file.display());
    let receivers = Receivers::open(&serde_saphyr::from_str(&section).unwrap()).unwrap();
    let control = receivers.control();
    let wanted = Wanted { record_writer: Some(kept.clone()), log_receivers: receivers, ..Wanted::default() };
    let _fixture = Fixture::with(wanted);
    let mut client = connect(port).await;
    let mut hello = [0; 6];
    client.read_exact(&mut hello).await.unwrap();
    assert_eq!(&hello, b"\x92\xa4HELO");
    reload(&control, &section).unwrap();
    assert!(client.try_read(&mut [0; 1]).is_ok_and(|read| read > 0), "the same key: the client stays");
    std::fs::write(&file, "new").unwrap();
    reload(&control, &section).unwrap();
    ended(&mut client).await;
    connect(port).await.read_exact(&mut hello).await.unwrap();
}
