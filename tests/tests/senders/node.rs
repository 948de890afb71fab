//! Clients from npm.

use std::process::Command;

use tests::clients::provided;

use crate::ours::{KEY, Ours, numbered, succeeded, texts};

fn run(script: &str, arguments: &[&str]) {
    let mut node = Command::new("node");
    node.args(["-e", script, "-"]).args(arguments).env("NODE_PATH", provided("node/node_modules"));
    succeeded(&mut node);
}

pub fn fluent_logger() {
    let ours = Ours::start();
    run(include_str!("fluent.cjs"), &[&ours.address("fluent", 0), &ours.address("fluent", 1), KEY]);
    for tag in ["node.app", "secured.app"] {
        let lines = ours.wait(&format!("{{tag=\"{tag}\"}}"), 100);
        assert_eq!(texts(&lines), numbered(0..100, |n| format!("node {n} 완료")));
        assert_eq!(lines[3].said(&["detected_level", "n"]), "error|3");
    }
}

pub fn elasticsearch() {
    let ours = Ours::start();
    run(include_str!("elastic.cjs"), &[&format!("http://{}", ours.address("elasticsearch", 0))]);
    let lines = ours.wait("{index=\"logs-node-default\",container=\"shop-web\"}", 700);
    assert_eq!(texts(&lines), numbered(0..700, |n| format!("node {n} 처리")));
    assert!(lines.iter().all(|line| line.field("detected_level") == "warn"));
    assert!(lines.iter().all(|line| line.label("container_id") == "6a".repeat(32)));
    ours.wait("{index=\"logs-node-default\"} |= \"single\"", 1);
}

pub fn winston_loki() {
    let ours = Ours::start();
    run(include_str!("loki.cjs"), &[&ours.binary.url]);
    for app in ["protobuf", "json"] {
        let lines = ours.wait(&format!("{{app=\"{app}\",service_name=\"{app}\"}}"), 100);
        assert_eq!(texts(&lines), numbered(0..100, |n| format!("winston {n} 완료")));
        assert!(lines.iter().all(|line| line.field("detected_level") == "warn"));
    }
}

pub fn gelf_pro() {
    let ours = Ours::start();
    run(include_str!("gelf.cjs"), &[&ours.address("gelf", 0), &ours.address("gelf", 1)]);
    for name in ["udp", "tcp"] {
        let lines = ours.wait(&format!("{{container=\"shop-node\"}} |= \"gelf {name}\""), 20);
        // Over TCP it connects for each message, so that one may overtake another.
        for n in 0..20 {
            let line = lines.iter().find(|line| line.text == format!("gelf {name} {n} 실패")).unwrap();
            assert_eq!(line.said(&["detected_level", "order"]), format!("error|{n}"));
        }
    }
    let long = ours.wait("{container=\"shop-node\"} |= \"long\"", 2);
    assert!(long.iter().all(|line| line.text.len() == 40_005));
}
