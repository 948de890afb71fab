//! Every expression of the dashboards and rules that people use: it parses and runs, and where Debian's Prometheus
//! (2.42) takes it, both give the same answer over the same samples.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "in a test a panic is the report")]

#[path = "expressions/data.rs"]
mod data;
#[path = "expressions/gather.rs"]
mod gather;

use model::Ctx;
use query::promql::Engine;
use testkit::answer::{Tally, of_api, of_engine, seconds};
use testkit::prometheus::Prometheus;
use testkit::suite::{CONFORMANCE, Case, Component};

/// Expressions whose answer changed after 2.42, and how.
const CHANGED: &[(&str, &str)] = &[];

const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    testkit::suite::run(&[
        Case { name: "all_parse_and_run", needs: &[CONFORMANCE], test: all_parse_and_run },
        Case { name: "same_as_prometheus", needs: &[CONFORMANCE, PROMETHEUS], test: same_as_prometheus },
    ]);
}

fn all_parse_and_run() {
    let expressions = gather::all();
    let store = data::store(&expressions);
    let engine = Engine::default();
    let mut wrong = Vec::new();
    let mut found = 0;
    for expression in &expressions {
        let output = engine.instant(&Ctx::unbounded(), &store, &expression.text, data::END_MS);
        found += usize::from(of_engine(output.clone()).is_ok_and(|rows| !rows.is_empty()));
        // Made up series meet where those of real exporters do not: that is an answer, too.
        let meets =
            |e: &str| e.contains("duplicate series for the match group") || e.contains("multiple matches");
        if let Err(error) = output
            && !meets(&error.to_string())
        {
            wrong.push(format!("{}: {}: {error}", expression.file, expression.text));
        }
    }
    println!("{} expressions, {found} with an answer", expressions.len());
    assert!(expressions.len() > 1_500, "only {} expressions", expressions.len());
    assert!(found * 2 > expressions.len(), "only {found} found anything");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn same_as_prometheus() {
    let expressions = gather::all();
    let store = data::store(&expressions);
    let folder = tempfile::tempdir().expect("a folder for the reference");
    let program = testkit::reference("prometheus").expect("looked at before");
    let reference = Prometheus::start(&program, folder.path()).expect("the reference starts");
    reference.write(&store.dump(), 300_000).expect("the reference takes the samples");
    let engine = Engine::default();
    let mut tally = Tally::default();
    let (start, end) = (seconds(data::END_MS - 600_000), seconds(data::END_MS));
    for expression in &expressions {
        let query = expression.text.as_str();
        let ours = of_engine(engine.instant(&Ctx::unbounded(), &store, query, data::END_MS));
        let theirs = reference.ask("query", &[("query", query), ("time", &end)]).expect("an answer");
        tally.compare(query, "instant", (&ours, &of_api(&theirs)), CHANGED);
        let ours = of_engine(engine.range(
            &Ctx::unbounded(),
            &store,
            query,
            data::END_MS - 600_000,
            data::END_MS,
            60_000,
        ));
        let range = [("query", query), ("start", start.as_str()), ("end", end.as_str()), ("step", "60")];
        let theirs = reference.ask("query_range", &range).expect("an answer");
        tally.compare(query, "range", (&ours, &of_api(&theirs)), CHANGED);
    }
    assert!(tally.identical > 3_000, "only {} answers compared", tally.identical);
    tally.judge();
}
