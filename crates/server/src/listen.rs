//! Listeners: accept, limit, serve, and stop in order.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use crate::access::{Access, Known, Listener, Peer};
use crate::exporter::{self, Exposed};
use crate::limits::Limits;
use crate::logs::{self, Receiver, Socket};
use crate::metrics::named::{Build, HTTP};
use crate::metrics::{Metrics, ReasonLabels};
use crate::parts::Parts;
use crate::router;
use crate::slow::PatientIo;
use crate::state::{Shared, State};
use crate::waiting;
use crate::web::{Routed, Web};
use crate::web_config::Admission;

/// A running server.
pub struct Server {
    door: Arc<Door>,
    accepting: JoinSet<()>,
    connections: TaskTracker,
    /// Set when the grace of a stop is over: connections are cut.
    cut: CancellationToken,
    addresses: Vec<SocketAddr>,
    /// Listeners of logs.
    logs: Option<Arc<logs::Control>>,
}

/// Starts listeners of logs.
struct LogListeners {
    door: Arc<Door>,
    state: Shared,
    connections: TaskTracker,
    cut: CancellationToken,
    runtime: tokio::runtime::Handle,
}

impl LogListeners {
    /// One that ends with `end`, which the end of the server sets too.
    fn start(
        &self,
        receiver: Receiver,
        config: &logs::config::Config,
        end: CancellationToken,
    ) -> model::Result<()> {
        let failed = |e| model::Error::internal("a listener cannot be used").with_detail(e);
        let _runtime = self.runtime.enter();
        self.state.logs.bound(config.limits());
        match receiver {
            Receiver { protocol, socket: Socket::Stream(listener), tls, secrets, .. }
                if protocol.is_http() =>
            {
                let door = Door {
                    limits: self.door.limits.clone(),
                    metrics: self.door.metrics.clone(),
                    web: Web::default(),
                    tls,
                    stopping: end.clone(),
                };
                let address = listener.local_addr().map_err(failed)?;
                let serve = Serve {
                    door: Arc::new(door),
                    router: logs::router(protocol, secrets.key, self.state.clone()),
                    places: Arc::new(Semaphore::new(config.connections)),
                    connections: self.connections.clone(),
                    cut: self.cut.clone(),
                };
                let origin = Listener { loopback: address.ip().is_loopback(), ip: address.ip() };
                let listener = TcpListener::from_std(listener).map_err(failed)?;
                self.connections.spawn(async move {
                    tokio::select! {
                        () = accept(listener, origin, serve) => {}
                        () = end.cancelled() => {}
                    }
                });
            }
            receiver => {
                let running = logs::Running {
                    door: self.state.logs.clone(),
                    budget: self.state.parts.budget.clone(),
                    frame_bytes: config.frame(),
                    line_bytes: config.limits().line_bytes,
                    places: config.connections,
                    connections: self.connections.clone(),
                    stopping: end,
                    cut: self.cut.clone(),
                };
                logs::start(receiver, &running).map_err(failed)?;
            }
        }
        Ok(())
    }
}

impl Server {
    /// Serves on `listeners` until [`Server::stop`].
    pub fn start(
        mut parts: Parts,
        access: Access,
        limits: Limits,
        mut web: Web,
        listeners: Vec<std::net::TcpListener>,
    ) -> model::Result<Self> {
        let metrics = Metrics::default();
        metrics.register(&mut parts.registry);
        let build = Build {
            branch: "",
            goarch: std::env::consts::ARCH,
            goos: std::env::consts::OS,
            goversion: "",
            revision: parts.process.build().revision,
            tags: "",
            version: crate::prometheus::API_VERSION,
        };
        metrics.named.build.get_or_create(&build).set(1);
        metrics.named.ready.set(1);
        metrics.named.most_queries.set(i64::try_from(limits.queries).unwrap_or(i64::MAX));
        let receivers = std::mem::take(&mut parts.log_receivers);
        parts.log_receivers.config = receivers.config.clone();
        web.own_ports = listeners.iter().filter_map(|l| Some(l.local_addr().ok()?.port())).collect();
        let state = Arc::new(State::new(parts, access, limits.clone(), web.clone(), metrics.clone()));
        let stopping = state.stopping.clone();
        let router = router::router(state.clone());
        let tls = None;
        let mut server = Self::listen(Door { limits, metrics, web, tls, stopping }, &router, listeners)?;
        server.accepting.spawn(crate::pushgateway::run(state.clone()));
        let logs = LogListeners {
            door: server.door.clone(),
            state,
            connections: server.connections.clone(),
            cut: server.cut.clone(),
            runtime: tokio::runtime::Handle::current(),
        };
        let (control, stopping) = (receivers.control(), server.door.stopping.clone());
        control.begin(
            receivers,
            &stopping,
            Box::new(move |receiver, config: &logs::config::Config, end| logs.start(receiver, config, end)),
        )?;
        server.logs = Some(control);
        Ok(server)
    }

