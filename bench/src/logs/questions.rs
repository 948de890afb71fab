//! What is asked, in each program's best words.

use std::collections::BTreeMap;

use serde_json::Value;

use super::bodies::{Facts, PHRASE};
use super::program::Kind;
use crate::queries::encode;

/// What an answer is reduced to, so that answers of different forms can be compared: names and counts.
pub(super) type Counts = BTreeMap<String, u64>;

/// How an answer is read.
#[derive(Clone, Copy)]
enum Form {
    /// Lines are counted.
    Lines,
    /// Counts of lines, summed up by this label; without one all together.
    Counts(Option<&'static str>),
    /// Names are counted.
    Names,
}

/// A question in the words of one program.
pub(super) struct Question {
    pub(super) name: &'static str,
    pub(super) path: String,
    form: Form,
    /// What the answer must be, where it is known.
    pub(super) truth: Option<Counts>,
}

const REGEX: &str = r"exec-1[0-9]\] .*Slow query took 2[0-9]{3} milliseconds";
const EVERYTHING: &str = "{app=~\".+\"}";

/// All questions for a program.
pub(super) fn all(kind: Kind, facts: &Facts) -> Vec<Question> {
    let asked = if kind.is_victoria() { logsql(kind, facts) } else { logql(kind, facts) };
    let total = |n: u64| Some(Counts::from([(String::new(), n)]));
    asked
        .into_iter()
        .map(|(name, path, form)| {
            let truth = match name {
                "needle" | "needle in a word" => total(1),
                "newest 1000" => total(1000.min(facts.lines)),
                "phrase" => total(facts.phrase),
                "count by level" => Some(facts.levels.clone()),
                "label values" => total(facts.streams),
                _ => None,
            };
            Question { name, path, form, truth }
        })
        .collect()
}

type Asked = (&'static str, String, Form);

/// A piece of the needle that no word begins or ends with.
fn piece(facts: &Facts) -> &str {
    facts.needle.get(9..23).unwrap_or_default()
}

fn logql(kind: Kind, facts: &Facts) -> Vec<Asked> {
    let (start, end) = (facts.start_s, facts.end_s);
    let range = end - start;
    let lines = |query: &str, limit: u32| {
        let query = encode(query);
        format!("/loki/api/v1/query_range?query={query}&start={start}&end={end}&limit={limit}")
    };
    let instant = |query: &str| format!("/loki/api/v1/query?query={}&time={end}", encode(query));
    let counted = |filter: &str| instant(&format!("sum(count_over_time({EVERYTHING} {filter} [{range}s]))"));
    let levels = encode(&format!("sum by (severity) (count_over_time({EVERYTHING}[1m]))"));
    // What was found in a line when it came in needs no parser; Loki finds nothing then.
    let parser = if kind == Kind::Bonghwa { "" } else { "| json path=\"path\"" };
    let mut all = vec![
        ("needle", lines(&format!("{EVERYTHING} |= \"{}\"", facts.needle), 100), Form::Lines),
        ("needle in a word", lines(&format!("{EVERYTHING} |= \"{}\"", piece(facts)), 100), Form::Lines),
        ("phrase", counted(&format!("|= \"{PHRASE}\"")), Form::Counts(None)),
        ("regex", counted(&format!("|~ `{REGEX}`")), Form::Counts(None)),
        (
            "count by level",
            format!("/loki/api/v1/query_range?query={levels}&start={}&end={}&step=60", start + 60, end + 60),
            Form::Counts(Some("severity")),
        ),
        (
            "top 10 paths",
            instant(&format!(
                "topk(10, sum by (path) (count_over_time({{app=\"orders\"}} {parser} [{range}s])))"
            )),
            Form::Counts(Some("path")),
        ),
        ("label values", format!("/loki/api/v1/label/pod/values?start={start}&end={end}"), Form::Names),
        ("newest 1000", lines(EVERYTHING, 1000), Form::Lines),
    ];
    if kind != Kind::Loki {
        // Loki knows patterns of the last minutes only.
        let selector = encode(EVERYTHING);
        all.push((
            "patterns",
            format!("/loki/api/v1/patterns?query={selector}&start={start}&end={end}&step=1m"),
            Form::Names,
        ));
    }
    all
}

fn logsql(kind: Kind, facts: &Facts) -> Vec<Asked> {
    let range = format!("start={}&end={}", facts.start_s, facts.end_s + 1);
    let query = |query: &str| format!("/select/logsql/query?query={}&{range}", encode(query));
    let counted = |filter: &str| {
        let query = encode(&format!("{filter} | stats count() n"));
        format!("/select/logsql/stats_query?query={query}&{range}")
    };
    let unpack = if kind == Kind::Victoria { "" } else { "| unpack_json fields (path)" };
    vec![
        ("needle", query(&format!("\"{}\"", facts.needle)) + "&limit=100", Form::Lines),
        ("needle in a word", query(&format!("~\"{}\"", piece(facts))) + "&limit=100", Form::Lines),
        ("phrase", counted(&format!("\"{PHRASE}\"")), Form::Counts(None)),
        ("regex", counted(&format!("~`{REGEX}`")), Form::Counts(None)),
        (
            "count by level",
            format!("/select/logsql/hits?query=*&{range}&step=1m&field=severity"),
            Form::Counts(Some("severity")),
        ),
        (
            "top 10 paths",
            query(&format!("{{app=\"orders\"}} {unpack} | top 10 by (path)")),
            Form::Counts(Some("path")),
        ),
        (
            "label values",
            format!("/select/logsql/stream_field_values?query=*&{range}&field=pod"),
            Form::Names,
        ),
        ("newest 1000", query("*") + "&limit=1000", Form::Lines),
        ("patterns", query("* | collapse_nums prettify | top 300 by (_msg)"), Form::Lines),
    ]
}

impl Question {
    /// What an answer says.
    pub(super) fn read(&self, body: &[u8]) -> Counts {
        let mut counts = Counts::new();
        let Ok(json) = serde_json::from_slice::<Value>(body) else {
            // LogsQL answers with a JSON object in each line.
            lines(&String::from_utf8_lossy(body), self.form, &mut counts);
            return counts;
        };
        let data = &json["data"];
        match self.form {
            Form::Lines if json["_msg"].is_string() => add(&mut counts, "", 1),
            Form::Lines => {
                let entries = |s: &Value| s["values"].as_array().map_or(0, Vec::len) as u64;
                add(&mut counts, "", array(&data["result"]).iter().map(entries).sum());
            }
            Form::Names => add(&mut counts, "", array(data).len().max(array(&json["values"]).len()) as u64),
            Form::Counts(label) => {
                for hit in array(&json["hits"]) {
                    add(&mut counts, name(&hit["fields"], label), hit["total"].as_u64().unwrap_or(0));
                }
                for series in array(&data["result"]) {
                    let points = array(&series["values"]).iter().chain(series.get("value"));
                    let sum =
                        points.map(|p| p[1].as_str().and_then(|n| n.parse().ok()).unwrap_or(0u64)).sum();
                    add(&mut counts, name(&series["metric"], label), sum);
                }
                if json["hits"].is_string() {
                    lines(&String::from_utf8_lossy(body), self.form, &mut counts);
                }
            }
        }
        counts
    }
}

fn lines(text: &str, form: Form, counts: &mut Counts) {
    for line in text.lines().filter(|l| !l.is_empty()) {
        match form {
            Form::Counts(label) => {
                let Ok(json) = serde_json::from_str::<Value>(line) else { continue };
                let hits = json["hits"].as_str().and_then(|n| n.parse().ok()).unwrap_or(0);
                add(counts, name(&json, label), hits);
            }
            _ => add(counts, "", 1),
        }
    }
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn name<'a>(labels: &'a Value, label: Option<&str>) -> &'a str {
    label.and_then(|l| labels[l].as_str()).unwrap_or_default()
}

fn add(counts: &mut Counts, name: &str, n: u64) {
    *counts.entry(name.to_owned()).or_default() += n;
}
