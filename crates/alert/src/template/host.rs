//! Hosts and ports, split and joined as Go does.

/// Host and port of `address`; `None` where it has no port or is no address.
pub(super) fn split(address: &str) -> Option<(&str, &str)> {
    let colon = address.rfind(':')?;
    let port = &address[colon + 1..];
    let host = match address.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']')?;
            if end + 2 != colon {
                return None;
            }
            &inner[..end]
        }
        None => {
            let host = &address[..colon];
            if host.contains([':', '[', ']']) {
                return None;
            }
            host
        }
    };
    if port.contains(['[', ']']) || host.contains(['[', ']']) {
        return None;
    }
    Some((host, port))
}

/// `host:port`, with brackets round a host that has colons.
pub(super) fn join(host: &str, port: &str) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
