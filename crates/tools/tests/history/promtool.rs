//! The same input to promtool and to `tsdb`.

use std::collections::BTreeSet;
use std::process::Command;

use crate::data::{assert_same, create_blocks, exposition, floats, set};
use crate::{output, run};

const FROM: i64 = 1_700_000_000_000;

fn promtool(arguments: &[&str]) -> String {
    let said = Command::new(testkit::reference("promtool").unwrap()).args(arguments).output().unwrap();
    assert!(said.status.success(), "{arguments:?}: {said:?}");
    String::from_utf8(said.stdout).unwrap()
}

/// The blocks of lines between empty lines, each as a set: equal counts have no order in promtool.
fn parts(text: &str) -> Vec<BTreeSet<String>> {
    text.split("\n\n").map(set).collect()
}

pub(crate) fn lists_and_figures_are_those_of_promtool() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    create_blocks(&floats(FROM, 1500), &dir);
    let path = dir.to_str().unwrap();
    assert_eq!(output(&["tsdb", "list", path]), promtool(&["tsdb", "list", path]));
    assert_eq!(output(&["tsdb", "list", "-r", path]), promtool(&["tsdb", "list", "-r", path]));
    assert!(output(&["tsdb", "list", path]).lines().count() > 3);
    let theirs = promtool(&["tsdb", "analyze", "--limit=100", path]);
    // Later versions say "Total Series".
    let theirs = theirs.replace("\nSeries: ", "\nTotal Series: ");
    assert_eq!(parts(&output(&["tsdb", "analyze", "--limit=100", path])), parts(&theirs));
    let extended = output(&["tsdb", "analyze", "--extended", path]);
    assert!(extended.contains("samples per float chunk (min/avg/max): "), "{extended}");
    assert!(extended.contains("samples per histogram chunk: N/A"), "{extended}");
    let some = output(&["tsdb", "analyze", "--match={k='03'}", path]);
    assert!(some.contains("\nMatched series: 1\n"), "{some}");
}

pub(crate) fn an_openmetrics_file_becomes_the_same_dump() {
    let folder = tempfile::tempdir().unwrap();
    let (theirs, ours, file) =
        (folder.path().join("theirs"), folder.path().join("ours"), folder.path().join("in.om"));
    let data = floats(FROM, 1500);
    create_blocks(&data, &theirs);
    std::fs::write(&file, exposition(&data)).unwrap();
    let (theirs, ours, file) = (theirs.to_str().unwrap(), ours.to_str().unwrap(), file.to_str().unwrap());
    let table = output(&["tsdb", "create-blocks-from", "openmetrics", file, ours]);
    assert!(table.starts_with("BLOCK ULID") && table.lines().count() > 1, "{table}");
    let expected = set(&promtool(&["tsdb", "dump", theirs]));
    assert!(expected.len() > 40_000);
    assert_same(&set(&output(&["tsdb", "dump", ours])), &expected);
    assert_same(&set(&output(&["tsdb", "dump", theirs])), &expected);
    let narrow =
        ["--match={k='01'}", "--match={k='12'}", "--min-time=1700000100000", "--max-time=1700000900000"];
    let narrow = |dir| [&["tsdb", "dump"], &narrow[..], &[dir]].concat();
    assert_same(&set(&output(&narrow(ours))), &set(&output(&narrow(theirs))));
    assert!(output(&narrow(ours)).lines().count() > 100);
    // Out again as OpenMetrics, and in again: nothing is new.
    let text = output(&["tsdb", "dump-openmetrics", ours]);
    let again = folder.path().join("again.om");
    std::fs::write(&again, &text).unwrap();
    let said = output(&["tsdb", "import", "--to", ours, again.to_str().unwrap()]);
    assert!(said.starts_with("0 samples stored in 0 blocks, 4"), "{said}");
    let list = output(&["tsdb", "list", "-r", ours]);
    assert!(list.lines().nth(1).unwrap().contains(" +0000 UTC"), "{list}");
    let figures = output(&["tsdb", "analyze", ours]);
    assert!(figures.contains("Label names: 3\n"), "{figures}");
    let json = output(&["tsdb", "dump", "--format=seriesjson", ours]);
    assert_eq!(json.lines().count(), 30);
    let missing = run(&["tsdb", "dump", "/nonexistent"]);
    assert!(missing.exit == tools::Exit::Failure && missing.err.contains("/nonexistent"), "{}", missing.err);
}
