//! Blocks and logs of Prometheus, beside Debian's programs: what they write is read as they print it, and what is
//! encoded here is served by them.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the report of a test")]

mod damage;
mod reference;
mod write;

use testkit::suite::{Case, Component};

const PROMTOOL: Component =
    Component { name: "Debian's promtool", is_here: || testkit::reference("promtool").is_some() };
const PROMETHEUS: Component =
    Component { name: "Debian's prometheus", is_here: || testkit::reference("prometheus").is_some() };

fn main() {
    testkit::suite::run(&[
        Case { name: "a_block_reads_back", needs: &[], test: damage::a_block_reads_back },
        Case { name: "deleted_samples_are_left_out", needs: &[], test: damage::deleted_samples_are_left_out },
        Case { name: "damage_is_reported_and_the_rest_is_read", needs: &[], test: damage::the_rest_is_read },
        Case { name: "any_bytes_end_without_panic", needs: &[], test: damage::any_bytes_end_without_panic },
        Case {
            name: "blocks_of_promtool_read_as_it_dumps_them",
            needs: &[PROMTOOL],
            test: reference::blocks_of_promtool_read_as_it_dumps_them,
        },
        Case {
            name: "chunks_encoded_here_are_served_by_prometheus",
            needs: &[PROMETHEUS],
            test: reference::chunks_encoded_here_are_served_by_prometheus,
        },
    ]);
}
