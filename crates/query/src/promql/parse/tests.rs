//! Against the conformance cases, and what they do not cover.

use super::*;
use crate::promql::ast::*;
