//! The nouns everyone shares, and the two seams between engines and everything else.
//!
//! What it is: [`Labels`], [`Matcher`], samples, [`Histogram`], [`Event`], [`TimeRange`], [`Resource`], errors,
//! the [`Clock`], the memory [`Budget`], and the store traits ([`MetricWriter`], [`MetricReader`], [`EventWriter`],
//! [`EventReader`]).
//!
//! What it is not: it does no I/O, spawns nothing, knows no wire format and no query language. A type that only
//! one crate uses lives in that crate, not here.
//!
//! ```text
//! collect, server --labels, samples, events--> intake --MetricWriter / EventWriter--> tsdb, events
//! server <--results-- query <--MetricReader / EventReader-- tsdb, events
//! ```
//!
//! Start reading at [`metrics`], [`records`] and [`events`] (the seams), then [`labels`].

#![forbid(unsafe_code)]

pub mod admin;
pub mod alerts;
pub mod budget;
pub mod clock;
pub mod config;
pub mod container;
pub mod ctx;
pub mod digest;
pub mod error;
pub mod events;
pub mod exemplar;
pub mod feed;
pub mod hashing;
pub mod histogram;
pub mod history;
pub mod labels;
pub mod matcher;
pub mod metrics;
pub mod nearest;
pub mod passing;
pub mod pattern;
pub mod progress;
pub mod records;
pub mod relabel;
pub mod resource;
pub mod rule;
pub mod sample;
mod series_data;
pub mod shed;
pub mod summary;
pub mod target;
pub mod time;

pub use admin::MetricAdmin;
pub use budget::{Budget, Reservation};
pub use clock::{Clock, ManualClock, Steady, SystemClock};
pub use ctx::{CancelFlag, Ctx, Tenant};
pub use digest::{Coarse, Cuts, Digest, DigestHint, Fields, Need};
pub use error::{Error, ErrorKind, Result};
pub use events::{
    Condition, ConditionOp, Event, EventBatch, EventKind, EventReader, EventScan, EventStream, EventWriter,
    FieldValue, Order,
};
pub use exemplar::{Exemplar, ExemplarReader, ExemplarSample, ExemplarsTaken, SeriesExemplars};
pub use feed::{FeedBatch, FeedLag, FeedSample, FeedValue, Follower, MetricFeed};
pub use histogram::{Bucket, Histogram, ResetHint, Span};
pub use history::{HistoryWriter, Imported, MetricHistory};
pub use labels::{Labels, LabelsBuilder};
pub use matcher::{MatchOp, Matcher};
pub use metrics::{
    Appended, Cost, Grid, HistogramSample, Listing, MetricBatch, MetricReader, MetricWriter, Partition,
    Position, RejectReason, Rejected, SelectHints, Selected, Selection, SeriesData, SeriesRef, Version,
};
pub use pattern::Pattern;
pub use progress::ReplayProgress;
pub use records::{Columns, RecordReader, RecordScan, RecordWriter, Records};
pub use resource::{Identity, IdentityKey, Resource};
pub use sample::{STALE_NAN_BITS, Sample, is_stale_nan, stale_nan};
pub use shed::{Load, Shed, Sheds};
pub use summary::Summary;
pub use time::TimeRange;
