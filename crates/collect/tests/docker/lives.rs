//! Short lives, ends, and what remains of them.

use model::container::{ContainerState, Containers};

use crate::engine::{Container, Privileged, docker};
use crate::lab::{Lab, eventually, increase};

pub(crate) fn a_memory_hog_is_oom_killed_with_137() {
    let lab = Lab::start();
    let hog = "sleep 2; a=xxxxxxxxxxxxxxxx; while :; do a=$a$a; done";
    let it = Container::run("hog", &["--memory", "64m", "--memory-swap", "64m"], hog);
    assert_eq!(it.wait(), 137);
    let row = lab.row(&it.name, "its end", |row| row.facts.exit_code.is_some() && row.facts.oom_killed);
    assert_eq!(row.facts.exit_code, Some(137));
    assert_eq!((row.facts.exit_reason.as_str(), row.facts.state), ("oom_killed", ContainerState::Exited));
    assert!(row.oom_kills >= 1);
    lab.row(&it.name, "the verdict", |row| row.verdicts.first().is_some_and(|v| v.code == "oom_killed"));

    eventually("the kill as a series", || {
        let kills = lab.samples("container_oom_events_total", &it.name, &[]);
        kills.last().is_some_and(|(_, v)| *v >= 1.0).then_some(())
    });
    eventually("the exit code as a series", || {
        let codes = lab.samples("container_last_exit_code", &it.name, &[]);
        (codes.last().map(|c| c.1) == Some(137.0)).then_some(())
    });
    let minutes = eventually("its last minutes", || lab.collector.last_minutes(&it.id).unwrap());
    let largest = minutes.points.iter().map(|p| p.memory).fold(0.0, f64::max);
    assert!(minutes.points.len() >= 2 && largest > 0.0, "{minutes:?}");
    let happened = lab.collector.events(Some(&it.name), 0, i64::MAX / 2_000_000, 100).unwrap();
    let actions: Vec<&str> = happened.iter().map(|e| e.action.as_str()).collect();
    for action in ["create", "start", "oom", "die"] {
        assert!(actions.contains(&action), "{action} in {actions:?}");
    }
    let die = happened.iter().find(|e| e.action == "die").expect("looked at above");
    assert_eq!(die.attributes.get("exit_code").map(String::as_str), Some("137"));
    assert_eq!(die.attributes.get("reason").map(String::as_str), Some("oom_killed"));
    lab.stop();
}

/// Burns for a second, then says how much CPU time its group had used by then, in nanoseconds.
const BURN: &str = "busybox timeout 1 sh -c 'while :; do :; done'; \
     cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || \
     while read k v; do test $k = usage_usec && echo ${v}000; done < /sys/fs/cgroup/cpu.stat";

pub(crate) fn a_burner_of_one_second_leaves_samples_and_its_row() {
    // The interval of a user who configured nothing: only birth and death bring samples.
    let lab = Lab::with(|config| config.interval = std::time::Duration::from_secs(10));
    let privileged = Privileged::new();
    let options = privileged.options();
    let options: Vec<&str> = options.iter().map(String::as_str).collect();
    let it = Container::run("burner", &options, BURN);
    it.wait();
    let truth: f64 = docker(&["logs", &it.name]).lines().last().unwrap().parse::<f64>().unwrap() / 1e9;
    it.remove();
    let row = lab.row(&it.name, "removed", |row| row.facts.removed_ms > 0);
    assert!(lab.collector.rows(true).iter().any(|r| r.facts.id == it.id));
    assert_eq!(row.facts.exit_code.map(|_| row.facts.image.as_str()), Some(crate::engine::IMAGE));
    let samples = eventually("two CPU samples", || {
        let samples = lab.samples("container_cpu_usage_seconds_total", &it.name, &[("cpu", "total")]);
        (samples.len() >= 2 && increase(&samples) >= truth * 0.8).then_some(samples)
    });
    // A machine that is busy with other things may not grant the burner a whole second.
    let wanted = f64::min(0.5, truth * 0.8);
    assert!(increase(&samples) >= wanted, "{} of {truth}: {samples:?}", increase(&samples));
    assert!(increase(&samples) <= truth * 1.2 + 0.05, "no more than there was: {truth}: {samples:?}");
    lab.stop();
}

pub(crate) fn history_survives_removal_and_a_new_start() {
    let mut lab = Lab::start();
    let it = Container::run("gone", &["--label", "com.docker.compose.project=past"], "sleep 4; exit 3");
    assert_eq!(it.wait(), 3);
    lab.row(&it.name, "its end", |row| row.facts.exit_code == Some(3));
    it.remove();
    lab.row(&it.name, "removed", |row| row.facts.removed_ms > 0);
    let before = eventually("its last minutes", || lab.collector.last_minutes(&it.id).unwrap());
    lab.restart();
    let row = lab.row(&it.name, "known after the start", |_| true);
    assert_eq!((row.facts.exit_code, row.facts.state), (Some(3), ContainerState::Removed));
    assert_eq!((row.facts.compose_project.as_str(), row.facts.exit_reason.as_str()), ("past", "error"));
    assert!(lab.collector.rows(false).iter().all(|r| r.facts.id != it.id), "it is gone");
    let after = lab.collector.last_minutes(&it.id).unwrap().expect("still there");
    assert_eq!(after.points.len(), before.points.len());
    assert!(after.points.len() >= 3, "{after:?}");
    let actions: Vec<String> = lab
        .collector
        .events(Some(&it.id), 0, i64::MAX / 2_000_000, 100)
        .unwrap()
        .into_iter()
        .map(|e| e.action)
        .collect();
    assert_eq!(actions, ["create", "start", "die", "destroy"]);
    lab.stop();
}

pub(crate) fn restarts_are_counted_and_a_loop_is_called_one() {
    let lab = Lab::start();
    let it = Container::run("loop", &["--restart", "on-failure:4"], "exit 1");
    let row = lab.row(&it.name, "a loop", |row| row.verdicts.iter().any(|v| v.code == "restart_loop"));
    assert!(row.facts.restart_count >= 3, "{:?}", row.facts);
    eventually("restarts as a series", || {
        let restarts = lab.samples("container_restarts_total", &it.name, &[]);
        restarts.last().is_some_and(|(_, v)| *v >= 3.0).then_some(())
    });
    lab.stop();
}
