//! What the whole binary does where the disk is full or read-only, and where the clock steps.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    unreachable_pub,
    reason = "a panic is the report of a test"
)]

#[path = "faults/clock.rs"]
mod clock;
#[path = "faults/disk.rs"]
mod disk;

use tests::Case;
use tests::mounted::MOUNT;

fn main() {
    tests::run(&[
        Case {
            name: "a_full_disk_refuses_writes_with_a_reason_and_recovers_by_itself",
            needs: &[MOUNT],
            test: disk::a_full_disk,
        },
        Case {
            name: "a_read_only_disk_refuses_writes_with_a_reason_and_recovers_by_itself",
            needs: &[MOUNT],
            test: disk::a_read_only_disk,
        },
        Case {
            name: "a_clock_that_steps_forward_and_back_costs_nothing",
            needs: &[clock::COMPILER],
            test: clock::a_clock_that_steps,
        },
    ]);
}
