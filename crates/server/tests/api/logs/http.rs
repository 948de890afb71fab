//! Receivers over HTTP.

use std::io::Write as _;
use std::sync::atomic::Ordering;

use super::{counted, serve};
use crate::fixture::Fixture;

async fn send(
    fixture: &Fixture,
    path: &str,
    kind: &str,
    encoding: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, String) {
    let mut request =
        fixture.client.post(format!("{}{path}", fixture.url)).header("content-type", kind).body(body);
    if !encoding.is_empty() {
        request = request.header("content-encoding", encoding);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn gzip(text: &str) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(text.as_bytes()).unwrap();
    out.finish().unwrap()
}

const PUSH: &str =
    r#"{"streams":[{"stream":{"app":"web"},"values":[["7","one",{"trace_id":"abc"}],["8","bad"]]}]}"#;

#[tokio::test]
async fn loki_clients_push_json_and_protobuf() {
    let (fixture, kept, _) = serve("{}");
    let path = "/loki/api/v1/push";
    let one = r#"7 {app="web"} one trace_id=abc"#;
    assert_eq!(send(&fixture, path, "application/json", "gzip", gzip(PUSH)).await, (204, String::new()));
    assert_eq!(kept.rows(), [one, r#"8 {app="web"} bad"#]);

    let protobuf = {
        let pair = b"\x0a\x08trace_id\x12\x03abc";
        let mut entry = b"\x0a\x02\x10\x07\x12\x03one\x1a".to_vec();
        entry.push(pair.len() as u8);
        entry.extend(pair);
        let mut stream = b"\x0a\x0b{app=\"web\"}\x12".to_vec();
        stream.push(entry.len() as u8);
        stream.extend(entry);
        let mut body = vec![0x0a, stream.len() as u8];
        body.extend(stream);
        snap::raw::Encoder::new().compress_vec(&body).unwrap()
    };
    let (status, text) = send(&fixture, path, "application/x-protobuf", "", protobuf).await;
    assert_eq!((status, text.as_str()), (204, ""));
    assert_eq!(kept.rows()[2], one);

    for (body, why) in [
        (
            r#"{"streams":[{"stream":{},"values":[]}]}"#,
            "error at least one label pair is required per stream\n",
        ),
        ("{", "the body is no push request: EOF while parsing an object at line 1 column 1\n"),
    ] {
        assert_eq!(send(&fixture, path, "application/json", "", body).await, (400, why.to_owned()));
    }
    assert_eq!(send(&fixture, path, "application/x-protobuf", "", "nonsense").await.0, 400);
    kept.judges.store(true, Ordering::SeqCst);
    let (status, text) = send(&fixture, path, "application/json", "", PUSH).await;
    assert_eq!(status, 400);
    assert_eq!(text, "entry for stream '{app=\"web\"}' has timestamp too old: 8\n");
    assert_eq!(kept.rows().len(), 4);

    kept.full.store(true, Ordering::SeqCst);
    let request =
        fixture.client.post(format!("{}{path}", fixture.url)).header("content-type", "application/json");
    let answer = request.body(PUSH).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(counted(&fixture, "bonghwa_logs_received_records_total{input=\"loki\"}").await, 4.0);
    let refused = "bonghwa_logs_received_refused_total{input=\"loki\",reason=\"too_old\"}";
    assert_eq!(counted(&fixture, refused).await, 1.0);
}

#[tokio::test]
async fn shippers_of_elasticsearch_find_what_they_ask_for_first() {
    let (fixture, kept, ports) = serve("elasticsearch: [{listen: '127.0.0.1:0', token: secret}]");
    let own = format!("http://127.0.0.1:{}", ports[0]);
    let get = |path: &str| {
        fixture.client.get(format!("{own}{path}")).header("authorization", "ApiKey aWQ6c2VjcmV0")
    };
    for path in [
        "/",
        "/_license",
        "/_xpack",
        "/_cluster/health",
        "/_nodes",
        "/_nodes/http",
        "/_cat/indices",
        "/_ingest/pipeline",
    ] {
        let answer = get(path).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["x-elastic-product"].as_bytes()),
            (200, b"Elasticsearch".as_ref()),
            "{path}"
        );
    }
    let info: serde_json::Value = get("/").send().await.unwrap().json().await.unwrap();
    assert!(info["version"]["number"].as_str().unwrap().starts_with("8."));
    for path in ["/_index_template/a", "/_template/a", "/_ilm/policy/a", "/_component_template/a"] {
        assert_eq!(get(path).send().await.unwrap().status(), 404, "{path}");
        let put = fixture.client.put(format!("{own}{path}")).basic_auth("elastic", Some("secret")).body("{}");
        let answer: serde_json::Value = put.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["acknowledged"], true);
    }
    for path in ["/elasticsearch", "/elasticsearch/"] {
        assert_eq!(fixture.get(path).await.headers()["x-elastic-product"], "Elasticsearch", "{path}");
    }
    assert_eq!(fixture.get("/elasticsearch/_search/x").await.status(), 404);
    assert_eq!(fixture.client.get(&own).send().await.unwrap().status(), 401);
    assert_eq!(get("/").header("origin", "http://evil.example").send().await.unwrap().status(), 403);

    kept.judges.store(true, Ordering::SeqCst);
    let body = concat!(
        "{\"create\":{\"_index\":\"logs\"}}\n{\"@timestamp\":\"1970-01-01T00:00:01Z\",\"message\":\"one\"}\n",
        "{\"delete\":{\"_id\":\"7\"}}\n",
        "{\"index\":{\"_id\":\"9\"}}\n{\"message\":\"bad\",\"host\":{\"name\":\"h\"}}\n",
    );
    for path in ["/logs/_bulk", "/_bulk"] {
        let post = fixture.client.post(format!("{own}{path}")).bearer_auth("secret");
        let answer: serde_json::Value = post
            .header("content-type", "application/x-ndjson")
            .body(body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(answer["errors"], true);
        let items = &answer["items"];
        assert_eq!(
            (&items[0]["create"]["status"], &items[0]["create"]["result"]),
            (&201.into(), &"created".into())
        );
        assert_eq!(items[1]["delete"]["error"]["type"], "illegal_argument_exception");
        assert_eq!((&items[2]["index"]["_id"], &items[2]["index"]["status"]), (&"9".into(), &400.into()));
    }
    assert_eq!(kept.rows(), vec![r#"1000000000 {index="logs", input="elasticsearch"} one"#; 2]);
    let (status, text) = send(&fixture, "/elasticsearch/_bulk", "application/json", "", "nonsense\n").await;
    assert_eq!(status, 400);
    assert!(text.contains("Malformed action/metadata line [1]"), "{text}");
    let (status, _) =
        send(&fixture, "/elasticsearch/logs/_doc/5", "application/json", "", r#"{"message":"x"}"#).await;
    assert_eq!(status, 201);
    kept.full.store(true, Ordering::SeqCst);
    let (status, text) = send(&fixture, "/elasticsearch/logs/_bulk", "application/json", "", body).await;
    assert_eq!(status, 429);
    assert!(text.contains("es_rejected_execution_exception"), "{text}");
}

const OTLP: &str = r#"{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}}]},
    "scopeLogs":[{"logRecords":[{"timeUnixNano":"5","severityText":"INFO","body":{"stringValue":"one"}},
    {"timeUnixNano":"6","body":{"stringValue":"bad"}}]}]}]}"#;

#[tokio::test]
async fn otlp_logs_come_by_http_and_by_grpc() {
    let (fixture, kept, ports) = serve("otlp: [{listen: '127.0.0.1:0'}]");
    kept.judges.store(true, Ordering::SeqCst);
    let one = r#"5 {input="otlp", service="s"} one severity_text=INFO"#;
    for url in [fixture.url.clone(), format!("http://127.0.0.1:{}", ports[0])] {
        let post = fixture.client.post(format!("{url}/v1/logs")).header("content-type", "application/json");
        let answer: serde_json::Value = post.body(OTLP).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["partialSuccess"]["rejectedLogRecords"], "1");
    }
    assert_eq!(kept.rows(), [one, one]);

    // The first record as protobuf in a gRPC message.
    let request = {
        let put = |tag: u8, bytes: &[u8]| [&[tag, bytes.len() as u8], bytes].concat();
        let record =
            [&b"\x09\x05\0\0\0\0\0\0\0"[..], &put(0x1a, b"INFO"), &put(0x2a, &put(0x0a, b"one"))].concat();
        let attribute = put(0x0a, &[put(0x0a, b"service.name"), put(0x12, &put(0x0a, b"s"))].concat());
        let resource = [put(0x0a, &attribute), put(0x12, &put(0x12, &record))].concat();
        put(0x0a, &resource)
    };
    let framed = [&[0, 0, 0, 0, request.len() as u8][..], &request].concat();
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    for url in [fixture.url.clone(), format!("http://127.0.0.1:{}", ports[0])] {
        let post = client
            .post(format!("{url}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        let answer = post.body(framed.clone()).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["content-type"].as_bytes()),
            (200, b"application/grpc".as_ref())
        );
        assert_eq!(answer.bytes().await.unwrap(), [0, 0, 0, 0, 0].as_ref());
    }
    assert_eq!(kept.wait(4).await, vec![one; 4]);
    kept.full.store(true, Ordering::SeqCst);
    for (body, code) in [(framed, "14"), (vec![0, 0], "3")] {
        let post = client.post(format!("{}{path}", fixture.url)).header("content-type", "application/grpc");
        let answer = post.body(body).send().await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], code);
        assert!(answer.headers().contains_key("grpc-message"));
    }
}

