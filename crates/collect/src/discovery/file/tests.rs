use std::sync::Arc;

use tokio::sync::watch;

use super::*;
use crate::discovery::{Lists, Source};

fn files(pattern: &str) -> (Files, Arc<Lists>) {
    let sources = Mutex::new(vec![Source::default()]);
    let lists = Arc::new(Lists { sources, changed: watch::Sender::new(()) });
    let config = serde_saphyr::from_str(&format!("files: ['{pattern}']")).unwrap();
    (Files::new(config, Report { lists: lists.clone(), source: 0 }), lists)
}

fn shown(lists: &Lists) -> Vec<String> {
    let sources = lists.sources.lock();
    sources[0]
        .found
        .iter()
        .map(|l| format!("{} {}", l.get_or_empty("__address__"), l.get_or_empty("env")))
        .collect()
}

fn error(lists: &Lists) -> Option<String> {
    lists.sources.lock()[0].error.clone()
}

#[test]
fn files_come_and_go_and_a_broken_one_keeps_its_targets() {
    let dir = tempfile::tempdir().unwrap();
    let (source, lists) = files(&format!("{}/*.yml", dir.path().display()));
    source.read_once();
    assert!(shown(&lists).is_empty());
    let a = dir.path().join("a.yml");
    std::fs::write(&a, "- targets: ['h:1', 'h:2']\n  labels: {env: prod}\n").unwrap();
    std::fs::write(dir.path().join("b.yml"), "[{targets: ['h:3']}]").unwrap();
    source.read_once();
    assert_eq!(shown(&lists), ["h:1 prod", "h:2 prod", "h:3 "]);
    std::fs::write(&a, "- targets: ['h:1', 'h:2'\n").unwrap();
    source.read_once();
    assert_eq!(shown(&lists), ["h:1 prod", "h:2 prod", "h:3 "]);
    assert!(error(&lists).is_some_and(|e| e.contains("a.yml: ")), "{:?}", error(&lists));
    std::fs::write(&a, "- targets: ['h:9']\n").unwrap();
    source.read_once();
    assert_eq!(shown(&lists), ["h:9 ", "h:3 "]);
    assert_eq!(error(&lists), None);
    std::fs::remove_file(a).unwrap();
    source.read_once();
    assert_eq!(shown(&lists), ["h:3 "]);
}

#[test]
fn json_is_strict_and_targets_know_their_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    let (source, lists) = files(&path.display().to_string());
    source.read_once();
    assert!(error(&lists).is_some(), "a file that is named must be there");
    std::fs::write(&path, r#"[{"targets": ["h:1"], "labels": {"env": "x"}}]"#).unwrap();
    source.read_once();
    assert_eq!(shown(&lists), ["h:1 x"]);
    let file = lists.sources.lock()[0].found[0].get_or_empty("__meta_filepath").to_owned();
    assert_eq!(file, path.display().to_string());
    for bad in [r#"[{"target": []}]"#, "[null]", "{}", "\u{0}"] {
        std::fs::write(&path, bad).unwrap();
        source.read_once();
        assert_eq!(shown(&lists), ["h:1 x"], "{bad}");
        assert!(error(&lists).is_some(), "{bad}");
    }
}

proptest::proptest! {
    #[test]
    fn any_file_is_read_or_refused(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        text in "[-\\[\\]{}:,'\"a-z0-9 \n]{0,60}",
    ) {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a.json", "a.yml"] {
            let path = dir.path().join(name);
            for content in [bytes.as_slice(), text.as_bytes()] {
                std::fs::write(&path, content).unwrap();
                let _ = read(&path);
            }
        }
    }
}
