//! Containers: what runs, what it uses, what happened to it.
//!
//! What it is: [`Collector`] reads control groups and `/proc`, follows a Docker or Podman engine, stores cAdvisor's
//! series and container events, and answers the pages through [`model::container::Containers`].
//!
//! What it is not: it never changes anything. Of the engine's API only the reads in [`docker::gate`] are called;
//! environments and arguments of containers are not even parsed. It walks no file systems.
//!
//! ```text
//! engine events --watch--> index <--sampler-- control groups, /proc (inotify, pidfds, the clock)
//!                  |         |         |
//!                  v         v         v
//!              events     pages    readings --writer--> MetricWriter, EventWriter
//! ```
//!
//! Pure machines: [`index`], [`ring`], [`history`], [`live`], [`verdict`], [`metrics`], the parsers in [`cgroup`] and
//! [`docker`]. Thin wires around them: [`sampler`] (a thread), [`watch`] (a task), [`writer`] (a thread),
//! [`collector`]. Start reading at [`collector`], then [`sampler`].

pub mod blackbox;
pub mod cgroup;
pub mod collector;
pub mod config;
pub mod docker;
pub mod history;
pub mod index;
pub mod live;
pub mod metrics;
pub mod obstacles;
pub mod ring;
pub mod sampler;
pub mod shared;
pub mod verdict;
pub mod watch;
pub mod writer;

pub use collector::Collector;
pub use config::Config;
