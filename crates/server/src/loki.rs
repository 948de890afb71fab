//! Loki's API.

pub(crate) mod push;
