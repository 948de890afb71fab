use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::super::{Lists, Source};
use super::*;

/// A catalogue: how often it has changed, its services, and what it was asked.
struct Catalogue {
    index: watch::Sender<u64>,
    services: Mutex<BTreeMap<String, Vec<String>>>,
    asked: Mutex<Vec<String>>,
}

async fn answer(State(catalogue): State<Arc<Catalogue>>, request: Request) -> Response {
    let token = request.headers().get(TOKEN).map_or("-", |v| v.to_str().unwrap()).to_owned();
    let (path, query) =
        (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    catalogue.asked.lock().push(format!("{token} {path}?{query}"));
    // A query that knows the current state waits for the next one.
    let known: u64 =
        query.split('&').find_map(|p| p.strip_prefix("index=")).map_or(0, |i| i.parse().unwrap());
    let mut index = catalogue.index.subscribe();
    let now = *index.wait_for(|now| *now != known).await.unwrap();
    let services = catalogue.services.lock().clone();
    let body = match path.rsplit('/').next().unwrap() {
        "self" => serde_json::json!({"Config": {"Datacenter": "dc1"}}),
        "services" => serde_json::json!(services),
        name if services.contains_key(name) => serde_json::json!([{
            "Node": {"Node": "n1", "Address": "192.0.2.1", "Meta": {"a-b": "c"}, "TaggedAddresses": {"lan": "192.0.2.1"}},
            "Service": {"ID": format!("{name}-1"), "Address": "", "Port": 80, "Tags": services[name], "Meta": {"m": "x"},
                        "Namespace": "ns1"},
            "Checks": [{"CheckID": "c", "Status": "passing"}, {"CheckID": "d", "Status": "warning"}]
        }]),
        _ => serde_json::json!([]),
    };
    ([(INDEX, now.to_string())], body.to_string()).into_response()
}

async fn server() -> (Arc<Catalogue>, String) {
    let services = BTreeMap::from([
        ("web".to_owned(), vec!["prod".to_owned(), "v1".to_owned()]),
        ("other".to_owned(), vec![]),
    ]);
    let catalogue =
        Catalogue { index: watch::Sender::new(1), services: Mutex::new(services), asked: Mutex::default() };
    let catalogue = Arc::new(catalogue);
    let app = Router::new().fallback(answer).with_state(catalogue.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (catalogue, address)
}

/// Runs discovery with `yaml` until its targets are `wanted`.
async fn until(lists: &Arc<Lists>, what: impl Fn(&[Found]) -> bool) -> Vec<Found> {
    let mut changes = lists.changed.subscribe();
    let wait = async {
        loop {
            let found = lists.sources.lock()[0].found.clone();
            if what(&found) {
                return found;
            }
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the targets did not come")
}

fn start(yaml: &str, tasks: &TaskTracker, stop: &CancellationToken) -> Arc<Lists> {
    let lists = Lists { sources: Mutex::new(vec![Source::default()]), changed: watch::Sender::new(()) };
    let lists = Arc::new(lists);
    let report = Report { lists: lists.clone(), source: 0 };
    let consul = Consul::new(serde_saphyr::from_str(yaml).unwrap(), Arc::default(), report);
    tasks.spawn(stop.clone().run_until_cancelled_owned(consul.watch()));
    lists
}

#[tokio::test]
async fn services_with_a_tag_are_watched_and_go_when_they_leave() {
    let (catalogue, address) = server().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let lists = start(
        &format!(
            "{{server: '{address}', path_prefix: /consul, token: geheim, tags: [prod], namespace: ns1, \
               filter: 'x == 1', health_filter: 'y == 2', node_meta: {{k: v}}, refresh_interval: 10ms}}"
        ),
        &tasks,
        &stop,
    );
    let found = until(&lists, |found| !found.is_empty()).await;
    assert_eq!(found.len(), 1);
    for (name, value) in [
        ("__address__", "192.0.2.1:80"),
        ("__meta_consul_address", "192.0.2.1"),
        ("__meta_consul_dc", "dc1"),
        ("__meta_consul_health", "warning"),
        ("__meta_consul_metadata_a_b", "c"),
        ("__meta_consul_namespace", "ns1"),
        ("__meta_consul_node", "n1"),
        ("__meta_consul_service", "web"),
        ("__meta_consul_service_id", "web-1"),
        ("__meta_consul_service_metadata_m", "x"),
        ("__meta_consul_service_port", "80"),
        ("__meta_consul_tagged_address_lan", "192.0.2.1"),
        ("__meta_consul_tags", ",prod,v1,"),
    ] {
        assert_eq!(found[0].get_or_empty(name), value, "{name}");
    }
    let asked = catalogue.asked.lock().clone();
    assert_eq!(asked[0], "geheim /consul/v1/agent/self?");
    assert!(
        asked[1].starts_with("geheim /consul/v1/catalog/services?ns=ns1&stale=&wait=120000ms"),
        "{asked:?}"
    );
    assert!(asked[1].ends_with("node-meta=k%3Av&filter=x+%3D%3D+1"), "{asked:?}");
    let health = asked.iter().find(|a| a.contains("/health/")).unwrap();
    assert!(
        health.contains("/consul/v1/health/service/web?") && health.contains("&tag=prod&filter=y"),
        "{health}"
    );
    assert!(!asked.iter().any(|a| a.contains("/other")), "{asked:?}");
    catalogue.services.lock().remove("web");
    catalogue.index.send_replace(2);
    until(&lists, <[Found]>::is_empty).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test]
async fn named_services_are_asked_for_without_the_catalogue() {
    let (catalogue, address) = server().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let yaml = format!(
        "{{server: '{address}', services: [other], datacenter: dc9, allow_stale: false, refresh_interval: 10ms}}"
    );
    let lists = start(&yaml, &tasks, &stop);
    let found = until(&lists, |found| !found.is_empty()).await;
    assert_eq!(found[0].get_or_empty("__meta_consul_dc"), "dc9");
    let asked = catalogue.asked.lock().clone();
    assert_eq!(asked[0], "- /v1/health/service/other?dc=dc9&wait=120000ms");
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

/// Blocking queries as Consul's API describes them: each carries the index of the answer before, and one that went
/// backwards means that the next begins anew.
#[tokio::test]
async fn queries_wait_for_the_next_index_and_begin_anew_where_it_goes_backwards() {
    let (catalogue, address) = server().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let yaml = format!(
        "{{server: '{address}', services: [web], datacenter: dc1, namespace: n, partition: p, refresh_interval: 10ms}}"
    );
    let lists = start(&yaml, &tasks, &stop);
    until(&lists, |found| !found.is_empty()).await;
    let asked = |with: &str, times: usize| {
        let catalogue = catalogue.clone();
        let path = format!("- /v1/health/service/web?dc=dc1&ns=n&partition=p&stale=&{with}wait=120000ms");
        async move {
            while catalogue.asked.lock().iter().filter(|one| **one == path).count() < times {
                tokio::task::yield_now().await;
            }
        }
    };
    let limit = Duration::from_secs(30);
    for (index, with, times) in [(7, "index=7&", 1), (2, "", 2), (9, "index=9&", 1)] {
        catalogue.index.send_replace(index);
        tokio::time::timeout(limit, asked(with, times)).await.unwrap_or_else(|_| panic!("{with}"));
    }
    stop.cancel();
    tasks.close();
    tasks.wait().await;
}

#[test]
fn the_worst_check_decides() {
    let check = |id: &str, status: &str| Check { id: id.to_owned(), status: status.to_owned() };
    assert_eq!(health(&[]), "passing");
    assert_eq!(health(&[check("a", "passing"), check("b", "critical")]), "critical");
    assert_eq!(health(&[check("_node_maintenance", "critical")]), "maintenance");
}
