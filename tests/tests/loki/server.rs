//! A Loki over a folder of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use tests::eventually;

/// `$BONGHWA_LOKI`, or the reference program of that name.
pub(crate) fn program() -> Option<PathBuf> {
    let named = std::env::var_os("BONGHWA_LOKI").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| testkit::reference("loki"))
}

/// A running Loki; dropping ends it.
pub(crate) struct Loki {
    child: Child,
    pub(crate) url: String,
}

impl Loki {
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let ports: Vec<u16> = (0..2).map(|_| free_port()).collect::<Result<_>>()?;
        let (http, grpc, folder_name) = (ports[0], ports[1], folder.display());
        // Levels and names of services are found by each side in its own way: they are not compared.
        let config = format!(
            "auth_enabled: false\n\
             analytics: {{ reporting_enabled: false }}\n\
             server: {{ http_listen_address: 127.0.0.1, http_listen_port: {http}, grpc_listen_address: 127.0.0.1, grpc_listen_port: {grpc} }}\n\
             common:\n  instance_addr: 127.0.0.1\n  path_prefix: {folder_name}\n  replication_factor: 1\n\
             \x20 storage: {{ filesystem: {{ chunks_directory: {folder_name}/chunks, rules_directory: {folder_name}/rules }} }}\n\
             \x20 ring: {{ kvstore: {{ store: inmemory }}, instance_addr: 127.0.0.1 }}\n\
             schema_config:\n  configs:\n  - {{ from: 2020-10-24, store: tsdb, object_store: filesystem, schema: v13, index: {{ prefix: i_, period: 24h }} }}\n\
             limits_config: {{ discover_log_levels: false, discover_service_name: [], enable_multi_variant_queries: true }}\n\
             frontend: {{ encoding: protobuf }}\n"
        );
        let file = folder.join("loki.yml");
        std::fs::write(&file, config)?;
        let program = program().context("no loki")?;
        let child = Command::new(program)
            .arg(format!("-config.file={}", file.display()))
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(folder.join("log"))?)
            .spawn()?;
        let loki = Self { child, url: format!("http://127.0.0.1:{http}") };
        // The HTTP client wants one even for plain HTTP; a test before may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::blocking::Client::builder().timeout(Duration::from_secs(5)).build()?;
        eventually("Loki is ready", Duration::from_secs(120), || {
            let answer = client.get(format!("{}/ready", loki.url)).send().ok()?;
            answer.status().is_success().then_some(())
        });
        Ok(loki)
    }
}

impl Drop for Loki {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
