//! Services that write JSON, each in its own way.

use super::{Dice, Now, put};

const ORDERS: [(&str, &str, &str); 8] = [
    ("order created", "order/create.go:118", "/api/v1/orders"),
    ("inventory reserved", "order/reserve.go:64", "/api/v1/orders"),
    ("order loaded", "order/get.go:41", "/api/v1/orders/{id}"),
    ("request handled", "http/server.go:207", "/api/v1/orders/{id}"),
    ("cache miss", "cache/redis.go:88", "/api/v1/orders/{id}"),
    ("event published", "events/kafka.go:133", "/api/v1/orders/{id}/events"),
    ("order cancelled", "order/cancel.go:72", "/api/v1/orders/{id}/cancel"),
    ("health checked", "http/health.go:19", "/healthz"),
];
const FAILURES: [&str; 5] = [
    "context deadline exceeded",
    "dial tcp 10.42.3.17:5432: connect: connection refused",
    "pq: deadlock detected",
    "redis: connection pool timeout",
    "kafka: leader not available",
];
const PROVIDERS: [&str; 4] = ["kcp", "tosspayments", "kakaopay", "naverpay"];

pub(super) fn line(d: &mut Dice, now: &Now, instance: u64, out: &mut String) -> (&'static str, &'static str) {
    match d.below(10) {
        0..5 => ("orders", orders(d, now, out)),
        5..8 => ("payments", payments(d, now, instance, out)),
        _ => ("search", search(d, now, out)),
    }
}

fn time(now: &Now, out: &mut String) {
    let Now { year, month, day, h, m, s, us, .. } = now;
    put(out, format_args!("{year}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{:03}Z", us / 1000));
}

fn lower(level: &'static str) -> &'static str {
    match level {
        "ERROR" => "error",
        "WARN" => "warn",
        "DEBUG" => "debug",
        _ => "info",
    }
}

/// Go, zap.
fn orders(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    let level = d.level();
    let (msg, caller, path) = d.early(&ORDERS);
    put(out, format_args!("{{\"level\":\"{}\",\"ts\":\"", lower(level)));
    time(now, out);
    put(
        out,
        format_args!(
            "\",\"caller\":\"{caller}\",\"msg\":\"{msg}\",\"trace_id\":\"{:016x}{:016x}\",\"span_id\":\"{:016x}\",\"user_id\":{},\"order_id\":\"ORD-{}{:02}{:02}-{:07}\",\"path\":\"{path}\",\"status\":{},\"duration_ms\":{}.{:03}",
            d.next(),
            d.next(),
            d.next(),
            d.skewed(300_000),
            now.year,
            now.month,
            now.day,
            d.skewed(2_000_000),
            if level == "ERROR" { 500 } else { d.early(&[200, 201, 204, 404, 409]) },
            d.skewed(800),
            d.below(1000),
        ),
    );
    if level == "ERROR" {
        put(out, format_args!(",\"error\":\"{}\",\"attempt\":{}", d.one(&FAILURES), d.below(4) + 1));
    }
    out.push('}');
    level
}

/// Node.js, with objects in the object.
fn payments(d: &mut Dice, now: &Now, instance: u64, out: &mut String) -> &'static str {
    let level = d.level();
    put(out, format_args!("{{\"level\":\"{}\",\"time\":\"", lower(level)));
    time(now, out);
    let (a, b) = (d.next(), d.next());
    put(
        out,
        format_args!(
            "\",\"pid\":1,\"hostname\":\"payments-{:x}\",\"req\":{{\"id\":\"{:08x}-{:04x}-4{:03x}-a{:03x}-{:012x}\",\"method\":\"POST\",\"url\":\"/api/v1/payments\",\"remoteAddress\":\"10.42.{}.{}\"}},\"provider\":\"{}\",\"amount\":{},\"currency\":\"KRW\",\"res\":{{\"statusCode\":{}}},\"responseTime\":{},\"msg\":\"{}\"}}",
            instance * 0x9e37 + 0x1a2b3,
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xfff,
            b >> 48 & 0xfff,
            b & 0xffff_ffff_ffff,
            d.below(12),
            d.skewed(30) + 4,
            d.early(&PROVIDERS),
            (d.skewed(3000) + 10) * 100,
            if level == "ERROR" { 502 } else { d.early(&[200, 201, 402]) },
            d.skewed(1500),
            if level == "ERROR" {
                "payment provider did not answer"
            } else {
                d.early(&["payment authorized", "request completed", "payment captured", "refund requested"])
            },
        ),
    );
    level
}

/// Rust, tracing: few ids, many numbers.
fn search(d: &mut Dice, now: &Now, out: &mut String) -> &'static str {
    let level = d.level();
    out.push_str("{\"timestamp\":\"");
    time(now, out);
    put(
        out,
        format_args!(
            "\",\"level\":\"{level}\",\"target\":\"search::{}\",\"fields\":{{\"message\":\"{}\",\"query\":\"{}\",\"hits\":{},\"took_us\":{},\"shards\":{}}},\"span\":{{\"name\":\"request\",\"trace_id\":\"{:016x}{:016x}\"}}}}",
            d.early(&["handler", "index::reader", "cache", "suggest"]),
            d.early(&["query answered", "segment opened", "served from cache", "query was slow"]),
            d.early(&super::web::WORDS),
            d.skewed(20_000),
            d.skewed(90_000),
            d.one(&[4, 8]),
            d.next(),
            d.next(),
        ),
    );
    level
}
