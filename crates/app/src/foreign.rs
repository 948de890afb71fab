//! A data directory that also holds the blocks of a Prometheus: they are left alone, and offered for import.

use std::path::Path;

use model::container::Obstacle;
use tools::tsdb::Foreign;

/// What is said of foreign blocks in `data`. `earliest` is the first sample of our own blocks: where it lies before the
/// end of theirs, they were imported. `url`: of this server; `token`: the file with the token that it wants.
pub(crate) fn notice(
    data: &Path,
    earliest: Option<i64>,
    url: &str,
    token: Option<&Path>,
) -> Option<Obstacle> {
    let token = token.map_or_else(String::new, |file| format!(" --token-file {}", file.display()));
    let found = tools::tsdb::foreign(data)?;
    if earliest.is_some_and(|earliest| earliest < found.max_time) {
        return None;
    }
    let remedy = format!(
        "run `bonghwa tsdb import --to {url}{token} {}` beside this server; Prometheus' files stay as they are",
        data.display()
    );
    let missing = describe(&found);
    tracing::info!("{missing}; to see its history here, {remedy}");
    Some(Obstacle {
        code: "foreign_blocks".to_owned(),
        missing,
        costs: "its history is not shown".to_owned(),
        remedy,
    })
}

fn describe(found: &Foreign) -> String {
    let time = |ms: i64| tools::tsdb::time(ms);
    match found.blocks {
        0 => "the data directory also holds the write-ahead log of a Prometheus".to_owned(),
        n => format!(
            "the data directory also holds {n} blocks of a Prometheus, from {} to {}",
            time(found.min_time),
            time(found.max_time)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://localhost:9090";

    #[test]
    fn foreign_blocks_are_named_with_their_range_and_the_command() {
        let dir = tempfile::tempdir().unwrap();
        assert!(notice(dir.path(), None, URL, None).is_none());
        let block = dir.path().join("01BX5ZZKBKACTAV9WEVGEMMVRZ");
        std::fs::create_dir(&block).unwrap();
        let meta = r#"{"ulid":"01BX5ZZKBKACTAV9WEVGEMMVRZ","minTime":1700000000000,"maxTime":1700007200000,"version":1}"#;
        std::fs::write(block.join("meta.json"), meta).unwrap();
        let said = notice(dir.path(), None, URL, None).unwrap();
        assert!(
            said.missing.contains("1 blocks of a Prometheus, from 2023-11-14 22:13:20"),
            "{}",
            said.missing
        );
        assert!(said.remedy.contains("bonghwa tsdb import --to http://localhost:9090 /"), "{}", said.remedy);
        assert!(notice(dir.path(), Some(1_700_000_000_000), URL, None).is_none(), "they were imported");
        assert!(notice(dir.path(), Some(1_700_007_200_000), URL, None).is_some());
    }
}
