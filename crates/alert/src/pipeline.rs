//! Who is told, and when: alerts become groups, groups become notifications.
//!
//! What it is: a machine without threads and without a clock of its own. [`Core::put`] takes alerts, [`Core::step`]
//! says which attempts to deliver begin now, [`Core::answered`] takes their answers; [`Driver`] is the thread around it
//! that sends. What must survive a crash (silences, what was told to whom, the ledger of transitions and attempts) lies
//! on `disk`, and is there before the answer counts.
//!
//! ```text
//! alerts --alerts (merge, end, collect)--> groups, one a route and label set (wait, interval, repeat)
//!                                             | flush
//!                        inhibit, mute and active times, silences: who is not told
//!                                             | told: what that receiver knows already
//!                                             v
//!                          Attempt --Driver--> notify::Integration --answered--> told, journal
//! ```
//!
//! It behaves as Alertmanager 0.34 does. Start reading at [`Core`], then `core/flush.rs`.

mod alerts;
mod configured;
mod core;
mod driver;
mod group;
mod inhibit;
mod journal;
mod metrics;
mod plan;
mod silences;
mod switch;
mod told;

pub use self::core::{Answer, Attempt, Core, GroupView, Limits, Stores};
pub use driver::Driver;
pub use journal::{Entry, Journal, Outcome, Search};
pub use metrics::Metrics;
pub use plan::{Plan, Routing, Way};
pub use switch::{Outward, Switch};
pub use told::Reason;
