//! The lines that both are sent, for the streams that the list of queries is written for.

use serde_json::{Value as Json, json};

/// How many there are.
pub(crate) const COUNT: usize = 9 * PER_STREAM;
const PER_STREAM: usize = 60;

/// Questions beside the list.
pub(crate) const MORE: &[&str] = &[
    "sum(count_over_time({app=\"web\"}[5m])) / 0",
    "sum by (app) (count_over_time({env=~\".+\"}[5m])) % 0",
    "sum(rate({app=\"web\"}[5m])) / (sum(rate({app=\"nosuch\"}[5m])) or vector(0))",
    "variants(count_over_time({app=\"web\"}[5m]), bytes_over_time({app=\"web\"}[5m])) of ({app=\"web\"}[5m])",
    "sum by (http_status) (count_over_time({app=\"api\"} | http_status=\"200\" [5m]))",
    "{app=\"api\"} | http_status=\"200\" | trace_id=\"abc1\"",
    "sum by (trace_id) (count_over_time({app=\"api\"}[5m]))",
    "{app=\"packed\"} | unpack",
    "topk(2, sum by (app) (count_over_time({env=~\".+\"}[5m])))",
    "first_over_time({app=\"api\"} | logfmt | unwrap latency_ms [5m]) by (env)",
    "rate_counter({app=\"counter\"} | logfmt | unwrap n [5m])",
    "max_over_time({app=\"api\"} | logfmt | unwrap duration(duration) [5m]) by (level)",
    "count_over_time({app=\"web\"}[5m] offset 2m)",
    "!{app=\"web\"} | unwrap x",
    "!sum(1)",
    "!variants(1) of ({app=\"web\"}[5m])",
    "!{app=\"web\"} |= ip(\"no address\")",
];

/// Bodies of pushes: a line every ten seconds of each stream from `start` (seconds) on.
pub(crate) fn pushes(start: i64, end: i64) -> Vec<String> {
    let step = (end - start) * 1_000_000_000 / PER_STREAM as i64;
    let at = |n: usize| (start * 1_000_000_000 + n as i64 * step + 1_000_000).to_string();
    let stream = |app: &str, env: &str, line: &dyn Fn(usize) -> String, beside: &dyn Fn(usize) -> Json| {
        let values: Vec<Json> = (0..PER_STREAM).map(|n| json!([at(n), line(n), beside(n)])).collect();
        json!({"streams": [{"stream": {"app": app, "env": env, "instance": format!("{app}-1")}, "values": values}]}).to_string()
    };
    let nothing = |_: usize| json!({});
    let level = |n: usize| ["info", "warn", "error", "debug"][n % 4];
    let status = |n: usize| [200, 404, 500, 503][n % 4];
    vec![
        stream(
            "web",
            "prod",
            &|n| {
                format!(
                    "10.0.0.{n} - - \"GET /p/{} HTTP/1.1\" {} {} \"{}\"",
                    n % 7,
                    status(n),
                    n * 37,
                    ["Mozilla/5.0", "curl/8"][n % 2]
                )
            },
            &nothing,
        ),
        stream(
            "api",
            "prod",
            &|n| {
                format!(
                    "ts=1 level={} status={} duration={}ms latency_ms={}.5 size={}KB msg=\"request {n}\" caller=a.go:{n}",
                    level(n),
                    status(n),
                    n * 40,
                    n * 3,
                    n + 1
                )
            },
            &|n| json!({"trace_id": format!("abc{}", n % 5), "http.status": status(n).to_string()}),
        ),
        stream(
            "json",
            "dev",
            &|n| {
                if n % 6 == 0 {
                    format!("no json {n}")
                } else {
                    json!({"level": level(n), "ok": n % 2 == 0, "n": n, "user": {"name": format!("u{}", n % 3), "address": {"city": (["Seoul", ""][n % 2])}}, "list": [1, 2]}).to_string()
                }
            },
            &nothing,
        ),
        stream("db", "prod", &|n| format!("checkpoint {n} complete: wrote {} buffers", n * 11), &nothing),
        stream(
            "packed",
            "dev",
            &|n| json!({"_entry": format!("line {n}"), "pod": format!("p{}", n % 2)}).to_string(),
            &nothing,
        ),
        stream("ansi", "dev", &|n| format!("\u{1b}[31mlevel\u{1b}[0m={} n={n}", level(n)), &nothing),
        stream(
            "dup",
            "dev",
            &|n| json!({"app": "inner", "env": n, "trace_id": "parsed"}).to_string(),
            &nothing,
        ),
        stream("counter", "prod", &|n| format!("n={}", n % 20 * 5), &nothing),
        stream("odd", "dev", &|n| format!("tab\there \"quoted\" back\\slash 한글 {n}"), &nothing),
    ]
}
