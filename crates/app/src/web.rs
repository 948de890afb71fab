//! From the flags `--web.*` to what the server goes by.

use std::path::PathBuf;
use std::sync::Arc;

use model::Result;
use server::{Web, WebConfig};

use crate::flags::Flags;
use crate::retention::flag_error;

/// The parts of `--web.external-url`.
#[derive(Debug, Default, PartialEq, Eq)]
struct External {
    /// `http` or `https`; empty where the flag has none.
    scheme: String,
    /// Host and port; empty where the flag has none.
    authority: String,
    /// Without a `/` at its end.
    path: String,
}

/// Resolves the flags; certificates are read.
pub(crate) fn of(flags: &Flags) -> Result<Web> {
    let external = external(&flags.web.external_url)?;
    let config = match flags.web.config_file.as_str() {
        "" => None,
        path => Some(Arc::new(WebConfig::open(&PathBuf::from(path))?)),
    };
    let scheme = match (external.scheme.as_str(), &config) {
        ("", Some(config)) if config.is_tls() => "https",
        ("", _) => "http",
        (scheme, _) => scheme,
    };
    let authority = if external.authority.is_empty() {
        own_authority(&flags.web.listen)
    } else {
        external.authority.clone()
    };
    let route_prefix = match &flags.web.route_prefix {
        None => external.path.clone(),
        Some(prefix) => slashed(prefix),
    };
    Ok(Web {
        route_prefix,
        external_path: external.path,
        external_origin: format!("{scheme}://{authority}"),
        own_ports: Vec::new(),
        title: flags.web.page_title.clone(),
        cors_origin: Some(flags.web.cors_origin.clone()),
        user_assets: flags.web.user_assets.as_ref().filter(|dir| !dir.is_empty()).map(PathBuf::from),
        config,
    })
}

/// The host name of `--web.external-url`, where it has one.
pub(crate) fn external_host(flags: &Flags) -> Result<Option<String>> {
    let authority = external(&flags.web.external_url)?.authority;
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority.as_str(),
    };
    Ok((!host.is_empty()).then(|| host.to_owned()))
}

/// Host name and port, as Prometheus fills in what is not given.
fn own_authority(listen: &[String]) -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    match listen.first().and_then(|address| address.rsplit_once(':')) {
        Some((_, port)) => format!("{name}:{port}"),
        None => name,
    }
}

fn external(url: &str) -> Result<External> {
    if url.is_empty() {
        return Ok(External::default());
    }
    let refuse = || {
        let problem = format!("{url:?} is no address such as https://monitoring.example.com/prometheus/");
        flag_error("web.external-url", &problem)
    };
    if url.starts_with(['"', '\'']) || url.ends_with(['"', '\'']) {
        return Err(flag_error("web.external-url", "URL must not begin or end with quotes"));
    }
    // As in Prometheus a path alone is enough: scheme and host are then those of this machine.
    if url.starts_with('/') && !url.starts_with("//") {
        return Ok(External { path: slashed(url), ..External::default() });
    }
    let (scheme, rest) = url.split_once("://").ok_or_else(refuse)?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !b"?#\"'<>\\".contains(&b));
    if !matches!(scheme, "http" | "https") || authority.is_empty() || !plain(rest) {
        return Err(refuse());
    }
    Ok(External { scheme: scheme.to_owned(), authority: authority.to_owned(), path: slashed(path) })
}

/// One `/` before it and none behind; empty for the root.
fn slashed(path: &str) -> String {
    match path.trim_matches('/') {
        "" => String::new(),
        path => format!("/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn web(args: &[&str]) -> Web {
        of(&Flags::of_args(args).unwrap()).unwrap()
    }

    #[test]
    fn the_prefix_is_the_path_of_the_address_unless_it_is_given() {
        let under = web(&["--web.external-url=https://mon.example/prom/"]);
        assert_eq!((under.route_prefix.as_str(), under.external_path.as_str()), ("/prom", "/prom"));
        assert_eq!(under.external_origin, "https://mon.example");
        let cut = web(&["--web.external-url=https://mon.example:8443/prom", "--web.route-prefix=/"]);
        assert_eq!((cut.route_prefix.as_str(), cut.external_path.as_str()), ("", "/prom"));
        let only = web(&["--web.route-prefix=p"]);
        assert_eq!((only.route_prefix.as_str(), only.external_path.as_str()), ("/p", ""));
        assert!(only.external_origin.starts_with("http://") && only.external_origin.ends_with(":9090"));
        assert_eq!(web(&["--web.external-url=/prom"]).route_prefix, "/prom");
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for bad in ["mon.example", "ftp://h/", "http://", "\"http://h/\"", "http://h/?q"] {
            let flags = Flags::of_args(&[&format!("--web.external-url={bad}")]).unwrap();
            assert!(of(&flags).is_err(), "{bad}");
        }
        let flags = Flags::of_args(&["--web.external-url=https://mon.example:8443/"]).unwrap();
        assert_eq!(external_host(&flags).unwrap().as_deref(), Some("mon.example"));
    }
}
