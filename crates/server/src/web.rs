//! Under which address the server is reached, and what browsers of other sites may do.

use std::path::PathBuf;
use std::sync::Arc;

use http::header::{self, HeaderMap, HeaderValue};
use model::Pattern;

use crate::web_config::WebConfig;

/// Prefixes, names and the rule for other origins; resolved from flags.
#[derive(Clone)]
pub struct Web {
    /// What precedes every path as requests arrive: empty, or like `/prom`.
    pub route_prefix: String,
    /// What precedes every path as browsers know it (a proxy may cut it off): empty, or like `/prom`.
    pub external_path: String,
    /// Scheme and host under which others reach the server, e.g. `http://h:9090`, without a path.
    pub external_origin: String,
    /// Ports of this server; [`crate::Server::start`] fills them in.
    pub own_ports: Vec<u16>,
    /// Title of the pages.
    pub title: String,
    /// Origins whose pages may read the API.
    pub cors_origin: Option<Pattern>,
    /// A folder whose files are served under `/user`.
    pub user_assets: Option<PathBuf>,
    /// TLS, users and headers (`--web.config.file`).
    pub config: Option<Arc<WebConfig>>,
}

impl Default for Web {
    fn default() -> Self {
        Self {
            route_prefix: String::new(),
            external_path: String::new(),
            external_origin: "http://localhost:9090".to_owned(),
            own_ports: Vec::new(),
            title: "Bonghwa".to_owned(),
            cors_origin: None,
            user_assets: None,
            config: None,
        }
    }
}

/// Where a path leads once the prefix is known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Routed<'a> {
    /// To this path of ours, which starts with `/`.
    Inside(&'a str),
    /// To the prefix: the bare address was asked for.
    ToPrefix,
    /// Nowhere.
    Outside,
}

impl Web {
    /// The path without the prefix.
    pub(crate) fn route<'a>(&self, path: &'a str) -> Routed<'a> {
        if self.route_prefix.is_empty() {
            return Routed::Inside(path);
        }
        match path.strip_prefix(self.route_prefix.as_str()) {
            Some("") => Routed::Inside("/"),
            Some(rest) if rest.starts_with('/') => Routed::Inside(rest),
            _ if path == "/" => Routed::ToPrefix,
            _ => Routed::Outside,
        }
    }

    /// What a browser needs so that a page of `origin` may read an answer of the API.
    pub(crate) fn set_cors(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let Some(allowed) = &self.cors_origin else { return };
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        let fixed = [
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "Accept, Authorization, Content-Type, Origin"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        ];
        for (name, value) in fixed {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if allowed.as_str() == ".*" {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else if origin.to_str().is_ok_and(|text| allowed.is_match(text)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }

    /// An address as others reach it: `localhost` in it is this machine, which they know by another name.
    pub(crate) fn global_url(&self, url: &str) -> String {
        let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let Some((host, port)) = authority.rsplit_once(':') else { return url.to_owned() };
        if !matches!(host, "127.0.0.1" | "localhost" | "[::1]") {
            return url.to_owned();
        }
        if port.parse().is_ok_and(|port| self.own_ports.contains(&port)) {
            return format!("{}{path}", self.external_origin);
        }
        let known = self.external_origin.split_once("://").map_or("", |(_, authority)| authority);
        let name = known.rsplit_once(':').filter(|(_, p)| p.parse::<u16>().is_ok()).map_or(known, |(n, _)| n);
        format!("{scheme}://{name}:{port}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_the_prefix_and_others_lead_nowhere() {
        let web = Web { route_prefix: "/prom".to_owned(), ..Web::default() };
        assert_eq!(web.route("/prom/api/v1/query"), Routed::Inside("/api/v1/query"));
        assert_eq!(web.route("/prom"), Routed::Inside("/"));
        assert_eq!(web.route("/"), Routed::ToPrefix);
        assert_eq!(web.route("/prometheus"), Routed::Outside);
        assert_eq!(Web::default().route("/x"), Routed::Inside("/x"));
    }

    #[test]
    fn origins_are_matched_as_a_whole() {
        let origins = Some(Pattern::new("https?://(a|b)\\.example").unwrap());
        let web = Web { cors_origin: origins, ..Web::default() };
        let allowed = |origin: &'static str| {
            let mut headers = HeaderMap::new();
            web.set_cors(Some(&HeaderValue::from_static(origin)), &mut headers);
            assert_eq!(headers[header::VARY], "Origin");
            headers.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).cloned()
        };
        assert_eq!(allowed("https://a.example").unwrap(), "https://a.example");
        assert_eq!(allowed("https://a.example.evil"), None);
        let open = Web { cors_origin: Pattern::new(".*").ok(), ..Web::default() };
        let mut headers = HeaderMap::new();
        open.set_cors(Some(&HeaderValue::from_static("null")), &mut headers);
        assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        let mut without = HeaderMap::new();
        open.set_cors(None, &mut without);
        assert_eq!(without.len(), 1);
    }

    #[test]
    fn local_addresses_are_shown_as_others_reach_them() {
        let external_origin = "https://mon.example:8443".to_owned();
        let web = Web { external_origin, own_ports: vec![9090], ..Web::default() };
        assert_eq!(web.global_url("http://localhost:9090/metrics"), "https://mon.example:8443/metrics");
        assert_eq!(web.global_url("http://127.0.0.1:9100/m?a=1"), "http://mon.example:9100/m?a=1");
        assert_eq!(web.global_url("http://h:9100/m"), "http://h:9100/m");
    }
}
