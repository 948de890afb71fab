//! Query languages over the store traits of `model`.

pub mod promql;
