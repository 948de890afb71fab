//! Shippers that no package archive has: what they ask and send, request by request, as their sources have it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::ours::{Ours, texts};

struct Client<'a> {
    ours: &'a Ours,
    base: String,
    agent: &'static str,
}

impl Client<'_> {
    /// Status and body of an answer, which carries what official clients look for.
    fn ask(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.ours.binary.client().request(method, format!("{}{path}", self.base));
        let request = request.header("user-agent", self.agent).header("accept", "application/json");
        let answer = request.header("content-type", kind).body(body.to_owned()).send().unwrap();
        assert_eq!(answer.headers()["x-elastic-product"], "Elasticsearch", "{path}");
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().unwrap()).unwrap_or_default())
    }

    fn status(&self, method: &str, path: &str, body: &str) -> u16 {
        self.ask(method, path, "application/json; charset=UTF-8", body).0
    }
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// The body of a bulk request: `count` documents for `index`.
fn bulk(action: &Value, document: impl Fn(usize) -> Value, count: usize) -> String {
    (0..count).map(|n| format!("{action}\n{}\n", document(n))).collect()
}

fn statuses(answer: &Value) -> Vec<u64> {
    let items = answer["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["create"]["status"].as_u64().or(item["index"]["status"].as_u64()).unwrap())
        .collect()
}

/// Filebeat 8: version, licence, policy, template, data stream, then events of its `container` input.
pub fn filebeat() {
    let ours = Ours::start();
    let base = format!("http://{}", ours.address("elasticsearch", 0));
    let client = Client { ours: &ours, base, agent: "Elastic-Filebeat/8.17.0 (linux; amd64)" };
    let (status, info) = client.ask("GET", "/", "application/json", "");
    assert_eq!(status, 200);
    // It sends to no server that is older than itself.
    assert!(info["version"]["number"].as_str().unwrap().starts_with("8.17"), "{info}");
    assert_eq!(info["version"]["build_flavor"], "default");
    let (_, licence) = client.ask("GET", "/_license", "application/json", "");
    assert_eq!(licence["license"]["status"], "active");
    for (method, path, wanted) in [
        ("GET", "/_ilm/policy/filebeat", 404),
        ("PUT", "/_ilm/policy/filebeat", 200),
        ("HEAD", "/_index_template/filebeat-8.17.0", 404),
        ("PUT", "/_index_template/filebeat-8.17.0", 200),
        ("HEAD", "/_data_stream/filebeat-8.17.0", 404),
        ("PUT", "/_data_stream/filebeat-8.17.0", 200),
        ("GET", "/_ingest/pipeline/filebeat-8.17.0-nginx-access-pipeline", 404),
        ("PUT", "/_ingest/pipeline/filebeat-8.17.0-nginx-access-pipeline", 200),
    ] {
        assert_eq!(client.status(method, path, "{}"), wanted, "{method} {path}");
    }
    let id = "7b".repeat(32);
    let event = |n: usize| {
        json!({
            "@timestamp": soon(n),
            "message": format!("filebeat {n} 완료"),
            "stream": "stderr",
            "log": {"offset": n, "file": {"path": format!("/var/lib/docker/containers/{id}/{id}-json.log")}},
            "input": {"type": "container"},
            "container": {"id": id, "name": "shop-api-1", "image": {"name": "shop:1"}, "labels": {"a_b": "c"}},
            "host": {"name": "web-7"},
            "agent": {"type": "filebeat", "version": "8.17.0"},
            "ecs": {"version": "8.0.0"},
        })
    };
    let body = bulk(&json!({"create": {"_index": "filebeat-8.17.0"}}), event, 200);
    let path = "/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status";
    let (status, answer) = client.ask("POST", path, "application/json; charset=UTF-8", &body);
    assert_eq!((status, &answer["errors"]), (200, &json!(false)));
    assert_eq!(statuses(&answer), vec![201; 200]);
    let lines = ours.wait(&format!("{{container_id=\"{id}\",container=\"shop-api-1\",node=\"web-7\"}}"), 200);
    assert_eq!(texts(&lines)[7], "filebeat 7 완료");
    assert_eq!(lines[7].said(&["stream", "log_offset", "container_image_name"]), "stderr|7|shop:1");
}

/// A time some milliseconds from now; what reads a date also reads milliseconds since 1970.
fn soon(more: usize) -> String {
    (now_ms() + more as u128).to_string()
}

/// Logstash's output: is there somebody, which version, licence, template, alias, then its events.
pub fn logstash() {
    let ours = Ours::start();
    let base = format!("http://{}", ours.address("elasticsearch", 0));
    let client = Client {
        ours: &ours,
        base,
        agent: "logstash/8.17.0 (OS=Linux; JVM) logstash-output-elasticsearch/12.0",
    };
    for (method, path, wanted) in [
        ("HEAD", "/", 200),
        ("GET", "/", 200),
        ("GET", "/_license", 200),
        ("GET", "/_xpack", 200),
        ("HEAD", "/_index_template/ecs-logstash", 404),
        ("PUT", "/_index_template/ecs-logstash", 200),
        ("HEAD", "/ecs-logstash", 200),
        ("HEAD", "/_ilm/policy/logstash-policy", 404),
        ("PUT", "/_ilm/policy/logstash-policy", 200),
        ("PUT", "/%3Cecs-logstash-%7Bnow%2Fd%7D-000001%3E", 200),
        ("GET", "/_nodes/http", 200),
    ] {
        assert_eq!(client.status(method, path, "{}"), wanted, "{method} {path}");
    }
    let event = |n: usize| {
        json!({"@timestamp": soon(n), "@version": "1", "message": format!("logstash {n}"), "host": {"hostname": "web-8"},
            "event": {"original": format!("logstash {n}")}, "log": {"level": "WARN"}, "tags": ["_grokparsefailure"]})
    };
    let body = bulk(&json!({"create": {"_index": "logs-generic-default"}}), event, 125);
    let (status, answer) = client.ask(
        "POST",
        "/_bulk?filter_path=errors,items.*.error,items.*.status",
        "application/json",
        &body,
    );
    assert_eq!((status, &answer["errors"], statuses(&answer)), (200, &json!(false), vec![201; 125]));
    let lines = ours.wait("{index=\"logs-generic-default\",node=\"web-8\"}", 125);
    assert!(lines.iter().all(|line| line.field("detected_level") == "warn"));
}

/// Fluent Bit's outputs `es`, `loki` and `forward`, behind its filter for Kubernetes.
pub fn fluent_bit() {
    let ours = Ours::start();
    let kubernetes = json!({"pod_name": "api-7f9", "namespace_name": "shop", "container_name": "api", "host": "node-3",
        "docker_id": "9c".repeat(32), "labels": {"app.kubernetes.io/name": "api"}});
    let base = format!("http://{}", ours.address("elasticsearch", 0));
    let client = Client { ours: &ours, base, agent: "Fluent-Bit" };
    let event = |n: usize| json!({"@timestamp": soon(n), "stream": "stdout", "_p": "F", "log": format!("bit {n}"), "kubernetes": kubernetes});
    let body = bulk(&json!({"create": {"_index": "fluent-bit", "_type": "_doc"}}), event, 50);
    for path in ["/_bulk", "/_bulk/?pipeline=shop"] {
        let (status, answer) = client.ask("POST", path, "application/x-ndjson", &body);
        assert_eq!((status, &answer["errors"]), (200, &json!(false)), "{path}");
    }
    let of_pod = "namespace=\"shop\",pod=\"api-7f9\",container=\"api\",node=\"node-3\"";
    let lines = ours.wait(&format!("{{{of_pod},index=\"fluent-bit\"}}"), 100);
    assert_eq!(lines[0].label("container_id"), "9c".repeat(32));
    assert!(lines.iter().all(|line| line.field("stream") == "stdout"));

    let ns = now_ms() * 1_000_000 + 123_456;
    let push = json!({"streams": [{"stream": {"job": "fluent-bit", "app": "shop"}, "values": [
        [ns.to_string(), "{\"log\":\"결제\",\"level\":\"error\"}"],
        [(ns + 1).to_string(), "level=warn msg=slow", {"trace_id": "5b8efff798038103d269b633813fc60c"}],
    ]}]});
    let request = ours.binary.client().post(format!("{}/loki/api/v1/push", ours.binary.url));
    let answer = request.header("content-type", "application/json").header("user-agent", "Fluent-Bit");
    assert_eq!(answer.body(push.to_string()).send().unwrap().status(), 204);
    let lines = ours.wait("{job=\"fluent-bit\",app=\"shop\"}", 2);
    assert_eq!(lines[0].ns, i64::try_from(ns).unwrap());
    let levels: Vec<&str> = lines.iter().map(|line| line.field("detected_level")).collect();
    assert_eq!(levels, ["error", "warn"]);
    assert_eq!(lines[1].field("trace_id"), "5b8efff798038103d269b633813fc60c");

    // Packed entries with a chunk that is to be acknowledged; the time alone, and with metadata beside it.
    let mut stream = TcpStream::connect(ours.address("fluent", 0)).unwrap();
    let seconds = u32::try_from(ns / 1_000_000_000).unwrap();
    let record =
        [&[0x82][..], &text("log"), &text("forward 완료"), &text("stream"), &text("stderr")].concat();
    let bare = [&[0x92][..], &time(seconds, 250_000_000), &record].concat();
    let beside =
        [&[0x92, 0x92][..], &time(seconds, 500_000_000), &[0x81], &text("k"), &text("v"), &record].concat();
    let entries = [bare, beside].concat();
    let option = [
        &[0x83][..],
        &text("size"),
        &[2],
        &text("chunk"),
        &text("p8n9gmxTQVC8/nh2wlKKeQ=="),
        &text("fluent_signal"),
        &[0],
    ];
    let length = (entries.len() as u32).to_be_bytes();
    let message = [&[0x93][..], &text("kube.shop"), &[0xc6], &length, &entries, &option.concat()].concat();
    stream.write_all(&message).unwrap();
    let wanted = [&[0x81][..], &text("ack"), &text("p8n9gmxTQVC8/nh2wlKKeQ==")].concat();
    let mut ack = vec![0; wanted.len()];
    stream.read_exact(&mut ack).unwrap();
    assert_eq!(ack, wanted);
    // What is acknowledged is there.
    let lines = ours.lines("{tag=\"kube.shop\"}");
    let times: Vec<i64> = lines.iter().map(|line| line.ns % 1_000_000_000).collect();
    assert_eq!((texts(&lines), times), (vec!["forward 완료"; 2], vec![250_000_000, 500_000_000]));
}

/// A short text of MessagePack.
fn text(text: &str) -> Vec<u8> {
    [&[0xa0 | text.len() as u8][..], text.as_bytes()].concat()
}

/// An extension of type 0: seconds and nanoseconds.
fn time(seconds: u32, nanos: u32) -> Vec<u8> {
    [&[0xd7, 0][..], &seconds.to_be_bytes(), &nanos.to_be_bytes()].concat()
}
