use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Form, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use parking_lot::Mutex;
use reqwest::header::AUTHORIZATION;
use std::collections::BTreeMap;

use super::*;

fn config(yaml: &str) -> HttpConfig {
    serde_saphyr::from_str(yaml).unwrap()
}

fn client(yaml: &str) -> Client {
    Client::new(&config(yaml), ClientOptions::default()).unwrap()
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
        let headers = authorization::headers(&config(&yaml)).unwrap();
        assert_eq!(headers[AUTHORIZATION], value, "{yaml}");
        assert!(headers[AUTHORIZATION].is_sensitive());
    }
    let missing = authorization::headers(&config("{bearer_token_file: /nonexistent/token}")).unwrap_err();
    assert!(missing.contains("/nonexistent/token"), "{missing}");
}

#[test]
fn what_cannot_be_had_is_named() {
    for (yaml, reason) in [
        ("{oauth2: {client_id: a, token_url: b}}", "oauth2 token_url"),
        ("{tls_config: {ca_file: /nonexistent/ca.pem}}", "ca_file: /nonexistent/ca.pem"),
        ("{tls_config: {ca: nonsense}}", "no certificate"),
        ("{tls_config: {min_version: TLS10}}", "TLS10 is not supported"),
        ("{basic_auth: {password_ref: x}}", "there is no secret store"),
    ] {
        let error = Client::new(&config(yaml), ClientOptions::default()).map(|_| ()).unwrap_err();
        assert!(error.contains(reason), "{yaml}: {error}");
    }
}