    /// Serves what `exposed` has to show under `path`, as exporters do, until [`Server::stop`].
    pub fn export(
        exposed: Arc<dyn Exposed>,
        path: &str,
        limits: Limits,
        web: Web,
        listeners: Vec<std::net::TcpListener>,
    ) -> model::Result<Self> {
        let stopping = CancellationToken::new();
        let door = Door { limits, metrics: Metrics::default(), web, tls: None, stopping };
        Self::listen(door, &exporter::router(exposed, path), listeners)
    }

    /// Says how far the log is read back, and refuses everything else for now, until [`Server::stop`]. `listeners` are
    /// clones of those the server will have, so that no connection is refused in between.
    pub fn wait(
        progress: Arc<model::ReplayProgress>,
        limits: Limits,
        web: Web,
        listeners: Vec<std::net::TcpListener>,
    ) -> model::Result<Self> {
        let stopping = CancellationToken::new();
        let door = Door { limits, metrics: Metrics::default(), web, tls: None, stopping };
        Self::listen(door, &waiting::router(progress), listeners)
    }

    fn listen(door: Door, router: &Router, listeners: Vec<std::net::TcpListener>) -> model::Result<Self> {
        let places = Arc::new(Semaphore::new(door.limits.connections));
        let mut server = Self {
            door: Arc::new(door),
            accepting: JoinSet::new(),
            connections: TaskTracker::new(),
            cut: CancellationToken::new(),
            addresses: Vec::new(),
            logs: None,
        };
        for listener in listeners {
            let open = || -> std::io::Result<(TcpListener, SocketAddr)> {
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                Ok((TcpListener::from_std(listener)?, address))
            };
            let (listener, address) =
                open().map_err(|e| model::Error::internal("a listener cannot be used").with_detail(e))?;
            server.addresses.push(address);
            let origin = Listener { loopback: address.ip().is_loopback(), ip: address.ip() };
            server.accepting.spawn(accept(
                listener,
                origin,
                Serve {
                    door: server.door.clone(),
                    router: router.clone(),
                    places: places.clone(),
                    connections: server.connections.clone(),
                    cut: server.cut.clone(),
                },
            ));
        }
        Ok(server)
    }

    /// Where it listens, the real port where 0 was asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops: no new connections, streams end, requests under way get the grace of [`Limits::stop_grace`].
    pub async fn stop(mut self) {
        self.door.stopping.cancel();
        if let Some(logs) = &self.logs {
            logs.end();
        }
        self.accepting.abort_all();
        while self.accepting.join_next().await.is_some() {}
        self.connections.close();
        let grace = self.door.limits.stop_grace;
        if tokio::time::timeout(grace, self.connections.wait()).await.is_err() {
            tracing::warn!(left = self.connections.len(), "requests were cut off at the end of the grace");
            self.cut.cancel();
            self.connections.wait().await;
        }
    }
}

/// What holds for every connection.
struct Door {
    limits: Limits,
    metrics: Metrics,
    web: Web,
    /// TLS of a listener that has its own.
    tls: Option<logs::Tls>,
    stopping: CancellationToken,
}

#[derive(Clone)]
struct Serve {
    door: Arc<Door>,
    router: Router,
    places: Arc<Semaphore>,
    connections: TaskTracker,
    cut: CancellationToken,
}

