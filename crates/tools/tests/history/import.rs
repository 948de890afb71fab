//! Data directories of Prometheus into ours.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use model::SeriesData;
use testkit::http::{form, request};
use testkit::prometheus::Prometheus;

use crate::data::{assert_same, create_blocks, exposition, floats, histograms, lines, set, write};
use crate::{output, run};

fn now_ms() -> i64 {
    model::Clock::now_ms(&model::SystemClock)
}

/// Every file below `dir` with its bytes.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() {
            all.extend(files(&entry));
        } else {
            all.insert(entry.display().to_string(), std::fs::read(&entry).unwrap());
        }
    }
    all
}

#[expect(clippy::disallowed_methods, reason = "a pause between two looks")]
fn pause() {
    std::thread::sleep(Duration::from_millis(200));
}

fn blocks(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().filter(|e| e.as_ref().unwrap().path().join("meta.json").is_file()).count()
}

pub(crate) fn a_running_prometheus_is_imported_whole() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("data");
    let hour = 3_600_000;
    let begin = now_ms() / hour * hour - 9 * hour;
    // Two days ago, as blocks; the last hours by remote write, of which Prometheus makes blocks as it goes.
    let old = floats(begin - 40 * hour, 400);
    create_blocks(&old, &theirs);
    let arguments = ["--enable-feature=native-histograms", "--web.enable-admin-api"];
    let prometheus =
        Prometheus::start_with(&testkit::reference("prometheus").unwrap(), folder.path(), &arguments)
            .unwrap();
    let samples = (now_ms() - 60_000 - begin) / 15_000;
    let mut new = floats(begin, samples);
    new.extend(histograms(begin, samples));
    write(&prometheus, &new, hour / 2);
    let made = blocks(&theirs);
    let deadline = Instant::now() + Duration::from_secs(120);
    while blocks(&theirs) < made.max(3) {
        assert!(Instant::now() < deadline, "no block was made of the head");
        pause();
    }
    // Some samples are deleted, of old blocks and of what is in memory.
    let (from, to) = (begin - 39 * hour, now_ms() - 2 * hour);
    let (start, end) =
        (format!("{}.{:03}", from / 1000, from % 1000), format!("{}.{:03}", to / 1000, to % 1000));
    let body = form(&[("match[]", "{k='07'}"), ("start", &start), ("end", &end)]);
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let path = "/api/v1/admin/tsdb/delete_series";
    let answer = request(prometheus.address(), "POST", path, &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 204, "{}", String::from_utf8_lossy(&answer.body));
    let mut all: Vec<SeriesData> = old.into_iter().map(without_stale).chain(new).collect();
    for one in all.iter_mut().filter(|one| one.labels.get("k") == Some("07")) {
        one.keep(|t| t < from || t > to);
    }
    let expected = lines(&all);
    assert!(expected.len() > 70_000);

    // While it runs.
    let (theirs, ours) = (theirs.to_str().unwrap(), folder.path().join("ours"));
    let ours = ours.to_str().unwrap();
    assert_same(&set(&output(&["tsdb", "dump", theirs])), &expected);
    let said = output(&["tsdb", "import", "--to", ours, theirs]);
    assert!(said.starts_with(&format!("{} samples stored in ", expected.len())), "{said}");
    assert_same(&set(&output(&["tsdb", "dump", ours])), &expected);
    // Again, and after it was killed: nothing is stored twice, nothing there is touched.
    drop(prometheus);
    let before = files(Path::new(theirs));
    let said = output(&["tsdb", "import", "--to", ours, theirs]);
    assert!(said.starts_with("0 samples stored in 0 blocks, "), "{said}");
    assert!(files(Path::new(theirs)) == before);
    assert_same(&set(&output(&["tsdb", "dump", theirs])), &expected);
    // The same volume may be the data directory of both.
    let said = output(&["tsdb", "import", "--to", theirs, theirs]);
    assert!(said.starts_with(&format!("{} samples stored in ", expected.len())), "{said}");
    assert_same(&set(&output(&["tsdb", "dump", theirs])), &expected);
    assert!(before.iter().all(|(name, bytes)| std::fs::read(name).is_ok_and(|b| b == *bytes)));
    let prometheus = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path());
    assert!(prometheus.is_ok(), "it can be started on its volume again");
}

