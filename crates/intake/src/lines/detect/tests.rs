use proptest::prelude::*;

use super::*;

/// 2024-05-01T10:00:00Z
const MAY: i64 = 1_714_557_600_000_000_000;

fn found(body: &str) -> Found {
    let mut found = Found::default();
    detect(body, MAY, &mut found);
    found
}

fn shown(body: &str) -> String {
    let found = found(body);
    let value = |value| match value {
        Value::Text(text) => text.to_owned(),
        Value::Part(part) => body[part].to_owned(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => format!("{float:?}"),
    };
    let fields = found.fields().filter(|(field, _)| *field != Field::ErrorStack);
    let mut parts: Vec<String> = fields.map(|(f, v)| format!("{}={}", f.as_str(), value(v))).collect();
    if let Some(time) = found.time_ns() {
        parts.push(format!("+{:?}", (time - MAY) as f64 / 1e9));
    }
    parts.join(" ")
}

#[test]
fn lines_as_programs_write_them() {
    let table = [
        // JSON: zap, pino, bunyan, logback, ECS, MongoDB, caddy, docker, a nested error, broken off
        (
            r#"{"level":"info","ts":1714557600.25,"logger":"http","msg":"ok","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#,
            "level=INFO trace_id=4bf92f3577b34da6a3ce929d0e0e4736 component=http +0.25",
        ),
        (
            r#"{"level":50,"time":1714557600123,"reqId":"r-1","responseTime":12,"err":{"type":"TypeError","stack":"TypeError: x\n    at f (a.js:1)"}}"#,
            "level=ERROR error_kind=TypeError request_id=r-1 +0.123",
        ),
        (
            r#"{"@timestamp":"2024-05-01T10:00:01.5Z","log.level":"warn","service.name":"shop","http":{"request":{"method":"GET"},"response":{"status_code":503}},"url":{"path":"/a"},"client":{"ip":"10.0.0.9"},"event.duration":1500000}"#,
            "level=WARN service=shop client_ip=10.0.0.9 method=GET path=/a status=503 duration_seconds=0.0015 +1.5",
        ),
        (
            r#"{"t":{"$date":"2024-05-01T10:00:00.000+00:00"},"s":"W","c":"NETWORK","id":22943,"ctx":"listener","msg":"x"}"#,
            "level=WARN component=NETWORK +0.0",
        ),
        (
            r#"{"timestamp":"2024-05-01T19:00:00.000+09:00","level":"ERROR","logger_name":"c.e.Shop","mdc":{"userId":"u7","sessionId":"s1"},"stack_trace":"java.lang.IllegalStateException: no\n\tat c.e.Shop.buy(Shop.java:1)"}"#,
            "level=ERROR component=c.e.Shop error_kind=java.lang.IllegalStateException session_id=s1 user_id=u7 +0.0",
        ),
        (
            r#"{"message":"a \"quoted\" text","severity":"NOTICE","traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
            "level=INFO trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7",
        ),
        (
            r#"{"level":"debug","duration":"1.5ms","size":512,"user":"kim","cut":"her"#,
            "level=DEBUG duration_seconds=0.0015 size_bytes=512",
        ),
        // logfmt
        (
            r#"time="2024-05-01T10:00:02Z" level=warning msg="a b" app=shop duration=250ms status=404 remote_addr=10.1.2.3:555"#,
            "level=WARN service=shop client_ip=10.1.2.3 status=404 duration_seconds=0.25 +2.0",
        ),
        (
            r#"ts=2024-05-01T10:00:00.1Z caller=main.go:1 level=error component=tsdb err="no \"x\"" traceID=4bf92f3577b34da6"#,
            "level=ERROR trace_id=4bf92f3577b34da6 component=tsdb +0.1",
        ),
        // klog
        (
            "E0501 10:00:03.000250    1234 controller.go:42] failed request_id=abc-1",
            "level=ERROR component=controller.go request_id=abc-1 +3.00025",
        ),
        // access logs
        (
            r#"10.0.0.1 - kim [01/May/2024:19:00:00 +0900] "GET /a/b?x=1 HTTP/1.1" 200 612 "-" "curl/8""#,
            "level=INFO client_ip=10.0.0.1 method=GET path=/a/b status=200 size_bytes=612 +0.0",
        ),
        (
            r#"shop.example:80 2001:db8::7 - - [01/May/2024:10:00:00 +0000] "POST /pay HTTP/2.0" 502 0"#,
            "level=ERROR client_ip=2001:db8::7 method=POST path=/pay status=502 size_bytes=0 +0.0",
        ),
        (
            r#"10.0.0.1 - - [01/May/2024:10:00:00 +0000] "GET / HTTP/1.1" 404 7 "-" "Mozilla/5.0 (X11)" 512 0.005 [shop-80] [] 10.2.0.1:80 7 0.004 404 4bf92f3577b34da6a3ce929d0e0e4736"#,
            "level=WARN request_id=4bf92f3577b34da6a3ce929d0e0e4736 client_ip=10.0.0.1 method=GET path=/ status=404 duration_seconds=0.005 size_bytes=7 +0.0",
        ),
        (
            r#"2024/05/01 10:00:00 [error] 31#31: *7 open() "/x" failed (2: No such file), client: 10.0.0.8, server: _, request: "GET /x HTTP/1.1", host: "h""#,
            "level=ERROR client_ip=10.0.0.8 method=GET path=/x +0.0",
        ),
        (
            "[Wed May 01 10:00:00.000000 2024] [core:error] [pid 7:tid 8] [client 10.0.0.7:5555] denied",
            "level=ERROR client_ip=10.0.0.7",
        ),
        (
            r#"INFO:     10.0.0.5:41822 - "GET /health HTTP/1.1" 200 OK"#,
            "level=INFO client_ip=10.0.0.5 method=GET path=/health status=200",
        ),
        // syslog
        ("<34>1 2024-05-01T10:00:00.003Z web su - ID47 - failed for kim", "level=FATAL service=su +0.003"),
        ("<13>May  1 10:00:04 web sshd[77]: session opened", "level=INFO service=sshd +4.0"),
        ("May  1 10:00:04 web kernel: [   12.3] eth0: link up", "service=kernel +4.0"),
        // applications
        (
            "2024-05-01T10:00:00.123456Z  INFO shop::orders: taken order_id=7 request_id=r7",
            "level=INFO component=shop::orders request_id=r7 +0.123456",
        ),
        (
            "\x1b[2m2024-05-01T10:00:00Z\x1b[0m \x1b[32m INFO\x1b[0m \x1b[2mshop::orders\x1b[0m\x1b[2m:\x1b[0m taken",
            "level=INFO +0.0",
        ),
        (
            "2024-05-01 10:00:00,123 ERROR [main] com.example.Shop - no stock",
            "level=ERROR component=com.example.Shop +0.123",
        ),
        (
            "2024-05-01 10:00:00.123  WARN [shop,4bf92f3577b34da6a3ce929d0e0e4736,00f067aa0ba902b7] 1 --- [nio-1] c.e.Shop : slow",
            "level=WARN trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7 service=shop component=c.e.Shop +0.123",
        ),
        (
            "2024-05-01T10:00:00.123+00:00  INFO 1 --- [main] c.e.ShopApplication   : Started",
            "level=INFO component=c.e.ShopApplication +0.123",
        ),
        (
            "2024-05-01 10:00:00,123 - shop.orders - WARNING - low stock",
            "level=WARN component=shop.orders +0.123",
        ),
        ("WARNING:root:low stock", "level=WARN component=root"),
        (
            "[2024-05-01T10:00:00,123][INFO ][o.e.n.Node] [n1] started",
            "level=INFO component=o.e.n.Node +0.123",
        ),
        ("2024-05-01 10:00:00.123 UTC [77] FATAL:  password authentication failed", "level=FATAL +0.123"),
        ("2024-05-01T10:00:00.123456Z 0 [Warning] [MY-010068] [Server] CA", "level=WARN +0.123456"),
        ("1:M 01 May 2024 10:00:00.123 # Server started", "level=WARN"),
        ("I, [2024-05-01T10:00:00.123456 #1]  INFO -- : Started", "level=INFO"),
        ("info: Microsoft.Hosting.Lifetime[14]", "level=INFO"),
        ("[10:00:00 WRN] disk is nearly full", "level=WARN"),
        (
            "2024-05-01T10:00:00.000Z\terror\tcontroller/a.go:7\tfailed\t{\"requestId\": \"q-9\", \"error\": \"no\"}",
            "level=ERROR component=controller/a.go request_id=q-9 +0.0",
        ),
        ("2024/05/01 10:00:00 listening on :8080", "+0.0"),
        ("주문이 접수되었습니다", ""),
        ("an error may occur if info is lost", ""),
        // errors of several lines
        (
            "2024-05-01 10:00:00 ERROR [main] c.e.Shop - failed\njava.lang.NullPointerException: x\n\tat c.e.Shop.buy(Shop.java:1)\nCaused by: y",
            "level=ERROR component=c.e.Shop error_kind=java.lang.NullPointerException +0.0",
        ),
        (
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\n    f()\nValueError: bad\n",
            "level=ERROR error_kind=ValueError",
        ),
        (
            "panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n",
            "level=FATAL error_kind=panic",
        ),
        ("thread 'main' panicked at src/main.rs:2:5:\nno stock", "level=ERROR error_kind=panic"),
        (
            "TypeError: x is not a function\n    at Object.<anonymous> (/a.js:1:1)",
            "level=ERROR error_kind=TypeError",
        ),
    ];
    let wrong: Vec<String> = table
        .iter()
        .filter_map(|(line, want)| {
            let got = shown(line);
            (got != *want).then(|| format!("{line}\n  got  {got}\n  want {want}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stack_trace_is_taken_from_where_it_begins() {
    let stack = |body: &str| {
        let found = found(body);
        let stack = found.fields().find(|(field, _)| *field == Field::ErrorStack);
        stack.map(|(_, value)| match value {
            Value::Text(text) => text.to_owned(),
            Value::Part(part) => body[part].to_owned(),
            other => panic!("{other:?}"),
        })
    };
    let trace = "java.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\tat a.D.e(D.java:2)";
    assert_eq!(stack(&format!("ERROR failed\n{trace}\n")).as_deref(), Some(trace));
    assert_eq!(stack(&format!("Exception in thread \"main\" {trace}")).as_deref(), Some(trace));
    assert_eq!(stack("two\nlines"), None);
    let long = format!("panic: x\n\ngoroutine 1:\n{}", "f()\n".repeat(5000));
    assert_eq!(stack(&long).unwrap().len(), 4096);
}

#[test]
fn long_lines_take_no_longer_than_others() {
    for piece in [
        "a=", "{\"a\":", "[", "at ", "\n at ", "\\", "\"", "=\"", "\x1b[", "client", " HTTP/", "{\"",
        "panic: ",
    ] {
        found(&piece.repeat(60_000 / piece.len()));
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "{",
            "}",
            "\"",
            "\\",
            "\"level\":",
            "\"INFO\"",
            "time=",
            "2024-05-01T10:00:00.5+09:00",
            "<34>1 ",
            "<13>",
            "May  1 10:00:00 ",
            "I0501 10:00:00.123456    1234 f.go:1] ",
            "[",
            "]",
            " ",
            "\n",
            "\tat ",
            "\n at x",
            "Exception",
            ":",
            "ERROR",
            "error",
            "10.0.0.1",
            " - - [",
            "01/May/2024:10:00:00 +0000]",
            "\"GET / HTTP/1.1\"",
            " 200 ",
            "\x1b[31m",
            "panic: ",
            "goroutine",
            "Traceback (most recent call last)",
            "client: ",
            "trace_id=",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "duration=1.5ms",
            "é",
            "한",
            "1:M 01 May 2024 10:00:00.123 # ",
            "\u{2028}",
            "traceparent=00-",
            ",",
            "- ",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn whatever_comes_is_read(body in pieces()) {
        let found = found(&body);
        for (field, value) in found.fields() {
            match value {
                Value::Text(text) => prop_assert!(!text.is_empty() && text.len() <= 4096, "{:?}", field),
                Value::Part(part) => {
                    let text = body.get(part.clone());
                    prop_assert!(text.is_some_and(|t| !t.is_empty() && t.len() <= 4096), "{:?}", field);
                }
                Value::Float(float) => prop_assert!(float.is_finite()),
                Value::Int(_) => {}
            }
        }
    }
}