async fn accept(listener: TcpListener, origin: Listener, serve: Serve) {
    loop {
        // Waiting for a place leaves new connections in the kernel's queue, as Prometheus' limit does.
        let Ok(place) = serve.places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, peer)) => {
                let one = serve.clone();
                serve.connections.spawn(async move {
                    one.door.metrics.connections.inc();
                    one.door.metrics.named.accepted.get_or_create(&HTTP).inc();
                    one.connection(socket, origin, Peer(peer.ip())).await;
                    one.door.metrics.connections.dec();
                    one.door.metrics.named.closed.get_or_create(&HTTP).inc();
                    drop(place);
                });
            }
            Err(error) => {
                // Out of file descriptors, or a peer that was quicker than we: neither ends the server.
                tracing::debug!(%error, "accept failed");
                let reason = ReasonLabels { reason: "accept" };
                serve.door.metrics.refused.get_or_create(&reason).inc();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

impl Serve {
    async fn connection(&self, socket: TcpStream, origin: Listener, peer: Peer) {
        let limits = &self.door.limits;
        // Live pages send small messages; without this they wait for an acknowledgement.
        let _ = socket.set_nodelay(true);
        let config = self.door.web.config.as_deref().filter(|config| config.is_tls());
        if config.is_none() && self.door.tls.is_none() {
            return self.serve(PatientIo::new(socket, limits.write_idle), origin, peer).await;
        }
        let shaken = async {
            if is_plain(&socket).await {
                return refuse_plain(socket).await.map(|()| None);
            }
            let tls = match (&self.door.tls, config) {
                (Some(tls), _) => tls.read().clone(),
                (None, Some(config)) => config.tls().map_err(std::io::Error::other)?,
                // One of the two is there.
                (None, None) => return Ok(None),
            };
            let io = PatientIo::new(socket, limits.write_idle);
            tokio_rustls::TlsAcceptor::from(tls).accept(io).await.map(Some)
        };
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(limits.header_timeout, shaken) => shaken,
            () = self.cut.cancelled() => return,
        };
        match shaken {
            Ok(Ok(Some(io))) => self.serve(io, origin, peer).await,
            Ok(Ok(None)) => {}
            Ok(Err(error)) => {
                tracing::debug!(%error, "TLS handshake failed");
                self.door.metrics.refused.get_or_create(&ReasonLabels { reason: "tls" }).inc();
            }
            Err(_) => tracing::debug!("a client did not finish its TLS handshake"),
        }
    }

    async fn serve(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        origin: Listener,
        peer: Peer,
    ) {
        let limits = &self.door.limits;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            .max_buf_size(64 << 10);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(64)
            .max_header_list_size(64 << 10)
            .keep_alive_interval(Some(Duration::from_secs(30)))
            .keep_alive_timeout(Duration::from_secs(20));
        let serve = self.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut request: Request = request.map(axum::body::Body::new);
            name_host(&mut request);
            request.extensions_mut().insert(origin);
            request.extensions_mut().insert(peer);
            let serve = serve.clone();
            async move { Ok::<_, Infallible>(serve.answer(request).await) }
        });
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(io), service);
        tokio::pin!(connection);
        let mut stopping = false;
        loop {
            tokio::select! {
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(error, "connection ended");
                    }
                    return;
                }
                () = self.door.stopping.cancelled(), if !stopping => {
                    stopping = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.cut.cancelled() => return,
            }
        }
    }

    /// What stands before all routes: users and headers of the web configuration, then the prefix.
    async fn answer(&self, request: Request) -> Response {
        let head = *request.method() == http::Method::HEAD;
        let mut response = self.admitted(request).await;
        if head {
            // Routes leave it out themselves; over HTTP/2 a refusal with a body would be an error of the protocol.
            *response.body_mut() = axum::body::Body::empty();
        }
        response
    }

    async fn admitted(&self, mut request: Request) -> Response {
        let Some(config) = &self.door.web.config else { return self.routed(request).await };
        let (admission, headers) = config.admit(request.headers()).await;
        let mut response = match admission {
            Admission::Refused(response) => {
                self.door.metrics.refused.get_or_create(&ReasonLabels { reason: "web_config" }).inc();
                response
            }
            Admission::Allowed { known } => {
                request.extensions_mut().insert(Known(known));
                self.routed(request).await
            }
        };
        for (name, value) in headers {
            response.headers_mut().insert(name, value);
        }
        response
    }

    async fn routed(&self, mut request: Request) -> Response {
        let web = &self.door.web;
        let uri = request.uri();
        let inside = match web.route(uri.path()) {
            Routed::Inside(path) if path.len() == uri.path().len() => None,
            Routed::Inside(path) => Some(match uri.query() {
                Some(query) => format!("{path}?{query}"),
                None => path.to_owned(),
            }),
            Routed::ToPrefix => return redirect(&format!("{}/", web.external_path)),
            Routed::Outside => return (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        };
        if let Some(inside) = inside {
            match inside.parse() {
                Ok(uri) => *request.uri_mut() = uri,
                Err(_) => return StatusCode::BAD_REQUEST.into_response(),
            }
        }
        match self.router.clone().call(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

fn redirect(target: &str) -> Response {
    match http::HeaderValue::from_str(target) {
        Ok(target) => (StatusCode::FOUND, [(http::header::LOCATION, target)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Whether the client speaks HTTP where TLS is spoken: a handshake begins with the byte 22.
async fn is_plain(socket: &TcpStream) -> bool {
    let mut first = [0u8; 1];
    matches!(socket.peek(&mut first).await, Ok(1) if first[0].is_ascii_uppercase())
}

async fn refuse_plain(mut socket: TcpStream) -> std::io::Result<()> {
    let text = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";
    socket.write_all(text.as_bytes()).await?;
    socket.shutdown().await
}

/// HTTP/2, and HTTP/1 with an absolute target, name the host in the target: the check sees one place only.
fn name_host(request: &mut Request) {
    if let Some(authority) = request.uri().authority() {
        let host = http::HeaderValue::from_str(authority.as_str());
        if let Ok(host) = host {
            request.headers_mut().insert(http::header::HOST, host);
        }
    }
}
