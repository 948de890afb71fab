//! Reads control groups: where the hierarchies are, which groups there are, and what each has used.
//!
//! [`layout`] finds the hierarchies (v1, v2, or both), [`walk`] lists groups, [`reader`] reads one of them through
//! [`v1`] and [`v2`] sources, controller by controller: on a hybrid host some come from here and some from there.
//! A group that vanishes while it is read is no error: what could not be read is `None`.

pub mod extra;
pub mod file;
pub mod layout;
pub mod network;
pub mod parse;
pub mod process;
pub mod reader;
pub mod reading;
pub mod task_io;
pub mod v1;
pub mod v2;
pub mod walk;

pub use layout::Layout;
pub use reader::Reader;
pub use reading::Reading;
