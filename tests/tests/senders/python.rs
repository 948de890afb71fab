//! Clients from PyPI, each by the way its users send.

use std::collections::BTreeSet;
use std::process::Command;

use tests::clients::{provided, python};

use crate::ours::{KEY, Line, Ours, numbered, succeeded, texts};

fn run(script: &str, arguments: &[&str]) -> String {
    succeeded(Command::new(python()).args(["-c", script]).args(arguments))
}

pub fn fluent_logger() {
    let ours = Ours::start();
    run(include_str!("fluent.py"), &[&ours.address("fluent", 0)]);
    let lines = ours.wait("{tag=\"shop.orders\"}", 100);
    assert_eq!(texts(&lines), numbered(1..101, |n| format!("order {n}")));
    assert_eq!(lines[6].said(&["level", "detected_level", "user_name", "n"]), "warning|warn|김|7");
    let exact = &ours.wait("{tag=\"shop.exact\"}", 1)[0];
    assert_eq!((exact.text.as_str(), exact.ns % 1_000_000_000), ("결제 실패", 250_000_000));
    assert_eq!(exact.field("stream"), "stderr");
    let nothing = &ours.wait("{tag=\"shop.nothing\"}", 1)[0];
    assert_eq!(nothing.text, r#"{"count":3,"ratio":0.5,"none":null,"list":[1,"a"]}"#);
    assert_eq!(nothing.said(&["count", "ratio", "none", "list"]), r#"3|0.5||[1,"a"]"#);
    let handled = ours.wait("{tag=\"app.python\"}", 2);
    assert_eq!(texts(&handled), ["payment of order 7 failed", "a map"]);
    assert!(handled.iter().all(|line| line.said(&["detected_level", "where"]) == "error|<string>.<module>"));
    assert_eq!(handled[1].field("code"), "402");
    assert!(!handled[0].label("node").is_empty());
    let late = ours.wait("{tag=\"late\"}", 50);
    assert_eq!(texts(&late), numbered(0..50, |n| format!("later {n}")));
}

pub fn pylogbeat() {
    let ours = Ours::start();
    let authority = ours.file("server.pem").display().to_string();
    let addresses = [ours.address("beats", 0), ours.address("beats", 1)];
    run(include_str!("lumberjack.py"), &[&addresses[0], &addresses[1], &authority]);
    let secure = ours.wait("{container=\"shop-api\"} |= \"secure\"", 2500);
    assert_eq!(texts(&secure), numbered(0..2500, |n| format!("secure {n} 완료")));
    let plain = ours.wait("{container=\"shop-api\"} |= \"plain\"", 300);
    for line in plain.iter().chain(&secure) {
        assert_eq!((line.label("node"), line.label("container_id")), ("web-7", &*"4f".repeat(32)));
        assert_eq!(
            line.said(&["detected_level", "log_file_path", "tags"]),
            r#"warn|/var/log/app.log|["a","b"]"#
        );
        assert!(!line.fields.keys().any(|name| name.contains("metadata")), "{:?}", line.fields);
    }
}

pub fn logstash() {
    let ours = Ours::start();
    run(include_str!("logstash.py"), &[&ours.address("json", 0), &ours.address("beats", 0)]);
    for (input, name) in [("json", "lines"), ("beats", "beats")] {
        let lines = ours.wait(&format!("{{input=\"{input}\"}}"), 21);
        // The client itself sends in no order.
        let found: BTreeSet<&str> = texts(&lines).into_iter().collect();
        for n in 0..20 {
            assert!(found.contains(&*format!("logstash {name} {n}")), "{found:?}");
        }
        let failed = lines.iter().find(|line| line.text == "나눗셈 실패").unwrap();
        assert_eq!(
            failed.said(&["level", "detected_level", "extra_error_type"]),
            "ERROR|error|ZeroDivisionError"
        );
        assert!(failed.field("extra_stack_trace").starts_with("Traceback"));
        assert!(lines.iter().all(|line| !line.label("node").is_empty()));
    }
}

/// The client of one major version, with its own dependencies where it is not the newest.
fn elasticsearch(version: &str) {
    let ours = Ours::start();
    let [open, protected] = [0, 1].map(|at| format!("http://{}", ours.address("elasticsearch", at)));
    let main = format!("{}/elasticsearch", ours.binary.url);
    for (address, index) in [(open, "logs-shop-prod"), (main, "app-2026.11")] {
        let mut command = Command::new(python());
        if version != "9" {
            command.env("PYTHONPATH", provided("python").join(format!("elasticsearch{version}")));
        }
        command.args(["-W", "ignore", "-c", include_str!("elastic.py"), &address, &protected, index, KEY]);
        let found = succeeded(&mut command);
        assert_eq!(found.trim(), version);
        let lines = ours.wait(&format!("{{index=\"{index}\",service=\"orders\"}}"), 1200);
        assert_eq!(texts(&lines), numbered(0..1200, |n| format!("bulk {n} 처리")));
        assert_eq!(lines[10].said(&["detected_level", "http_response_status_code"]), "error|200");
        assert_eq!(lines[11].said(&["detected_level", "http_response_status_code"]), "info|201");
        let single = ours.wait(&format!("{{index=\"{index}\"}} |= \"single\""), 1);
        assert_eq!(single[0].said(&["severity", "detected_level"]), "warning|warn");
        let keyed = ours.wait(&format!("{{index=\"{index}\"}} |= \"with a key\""), 1);
        assert_eq!(keyed[0].field("_id"), "one");
        assert_eq!(ours.lines(&format!("{{index=\"{index}\"}} |= \"without\"")).len(), 0);
    }
}

pub fn elasticsearch_7() {
    elasticsearch("7");
}

pub fn elasticsearch_8() {
    elasticsearch("8");
}

pub fn elasticsearch_9() {
    elasticsearch("9");
}

pub fn opentelemetry() {
    let ours = Ours::start();
    let address = ours.address("otlp", 0);
    let said = run(include_str!("otel.py"), &[&address, &address]);
    for line in said.lines() {
        let (name, trace) = line.split_once(' ').unwrap();
        let stream = format!("{{service_name=\"cart-{name}\",container_id=\"{}\"}}", "5e".repeat(32));
        let orders = ours.wait(&format!("{stream} | trace_id=\"{trace}\""), 100);
        assert_eq!(texts(&orders), numbered(0..100, |n| format!("주문 {n}")));
        assert_eq!(
            orders[3].said(&["detected_level", "order_id", "express", "severity_text"]),
            "warn|3|false|WARN"
        );
        assert!(orders.iter().all(|l| l.label("node") == "web-7" && l.field("span_id").len() == 16));
        assert!(orders.iter().all(|l| l.field("deployment_environment") == "test"));
        let failed = &ours.wait(&format!("{stream} |= \"it failed\""), 1)[0];
        assert_eq!(failed.said(&["detected_level", "exception_type"]), "error|KeyError");
        assert!(failed.field("exception_stacktrace").contains("KeyError"));
        assert_eq!(ours.wait(&format!("{stream} |= \"fine\""), 1)[0].field("detected_level"), "debug");
    }
    assert_eq!(said.lines().count(), 2);
}

pub fn graypy() {
    let ours = Ours::start();
    run(include_str!("gelf.py"), &[&ours.address("gelf", 0), &ours.address("gelf", 1)]);
    for name in ["udp", "tcp"] {
        let all = "{input=\"gelf\",node=\"web-7\"}";
        let lines = ours.wait(&format!("{all} |= \"gelf {name}\""), 50);
        assert_eq!(texts(&lines), numbered(0..50, |n| format!("gelf {name} {n} 완료")));
        assert_eq!(lines[9].said(&["detected_level", "severity", "order", "user"]), "info|info|9|kim");
        assert!(lines.iter().all(|line| line.ns % 1000 == 0), "a time has no digits that were not sent");
    }
    let long = ours.wait("{input=\"gelf\"} |= \"long\"", 2);
    assert!(long.iter().all(|l| l.text.len() == 40_005 && l.field("detected_level") == "warn"));
    let failed = ours.wait("{input=\"gelf\"} |= \"it failed\"", 2);
    for line in &failed {
        assert!(line.text.starts_with("it failed\nTraceback"), "{}", line.text);
        assert_eq!(line.said(&["detected_level", "error_kind"]), "error|ZeroDivisionError", "{line:?}");
    }
}

pub fn logging_loki() {
    let ours = Ours::start();
    run(include_str!("loki.py"), &[&ours.binary.url]);
    let lines = ours.wait("{application=\"shop\",logger=\"orders\",customer=\"kim\"}", 50);
    assert_eq!(texts(&lines), numbered(0..50, |n| format!("loki {n} 실패")));
    let says = |line: &Line| (line.label("severity").to_owned(), line.field("detected_level").to_owned());
    assert!(
        lines.iter().all(|line| says(line) == ("error".to_owned(), "error".to_owned())),
        "{:?}",
        lines[0]
    );
}

pub fn syslog_handler() {
    let ours = Ours::start();
    run(include_str!("syslog.py"), &[&ours.address("syslog", 0), &ours.address("syslog", 1)]);
    for name in ["udp", "tcp"] {
        let stream = format!("{{input=\"syslog\",service=\"python-{name}\"}}");
        let lines = ours.wait(&format!("{stream} |= \"위험\""), 50);
        assert_eq!(texts(&lines), numbered(0..50, |n| format!("syslog {n} 위험")));
        assert!(
            lines.iter().all(|l| l.said(&["severity", "facility", "detected_level"]) == "crit|local3|fatal")
        );
        assert!(lines.iter().all(|l| !l.field("procid").is_empty() && l.label("node") == "127.0.0.1"));
    }
    // Over a stream a line feed ends a message.
    let two = ours.wait("{input=\"syslog\",service=\"python-udp\"} |= \"two\"", 1);
    assert_eq!(two[0].text, "two\nlines");
}
