//! Rule files, and the evaluation of what they say.
//!
//! [`file`](mod@file) reads and checks a file; [`group`](mod@group) evaluates a group at one time, as a function of that
//! time and of what can be read, where wanted with rules side by side that do not depend on each other; [`manager`] runs groups on their schedule and takes new files while they run.

pub mod alert;
mod beside;
mod dependency;
pub mod file;
pub mod group;
pub mod manager;
pub mod metrics;
mod restore;
pub mod rule;
mod schedule;
mod status;
mod write;

pub use alert::Alert;
pub use beside::Beside;
pub use file::{Expression, GroupDefinition, ParseSettings, RuleDefinition, RuleKind};
pub use group::{Group, LogSource, Surroundings};
pub use manager::{Manager, Settings};
pub use metrics::Metrics;
