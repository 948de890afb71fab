use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use model::target::Health;
use model::{Budget, SystemClock};
use testkit::MemoryMetrics;

use super::*;

/// What a target does with a request.
#[derive(Clone)]
enum Behaviour {
    Text(String),
    OpenMetrics(String),
    Gzip(Vec<u8>),
    Status(u16),
    Hang,
    Redirect(String),
    Endless,
}

#[derive(Clone)]
struct Server {
    address: SocketAddr,
    state: Arc<Mutex<Seen>>,
}

struct Seen {
    behaviour: Behaviour,
    requests: Vec<(String, axum::http::HeaderMap)>,
}

async fn answer(State(state): State<Arc<Mutex<Seen>>>, request: Request) -> Response {
    let behaviour = {
        let mut seen = state.lock();
        seen.requests.push((request.uri().to_string(), request.headers().clone()));
        seen.behaviour.clone()
    };
    let plain = [(CONTENT_TYPE, "text/plain; version=0.0.4")];
    match behaviour {
        Behaviour::Text(body) => (plain, body).into_response(),
        Behaviour::OpenMetrics(body) => {
            ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0")], body).into_response()
        }
        Behaviour::Gzip(body) => (plain, [(CONTENT_ENCODING, "gzip")], body).into_response(),
        Behaviour::Status(code) => axum::http::StatusCode::from_u16(code).unwrap().into_response(),
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Redirect(to) if request.uri().path() != "/moved" => {
            (axum::http::StatusCode::FOUND, [(LOCATION, to)]).into_response()
        }
        Behaviour::Redirect(_) => (plain, "moved 1\n").into_response(),
        Behaviour::Endless => {
            let line = || Some((Ok::<_, std::io::Error>("a_very_long_name 1\n".repeat(1000)), ()));
            let stream = futures::stream::unfold((), move |()| std::future::ready(line()));
            (plain, Body::from_stream(stream)).into_response()
        }
    }
}

