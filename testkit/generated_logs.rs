//! Log lines as programs write them, the same for the same seed: nginx, JSON services, Java with stack traces, Kubernetes
//! components, Korean text. Included by path where it is needed.

/// A stream of numbers.
pub(crate) struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }

    /// Small numbers are frequent.
    fn skewed(&mut self, most: u64) -> u64 {
        let a = self.below(most);
        self.below(a + 1)
    }
}

/// A line.
pub(crate) struct Generated {
    /// Which of the programs wrote it.
    pub(crate) app: &'static str,
    /// Which of its instances.
    pub(crate) instance: u64,
    /// Nanoseconds since the Unix epoch.
    pub(crate) time_ns: i64,
    /// How bad it is, where the line says so.
    pub(crate) level: &'static str,
    /// The line.
    pub(crate) body: String,
}

/// Lines without end, in order of time, 2,000 a second.
pub(crate) struct Lines {
    dice: Dice,
    time_ns: i64,
}

impl Lines {
    /// From a time on.
    pub(crate) fn new(seed: u64, start_ns: i64) -> Self {
        Self { dice: Dice::new(seed), time_ns: start_ns }
    }
}

const LEVELS: [&str; 8] = ["INFO", "INFO", "INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"];
const PATHS: [&str; 6] = ["/", "/api/orders", "/api/users", "/static/app.js", "/health", "/api/v1/search"];
const AGENTS: [&str; 3] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "kube-probe/1.30",
];

fn clock(time_ns: i64) -> (i64, i64, i64, i64, i64) {
    let ms = time_ns / 1_000_000;
    let seconds = ms / 1000;
    (seconds / 86_400 % 28 + 1, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60, ms % 1000)
}

impl Iterator for Lines {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        self.time_ns += self.dice.below(1_000_000) as i64;
        let (day, h, m, s, ms) = clock(self.time_ns);
        let d = &mut self.dice;
        let level = d.one(&LEVELS);
        let instance = d.skewed(8);
        let (app, level, body) = match d.below(100) {
            0..30 => {
                let (path, agent) = (d.one(&PATHS), d.one(&AGENTS));
                let body = format!(
                    "10.{}.{}.{} - - [{day:02}/Nov/2026:{h:02}:{m:02}:{s:02} +0900] \"GET {path}?id={} HTTP/1.1\" {} {} \"-\" \"{agent}\" {}.{:03}",
                    d.below(4),
                    d.below(256),
                    d.below(256),
                    d.skewed(100_000),
                    d.one(&["200", "200", "200", "304", "404", "500"]),
                    d.skewed(50_000),
                    d.skewed(3),
                    d.below(1000),
                );
                ("nginx", "INFO", body)
            }
            30..60 => {
                let body = format!(
                    "{{\"ts\":\"2026-11-{day:02}T{h:02}:{m:02}:{s:02}.{ms:03}Z\",\"level\":\"{}\",\"logger\":\"order.service\",\"msg\":\"{}\",\"trace_id\":\"{:016x}{:016x}\",\"user_id\":{},\"duration_ms\":{},\"path\":\"{}\"}}",
                    level.to_lowercase(),
                    d.one(&["order created", "payment accepted", "cache miss", "retrying request"]),
                    d.next(),
                    d.next(),
                    d.skewed(1_000_000),
                    d.skewed(2000),
                    d.one(&PATHS),
                );
                ("orders", level, body)
            }
            60..75 if d.below(12) == 0 => {
                let mut body = format!(
                    "2026-11-{day:02} {h:02}:{m:02}:{s:02},{ms:03} ERROR [http-nio-8080-exec-{}] c.e.shop.CartController - request {} failed\njava.lang.IllegalStateException: cart {} is closed",
                    d.below(20),
                    d.skewed(1_000_000),
                    d.skewed(100_000),
                );
                for _ in 0..d.below(18) + 4 {
                    body += &format!(
                        "\n\tat com.example.shop.{}.{}({}.java:{})",
                        d.one(&["cart", "order", "web"]),
                        d.one(&["handle", "invoke", "doFilter", "proceed"]),
                        d.one(&["CartService", "OrderService", "Filter"]),
                        d.below(400),
                    );
                }
                ("cart", "ERROR", body)
            }
            60..75 => {
                let body = format!(
                    "2026-11-{day:02} {h:02}:{m:02}:{s:02},{ms:03} {level} [http-nio-8080-exec-{}] c.e.shop.CartController - cart {} has {} items, total {}.{:02}",
                    d.below(20),
                    d.skewed(100_000),
                    d.skewed(30),
                    d.skewed(900),
                    d.below(100),
                );
                ("cart", level, body)
            }
            75..90 => {
                let body = format!(
                    "I11{day:02} {h:02}:{m:02}:{s:02}.{:06} 1 {}.go:{}] \"{}\" pod=\"shop/web-{:08x}-{:05x}\" node=\"node-{}\" elapsed=\"{}.{}ms\"",
                    d.below(1_000_000),
                    d.one(&["kubelet", "scheduler", "reconciler"]),
                    d.below(800),
                    d.one(&[
                        "SyncLoop (PLEG)",
                        "Successfully bound pod",
                        "Observed pod startup duration",
                        "Volume mounted"
                    ]),
                    d.skewed(40) * 7919,
                    d.skewed(200) * 31,
                    d.below(12),
                    d.skewed(900),
                    d.below(1000),
                );
                ("kubelet", "INFO", body)
            }
            _ => {
                let body = format!(
                    "[{h:02}:{m:02}:{s:02}] {level} 사용자 {}의 {} {}번 {} ({}원)",
                    d.skewed(50_000),
                    d.one(&["주문", "결제", "배송", "환불"]),
                    d.skewed(1_000_000),
                    d.one(&["완료", "실패", "대기", "취소"]),
                    d.skewed(500) * 100,
                );
                ("결제", level, body)
            }
        };
        Some(Generated { app, instance, time_ns: self.time_ns, level, body })
    }
}
