//! Log lines as the programs of a cluster write them, the same for the same seed: an ingress, services that write JSON,
//! Java with stack traces, Kubernetes components, Korean text. Included by path where it is needed.
//!
//! Of 100 lines about 30 are access logs, 30 JSON, 15 Java (three in a hundred with a stack trace), 15 of Kubernetes and
//! 10 Korean. Ids have the cardinality that they have in a shop: each request has its own trace id, users and orders
//! come back, pods are few. A stack trace is one of a dozen, as code fails in the same places.

#[path = "generated_logs/java.rs"]
mod java;
#[path = "generated_logs/korean.rs"]
mod korean;
#[path = "generated_logs/kubernetes.rs"]
mod kubernetes;
#[path = "generated_logs/services.rs"]
mod services;
#[path = "generated_logs/web.rs"]
mod web;

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

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    /// The first ones are the most frequent.
    fn early<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.skewed(of.len() as u64) as usize]
    }

    /// Small numbers are frequent.
    fn skewed(&mut self, most: u64) -> u64 {
        let a = self.below(most);
        self.below(a + 1)
    }

    /// How bad an ordinary line is.
    fn level(&mut self) -> &'static str {
        match self.below(100) {
            0..86 => "INFO",
            86..93 => "DEBUG",
            93..98 => "WARN",
            _ => "ERROR",
        }
    }
}

/// A time as lines write it.
struct Now {
    ns: i64,
    year: i64,
    month: i64,
    day: i64,
    h: i64,
    m: i64,
    s: i64,
    us: i64,
}

impl Now {
    fn at(ns: i64) -> Self {
        let (seconds, us) = (ns.div_euclid(1_000_000_000), ns.rem_euclid(1_000_000_000) / 1000);
        // Days from the civil calendar, the other way round; years begin in March.
        let days = seconds.div_euclid(86_400) + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let (day, month) = (day_of_year - (153 * month + 2) / 5 + 1, (month + 2) % 12 + 1);
        Self {
            ns,
            year: year + era * 400 + i64::from(month <= 2),
            month,
            day,
            h: seconds / 3600 % 24,
            m: seconds / 60 % 60,
            s: seconds % 60,
            us,
        }
    }

    fn month_name(&self) -> &'static str {
        const NAMES: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        NAMES[(self.month - 1) as usize]
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
    /// How bad it is.
    pub(crate) level: &'static str,
    /// The line.
    pub(crate) body: String,
}

/// Lines without end, in order of time.
pub(crate) struct Lines {
    dice: Dice,
    time_ns: i64,
    gap_ns: u64,
}

impl Lines {
    /// From a time on, 2,000 a second.
    pub(crate) fn new(seed: u64, start_ns: i64) -> Self {
        Self { dice: Dice::new(seed), time_ns: start_ns, gap_ns: 500_000 }
    }

    /// So many a second.
    #[allow(dead_code, reason = "who includes this may not need it")]
    pub(crate) fn per_second(self, lines: u64) -> Self {
        Self { gap_ns: 1_000_000_000 / lines.max(1), ..self }
    }
}

impl Iterator for Lines {
    type Item = Generated;

    fn next(&mut self) -> Option<Generated> {
        self.time_ns += self.dice.below(2 * self.gap_ns) as i64;
        let d = &mut self.dice;
        let now = Now::at(self.time_ns);
        let instance = d.skewed(6);
        let mut body = String::with_capacity(512);
        let (app, level) = match d.below(100) {
            0..30 => ("nginx", web::line(d, &now, &mut body)),
            30..60 => services::line(d, &now, instance, &mut body),
            60..75 => java::line(d, &now, &mut body),
            75..90 => kubernetes::line(d, &now, &mut body),
            _ => ("delivery", korean::line(d, &now, &mut body)),
        };
        Some(Generated { app, instance, time_ns: self.time_ns, level, body })
    }
}

/// Appends formatted text; writing to a string cannot fail.
fn put(out: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = std::fmt::Write::write_fmt(out, text);
}
