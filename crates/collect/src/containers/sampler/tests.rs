//! The sampler over a made-up tree of groups, with a collector around it and no engine.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use model::container::{ContainerState, Containers};
use model::{SystemClock, is_stale_nan};
use testkit::{MemoryEvents, MemoryMetrics};

use super::*;
use crate::containers::{Collector, Config};

const ID: &str = "fa9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6a";

#[test]
fn the_interval_stretches_with_the_cost_and_holds_while_watched() {
    assert_eq!(live_interval(0.0, false), 1000);
    assert_eq!(live_interval(9.9, false), 1000, "within one per cent");
    assert_eq!(live_interval(25.0, false), 3000);
    assert_eq!(live_interval(25.0, true), 1000, "a page is watching");
    assert_eq!(live_interval(1e9, false), LIVE_MOST_MS);
    assert_eq!((after(1000, 1000), after(1999, 1000), after(-1, 1000)), (2000, 2000, 0));
}

struct Host {
    folder: tempfile::TempDir,
    metrics: Arc<MemoryMetrics>,
    events: Arc<MemoryEvents>,
}

impl Host {
    fn new() -> Self {
        let host = Self {
            folder: tempfile::tempdir().unwrap(),
            metrics: Arc::new(MemoryMetrics::new()),
            events: Arc::new(MemoryEvents::new()),
        };
        host.write("cgroup/cgroup.controllers", "cpu memory pids\n");
        host.write("cgroup/cpu.stat", "usage_usec 1\n");
        host
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn group(&self) -> PathBuf {
        self.folder.path().join("cgroup/system.slice").join(format!("docker-{ID}.scope"))
    }

    /// Makes the container's group with all its files at once, as the kernel does.
    fn make(&self, cpu_usec: u64) {
        let aside = self.folder.path().join("aside");
        std::fs::create_dir_all(&aside).unwrap();
        std::fs::write(aside.join("cpu.stat"), format!("usage_usec {cpu_usec}\n")).unwrap();
        std::fs::write(aside.join("memory.current"), "4096\n").unwrap();
        std::fs::write(aside.join("memory.stat"), "anon 4096\n").unwrap();
        std::fs::write(aside.join("memory.events"), "oom_kill 0\n").unwrap();
        std::fs::write(aside.join("pids.current"), "1\n").unwrap();
        std::fs::create_dir_all(self.group().parent().unwrap()).unwrap();
        std::fs::create_dir(self.group()).unwrap();
        for file in std::fs::read_dir(&aside).unwrap().flatten() {
            std::fs::rename(file.path(), self.group().join(file.file_name())).unwrap();
        }
    }

    fn start(&self) -> Arc<Collector> {
        self.start_with(|_| {})
    }

    fn start_with(&self, change: impl FnOnce(&mut Config)) -> Arc<Collector> {
        let mut config = Config {
            interval: Duration::from_secs(1),
            engines: vec!["/nonexistent/engine.sock".into()],
            cgroups: Some(self.folder.path().join("cgroup")),
            procfs: self.folder.path().join("proc"),
            node: "n".into(),
            ..Config::default()
        };
        change(&mut config);
        let (m, w, r) = (Arc::clone(&self.metrics), Arc::clone(&self.events), Arc::clone(&self.events));
        Collector::start(config, m, w, r, Arc::new(SystemClock))
    }

    fn cpu(&self) -> Vec<f64> {
        let id = format!("/system.slice/docker-{ID}.scope");
        let of = |labels: &model::Labels| {
            labels.metric_name() == "container_cpu_usage_seconds_total" && labels.get("id") == Some(&*id)
        };
        let all = self.metrics.dump().into_iter().filter(|(labels, _)| of(labels));
        all.flat_map(|(_, samples)| samples).map(|(_, v)| v).collect()
    }
}

async fn eventually(what: &str, probe: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !probe() {
        assert!(Instant::now() < deadline, "not seen: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_comes_and_goes_leaves_a_life_from_zero_to_its_end() {
    let host = Host::new();
    std::fs::create_dir_all(host.group().parent().unwrap()).unwrap();
    let collector = host.start();
    eventually("the sampler's first walk", || host.metrics.len() > 3).await;
    host.make(500_000);
    eventually("its row", || collector.row(ID).is_some_and(|row| row.live.is_some())).await;
    eventually("samples", || host.cpu().len() >= 3).await;
    assert_eq!(host.cpu()[..2], [0.0, 0.5], "it was seen being made: the counter begins at zero");
    std::fs::write(host.group().join("cpu.stat"), "usage_usec 900000\n").unwrap();
    std::fs::write(host.group().join("memory.events"), "oom_kill 1\n").unwrap();
    eventually("the kill", || collector.row(ID).is_some_and(|row| row.oom_kills == 1)).await;
    std::fs::remove_dir_all(host.group()).unwrap();
    eventually("its end", || collector.row(ID).is_some_and(|row| row.facts.removed_ms > 0)).await;
    let facts = collector.row(ID).unwrap().facts;
    assert_eq!((facts.state, facts.exit_reason.as_str()), (ContainerState::Removed, "oom_killed"));
    eventually("the stale marker", || host.cpu().last().is_some_and(|v| is_stale_nan(*v))).await;
    assert!(host.cpu().contains(&0.9), "{:?}", host.cpu());
    eventually("its last minutes", || collector.last_minutes(ID).unwrap().is_some()).await;
    collector.stop().await;

    // A new start finds it in the event store.
    let collector = host.start();
    assert_eq!(collector.row(ID).map(|row| row.facts.exit_reason.clone()), Some("oom_killed".to_owned()));
    assert!(collector.last_minutes(ID).unwrap().is_some_and(|m| !m.points.is_empty()));
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_there_before_does_not_begin_at_zero() {
    let host = Host::new();
    host.make(500_000);
    let collector = host.start();
    eventually("samples", || host.cpu().len() >= 2).await;
    assert_eq!(host.cpu()[0], 0.5);
    collector.stop().await;
    assert!(host.cpu().iter().all(|v| *v == 0.5), "stopping the collector ends no container");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_was_replaced_between_two_looks_is_another_life() {
    let host = Host::new();
    host.make(500_000);
    let collector = host.start();
    eventually("samples", || host.cpu().contains(&0.5)).await;
    // Made aside first, so that the two cannot have one inode.
    let (first, second) = (host.folder.path().join("first"), host.folder.path().join("second"));
    std::fs::create_dir(&second).unwrap();
    for file in std::fs::read_dir(host.group()).unwrap().flatten() {
        std::fs::copy(file.path(), second.join(file.file_name())).unwrap();
    }
    std::fs::write(second.join("cpu.stat"), "usage_usec 100000\n").unwrap();
    std::fs::rename(host.group(), &first).unwrap();
    std::fs::rename(&second, host.group()).unwrap();
    eventually("the second life", || host.cpu().contains(&0.1)).await;
    let cpu = host.cpu();
    let ended = cpu.iter().position(|v| is_stale_nan(*v));
    assert!(ended.is_some_and(|at| cpu[at + 1..].starts_with(&[0.0, 0.1])), "{cpu:?}");
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_without_groups_is_an_obstacle_and_nothing_more() {
    let host = Host::new();
    std::fs::remove_dir_all(host.folder.path().join("cgroup")).unwrap();
    let collector = host.start();
    eventually("both obstacles", || collector.obstacles().len() >= 2).await;
    let codes: Vec<String> = collector.obstacles().into_iter().map(|o| o.code).collect();
    assert_eq!(codes, ["engine_absent", "cgroup_missing"]);
    assert!(collector.rows(true).is_empty());
    collector.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_storing_the_pages_still_have_their_figures() {
    let host = Host::new();
    host.make(500_000);
    let collector = host.start_with(|config| config.store = false);
    eventually("its row", || collector.row(ID).is_some_and(|row| row.live.is_some())).await;
    collector.stop().await;
    assert!(host.metrics.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn switched_off_it_says_so() {
    let host = Host::new();
    host.make(500_000);
    let collector = host.start_with(|config| config.enabled = false);
    let codes: Vec<String> = collector.obstacles().into_iter().map(|o| o.code).collect();
    assert_eq!(codes, ["containers_off"]);
    collector.stop().await;
    assert!(host.metrics.is_empty() && collector.rows(true).is_empty());
}
