//! The Pushgateway API beside Debian's pushgateway, and after a crash.

use std::collections::BTreeMap;

use tests::Bonghwa;

use crate::peer::Peer;
use crate::prometheus::bonghwa;

/// Sample lines of pushed families, by series; times of pushes only as "some" or "none".
fn pushed(text: &str) -> BTreeMap<String, String> {
    let own = ["go_", "process_", "promhttp_", "pushgateway_"];
    text.lines()
        .filter(|line| !line.starts_with('#') && !own.iter().any(|prefix| line.starts_with(prefix)))
        .filter_map(|line| line.rsplit_once(' '))
        .map(|(series, value)| {
            let time = series.starts_with("push_");
            let value = if time && value != "0" { "some" } else { value };
            (series.to_owned(), value.to_owned())
        })
        .collect()
}

fn heads(text: &str, family: &str) -> Vec<String> {
    let starts = ["HELP", "TYPE"].map(|word| format!("# {word} {family} "));
    text.lines()
        .filter(|line| starts.iter().any(|start| line.starts_with(start)))
        .map(str::to_owned)
        .collect()
}

const FIRST: &str = "# TYPE jobs_total counter\n# HELP jobs_total Jobs \\\\ done.\njobs_total{kind=\"a\"} 3\njobs_total{kind=\"b\"} 1e7\n\
    # TYPE size histogram\nsize_bucket{le=\"1.0\"} 1\nsize_bucket{le=\"2.5e6\"} 2\nsize_bucket{le=\"+Inf\"} 3\nsize_sum 4.25\n\
    size_count 3\n# TYPE lat summary\nlat{quantile=\"0.50\"} NaN\nlat_sum 0.1\nlat_count 0\nplain{instance=\"own\"} -0.5\n";

pub fn as_the_pushgateway() {
    let folder = tempfile::tempdir().unwrap();
    let ours = bonghwa(folder.path(), "", &[]);
    let peer = Peer::start("prometheus-pushgateway", folder.path(), "/-/ready", |port| {
        vec![format!("--web.listen-address=127.0.0.1:{port}")]
    });
    let send = |method: &str, path: &str, body: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let to = |client: &reqwest::blocking::Client, url: &str| {
            let request = client.request(method.clone(), format!("{url}{path}")).body(body.to_owned());
            request.send().unwrap().status().as_u16()
        };
        (to(ours.client(), &ours.url), to(peer.client(), &peer.url))
    };
    let pushes: [(&str, &str, &str); 24] = [
        ("PUT", "/metrics/job/a", FIRST),
        ("PUT", "/metrics/job/a/instance/i1", FIRST),
        ("POST", "/metrics/job/a/instance/i1", "# TYPE plain gauge\nplain 7\n"),
        ("POST", "/metrics/job/a/instance/i1", "plain 8\n"),
        ("PUT", "/metrics/job/a%20b/x/%ED%95%9C", "x 1\n"),
        ("PUT", "/metrics/job@base64/YS9i/path@base64/L3Zhci90bXA=", "x 2\n"),
        ("PUT", "/metrics/job/empty/label@base64/=", "x 3\n"),
        ("PUT", "/metrics/job/nothing", ""),
        ("POST", "/metrics/job/bad", "x{a=\"1\"} 1\nx{a=\"1\"} 2\n"),
        ("POST", "/metrics/job/bad", "# TYPE jobs_total gauge\njobs_total 1\n"),
        ("POST", "/metrics/job/bad", "x 1 1600000000000\n"),
        ("POST", "/metrics/job/bad", "x 1"),
        ("POST", "/metrics/job/bad", "x one\n"),
        ("POST", "/metrics/job/bad", "size_count 5\n"),
        ("POST", "/metrics/job/bad", "# TYPE y gauge\n# TYPE y gauge\ny 1\n"),
        ("POST", "/metrics/job/bad/odd", "x 1\n"),
        ("POST", "/metrics/job/bad/1x/2", "x 1\n"),
        ("POST", "/metrics/job/bad/__x/2", "x 1\n"),
        ("POST", "/metrics/job@base64/!!", "x 1\n"),
        ("PUT", "/metrics/job/replaced", "one 1\ntwo 2\n"),
        ("PUT", "/metrics/job/replaced", "two 3\n"),
        ("PUT", "/metrics/job/deleted", "one 1\n"),
        ("DELETE", "/metrics/job/deleted", ""),
        ("DELETE", "/metrics/job/unknown/a/b", ""),
    ];
    for (method, path, body) in pushes {
        let (mine, theirs) = send(method, path, body);
        assert_eq!(mine, theirs, "{method} {path} {body:?}: ours, theirs");
    }
    let (mine, theirs) = (ours.get("/pushgateway/metrics").unwrap().text().unwrap(), peer.text("/metrics"));
    let (samples, wanted) = (pushed(&mine), pushed(&theirs));
    assert!(wanted.len() > 30, "{theirs}");
    assert_eq!(samples, wanted);
    for family in ["jobs_total", "size", "lat", "plain"] {
        assert_eq!(heads(&mine, family), heads(&theirs, family));
    }
    tests::eventually("the groups are stored", std::time::Duration::from_secs(30), || {
        ours.value("jobs_total{job=\"a\",instance=\"i1\",kind=\"b\"}").filter(|v| *v == 1e7)
    });
    assert_eq!(ours.value("size_bucket{job=\"a\",instance=\"\",le=\"+Inf\"}"), Some(3.0));
}

pub fn survive_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let push = |ours: &Bonghwa, path: &str, body: &'static str| {
        let answer = ours.client().put(format!("{}{path}", ours.url)).body(body).send().unwrap();
        assert_eq!(answer.status(), 200);
    };
    let ours = bonghwa(folder.path(), "", &[]);
    push(&ours, "/metrics/job/a", "x +Inf\n");
    push(&ours, "/metrics/job/b", "x 2\n");
    ours.client().delete(format!("{}/metrics/job/b", ours.url)).send().unwrap();
    ours.kill().unwrap();
    let ours = bonghwa(folder.path(), "", &[]);
    let text = ours.get("/pushgateway/metrics").unwrap().text().unwrap();
    assert!(text.contains("x{instance=\"\",job=\"a\"} +Inf\n") && !text.contains("job=\"b\""), "{text}");
}
