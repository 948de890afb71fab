//! What is asked of the store: as many tests as it can make, and as few columns as are needed.

use std::collections::BTreeSet;

use model::pattern::Search;
use model::records::{TextTest, Wanted};
use model::{Columns, Ctx, EventKind, MatchOp, Matcher, Order, RecordReader, RecordScan};

use super::told;
use crate::logql::ast::{LabelFilter, LineOp, LogExpr, Stage};
use crate::logql::pipeline::Pipeline;
use crate::logql::pipeline::entry::{DETECTED_LEVEL, ERROR, ERROR_DETAILS, Wish};
use crate::logql::pipeline::line;

/// How lines are read.
pub(crate) struct Plan {
    pub(crate) scan: RecordScan,
    /// What is left to do where the store made every test.
    rest: Pipeline,
    /// The stages of that.
    left: Vec<Stage>,
    /// Everything, where it did not.
    all: Pipeline,
    /// Whether something was left to the store that takes the message to do again.
    tests_body: bool,
    /// Whether the message is needed whatever the store tests.
    needs_body: bool,
}

/// What a query wants of its lines.
pub(crate) struct Need {
    /// First and last nanosecond.
    pub(crate) range: (i64, i64),
    pub(crate) order: Order,
    /// Which labels are asked for behind the pipeline.
    pub(crate) wish: Wish,
    /// Whether the text of the lines is.
    pub(crate) body: bool,
    /// How many lines suffice, 0: all.
    pub(crate) limit: usize,
    /// Whether fields are asked for by the names that they were sent by, too (`http.status` for `http_status`).
    pub(crate) dotted: bool,
}

/// Plans how the lines of `log` are read.
pub(crate) fn plan(
    ctx: &Ctx,
    reader: &dyn RecordReader,
    log: &LogExpr,
    need: Need,
) -> Result<Plan, crate::logql::QueryError> {
    let mut pushed = Pushed::default();
    let fields = may_push_fields(&log.stages);
    let labels = match fields.is_empty() {
        true => Vec::new(),
        // A label of a stream goes before a field of that name, which is all that the store would test.
        false => reader.stream_labels(ctx, EventKind::Log, &log.matchers, need.range.0, need.range.1)?,
    };
    let is_label = |name: &str| labels.iter().any(|stream| stream.get(name).is_some());
    // What may have been sent by another name is tested here, under both.
    let left = |name: &str| is_label(name) || (need.dotted && !spellings(name).is_empty());
    let rest: Vec<Stage> = push(&log.stages, &left, &mut pushed);
    let failed = crate::logql::QueryError::Execution;
    let needs_body = need.body || rest.iter().any(needs_text);
    let scan = RecordScan {
        kind: EventKind::Log,
        start_ns: need.range.0,
        end_ns: need.range.1,
        streams: log.matchers.clone(),
        wanted: Wanted { body: needs_body, fields: wanted(&need.wish) },
        limit: if rest.is_empty() { need.limit } else { 0 },
        order: need.order,
        body: pushed.body,
        fields: pushed.fields,
        keep: told::keep(&rest),
    };
    Ok(Plan {
        rest: Pipeline::new(&rest, need.wish.clone()).map_err(failed)?,
        left: rest,
        all: Pipeline::new(&log.stages, need.wish).map_err(failed)?,
        tests_body: !scan.body.is_empty(),
        needs_body,
        scan,
    })
}

/// The scan of exactly these lines, where a store can test all that is said of them.
pub(crate) fn exact(
    ctx: &Ctx,
    reader: &dyn RecordReader,
    log: &LogExpr,
    range: (i64, i64),
) -> Result<Option<RecordScan>, crate::logql::QueryError> {
    let wish = Wish::Names(BTreeSet::new());
    let need = Need { range, order: Order::Ascending, wish, body: false, limit: 0, dotted: false };
    let plan = plan(ctx, reader, log, need)?;
    Ok(plan.rest.is_empty().then_some(plan.scan))
}

impl Plan {
    /// The stages that the lines of a batch still have to pass; `None` where that takes messages which were not asked for.
    pub(crate) fn pipeline(&self, batch: &Columns) -> Option<&Pipeline> {
        if batch.exact {
            return Some(&self.rest);
        }
        (!self.tests_body || self.scan.wanted.body).then_some(&self.all)
    }

    /// Whether every line that fulfils the tests of the scan passes.
    pub(crate) fn is_scan(&self) -> bool {
        self.rest.is_empty()
    }

    /// The stages that are left to do where the store made every test.
    pub(crate) fn left(&self) -> &[Stage] {
        &self.left
    }

    /// From now on the messages are asked for, too, and no line is held to be enough.
    pub(crate) fn ask_for_everything(&mut self) {
        self.scan.wanted.body = self.needs_body || self.tests_body;
        self.scan.limit = 0;
    }
}

#[derive(Default)]
struct Pushed {
    body: Vec<TextTest>,
    fields: Vec<(String, TextTest)>,
}

