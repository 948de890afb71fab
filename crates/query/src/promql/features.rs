//! What `--enable-feature` switches on in the language, by Prometheus' names.

use super::engine::EngineOptions;

/// What became of a name given to `--enable-feature`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switched {
    /// It is on now.
    On,
    /// It was experimental once and is always on by now.
    AlwaysOn,
    /// It is none of the language's.
    NotOurs,
}

/// Names of the features of the language with what each does, sorted.
pub const FEATURES: &[(&str, &str)] = &[
    ("promql-binop-fill-modifiers", "fill(), fill_left() and fill_right() of binary operators"),
    ("promql-delayed-name-removal", "metric names are dropped at the end of a query"),
    ("promql-duration-expr", "arithmetic in durations; always on"),
    ("promql-experimental-functions", "functions and aggregations that may still change"),
    ("promql-extended-range-selectors", "the modifiers anchored and smoothed"),
    ("promql-per-step-stats", "stats=all counts samples for each step"),
    ("type-and-unit-labels", "rate() tells counters by __type__"),
    (
        "use-start-timestamps",
        "rate(), irate(), increase(), resets() and start_timestamp() use start timestamps",
    ),
];

/// Switches on the feature called `name`.
pub fn enable(options: &mut EngineOptions, name: &str) -> Switched {
    let switch = match name {
        "promql-binop-fill-modifiers" => &mut options.syntax.fill_modifiers,
        "promql-delayed-name-removal" => &mut options.delayed_name_removal,
        "promql-experimental-functions" => &mut options.syntax.experimental_functions,
        "promql-extended-range-selectors" => &mut options.syntax.extended_selectors,
        "promql-per-step-stats" => &mut options.per_step_stats,
        "type-and-unit-labels" => &mut options.type_and_unit_labels,
        "use-start-timestamps" => &mut options.start_timestamps,
        "promql-duration-expr" | "promql-at-modifier" | "promql-negative-offset" => {
            return Switched::AlwaysOn;
        }
        _ => return Switched::NotOurs,
    };
    *switch = true;
    Switched::On
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::ParseOptions;

    #[test]
    fn every_listed_feature_is_known() {
        let mut options = EngineOptions::default();
        assert!(FEATURES.is_sorted());
        for (name, _) in FEATURES {
            assert_ne!(enable(&mut options, name), Switched::NotOurs, "{name}");
        }
        assert_eq!(options.syntax, ParseOptions::ALL);
        assert!(options.delayed_name_removal && options.per_step_stats && options.start_timestamps);
        assert_eq!(enable(&mut options, "exemplar-storage"), Switched::NotOurs);
    }
}