async fn server(behaviour: Behaviour) -> Server {
    let state = Arc::new(Mutex::new(Seen { behaviour, requests: Vec::new() }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer).with_state(state.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Server { address, state }
}

impl Server {
    fn set(&self, behaviour: Behaviour) {
        self.state.lock().behaviour = behaviour;
    }

    fn hits(&self) -> usize {
        self.state.lock().requests.len()
    }

    fn header(&self, name: axum::http::HeaderName) -> String {
        let seen = self.state.lock();
        let value = seen.requests.last().and_then(|(_, headers)| headers.get(name));
        value.map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
    }
}

fn jobs(yaml: &str) -> Vec<ScrapeConfig> {
    serde_saphyr::from_str(yaml).unwrap()
}

/// A job that scrapes `server` every 50 ms.
fn job(server: &Server, more: &str) -> Vec<ScrapeConfig> {
    jobs(&format!(
        "[{{job_name: j, scrape_interval: 50ms, static_configs: [{{targets: ['{}']}}], {more}}}]",
        server.address
    ))
}

/// With more patience, for tests in which no scrape may fail on a busy machine.
fn slow(mut jobs: Vec<ScrapeConfig>) -> Vec<ScrapeConfig> {
    for job in &mut jobs {
        job.scrape_interval = model::config::Duration::from_ms(400);
    }
    jobs
}

struct Running {
    manager: Arc<Manager>,
    store: Arc<MemoryMetrics>,
}

fn start(jobs: Vec<ScrapeConfig>) -> Running {
    let store = Arc::new(MemoryMetrics::new());
    let clock = Arc::new(SystemClock);
    let manager = Manager::start(
        jobs,
        &GlobalConfig::standard(),
        store.clone(),
        clock,
        Features::default(),
        Budget::unlimited(),
    )
    .unwrap();
    Running { manager, store }
}

impl Running {
    fn values(&self, name: &str) -> Vec<f64> {
        let dump = self.store.dump();
        let of = dump.iter().filter(|(labels, _)| labels.metric_name() == name);
        of.flat_map(|(_, samples)| samples.iter().map(|(_, v)| *v)).collect()
    }

    fn last(&self, name: &str) -> Option<f64> {
        self.values(name).last().copied()
    }

    fn status(&self) -> TargetStatus {
        self.manager.active().pop().unwrap()
    }
}

/// Waits until `done` holds. The limit only ends a test that would otherwise hang.
async fn until(what: &str, done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain for: {what}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_target_is_scraped_and_shown() {
    let server = server(Behaviour::Text("# TYPE a gauge\na 1\n".to_owned())).await;
    let running = start(job(&server, "params: {x: [y]}"));
    until("two scrapes", || running.values("a").len() >= 2).await;
    let status = running.status();
    assert_eq!((status.health, status.last_error.as_str()), (Health::Up, ""));
    assert_eq!(status.url, format!("http://{}/metrics?x=y", server.address));
    assert_eq!(running.last("up"), Some(1.0));
    assert!(server.header(ACCEPT).starts_with("application/openmetrics-text;version=1.0.0"));
    assert_eq!(server.header(ACCEPT_ENCODING), "gzip");
    assert_eq!(running.manager.metadata()[0].1.name, "a");
    running.manager.stop().await;
    let hits = server.hits();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.hits(), hits, "nothing is asked for after the stop");
}

#[tokio::test]
async fn bodies_may_be_compressed_or_openmetrics_and_redirects_are_followed() {
    let server = server(Behaviour::Gzip(gzip(b"zipped 1\n"))).await;
    let running = start(job(&server, "basic_auth: {username: u, password: p}, enable_compression: false"));
    until("the compressed body", || running.last("zipped") == Some(1.0)).await;
    assert_eq!(server.header(ACCEPT_ENCODING), "identity");
    assert_eq!(server.header(AUTHORIZATION), "Basic dTpw");
    server.set(Behaviour::OpenMetrics("# TYPE o counter\no_total 1\n# EOF\n".to_owned()));
    until("OpenMetrics", || running.last("o_total") == Some(1.0)).await;
    server.set(Behaviour::Redirect("/moved".to_owned()));
    until("the redirect", || running.last("moved") == Some(1.0)).await;
    running.manager.stop().await;
}

#[tokio::test]
async fn failures_are_told_and_the_series_ended() {
    let server = server(Behaviour::Text("a 1\n".to_owned())).await;
    let running = start(job(&server, "body_size_limit: 1MB, follow_redirects: false"));
    let bomb = gzip(&vec![b'\n'; 50 << 20]);
    assert!(bomb.len() < 1 << 20);
    for (behaviour, reason) in [
        (Behaviour::Status(500), "server returned HTTP status 500"),
        (Behaviour::Gzip(bomb), "body size limit exceeded (1048576 bytes)"),
        (Behaviour::Endless, "body size limit exceeded (1048576 bytes)"),
        (Behaviour::Hang, "no answer within 50ms"),
        (Behaviour::Redirect("/moved".to_owned()), "server returned HTTP status 302"),
        (Behaviour::Text("a {\n".to_owned()), "line 1, column 4"),
        (Behaviour::Gzip(b"not gzip".to_vec()), "error decoding response body"),
    ] {
        server.set(Behaviour::Text("a 1\n".to_owned()));
        until("health", || running.last("up") == Some(1.0) && running.last("a") == Some(1.0)).await;
        server.set(behaviour);
        until(reason, || running.status().last_error.contains(reason)).await;
        assert_eq!(running.status().health, Health::Down);
        assert_eq!(running.last("up"), Some(0.0));
        assert!(running.last("a").is_some_and(model::is_stale_nan), "{reason}");
    }
    running.manager.stop().await;
}

#[tokio::test]
async fn a_secret_of_a_store_that_is_not_there_is_told_and_nothing_is_asked() {
    let server = server(Behaviour::Text("a 1\n".to_owned())).await;
    for section in [
        "basic_auth: {username: u, password_ref: jar}",
        "authorization: {credentials_ref: jar}",
        "oauth2: {client_id: a, client_secret_ref: jar, token_url: 'http://127.0.0.1:1/'}",
        "tls_config: {ca_ref: jar}",
    ] {
        let running = start(job(&server, section));
        let told = "secret \"jar\": there is no secret store";
        until(section, || running.status().last_error.contains(told)).await;
        assert_eq!((running.status().health, running.last("up")), (Health::Down, Some(0.0)), "{section}");
        running.manager.stop().await;
    }
    assert_eq!(server.hits(), 0);
}

#[tokio::test]
async fn a_closed_port_is_a_target_that_is_down() {
    // Port 1 (tcpmux) is nobody's.
    let running =
        start(jobs("[{job_name: j, scrape_interval: 50ms, static_configs: [{targets: ['127.0.0.1:1']}]}]"));
    until("the error", || running.status().last_error.starts_with("tcp connect error: Connection refused"))
        .await;
    assert_eq!(running.last("up"), Some(0.0));
    running.manager.stop().await;
}

#[tokio::test]
async fn a_reload_keeps_the_loops_of_unchanged_targets() {
    let (first, second) = (
        server(Behaviour::Text("a 1\n".to_owned())).await,
        server(Behaviour::Text("b 1\n".to_owned())).await,
    );
    let running = start(slow(job(&first, "")));
    until("the first", || running.last("a") == Some(1.0)).await;
    let both = |more: &str| {
        jobs(&format!(
            "[{{job_name: j, scrape_interval: 400ms, static_configs: [{{targets: ['{}', '{}']}}], {more}}}]",
            first.address, second.address
        ))
    };
    let target = running.manager.jobs.lock()[0].pool.targets().pop().unwrap();
    running.manager.apply(both(""), &GlobalConfig::standard()).unwrap();
    until("the second", || running.last("b") == Some(1.0)).await;
    let kept = running.manager.jobs.lock()[0].pool.targets();
    assert!(kept.iter().any(|t| Arc::ptr_eq(t, &target)), "the loop of the first target went on");
    // A job that scrapes in another way starts anew, and its series go on without a marker.
    running.manager.apply(both("honor_labels: true"), &GlobalConfig::standard()).unwrap();
    assert!(!running.manager.jobs.lock()[0].pool.targets().iter().any(|t| Arc::ptr_eq(t, &target)));
    let name = "j".to_owned();
    let metrics = running.manager.metrics();
    assert_eq!(
        metrics.targets.get_or_create(&crate::scrape::metrics::Job { scrape_job: name.clone() }).get(),
        2
    );
    let owner = Owner { name: "scrape", config: name };
    assert_eq!(metrics.discovery.discovered.get_or_create(&owner).get(), 2);
    let before = running.values("a").len();
    until("more samples", || running.values("a").len() > before + 3).await;
    assert!(!running.values("a").iter().any(|v| model::is_stale_nan(*v)));
    // A configuration that is refused changes nothing.
    let twice = [job(&first, ""), job(&first, "")].concat();
    assert!(running.manager.apply(twice, &GlobalConfig::standard()).is_err());
    assert_eq!(running.manager.active().len(), 2);
    running.manager.stop().await;
}

#[tokio::test]
async fn a_target_that_disappears_is_ended() {
    let server = server(Behaviour::Text("a 1\n".to_owned())).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("targets.json");
    let write = |targets: &str| std::fs::write(&file, format!("[{{\"targets\": [{targets}]}}]")).unwrap();
    write(&format!("\"{}\"", server.address));
    let yaml = format!(
        "[{{job_name: j, scrape_interval: 50ms, file_sd_configs: [{{files: ['{}'], refresh_interval: 50ms}}]}}]",
        file.display()
    );
    let running = start(jobs(&yaml));
    until("the target", || running.last("a") == Some(1.0)).await;
    write("");
    until("no target", || running.manager.active().is_empty()).await;
    until("the markers", || {
        running.last("a").is_some_and(model::is_stale_nan)
            && running.last("up").is_some_and(model::is_stale_nan)
    })
    .await;
    running.manager.stop().await;
}

#[tokio::test]
async fn dropped_targets_limits_and_problems_are_shown() {
    let server = server(Behaviour::Text("a 1\n".to_owned())).await;
    let yaml = format!(
        "- job_name: dropped
  static_configs: [{{targets: ['x:1', 'y:1']}}]
  relabel_configs: [{{action: drop, source_labels: [__address__], regex: 'x.*'}},
                    {{source_labels: [__address__], regex: 'y.*', target_label: __scheme__, replacement: gopher}}]
- job_name: limited
  scrape_interval: 50ms
  target_limit: 1
  static_configs: [{{targets: ['{0}', 'localhost:1']}}]
- {{job_name: foreign, gce_sd_configs: [{{project: p, zone: z}}]}}
- {{job_name: secret, basic_auth: {{password_ref: x}}, static_configs: [{{targets: ['z:1']}}]}}
- {{job_name: docker, docker_sd_configs: [{{host: 'unix:///nonexistent.sock', refresh_interval: 1s}}]}}",
        server.address
    );
    let running = start(jobs(&yaml));
    let dropped = running.manager.dropped();
    assert_eq!(dropped.len(), 1);
    assert_eq!(dropped[0].discovered.get("__address__"), Some("x:1"));
    until("the limit", || {
        running.manager.active().iter().any(|t| t.last_error.contains("target_limit exceeded"))
    })
    .await;
    assert_eq!(server.hits(), 0);
    until("docker", || running.manager.problems().iter().any(|p| p.job == "docker")).await;
    let problems: Vec<String> =
        running.manager.problems().iter().map(|p| format!("{}: {}", p.job, p.message)).collect();
    for wanted in [
        "dropped: {__address__=\"y:1\"}: unsupported scheme \"gopher\"",
        "foreign: gce_sd_configs is not supported yet",
        "secret: secret \"x\": there is no secret store",
        "docker: docker at unix:///nonexistent.sock: ",
    ] {
        assert!(problems.iter().any(|p| p.starts_with(wanted)), "{wanted}: {problems:?}");
    }
    running.manager.stop().await;
}

#[tokio::test]
async fn containers_of_an_engine_become_targets() {
    let server = server(Behaviour::Text("a 1\n".to_owned())).await;
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("docker.sock");
    let port = server.address.port();
    let list = format!(
        r#"[{{"Id": "abc", "Names": ["/web"], "Ports": [{{"PrivatePort": {port}, "Type": "tcp"}}],
             "NetworkSettings": {{"Networks": {{"n": {{"IPAddress": "127.0.0.1"}}}}}}}}]"#
    );
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = asked.clone();
    let engine = Router::new().fallback(move |request: Request| {
        seen.lock().push(format!("{} {}", request.method(), request.uri()));
        let networks = request.uri().path() == "/networks";
        std::future::ready(if networks { "[]".to_owned() } else { list.clone() })
    });
    let listener = tokio::net::UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move { axum::serve(listener, engine).await });
    let yaml = format!(
        "[{{job_name: j, scrape_interval: 50ms,
           docker_sd_configs: [{{host: 'unix://{}', filters: [{{name: label, values: [x]}}]}}],
           relabel_configs: [{{source_labels: [__meta_docker_container_name], target_label: name}}]}}]",
        socket.display()
    );
    let running = start(jobs(&yaml));
    until("the container", || running.last("a") == Some(1.0)).await;
    assert_eq!(running.status().labels.get("name"), Some("/web"));
    assert_eq!(asked.lock()[0], "GET /containers/json?filters=%7B%22label%22%3A%5B%22x%22%5D%7D");
    running.manager.stop().await;
}
