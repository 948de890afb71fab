//! Logs through the whole binary, where it hurts: kill -9 while files rotate and senders send, full disks, secrets in
//! every way in, and bytes that nobody can read.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a panic is the report of a test"
)]

#[path = "logs/bad_input.rs"]
mod bad_input;
#[path = "logs/clock.rs"]
mod clock;
#[path = "logs/crash_engine.rs"]
mod crash_engine;
#[path = "logs/crash_files.rs"]
mod crash_files;
#[path = "logs/crash_receivers.rs"]
mod crash_receivers;
#[path = "logs/full_disk.rs"]
mod full_disk;
#[path = "logs/read.rs"]
mod read;
#[path = "logs/reload.rs"]
mod reload;
#[path = "logs/secrets.rs"]
mod secrets;
#[path = "logs/senders.rs"]
mod senders;

use tests::Case;
use tests::docker::ENGINE;
use tests::mounted::MOUNT;

fn main() {
    tests::run(&[
        Case {
            name: "lines_of_containers_are_there_once_and_in_order_after_three_kills",
            needs: &[ENGINE],
            test: crash_files::containers,
        },
        Case {
            name: "lines_of_other_log_drivers_are_there_once_and_in_order_after_three_kills",
            needs: &[ENGINE],
            test: crash_engine::by_files,
        },
        Case {
            name: "lines_that_the_engine_reads_are_there_once_and_in_order_after_three_kills",
            needs: &[ENGINE],
            test: crash_engine::by_api,
        },
        Case {
            name: "lines_of_pods_and_plain_files_are_there_once_and_in_order_after_three_kills",
            needs: &[],
            test: crash_files::files,
        },
        Case {
            name: "every_acknowledged_line_survives_kill_9_in_20_rounds",
            needs: &[],
            test: crash_receivers::every_acknowledged_line_survives,
        },
        Case {
            name: "a_full_disk_makes_senders_wait_and_loses_nothing",
            needs: &[MOUNT],
            test: full_disk::a_full_disk,
        },
        Case {
            name: "no_secret_reaches_the_disk_by_any_way",
            needs: &[],
            test: secrets::by_files_and_receivers,
        },
        Case {
            name: "no_key_that_is_sent_line_by_line_reaches_the_disk",
            needs: &[],
            test: secrets::line_by_line,
        },
        Case {
            name: "no_secret_of_a_container_reaches_the_disk",
            needs: &[ENGINE],
            test: secrets::by_containers,
        },
        Case {
            name: "a_reload_changes_listeners_and_files_and_leaves_other_connections_alone",
            needs: &[],
            test: reload::listeners_and_files,
        },
        Case {
            name: "what_cannot_be_read_is_told_and_counted_and_costs_others_nothing",
            needs: &[],
            test: bad_input::frames,
        },
        Case {
            name: "lines_of_100_mb_and_bombs_are_cut_or_refused_within_bounds",
            needs: &[],
            test: bad_input::large,
        },
        Case {
            name: "odd_times_repeated_batches_and_slow_senders_are_taken_as_they_are",
            needs: &[],
            test: bad_input::odd,
        },
    ]);
}
