//! The container collector over real containers, through a proxy that lets only the permitted reads pass.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(clippy::disallowed_methods, reason = "it waits for processes that nothing else tells of")]

#[path = "docker/engine.rs"]
mod engine;
#[path = "docker/lab.rs"]
mod lab;
#[path = "docker/proxy.rs"]
mod proxy;

#[path = "docker/facts.rs"]
mod facts;
#[path = "docker/figures.rs"]
mod figures;
#[path = "docker/lives.rs"]
mod lives;
#[path = "docker/logs.rs"]
mod logs;

use engine::{BLOCK_IO, ENGINE};
use testkit::suite::Case;

fn main() {
    let engine = &[ENGINE];
    testkit::suite::run(&[
        Case {
            name: "a_container_appears_with_its_facts_and_log",
            needs: engine,
            test: facts::a_container_appears_with_its_facts_and_log,
        },
        Case {
            name: "no_environment_or_argument_reaches_anything",
            needs: engine,
            test: facts::no_environment_or_argument_reaches_anything,
        },
        Case {
            name: "without_a_socket_containers_are_known_by_their_groups",
            needs: engine,
            test: facts::without_a_socket_containers_are_known_by_their_groups,
        },
        Case {
            name: "a_cpu_limit_of_a_half_shows_a_half_and_throttling",
            needs: engine,
            test: figures::a_cpu_limit_of_a_half_shows_a_half_and_throttling,
        },
        Case {
            name: "network_bytes_agree_with_the_interface",
            needs: engine,
            test: figures::network_bytes_agree_with_the_interface,
        },
        Case {
            name: "direct_writes_agree_with_what_was_written",
            needs: &[ENGINE, BLOCK_IO],
            test: figures::direct_writes_agree_with_what_was_written,
        },
        Case {
            name: "page_cache_raises_no_memory_verdict",
            needs: engine,
            test: figures::page_cache_raises_no_memory_verdict,
        },
        Case {
            name: "a_memory_hog_is_oom_killed_with_137",
            needs: engine,
            test: lives::a_memory_hog_is_oom_killed_with_137,
        },
        Case {
            name: "a_burner_of_one_second_leaves_samples_and_its_row",
            needs: engine,
            test: lives::a_burner_of_one_second_leaves_samples_and_its_row,
        },
        Case {
            name: "history_survives_removal_and_a_new_start",
            needs: engine,
            test: lives::history_survives_removal_and_a_new_start,
        },
        Case {
            name: "restarts_are_counted_and_a_loop_is_called_one",
            needs: engine,
            test: lives::restarts_are_counted_and_a_loop_is_called_one,
        },
        Case {
            name: "numbered_lines_are_stored_once_over_rotations_and_kills",
            needs: engine,
            test: logs::numbered_lines_are_stored_once_over_rotations_and_kills,
        },
    ]);
}
