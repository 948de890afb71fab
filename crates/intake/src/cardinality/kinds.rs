//! Which series are counters, by the metadata of their families.

use std::collections::HashMap;

use model::Labels;
use model::metrics::Family;

/// Families remembered; more are of unknown type.
const MOST: usize = 200_000;

/// Types of families as sources told them.
#[derive(Debug, Default)]
pub(super) struct Kinds(HashMap<String, Kind>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Histogram,
    Summary,
    /// A type whose values do not add up.
    Other,
    /// Sources contradict each other.
    Contested,
}

/// Whether series of a metric can be added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Additive {
    /// A counter, or a part of a histogram or summary that is one.
    Yes,
    /// A gauge, a quantile, a native histogram and the like.
    No,
    /// Nobody said what it is, or two said different things.
    Unknown,
}

impl Kinds {
    pub(super) fn learn(&mut self, families: &[Family]) {
        for family in families {
            let kind = match family.kind.as_str() {
                "counter" => Kind::Counter,
                "histogram" => Kind::Histogram,
                "summary" => Kind::Summary,
                "unknown" | "untyped" | "" => continue,
                _ => Kind::Other,
            };
            if let Some(known) = self.0.get_mut(&family.name) {
                if *known != kind {
                    *known = Kind::Contested;
                }
            } else if self.0.len() < MOST {
                self.0.insert(family.name.clone(), kind);
            }
        }
    }

    pub(super) fn additive(&self, labels: &Labels) -> Additive {
        let name = labels.metric_name();
        let of = |family: &str| self.0.get(family).copied();
        for suffix in ["_bucket", "_count", "_sum"] {
            let family = name.strip_suffix(suffix).and_then(of);
            match family {
                Some(Kind::Histogram) if suffix == "_bucket" && labels.get("le").is_none() => {}
                Some(Kind::Histogram) => return Additive::Yes,
                Some(Kind::Summary) if suffix != "_bucket" => return Additive::Yes,
                Some(Kind::Contested) => return Additive::Unknown,
                _ => {}
            }
        }
        match of(name).or_else(|| name.strip_suffix("_total").and_then(of)) {
            Some(Kind::Counter) => Additive::Yes,
            None | Some(Kind::Contested) => Additive::Unknown,
            Some(Kind::Histogram | Kind::Summary | Kind::Other) => Additive::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_count_adds_up() {
        let mut kinds = Kinds::default();
        let family = |name: &str, kind: &str| Family {
            name: name.to_owned(),
            kind: kind.to_owned(),
            ..Family::default()
        };
        kinds.learn(&[
            family("a_total", "counter"),
            family("b", "counter"),
            family("h", "histogram"),
            family("s", "summary"),
            family("g", "gauge"),
            family("u", "unknown"),
            family("two", "counter"),
            family("two", "gauge"),
        ]);
        let series = |name: &str, more: &[(&str, &str)]| {
            Labels::from_pairs([("__name__", name)].into_iter().chain(more.iter().copied()))
        };
        for (labels, expected) in [
            (series("a_total", &[]), Additive::Yes),
            (series("b_total", &[]), Additive::Yes),
            (series("h_bucket", &[("le", "1")]), Additive::Yes),
            (series("h_bucket", &[]), Additive::Unknown),
            (series("h_sum", &[]), Additive::Yes),
            (series("h", &[]), Additive::No),
            (series("s_count", &[]), Additive::Yes),
            (series("s", &[("quantile", "0.5")]), Additive::No),
            (series("g", &[]), Additive::No),
            (series("u", &[]), Additive::Unknown),
            (series("two", &[]), Additive::Unknown),
            (series("never_heard_of", &[]), Additive::Unknown),
        ] {
            assert_eq!(kinds.additive(&labels), expected, "{labels}");
        }
    }
}
