//! The status page in one answer.

use axum::Json;
use axum::extract::State;
use model::target::Health;

use super::error::Answer;
use super::shapes::{Memory, NameCount, SeriesRetention, ShedRow, Status, Storage, TargetCounts, Tier};
use crate::exposition::ingestion;
use crate::state::{self, Shared};

/// Entries of a top list.
const TOP: usize = 10;

pub(crate) async fn status(State(shared): State<Shared>) -> Answer<Json<Status>> {
    // Figures come from disk and from locks of engines: off the threads that serve.
    let state = shared.clone();
    let status = tokio::task::spawn_blocking(move || gather(&state))
        .await
        .map_err(|e| model::Error::internal("the status cannot be gathered").with_detail(e))?;
    Ok(Json(status?))
}

fn gather(state: &state::State) -> model::Result<Status> {
    let process = &state.parts.process;
    let (build, config, memory) = (process.build(), process.config(), process.memory());
    let mut obstacles = process.obstacles();
    for obstacle in state.parts.containers.obstacles() {
        if !obstacles.contains(&obstacle) {
            obstacles.push(obstacle);
        }
    }
    Ok(Status {
        version: build.version,
        revision: build.revision,
        started_ms: process.started_ms(),
        now_ms: state.now_ms(),
        flags: process.flags(),
        config_yaml: config.yaml,
        config_reload_ok: config.reload_ok,
        queues: state.parts.queues.queues(),
        config_reload_ms: config.read_ms,
        collect_stored: config.collect_stored,
        storage: storage(state)?,
        memory: Memory {
            resident_bytes: memory.resident_bytes,
            reserved_bytes: state.parts.budget.used(),
            limit_bytes: memory.limit_bytes,
        },
        shed: state.parts.budget.sheds().list().into_iter().map(ShedRow::from).collect(),
        obstacles,
        targets: targets(state),
        ingestion: NameCount::list(ingestion(state)),
    })
}

fn storage(state: &state::State) -> model::Result<Storage> {
    let stats = match &state.parts.metric_stats {
        Some(stats) => stats.stats(TOP)?,
        None => model::metrics::StoreStats::default(),
    };
    let kept = state.parts.process.storage();
    Ok(Storage {
        head_series: stats.head_series,
        head_chunks: stats.head_chunks,
        head_min_ms: stats.head_range.map(|r| r.start),
        head_max_ms: stats.head_range.map(|r| r.end),
        label_pairs: stats.label_pairs,
        blocks: stats.blocks,
        block_samples: stats.block_samples,
        block_min_ms: stats.block_range.map(|r| r.start),
        block_max_ms: stats.block_range.map(|r| r.end),
        log_bytes: stats.log_bytes,
        block_bytes: stats.block_bytes,
        appended: stats.appended,
        rejected: NameCount::list(stats.rejected.into_iter().map(|(r, n)| (r.as_str(), n))),
        events_bytes: kept.events_bytes,
        retention_ms: kept.retention_ms,
        retention_bytes: kept.retention_bytes,
        series_retention: kept
            .series_retention
            .into_iter()
            .map(|(selector, retention_ms)| SeriesRetention { selector, retention_ms })
            .collect(),
        tiers: kept.tiers.into_iter().map(Tier::from).collect(),
        data_dir: kept.data_dir,
        data_dir_free_bytes: kept.data_dir_free_bytes,
        series_by_metric: NameCount::list(stats.series_by_metric),
    })
}

fn targets(state: &state::State) -> TargetCounts {
    let mut counts = TargetCounts::default();
    for target in state.parts.targets.active() {
        match target.health {
            Health::Up => counts.up += 1,
            Health::Down => counts.down += 1,
            Health::Unknown => counts.unknown += 1,
        }
    }
    counts
}
