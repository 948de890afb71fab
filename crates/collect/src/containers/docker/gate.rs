//! What may be asked of the engine: a closed list of GET calls that change nothing.

/// Whether `GET path_and_query` may be sent. The list is that of the design: `/_ping`, `/version`, `/info`, `/events`,
/// `/containers/*` and `/images/*/json`; of `/containers/*` only the calls that are used, because `export`, `archive`
/// and `attach/ws` are GETs too.
pub fn allows(method: &http::Method, path_and_query: &str) -> bool {
    if method != http::Method::GET {
        return false;
    }
    let path = path_and_query.split('?').next().unwrap_or_default();
    let mut parts = path.split('/');
    if parts.next() != Some("") {
        return false;
    }
    let parts: Vec<&str> = parts.collect();
    match parts.as_slice() {
        ["_ping" | "version" | "info" | "events"] => true,
        ["containers", "json"] => true,
        ["containers", id, "json" | "logs"] => is_plain(id),
        ["images", id, "json"] => is_plain(id),
        _ => false,
    }
}

/// An id or name that needs no escaping and cannot climb out of its place in the path.
fn is_plain(segment: &str) -> bool {
    !segment.is_empty()
        && segment != "."
        && segment != ".."
        && segment.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Method;

    #[test]
    fn lets_the_listed_reads_pass() {
        for path in [
            "/_ping",
            "/version",
            "/info",
            "/events?since=1",
            "/containers/json?all=1",
            "/containers/abc/json",
            "/containers/abc/logs?follow=1",
            "/images/sha256:0f/json",
        ] {
            assert!(allows(&Method::GET, path), "{path}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for path in [
            "/containers/abc/export",
            "/containers/abc/archive?path=/",
            "/containers/abc/attach/ws",
            "/containers/abc/exec",
            "/containers//json",
            "/containers/../json",
            "/containers/a%2Fb/json",
            "/containers/a/b/json",
            "/images/json",
            "/v1.41/containers/json",
            "/exec/1/json",
            "/secrets",
            "/swarm",
            "containers/json",
            "",
        ] {
            assert!(!allows(&Method::GET, path), "{path}");
        }
        for method in [Method::POST, Method::DELETE, Method::PUT, Method::HEAD] {
            assert!(!allows(&method, "/containers/json"), "{method}");
        }
    }
}
