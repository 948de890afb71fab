//! The only crate that listens.
//!
//! What it is: the listeners with their limits ([`Server`]), who may ask what ([`access`]), one module for each API that
//! is imitated ([`prometheus`]), our own API for the interface ([`own`]), the embedded interface ([`ui`]), and our own
//! metrics as a scrape target ([`exposition`]). It is also the only crate that knows other products' response shapes.
//!
//! What it is not: it stores, collects and evaluates nothing; all of that is handed in as [`Parts`].
//!
//! ```text
//! socket --accept, limits--> access --allowed--> prometheus / own / ui --Parts--> stores, engine, collectors
//!                              `--refused--> 401, 403
//! ```
//!
//! Start reading at [`Parts`], then `router.rs`.

#![forbid(unsafe_code)]

pub mod access;
mod alertmanager;
mod elastic;
mod exporter;
pub mod exposition;
mod gate;
mod health;
mod influx;
mod limits;
mod listen;
pub mod logs;
mod loki;
mod metrics;
pub mod otlp;

pub mod own;
mod params;
mod parts;
pub mod prometheus;
mod pushgateway;
mod receive;
mod redirects;
mod router;
mod slow;
mod state;
pub mod ui;
mod usage;
mod user_assets;
mod waiting;
mod web;
pub mod web_config;

pub use access::Access;
pub use exporter::Exposed;
pub use limits::Limits;
pub use listen::Server;
pub use metrics::Metrics;
pub use parts::{
    BuildInfo, ConfigState, MemoryState, Node, OtlpFlags, Parts, Process, PushStore, Settings, Snapshot,
    Snapshots, StorageState, TierState,
};
pub use web::Web;
pub use web_config::WebConfig;