/// Hands tests to the store; gives the stages that are left.
fn push(stages: &[Stage], is_label: &dyn Fn(&str) -> bool, pushed: &mut Pushed) -> Vec<Stage> {
    let (mut line_changed, mut labels_changed) = (false, false);
    let mut rest = Vec::new();
    for stage in stages {
        match stage {
            Stage::Line(filter) if !line_changed => {
                // An empty text is in every line.
                if filter.op == LineOp::Contains && filter.terms.iter().any(|t| t.text.is_empty() && !t.ip) {
                    continue;
                }
                if let Some(test) = line::pushed(filter) {
                    pushed.body.push(test);
                    continue;
                }
            }
            Stage::Label(filter) if !labels_changed => {
                let parts = match filter {
                    LabelFilter::And(parts) => parts.as_slice(),
                    one => std::slice::from_ref(one),
                };
                let tests: Option<Vec<(String, TextTest)>> =
                    parts.iter().map(|p| field_test(p, is_label)).collect();
                if let Some(tests) = tests {
                    pushed.fields.extend(tests);
                    continue;
                }
            }
            Stage::LineFormat(_) | Stage::Decolorize => line_changed = true,
            Stage::Unpack => (line_changed, labels_changed) = (true, true),
            Stage::Line(_) | Stage::Label(_) => {}
            _ => labels_changed = true,
        }
        rest.push(stage.clone());
    }
    rest
}

/// The names that filters ask for before a stage sets labels.
fn may_push_fields(stages: &[Stage]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for stage in stages {
        match stage {
            Stage::Label(filter) => filter.names(&mut |name| _ = names.insert(name.to_owned())),
            Stage::Line(_) | Stage::LineFormat(_) | Stage::Decolorize => {}
            _ => break,
        }
    }
    names
}

fn field_test(filter: &LabelFilter, is_label: &dyn Fn(&str) -> bool) -> Option<(String, TextTest)> {
    let LabelFilter::Text(matcher) = filter else { return None };
    if matches!(matcher.name.as_str(), ERROR | ERROR_DETAILS | DETECTED_LEVEL) || is_label(&matcher.name) {
        return None;
    }
    Some((matcher.name.clone(), text_test(matcher)?))
}

fn text_test(matcher: &Matcher) -> Option<TextTest> {
    let search = || Search::new(&format!("^(?s:{})$", matcher.value)).ok();
    Some(match matcher.op {
        MatchOp::Equal => TextTest::In(vec![matcher.value.clone()]),
        MatchOp::NotEqual => TextTest::NotIn(vec![matcher.value.clone()]),
        MatchOp::Regex => TextTest::Matches(search()?),
        MatchOp::NotRegex => TextTest::MatchesNot(search()?),
    })
}

/// Fields of these names are found by detection, under exactly them, or are sent so by everybody.
const PLAIN: [&str; 12] = [
    "trace_id",
    "span_id",
    "error_kind",
    "error_code",
    "error_stack",
    "request_id",
    "session_id",
    "user_id",
    "client_ip",
    "duration_seconds",
    "size_bytes",
    "detected_level",
];

/// The names with dots that `name` may stand for.
pub(super) fn spellings(name: &str) -> Vec<String> {
    /// With more of them only all or none is a dot.
    const MOST: usize = 4;
    let places: Vec<usize> = name
        .char_indices()
        .filter(|(at, c)| *c == '_' && *at > 0 && at + 1 < name.len())
        .map(|(at, _)| at)
        .collect();
    if places.is_empty() || name.starts_with("__") || PLAIN.contains(&name) {
        return Vec::new();
    }
    let with = |chosen: &dyn Fn(usize) -> bool| {
        let dot = |at: usize| places.iter().position(|place| *place == at).is_some_and(chosen);
        name.char_indices().map(|(at, c)| if c == '_' && dot(at) { '.' } else { c }).collect::<String>()
    };
    match places.len() > MOST {
        true => vec![with(&|_| true)],
        false => (1..1_u32 << places.len()).map(|bits| with(&|n| bits >> n & 1 == 1)).collect(),
    }
}

/// Whether a stage looks at the text of the line.
fn needs_text(stage: &Stage) -> bool {
    !matches!(stage, Stage::Label(_) | Stage::Drop(_) | Stage::Keep(_))
}

/// The columns that hold what is wished for.
fn wanted(wish: &Wish) -> Option<Vec<String>> {
    let Wish::Names(names) = wish else { return None };
    let mut fields: BTreeSet<String> = BTreeSet::new();
    for name in names {
        // A parsed label gets this name where the line came with one of the shorter name.
        if let Some(short) = name.strip_suffix("_extracted") {
            fields.insert(short.to_owned());
        }
        if name == DETECTED_LEVEL {
            fields.insert("level".to_owned());
        }
        fields.extend(spellings(name));
        fields.insert(name.clone());
    }
    Some(fields.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::spellings;

    #[test]
    fn a_name_stands_for_those_with_dots() {
        assert_eq!(spellings("a_b_c"), ["a.b_c", "a_b.c", "a.b.c"]);
        assert_eq!(spellings("k8s_a_b_c_d_e"), ["k8s.a.b.c.d.e"]);
        for name in ["status", "trace_id", "__error__", "_a", "a_"] {
            assert!(spellings(name).is_empty(), "{name}");
        }
    }
}
