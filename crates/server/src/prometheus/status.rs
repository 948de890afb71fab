//! `status/*`.

use axum::extract::State;
use model::metrics::StoreStats;
use serde_json::{Value, json};

use super::API_VERSION;
use super::error::{Answer, ApiError};
use super::extract::Form;
use super::response::success;
use super::targets::{duration, rfc3339};
use crate::state::Shared;

pub(crate) async fn config(State(state): State<Shared>) -> Answer {
    Ok(success(json!({ "yaml": state.parts.process.config().yaml }), Vec::new()))
}

pub(crate) async fn flags(State(state): State<Shared>) -> Answer {
    Ok(success(state.parts.process.flags(), Vec::new()))
}

/// `512MiB`, `1GiB512MiB`: whole units, as Prometheus writes sizes.
fn bytes(mut n: u64) -> String {
    let mut text = String::new();
    for (unit, power) in
        [("EiB", 60), ("PiB", 50), ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10), ("B", 0)]
    {
        let size = 1u64 << power;
        if n >= size {
            text += &format!("{}{unit}", n / size);
            n %= size;
        }
    }
    if text.is_empty() { "0B".to_owned() } else { text }
}

pub(crate) async fn runtime_info(State(state): State<Shared>) -> Answer {
    let process = &state.parts.process;
    let (config, kept, memory) = (process.config(), process.storage(), process.memory());
    let node = process.nodes().into_iter().next().unwrap_or_default();
    let mut retention = Vec::new();
    if kept.retention_ms > 0 {
        retention.push(duration(kept.retention_ms));
    }
    if kept.retention_bytes > 0 {
        retention.push(bytes(kept.retention_bytes));
    }
    let info = json!({
        "startTime": rfc3339(process.started_ms()),
        "CWD": std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_default(),
        "hostname": node.name,
        "serverTime": rfc3339(state.now_ms()),
        "reloadConfigSuccess": config.reload_ok,
        "lastConfigTime": rfc3339(config.read_ms),
        "corruptionCount": 0,
        "goroutineCount": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "GOMAXPROCS": tokio::runtime::Handle::current().metrics().num_workers(),
        "GOMEMLIMIT": memory.limit_bytes,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": retention.join(" or "),
    });
    Ok(success(info, Vec::new()))
}

fn build(state: &Shared) -> Value {
    let build = state.parts.process.build();
    json!({
        "version": API_VERSION,
        "revision": build.revision,
        "branch": "",
        "buildUser": format!("bonghwa {}", build.version),
        "buildDate": "",
        "goVersion": "",
    })
}

pub(crate) async fn build_info(State(state): State<Shared>) -> Answer {
    Ok(success(build(&state), Vec::new()))
}

/// `/version`: the same without an envelope.
pub(crate) async fn version(State(state): State<Shared>) -> axum::Json<Value> {
    axum::Json(build(&state))
}

pub(crate) async fn tsdb(State(state): State<Shared>, Form(params): Form) -> Answer {
    let limit = match params.get("limit") {
        "" => 10,
        text => text
            .parse::<usize>()
            .ok()
            .filter(|n| *n > 0 && *n <= 10_000)
            .ok_or_else(|| ApiError::bad_data("limit must be a positive number, at most 10000"))?,
    };
    if state.parts.metric_stats.is_none() {
        return Err(ApiError::not_implemented("this metric store keeps no statistics"));
    }
    let stats = state
        .read(None, move |state, _| match &state.parts.metric_stats {
            Some(stats) => stats.stats(limit),
            None => Ok(StoreStats::default()),
        })
        .await??;
    let list = |pairs: Vec<(String, u64)>| -> Vec<Value> {
        pairs.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
    };
    let body = json!({
        "headStats": {
            "numSeries": stats.head_series,
            "numLabelPairs": stats.label_pairs,
            "chunkCount": stats.head_chunks,
            "minTime": stats.head_range.map_or(i64::MAX, |r| r.start),
            "maxTime": stats.head_range.map_or(i64::MIN, |r| r.end),
        },
        "seriesCountByMetricName": list(stats.series_by_metric),
        "labelValueCountByLabelName": list(stats.values_by_label),
        "memoryInBytesByLabelName": list(stats.bytes_by_label),
        "seriesCountByLabelValuePair": list(stats.series_by_pair),
    });
    Ok(success(body, Vec::new()))
}

pub(crate) async fn blocks(State(state): State<Shared>) -> Answer {
    let found = state.read(None, |state, _| state.parts.metric_stats.as_ref().map(|stats| stats.blocks()));
    let none = || ApiError::not_implemented("this metric store has no blocks");
    let blocks: Vec<Value> = found
        .await?
        .ok_or_else(none)?
        .into_iter()
        .map(|block| {
            json!({
                "ulid": block.id,
                "minTime": block.range.start,
                // As in Prometheus, where a block ends before this time.
                "maxTime": block.range.end.saturating_add(1),
                "stats": { "numSamples": block.samples, "numSeries": block.series, "sizeBytes": block.bytes },
                "compaction": { "level": block.level, "sources": [block.id] },
                "version": 1,
            })
        })
        .collect();
    Ok(success(json!({ "blocks": blocks }), Vec::new()))
}

pub(crate) async fn wal_replay(State(state): State<Shared>) -> Answer {
    Ok(success(crate::waiting::figures(state.parts.replay.now()), Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_are_in_whole_units() {
        for (n, text) in [(0, "0B"), (512 << 20, "512MiB"), (9 << 30, "9GiB"), ((1 << 30) + 5, "1GiB5B")] {
            assert_eq!(bytes(n), text);
        }
    }
}