fn without_stale(mut one: SeriesData) -> SeriesData {
    let stale: Vec<i64> =
        one.t.iter().zip(&one.v).filter(|(_, v)| model::is_stale_nan(**v)).map(|(t, _)| *t).collect();
    one.keep(|t| !stale.contains(&t));
    one
}

pub(crate) fn damage_is_said_and_the_rest_imported() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("data");
    let data = floats(1_700_000_000_000, 1500);
    create_blocks(&data, &theirs);
    let mut dirs: Vec<_> = std::fs::read_dir(&theirs)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.join("index").is_file())
        .collect();
    dirs.sort();
    assert!(dirs.len() >= 3);
    let chunks = dirs[0].join("chunks/000001");
    let mut bytes = std::fs::read(&chunks).unwrap();
    bytes[100] ^= 0xff;
    std::fs::write(&chunks, bytes).unwrap();
    std::fs::write(dirs[1].join("index"), b"nothing").unwrap();
    std::fs::write(dirs[2].join("tombstones"), b"nothing").unwrap();
    std::fs::write(theirs.join("wal/00000000"), [1, 0xff, 0xff, 1, 2, 3, 4, 5]).unwrap();
    let ours = folder.path().join("ours");
    let said = run(&["tsdb", "import", "--to", ours.to_str().unwrap(), theirs.to_str().unwrap()]);
    assert_eq!(said.exit, tools::Exit::Failure);
    for what in ["the checksum of a chunk is wrong", "index, byte 0: ", "tombstones: "] {
        assert!(said.err.contains(what), "{what} in {}", said.err);
    }
    assert!(said.err.contains("places could not be read; the rest is there"), "{}", said.err);
    let dump = set(&output(&["tsdb", "dump", ours.to_str().unwrap()]));
    let all = lines(&data.into_iter().map(without_stale).collect::<Vec<_>>());
    assert!(dump.len() > all.len() / 2 && dump.len() < all.len() && dump.is_subset(&all), "{}", dump.len());
}

pub(crate) fn a_server_that_is_not_ours_gets_remote_write() {
    let folder = tempfile::tempdir().unwrap();
    let prometheus = Prometheus::start(&testkit::reference("prometheus").unwrap(), folder.path()).unwrap();
    let file = folder.path().join("in.om");
    let data: Vec<SeriesData> = floats(now_ms() - 1_800_000, 100).into_iter().map(without_stale).collect();
    std::fs::write(&file, exposition(&data)).unwrap();
    let url = format!("http://{}", prometheus.address());
    let said = output(&["tsdb", "import", "--to", &url, file.to_str().unwrap()]);
    let samples: usize = data.iter().map(SeriesData::len).sum();
    assert!(said.starts_with(&format!("{samples} samples stored")), "{said}");
    let answer = prometheus.ask("query", &[("query", "count_over_time({k='12'}[1h])")]).unwrap();
    assert_eq!(answer["data"]["result"][0]["value"][1], "100", "{answer}");
    // What is too old for it is said.
    std::fs::write(&file, "a 1 1000\n# EOF\n").unwrap();
    let said = run(&["tsdb", "import", "--to", &url, file.to_str().unwrap()]);
    assert_eq!(said.exit, tools::Exit::Failure);
    assert!(said.err.contains("requests with 1 samples were refused"), "{}", said.err);
}

pub(crate) fn mistakes_are_said() {
    let folder = tempfile::tempdir().unwrap();
    let dir = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(dir("empty")).unwrap();
    let said = run(&["tsdb", "import", "--to", &dir("ours"), &dir("empty")]);
    assert!(
        said.exit == tools::Exit::Failure && said.err.contains("no data of a Prometheus"),
        "{}",
        said.err
    );
    let said = run(&["tsdb", "import", "--to", &dir("ours"), &dir("missing")]);
    assert!(said.err.contains("missing: No such file"), "{}", said.err);
    std::fs::write(dir("bad.om"), "a 1 1\nb 2\n# EOF\n").unwrap();
    let said = run(&["tsdb", "import", "--to", &dir("ours"), &dir("bad.om")]);
    assert!(said.err.contains("bad.om: expected timestamp for series b, got none"), "{}", said.err);
    let said = run(&["tsdb", "analyze", &dir("empty")]);
    assert!(said.err.contains("no blocks found"), "{}", said.err);
    let said = run(&["tsdb", "dump", "--match={", &dir("empty")]);
    assert!(said.err.contains("parse error"), "{}", said.err);
}
