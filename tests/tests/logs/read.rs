//! Reading back through LogQL.

use std::time::Duration;

use serde_json::Value;
use tests::{Bonghwa, eventually};

/// Lines of a page: as many as a query may have by default.
const PAGE: usize = 5_000;
const LONG: Duration = Duration::from_secs(60);

/// Everything, whatever way it came.
pub const ALL: &str = "{service_name=~\".+\"}";

/// A line and what belongs to it.
#[derive(Debug, Clone)]
pub struct Line {
    pub time_ns: i64,
    pub text: String,
}

fn page(bonghwa: &Bonghwa, query: &str, start: i64) -> Vec<Line> {
    let start = start.to_string();
    let end = i64::MAX.to_string();
    let limit = PAGE.to_string();
    let params = [
        ("query", query),
        ("start", start.as_str()),
        ("end", end.as_str()),
        ("limit", limit.as_str()),
        ("direction", "forward"),
    ];
    let url = reqwest::Url::parse_with_params(&format!("{}/loki/api/v1/query_range", bonghwa.url), params);
    let answer = bonghwa.client().get(url.unwrap()).send().unwrap();
    let status = answer.status();
    let text = answer.text().unwrap();
    assert!(status.is_success(), "{query}: {status}: {text}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    let mut lines = Vec::new();
    for stream in answer["data"]["result"].as_array().unwrap() {
        for entry in stream["values"].as_array().unwrap() {
            let time_ns = entry[0].as_str().unwrap().parse().unwrap();
            lines.push(Line { time_ns, text: entry[1].as_str().unwrap().to_owned() });
        }
    }
    // Stable: within a stream lines of one time keep their order.
    lines.sort_by_key(|line| line.time_ns);
    lines
}

/// All lines that a query finds, oldest first, page by page.
pub fn lines(bonghwa: &Bonghwa, query: &str) -> Vec<Line> {
    let (mut all, mut start) = (Vec::new(), 0);
    loop {
        let mut next = page(bonghwa, query, start);
        if next.len() < PAGE {
            all.extend(next);
            return all;
        }
        // Those of the last moment may go on in the next page.
        let last = next.last().unwrap().time_ns;
        assert!(last > start, "{PAGE} lines of one moment");
        next.retain(|line| line.time_ns < last);
        all.extend(next);
        start = last;
    }
}

/// How many lines a selector with filters finds.
pub fn count(bonghwa: &Bonghwa, query: &str) -> Option<u64> {
    let query = format!("sum(count_over_time({query} [1h]))");
    let url = reqwest::Url::parse_with_params(
        &format!("{}/loki/api/v1/query", bonghwa.url),
        [("query", query.as_str())],
    );
    let answer = bonghwa.client().get(url.unwrap()).send().ok()?.text().ok()?;
    let answer: Value = serde_json::from_str(&answer).ok()?;
    let rows = answer["data"]["result"].as_array()?;
    let Some(row) = rows.first() else { return Some(0) };
    row["value"][1].as_str()?.parse::<f64>().ok().map(|count| count as u64)
}

/// Waits until there are so many.
pub fn wait_for(bonghwa: &Bonghwa, query: &str, least: u64) {
    let mut seen = None;
    let deadline = std::time::Instant::now() + 2 * LONG;
    while seen.is_none_or(|count| count < least) {
        assert!(std::time::Instant::now() < deadline, "{query}: {seen:?} of {least}");
        std::thread::sleep(Duration::from_millis(100));
        seen = count(bonghwa, query);
    }
}

/// The sum of all series of a metric of the program's own whose labels have all of `with`.
pub fn counted(bonghwa: &Bonghwa, name: &str, with: &[&str]) -> f64 {
    let text = bonghwa.get("/metrics").unwrap().text().unwrap();
    let of = |line: &str| {
        let rest = line.strip_prefix(name)?;
        (rest.starts_with([' ', '{']) && with.iter().all(|label| rest.contains(label)))
            .then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())
            .flatten()
    };
    text.lines().filter_map(of).sum()
}

/// Waits until a metric of the program's own has at least this value.
pub fn wait_counted(bonghwa: &Bonghwa, name: &str, with: &[&str], least: f64) {
    eventually(&format!("{name} {with:?} >= {least}"), LONG, || {
        (counted(bonghwa, name, with) >= least).then_some(())
    });
}

/// The most memory that the process ever had, bytes.
pub fn peak_memory(bonghwa: &Bonghwa) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bonghwa.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}
