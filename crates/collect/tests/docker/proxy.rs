//! Stands between the collector and the engine: permitted reads pass, everything else is refused and remembered.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

/// The proxy, on a socket of its own.
pub(crate) struct Proxy {
    pub(crate) socket: PathBuf,
    refused: Arc<Mutex<Vec<String>>>,
    passed: Arc<Mutex<Vec<String>>>,
    _folder: tempfile::TempDir,
}

impl Proxy {
    /// Starts within the current runtime.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let (refused, passed) = (Arc::default(), Arc::default());
        let lists = (Arc::clone(&refused), Arc::clone(&passed));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (refused, passed) = (Arc::clone(&lists.0), Arc::clone(&lists.1));
                tokio::spawn(async move {
                    // The collector closing a stream early is no failure.
                    let _ = serve(client, &refused, &passed).await;
                });
            }
        });
        Self { socket, refused, passed, _folder: folder }
    }

    /// What was asked for and is not permitted.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.refused.lock().unwrap().clone()
    }

    /// How many requests passed.
    pub(crate) fn passed(&self) -> usize {
        self.passed.lock().unwrap().len()
    }
}

async fn serve(
    mut client: UnixStream,
    refused: &Mutex<Vec<String>>,
    passed: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let n = client.read(&mut chunk).await?;
        if n == 0 || head.len() > 65_536 {
            return Ok(());
        }
        head.extend_from_slice(&chunk[..n]);
    }
    let line = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
    let mut words = line.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if !permitted(method, path) {
        refused.lock().unwrap().push(line);
        return client.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await;
    }
    passed.lock().unwrap().push(line);
    let mut engine = UnixStream::connect(Path::new("/var/run/docker.sock")).await?;
    engine.write_all(&head).await?;
    tokio::io::copy_bidirectional(&mut client, &mut engine).await?;
    Ok(())
}

/// The design's list, word for word: GET `/_ping /version /info /events /containers/* /images/*/json`.
fn permitted(method: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    method == "GET"
        && (matches!(path, "/_ping" | "/version" | "/info" | "/events")
            || path.starts_with("/containers/")
            || (path.starts_with("/images/") && path.ends_with("/json")))
}
