//! `features`: what this server can, by Prometheus' names.

use std::collections::BTreeMap;

use axum::extract::State;
use query::promql::ast::{AggregateOp, BinaryOp};
use query::promql::signature::Signature;

use super::error::Answer;
use super::response::success;
use crate::state::Shared;

type Features = BTreeMap<&'static str, BTreeMap<String, bool>>;

pub(crate) async fn features(State(state): State<Shared>) -> Answer {
    let options = state.parts.engine.options();
    let syntax = options.syntax;
    let mut all = Features::new();
    let mut set = |category: &'static str, pairs: &[(&str, bool)]| {
        let names = pairs.iter().map(|(name, on)| ((*name).to_owned(), *on));
        all.entry(category).or_default().extend(names);
    };
    set(
        "api",
        &[
            ("admin", state.access.admin_api),
            ("exclude_alerts", true),
            ("label_values_match", true),
            ("lifecycle", state.access.lifecycle),
            ("otlp_write_receiver", state.access.otlp),
            ("query_stats", true),
            ("query_warnings", true),
            ("remote_write_receiver", state.access.remote_write),
            ("search", false),
            ("time_range_labels", true),
            ("time_range_series", true),
        ],
    );
    set("prometheus", &[("agent_mode", false), ("server_mode", true)]);
    set(
        "promql",
        &[
            ("anchored", syntax.extended_selectors),
            ("at_modifier", true),
            ("bool", true),
            ("by", true),
            ("delayed_name_removal", options.delayed_name_removal),
            ("duration_expr", true),
            ("fill", syntax.fill_modifiers),
            ("fill_left", syntax.fill_modifiers),
            ("fill_right", syntax.fill_modifiers),
            ("group_left", true),
            ("group_right", true),
            ("ignoring", true),
            ("negative_offset", true),
            ("offset", true),
            ("on", true),
            ("per_query_lookback_delta", true),
            ("per_step_stats", options.per_step_stats),
            ("smoothed", syntax.extended_selectors),
            ("subqueries", true),
            ("type_and_unit_labels", options.type_and_unit_labels),
            ("without", true),
        ],
    );
    set("rules", &[("keep_firing_for", true), ("query_offset", true)]);
    set("tsdb", &[("exemplar_storage", state.parts.exemplars.is_some()), ("native_histograms", true)]);
    let experimental = syntax.experimental_functions;
    let functions =
        Signature::all().iter().map(|f| (f.name.to_owned(), !f.experimental || experimental)).collect();
    all.insert("promql_functions", functions);
    all.insert("promql_operators", operators(experimental));
    Ok(success(all, Vec::new()))
}

fn operators(experimental: bool) -> BTreeMap<String, bool> {
    let binary = BinaryOp::ALL.iter().map(|op| (op.as_str(), true));
    let aggregations = AggregateOp::ALL.iter().map(|op| (op.as_str(), !op.is_experimental() || experimental));
    let others = [("=~", true), ("!~", true), ("@", true)];
    binary.chain(aggregations).chain(others).map(|(name, on)| (name.to_owned(), on)).collect()
}
