//! Listening addresses.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use model::{Error, Result};

use crate::retention::flag_error;

const FLAG: &str = "web.listen-address";

/// Opens a listener for each address.
pub(crate) fn open(addresses: &[String]) -> Result<Vec<TcpListener>> {
    addresses.iter().map(|text| open_one(text)).collect()
}

fn open_one(text: &str) -> Result<TcpListener> {
    let found = resolve(text)?;
    TcpListener::bind(&*found).map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::AddrInUse => "; another program listens there (port 0 takes a free one)",
            std::io::ErrorKind::PermissionDenied => "; ports below 1024 need a privilege",
            _ => "",
        };
        Error::conflict(format_args!("cannot listen on {text}: {e}{hint}"))
    })
}

/// `host:port`, or `:port` for all addresses, as Go has it.
fn resolve(text: &str) -> Result<Vec<SocketAddr>> {
    let full = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    let found: Vec<SocketAddr> = full
        .to_socket_addrs()
        .map_err(|e| flag_error(FLAG, &format!("{text:?} is no address such as 127.0.0.1:9090 ({e})")))?
        .collect();
    if text.starts_with(':') && TcpListener::bind("[::]:0").is_err() {
        // A machine without IPv6.
        return resolve(&format!("0.0.0.0{text}"));
    }
    Ok(found)
}

/// The same listeners once more: whoever has them accepts from the same queue.
pub(crate) fn clones(listeners: &[TcpListener]) -> Result<Vec<TcpListener>> {
    let clones = listeners.iter().map(TcpListener::try_clone).collect::<std::io::Result<_>>();
    clones.map_err(|e| Error::internal("a listener cannot be used twice").with_detail(e))
}

/// Whether every listener is reached from this machine only.
pub(crate) fn all_loopback(listeners: &[TcpListener]) -> bool {
    listeners.iter().all(|l| l.local_addr().is_ok_and(|a| a.ip().is_loopback()))
}

/// The address a person can open.
pub(crate) fn shown(address: SocketAddr) -> String {
    if address.ip().is_unspecified() {
        format!("http://localhost:{}", address.port())
    } else {
        format!("http://{address}")
    }
}

/// The URL that a person can open.
pub(crate) fn url(address: SocketAddr, tls: bool, prefix: &str) -> String {
    let scheme = if tls { "https" } else { "http" };
    format!("{}{prefix}", shown(address).replacen("http", scheme, 1))
}

/// The URL of the first listener, as commands on this machine use it.
pub(crate) fn own_url(listeners: &[TcpListener], web: &server::Web) -> Result<String> {
    let failed = |e| Error::internal("a listener has no address").with_detail(e);
    let address = listeners.first().map(|l| l.local_addr().map_err(failed)).transpose()?;
    let tls = web.config.as_ref().is_some_and(|config| config.is_tls());
    Ok(address.map_or_else(String::new, |a| url(a, tls, &web.route_prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_open_or_say_why_not() {
        let one = open(&["127.0.0.1:0".to_owned()]).unwrap();
        assert!(all_loopback(&one));
        let taken = one[0].local_addr().unwrap().to_string();
        assert!(open(&[taken]).unwrap_err().message.contains("another program listens there"));
        assert!(open(&["nonsense".to_owned()]).unwrap_err().message.starts_with("--web.listen-address"));
        let all = open(&[":0".to_owned()]).unwrap();
        assert!(!all_loopback(&all));
        assert!(shown(all[0].local_addr().unwrap()).starts_with("http://localhost:"));
    }
}