/// Serves `app` on loopback until the test ends.
async fn serve(app: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// Answers with the headers `Authorization`, `X-Extra` and `User-Agent` of the request, a line each.
async fn echo() -> String {
    let answer = |headers: HeaderMap| async move {
        ["authorization", "x-extra", "user-agent"]
            .map(|name| headers.get(name).map_or("-", |v| v.to_str().unwrap()).to_owned())
            .join("\n")
    };
    serve(Router::new().route("/", get(answer))).await
}

async fn body(client: &Client, url: &str) -> String {
    let answer = client.request(Method::GET, Url::parse(url).unwrap()).send().await.unwrap();
    String::from_utf8(answer.body(1 << 20).await.unwrap()).unwrap()
}

#[tokio::test]
async fn every_request_carries_what_the_files_say_now() {
    let url = echo().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("token");
    std::fs::write(&file, "one").unwrap();
    let yaml = "{authorization: {credentials_file: FILE}, http_headers: {x-extra: {files: [FILE]}}}";
    let options = ClientOptions { user_agent: "Agent/1".to_owned(), ..ClientOptions::default() };
    let client = Client::new(&config(&yaml.replace("FILE", &file.display().to_string())), options).unwrap();
    assert_eq!(body(&client, &url).await, "Bearer one\none\nAgent/1");
    std::fs::write(&file, "two").unwrap();
    assert_eq!(body(&client, &url).await, "Bearer two\ntwo\nAgent/1");
    std::fs::remove_file(&file).unwrap();
    let error = client.request(Method::GET, Url::parse(&url).unwrap()).send().await.unwrap_err();
    assert!(matches!(&error, Failure::Authorization(text) if text.contains("token")), "{error:?}");
}

#[tokio::test]
async fn a_body_is_read_up_to_the_limit() {
    let url = serve(Router::new().route("/", get(|| async { "x".repeat(1000) }))).await;
    let ask = || async { client("{}").request(Method::GET, Url::parse(&url).unwrap()).send().await.unwrap() };
    assert_eq!(ask().await.body(1000).await.unwrap().len(), 1000);
    assert_eq!(ask().await.body(999).await, Err(Failure::TooLarge(999)));
    assert_eq!(ask().await.beginning(3).await, "xxx");
}

#[tokio::test]
async fn redirects_are_followed_or_shown() {
    let app = Router::new()
        .route("/", get(|| async { axum::response::Redirect::temporary("/there") }))
        .route("/there", get(|| async { "here" }));
    let url = serve(app).await;
    assert_eq!(body(&client("{}"), &url).await, "here");
    let answer = client("{follow_redirects: false}").request(Method::GET, Url::parse(&url).unwrap());
    assert_eq!(answer.send().await.unwrap().status(), 307);
}

/// A token server: counts what it gives, remembers what it was asked.
#[derive(Default)]
struct Tokens {
    given: AtomicUsize,
    asked: Mutex<Vec<(String, BTreeMap<String, String>)>>,
    /// Whether id and secret must be in the body.
    in_body: bool,
    expires_in: u64,
}

async fn token(
    State(tokens): State<Arc<Tokens>>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> (axum::http::StatusCode, String) {
    let authorization = headers.get("authorization").map_or("", |v| v.to_str().unwrap()).to_owned();
    let refused = tokens.in_body && !form.contains_key("client_secret");
    tokens.asked.lock().push((authorization, form));
    if refused {
        return (axum::http::StatusCode::UNAUTHORIZED, r#"{"error":"invalid_client"}"#.to_owned());
    }
    let number = tokens.given.fetch_add(1, Ordering::SeqCst) + 1;
    let answer = serde_json::json!({
        "access_token": format!("t{number}"), "token_type": "bearer", "expires_in": tokens.expires_in,
    });
    (axum::http::StatusCode::OK, answer.to_string())
}

async fn token_server(tokens: Tokens) -> (Arc<Tokens>, String) {
    let tokens = Arc::new(tokens);
    let url = serve(Router::new().route("/token", post(token)).with_state(tokens.clone())).await;
    (tokens, format!("{url}/token"))
}

#[tokio::test]
async fn a_token_is_fetched_once_and_again_when_the_secret_changes() {
    let (tokens, token_url) = token_server(Tokens { expires_in: 3600, ..Tokens::default() }).await;
    let url = echo().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("secret");
    std::fs::write(&file, "s 1\n").unwrap();
    let client = client(&format!(
        "{{oauth2: {{client_id: id, client_secret_file: {}, token_url: '{token_url}', scopes: [a, b], \
           endpoint_params: {{audience: x}}}}}}",
        file.display()
    ));
    assert!(body(&client, &url).await.starts_with("Bearer t1\n"));
    assert!(body(&client, &url).await.starts_with("Bearer t1\n"));
    std::fs::write(&file, "s2").unwrap();
    assert!(body(&client, &url).await.starts_with("Bearer t2\n"));
    let asked = tokens.asked.lock();
    // base64 of `id:s+1`, as RFC 6749 wants it encoded.
    assert_eq!(asked[0].0, "Basic aWQ6cysx");
    let form: Vec<(&str, &str)> = asked[0].1.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(form, [("audience", "x"), ("grant_type", "client_credentials"), ("scope", "a b")]);
    assert_eq!(asked.len(), 2);
}

#[tokio::test]
async fn a_token_that_ends_is_fetched_again_and_servers_that_want_the_secret_in_the_body_get_it() {
    let (tokens, token_url) =
        token_server(Tokens { expires_in: 5, in_body: true, ..Tokens::default() }).await;
    let url = echo().await;
    let client =
        client(&format!("{{oauth2: {{client_id: id, client_secret: s, token_url: '{token_url}'}}}}"));
    assert!(body(&client, &url).await.starts_with("Bearer t1\n"));
    // Less than ten seconds are left.
    assert!(body(&client, &url).await.starts_with("Bearer t2\n"));
    let asked = tokens.asked.lock();
    assert_eq!(asked.len(), 3, "the header was tried once only: {asked:?}");
    assert_eq!(asked[2].1["client_id"], "id");
}

#[tokio::test]
async fn a_refused_token_says_why() {
    let app = Router::new()
        .route("/", post(|| async { (axum::http::StatusCode::BAD_REQUEST, r#"{"error":"no_scope"}"#) }));
    let token_url = serve(app).await;
    let client =
        client(&format!("{{oauth2: {{client_id: id, client_secret: s, token_url: '{token_url}'}}}}"));
    let error =
        client.request(Method::GET, Url::parse("http://127.0.0.1:1/").unwrap()).send().await.unwrap_err();
    assert!(
        error.to_string().contains("cannot fetch token: HTTP status 400 Bad Request: \"no_scope\""),
        "{error}"
    );
}

#[tokio::test]
async fn an_assertion_is_signed() {
    use base64::Engine as _;
    let (tokens, token_url) = token_server(Tokens { expires_in: 3600, ..Tokens::default() }).await;
    let url = echo().await;
    let key = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/rsa.key");
    let client = client(&format!(
        "{{oauth2: {{client_id: id, grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', scopes: [s], \
           client_certificate_key_file: {key}, client_certificate_key_id: k, token_url: '{token_url}'}}}}"
    ));
    assert!(body(&client, &url).await.starts_with("Bearer t1\n"));
    let asked = tokens.asked.lock();
    assert_eq!(asked[0].1["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
    let parts: Vec<Vec<u8>> = asked[0].1["assertion"]
        .split('.')
        .map(|part| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap())
        .collect();
    let header: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(header, serde_json::json!({"alg": "RS256", "typ": "JWT", "kid": "k"}));
    let claims: serde_json::Value = serde_json::from_slice(&parts[1]).unwrap();
    assert_eq!((&claims["iss"], &claims["aud"]), (&"id".into(), &token_url.as_str().into()));
    assert_eq!(parts[2].len(), 256);
}

/// A proxy that answers every request itself with the request line and one header.
async fn proxy() -> String {
    use axum::extract::Request;
    let answer = |request: Request| async move { format!("proxied {}", request.uri()) };
    serve(Router::new().fallback(answer)).await
}

#[tokio::test]
async fn a_proxy_is_used_except_where_it_is_not_to_be() {
    let (proxy, direct) = (proxy().await, echo().await);
    let asked = body(&client(&format!("{{proxy_url: '{proxy}'}}")), "http://example.invalid/x").await;
    assert_eq!(asked, "proxied http://example.invalid/x");
    let around = client(&format!("{{proxy_url: '{proxy}', no_proxy: '127.0.0.1'}}"));
    assert!(body(&around, &direct).await.contains("Bonghwa/"));
}
