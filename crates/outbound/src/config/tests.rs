use super::*;
use crate::secret::WebUrl;

model::section! {
    /// A section around the fields, as every user of them has one.
    pub struct Outer ("config.plain") {
        /// Of its own.
        name: String = String::new(),
        /// Inline.
        http: HttpConfig = HttpConfig::default() => inline,
        /// After it.
        last: u64 = 0,
    }
}

fn read(text: &str) -> Result<Outer, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

#[test]
fn fields_stand_among_those_of_the_section_and_unknown_ones_are_refused_where_they_stand() {
    let outer = read("name: a\nbasic_auth: {username: u}\nproxy_url: http://p:1\nlast: 3").unwrap();
    assert_eq!((outer.name.as_str(), outer.last), ("a", 3));
    assert_eq!(outer.http.basic_auth.unwrap().username, "u");
    assert_eq!(outer.http.proxy.proxy_url, WebUrl::new("http://p:1"));
    let error = read("name: a\nbasic_auht: {username: u}\n").unwrap_err();
    let wanted = "field basic_auht not found in type config.plain: did you mean \"basic_auth\"?";
    assert!(error.contains("line 2 column 1") && error.contains(wanted), "{error}");
    let error = read("name: a\noauth2:\n  client_id: c\n  token_ulr: x\n").unwrap_err();
    assert!(error.contains("line 4 column 3") && error.contains("did you mean \"token_url\"?"), "{error}");
}

#[test]
fn contradictions_are_refused_in_prometheus_words() {
    for (text, message) in [
        ("{bearer_token: a, bearer_token_file: b}", "at most one of bearer_token & bearer_token_file"),
        ("{bearer_token: a, basic_auth: {}}", "at most one of basic_auth, oauth2, bearer_token &"),
        ("{bearer_token: a, authorization: {}}", "authorization is not compatible with bearer_token"),
        ("{basic_auth: {}, authorization: {}}", "at most one of basic_auth, oauth2 & authorization"),
        (
            "{basic_auth: {username: a, username_file: b}}",
            "basic_auth username, username_file & username_ref",
        ),
        (
            "{basic_auth: {password: a, password_file: b}}",
            "basic_auth password, password_file & password_ref",
        ),
        ("{authorization: {credentials: a, credentials_file: b}}", "credentials & credentials_file must be"),
        ("{authorization: {type: ' BASIC '}}", "authorization type cannot be set to \"basic\""),
        ("{oauth2: {token_url: x}}", "oauth2 client_id must be configured"),
        ("{oauth2: {client_id: x}}", "oauth2 token_url must be configured"),
        (
            "{oauth2: {client_id: x, token_url: y, client_secret: a, client_secret_file: b}}",
            "using grant-type=client_credentials",
        ),
        ("{tls_config: {cert: x}}", "exactly one of key or key_file must be configured"),
        ("{tls_config: {key: x}}", "exactly one of cert or cert_file must be configured"),
        ("{tls_config: {ca: x, ca_file: y}}", "at most one of ca, ca_file & ca_ref"),
        ("{tls_config: {min_version: TLS9}}", "unknown TLS version: TLS9"),
        ("{no_proxy: x}", "if no_proxy is configured, proxy_url must also be configured"),
        ("{proxy_from_environment: true, proxy_url: x}", "proxy_url must not be configured"),
        ("{proxy_from_environment: true, no_proxy: x}", "no_proxy must not be configured"),
        ("{proxy_connect_header: {a: [b]}}", "proxy_url or proxy_from_environment must also be configured"),
        ("{http_headers: {user-agent: {values: [x]}}}", "setting header \"User-Agent\" is not allowed"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(message), "{text}: {error}");
    }
}

#[test]
fn a_token_becomes_an_authorization_and_nothing_secret_is_shown() {
    let outer = read(
        "{bearer_token: geheim1, proxy_url: 'http://u:geheim2@p', http_headers: {X: {secrets: [geheim3]}}, \
         proxy_connect_header: {Y: [geheim4]}, tls_config: {cert: c, key: geheim5}}",
    )
    .unwrap();
    let authorization = outer.http.authorization.as_ref().unwrap();
    assert_eq!((authorization.kind.as_str(), authorization.credentials.expose()), ("Bearer", "geheim1"));
    let shown = serde_saphyr::to_string(&outer).unwrap();
    assert!(!shown.contains("geheim") && !format!("{outer:?}").contains("geheim"), "{shown}");
    for line in [
        "type: Bearer",
        "follow_redirects: true",
        "enable_http2: true",
        "xxxxx@p",
        "insecure_skip_verify: false",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    for left_out in ["bearer_token", "name", "oauth2", "last", "no_proxy"] {
        assert!(!shown.contains(left_out), "{left_out} in {shown}");
    }
}

#[test]
fn files_are_relative_to_the_configuration() {
    let mut outer = read("{authorization: {credentials_file: a}, tls_config: {ca_file: /b}}").unwrap();
    outer.http.set_directory(Path::new("/etc"));
    assert_eq!(outer.http.authorization.unwrap().credentials_file, Some(PathBuf::from("/etc/a")));
    assert_eq!(outer.http.tls_config.ca_file, Some(PathBuf::from("/b")));
}
