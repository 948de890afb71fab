use super::*;

fn config(yaml: &str) -> HttpClientConfig {
    serde_saphyr::from_str(yaml).unwrap()
}

#[test]
fn equal_configurations_share_a_client() {
    let clients = Clients::default();
    clients.get(&config("{}")).unwrap();
    clients.get(&config("{follow_redirects: true}")).unwrap();
    assert_eq!(clients.0.lock().len(), 1);
    clients.get(&config("{follow_redirects: false}")).unwrap();
    assert_eq!(clients.0.lock().len(), 2);
}

#[test]
fn credentials_become_a_sensitive_header() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    for (yaml, value) in [
        ("{basic_auth: {username: u, password: p}}".to_owned(), "Basic dTpw"),
        ("{authorization: {credentials: abc}}".to_owned(), "Bearer abc"),
        ("{authorization: {type: Token, credentials: abc}}".to_owned(), "Token abc"),
        ("{bearer_token: abc}".to_owned(), "Bearer abc"),
        (format!("{{authorization: {{credentials_file: {}}}}}", file.display()), "Bearer from-file"),
    ] {
        let headers = headers(&config(&yaml)).unwrap();
        assert_eq!(headers[AUTHORIZATION], value, "{yaml}");
        assert!(headers[AUTHORIZATION].is_sensitive());
    }
    let missing = headers(&config("{bearer_token_file: /nonexistent/token}")).unwrap_err();
    assert!(missing.contains("/nonexistent/token"), "{missing}");
}

#[test]
fn what_cannot_be_had_is_named() {
    for (yaml, reason) in [
        ("{oauth2: {client_id: a, token_url: b}}", "oauth2 is not supported"),
        ("{tls_config: {ca_file: /nonexistent/ca.pem}}", "ca_file: /nonexistent/ca.pem"),
        ("{tls_config: {ca: nonsense}}", "no certificate"),
        ("{tls_config: {min_version: TLS10}}", "TLS10 is not supported"),
    ] {
        let error = build(&config(yaml)).map(|_| ()).unwrap_err();
        assert!(error.contains(reason), "{yaml}: {error}");
    }
}
