//! What is known of a container, and what must not be.

use std::io::Write;
use std::sync::{Arc, Mutex};

use model::container::{ContainerState, Containers};

use crate::engine::{Container, IMAGE, docker, try_docker, unique};
use crate::lab::{Lab, eventually};

pub(crate) fn a_container_appears_with_its_facts_and_log() {
    let lab = Lab::start();
    let options = [
        "--label",
        "com.docker.compose.project=shop",
        "--label",
        "com.docker.compose.service=api",
        "--memory",
        "64m",
        "--cpus",
        "0.5",
        "--pids-limit",
        "50",
        "--restart",
        "on-failure:2",
    ];
    let it = Container::run("facts", &options, "echo out; echo err >&2; exec sleep 600");
    let row = lab.row(&it.name, "running, with figures", |row| {
        row.facts.state == ContainerState::Running && row.live.is_some_and(|p| p.cpu.is_finite())
    });
    let facts = &row.facts;
    assert_eq!((facts.id.as_str(), facts.image.as_str()), (it.id.as_str(), IMAGE));
    assert!(facts.image_digest.starts_with("sha256:"), "{}", facts.image_digest);
    assert_eq!((facts.compose_project.as_str(), facts.compose_service.as_str()), ("shop", "api"));
    assert_eq!((facts.memory_limit, facts.cpu_limit, facts.pids_limit), (64 << 20, 0.5, 50));
    assert!(facts.pid > 0 && facts.started_ms > 0 && facts.node == "lab");
    assert_eq!(lab.collector.row(&it.id[..12]).map(|row| row.facts.id.clone()), Some(it.id.clone()));

    let project = [("container_label_com_docker_compose_project", "shop")];
    let limit = eventually("the limit as a series", || {
        lab.samples("container_spec_memory_limit_bytes", &it.name, &project).last().copied()
    });
    assert_eq!(limit.1, f64::from(64 << 20));

    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    lab.collector
        .tail_log(
            &it.name,
            10,
            Box::new(move |line| {
                sink.lock().unwrap().push(line.unwrap());
                true
            }),
        )
        .unwrap();
    eventually("both lines of the log", || (lines.lock().unwrap().len() == 2).then_some(()));
    let mut got: Vec<(String, String)> =
        lines.lock().unwrap().iter().map(|l| (l.stream.clone(), l.text.clone())).collect();
    got.sort();
    assert_eq!(got, [("stderr".into(), "err".into()), ("stdout".into(), "out".into())]);
    assert!(lines.lock().unwrap().iter().all(|line| line.t_ns > 0));
    lab.stop();
}

/// Everything that is logged, for the search.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(crate) fn no_environment_or_argument_reaches_anything() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let mut lab = Lab::start();
    let secret = unique("hunter2").replace('-', "");
    let env = format!("PASSWORD={secret}");
    let check = format!("echo {secret}; exit 1");
    let options = ["--env", &env, "--health-cmd", &check, "--health-interval", "1s", "--health-retries", "1"];
    let it = Container::run("secret", &options, &format!(": {secret}; exec sleep 600 "));
    lab.row(&it.name, "unhealthy", |row| row.facts.health == "unhealthy");
    it.exec(&format!(": {secret}"));
    // An engine quotes the command that it could not start.
    let failing = unique("secret-fails");
    assert!(try_docker(&["run", "--name", &failing, IMAGE, &secret]).is_err());
    let row = lab.row(&failing, "the failed start", |row| !row.facts.error.is_empty());
    assert_eq!(row.facts.exit_reason, "start_failed");
    docker(&["rm", "-f", &failing]);
    docker(&["kill", &it.name]);
    lab.row(&it.name, "ended", |row| row.facts.exit_code == Some(137));
    it.remove();
    lab.row(&it.name, "removed", |row| row.facts.removed_ms > 0);
    lab.restart();

    let containers = lab.collector.as_ref();
    let mut all = format!("{:?}", lab.metrics.dump());
    all.push_str(&format!("{:?}", lab.all_events()));
    all.push_str(&format!("{:?}", containers.rows(true)));
    all.push_str(&format!(
        "{:?}",
        containers.events(None, i64::MIN / 2_000_000, i64::MAX / 2_000_000, 1_000_000)
    ));
    all.push_str(&format!("{:?}", containers.last_minutes(&it.id)));
    all.push_str(&format!("{:?}", containers.obstacles()));
    all.push_str(&String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert!(all.contains(&it.name), "the container itself is there");
    let at = all.find(&secret);
    assert_eq!(at.map(|at| &all[at.saturating_sub(200)..at]), None, "the secret is nowhere");
    lab.stop();
}

pub(crate) fn without_a_socket_containers_are_known_by_their_groups() {
    let lab = Lab::with(|config| config.engines = vec!["/nonexistent/engine.sock.missing".to_owned()]);
    let it = Container::run("nosocket", &[], "exec sleep 600");
    let row =
        lab.row(&it.id, "a row from the group alone", |row| row.live.is_some_and(|point| point.memory > 0.0));
    assert_eq!((row.facts.name.as_str(), row.facts.state), (&it.id[..12], ContainerState::Running));
    let obstacles = lab.collector.obstacles();
    let engine = obstacles.iter().find(|o| o.code == "engine_absent").expect("the missing engine is named");
    assert!(engine.missing.contains("/nonexistent/engine.sock.missing"), "{engine:?}");
    let refused = lab.collector.tail_log(&it.id, 1, Box::new(|_| true)).unwrap_err();
    assert_eq!(refused.kind, model::ErrorKind::Unavailable);
    it.remove();
    lab.row(&it.id, "its end", |row| row.facts.removed_ms > 0);
    let minutes = eventually("its last minutes", || lab.collector.last_minutes(&it.id).unwrap());
    assert!(!minutes.points.is_empty());
    lab.stop();
}
