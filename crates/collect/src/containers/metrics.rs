//! From a reading and facts to samples: cAdvisor's names and labels, and a few of our own.
//!
//! [`families`] is the table of names, [`rows`] gives the samples of one group. Both are pure; [`super::writer`] turns
//! rows into series.

pub mod disks;
pub mod families;
pub mod machine;
pub mod rows;

pub use families::{Family, by_name};
pub use rows::{Input, base_labels, rows};
