use super::*;

const LOOPBACK: Listener = Listener { loopback: true, ip: IpAddr::V4(std::net::Ipv4Addr::LOCALHOST) };
const OPEN: Listener = Listener { loopback: false, ip: IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED) };

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(n, v)| (http::HeaderName::from_static(n), v.parse().unwrap())).collect()
}

fn access() -> Access {
    Access { token: Some("s3cret".to_owned()), ..Access::default() }
}

fn check(
    listener: Listener,
    method: Method,
    path: &str,
    pairs: &[(&'static str, &str)],
) -> Result<(), Refusal> {
    let (path, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
    access().check(listener, &method, path, query, &headers(pairs))
}

#[test]
fn loopback_is_open_under_names_of_this_machine_only() {
    for host in ["localhost", "localhost:9090", "127.0.0.1:9090", "127.8.8.8", "[::1]:9090", "a.localhost:1"]
    {
        let got = check(LOOPBACK, Method::GET, "/api/bonghwa/v1/containers", &[("host", host)]);
        assert_eq!(got, Ok(()), "{host}");
    }
    for host in
        ["evil.example", "evil.example:9090", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1"]
    {
        let got = check(LOOPBACK, Method::GET, "/", &[("host", host)]);
        assert_eq!(got, Err(Refusal::ForeignHost), "{host}");
    }
    assert_eq!(check(LOOPBACK, Method::GET, "/", &[]), Ok(()), "HTTP/1.0 has no host");
}

#[test]
fn the_external_url_is_a_name_of_this_machine() {
    let access = Access { external_host: Some("mon.example.com".to_owned()), ..access() };
    let host = headers(&[("host", "mon.example.com")]);
    assert_eq!(access.check(LOOPBACK, &Method::GET, "/", None, &host), Ok(()));
}

#[test]
fn off_loopback_reading_is_open_and_the_rest_needs_the_token() {
    let open =
        ["/", "/-/healthy", "/-/ready", "/metrics", "/api/v1/query", "/api/v1/status/config", "/assets/a.js"];
    for path in open {
        assert_eq!(check(OPEN, Method::GET, path, &[("host", "any.example")]), Ok(()), "{path}");
    }
    let closed = [
        "/api/bonghwa/v1/containers",
        "/api/bonghwa/v1/containers/x/log",
        "/api/v1/write",
        "/api/v1/admin/tsdb/snapshot",
        "/-/reload",
        "/-/quit",
        "/api/anything/new",
    ];
    for path in closed {
        assert_eq!(check(OPEN, Method::POST, path, &[]), Err(Refusal::Token), "{path}");
        assert_eq!(check(OPEN, Method::POST, path, &[("authorization", "Bearer s3cret")]), Ok(()), "{path}");
    }
}

#[test]
fn the_token_comes_four_ways_and_must_be_right() {
    let path = "/api/bonghwa/v1/containers";
    let basic = base64::engine::general_purpose::STANDARD.encode("anyone:s3cret");
    for pair in [
        ("authorization", "bearer s3cret".to_owned()),
        ("authorization", format!("Basic {basic}")),
        ("cookie", "theme=dark; bonghwa_token=s3cret".to_owned()),
    ] {
        assert_eq!(check(OPEN, Method::GET, path, &[(pair.0, &pair.1)]), Ok(()), "{pair:?}");
    }
    assert_eq!(check(OPEN, Method::GET, &format!("{path}?gone=1&token=s3cret"), &[]), Ok(()));
    for pair in
        [("authorization", "Bearer s3cre"), ("authorization", "Bearer s3cret2"), ("cookie", "bonghwa_token=")]
    {
        assert_eq!(check(OPEN, Method::GET, path, &[pair]), Err(Refusal::Token), "{pair:?}");
    }
    let none = Access::default();
    let empty = headers(&[("authorization", "Bearer ")]);
    assert_eq!(none.check(OPEN, &Method::GET, path, None, &empty), Err(Refusal::Token));
}

#[test]
fn another_site_cannot_change_anything() {
    let host = ("host", "127.0.0.1:9090");
    for foreign in [("origin", "https://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")]
    {
        let got = check(LOOPBACK, Method::POST, "/-/reload", &[host, foreign]);
        assert_eq!(got, Err(Refusal::ForeignOrigin), "{foreign:?}");
    }
    let own = ("origin", "http://127.0.0.1:9090");
    assert_eq!(check(LOOPBACK, Method::POST, "/-/reload", &[host, own]), Ok(()));
}