#[tokio::test]
async fn lines_of_json_and_texts_of_influx_are_kept() {
    let (fixture, kept, _) = serve("{}");
    let path = "/api/bonghwa/v1/logs/push";
    let body = "{\"msg\":\"one\",\"time\":\"1970-01-01T00:00:01Z\",\"n\":2}\n\nnot json\n";
    let (status, text) = send(&fixture, path, "application/json", "gzip", gzip(body)).await;
    assert_eq!((status, text.as_str()), (200, r#"{"accepted":2,"refused":0,"not_json":1}"#));
    assert_eq!(kept.rows(), [r#"1000000000 {input="json"} one n=2"#, r#"{input="json"} not json"#]);

    let body = "syslog,host=h,app=a level=\"warn\",code=7i,message=\"say \\\"hi\\\"\" 1700000000000000001\nm f=1 5\n";
    assert_eq!(send(&fixture, "/write", "text/plain", "", body).await, (204, String::new()));
    assert_eq!(
        kept.rows()[2],
        r#"1700000000000000001 {app="a", host="h", input="influx", measurement="syslog"} say "hi" level=warn"#
    );
    assert_eq!(kept.rows().len(), 3);
}

#[tokio::test]
async fn a_body_that_unpacks_to_too_much_is_refused() {
    let (fixture, kept, _) = serve("{}");
    // Many members in a row are one text.
    let bomb = gzip(&" ".repeat(1 << 20)).repeat(130);
    for (path, kind) in [
        ("/loki/api/v1/push", "application/json"),
        ("/elasticsearch/i/_bulk", "x"),
        ("/v1/logs", "application/json"),
    ] {
        let (status, text) = send(&fixture, path, kind, "gzip", bomb.clone()).await;
        assert_eq!(status, 413, "{path}: {text}");
    }
    assert!(kept.rows().is_empty());
}
