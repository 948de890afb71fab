//! `alertmanager.yml` as the pipeline asks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::notify::{Integrations, Notification, Templates};
use model::Labels;
use model::config::Duration;

use super::plan::{Plan, Routing, Way};
use crate::alertmanager::{Config, Route, TimeIntervals};

/// Routes and time intervals of a configuration.
struct Configured {
    tree: Route,
    /// By the number of the route.
    ways: BTreeMap<usize, Way>,
    /// Labels of routes, as they are written.
    labels: BTreeMap<usize, BTreeMap<String, String>>,
    intervals: TimeIntervals,
    templates: Templates,
}

impl Routing for Configured {
    fn find(&self, labels: &Labels) -> Vec<usize> {
        self.tree.find(labels).iter().map(|route| route.index).collect()
    }

    fn way(&self, route: usize) -> Option<&Way> {
        self.ways.get(&route)
    }

    fn is_in(&self, interval: &str, at_ms: i64) -> bool {
        self.intervals.contains(interval, at_ms)
    }

    fn labels(&self, route: usize, notification: &Notification) -> Labels {
        let Some(raw) = self.labels.get(&route) else { return Labels::empty() };
        match self.templates.route_labels(notification, raw) {
            Ok(rendered) => Labels::from_pairs(rendered),
            Err(e) => {
                tracing::warn!(group = notification.group_key, error = e, "labels of a route cannot be made");
                Labels::empty()
            }
        }
    }
}

impl Plan {
    /// What a configuration says; `receivers` were made from it, too.
    pub fn configured(
        config: &Config,
        receivers: BTreeMap<String, Integrations>,
        templates: Templates,
        external_url: &str,
    ) -> Result<Self, String> {
        let tree = config.routes()?;
        let (mut ways, mut labels) = (BTreeMap::new(), BTreeMap::new());
        tree.walk(&mut |route: &Route| {
            ways.insert(route.index, way(route));
            if !route.options.labels.is_empty() {
                labels.insert(route.index, route.options.labels.clone());
            }
        });
        let intervals = config.intervals();
        Ok(Self {
            routing: Arc::new(Configured { tree, ways, labels, intervals, templates }),
            receivers,
            inhibit: config.inhibit()?,
            external_url: external_url.trim_end_matches('/').to_owned(),
            resolve_timeout_ms: ms(config.global.resolve_timeout),
        })
    }
}

fn way(route: &Route) -> Way {
    let options = &route.options;
    Way {
        key: route.key().to_owned(),
        receiver: options.receiver.clone(),
        group_by: options.group_by.clone(),
        group_wait_ms: ms(options.group_wait),
        group_interval_ms: ms(options.group_interval),
        repeat_interval_ms: ms(options.repeat_interval),
        mute: options.mute_time_intervals.clone(),
        active: options.active_time_intervals.clone(),
    }
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.to_std().as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alertmanager::{Notation, parse};

    #[test]
    fn a_file_becomes_a_plan() {
        let text = r#"
global: {resolve_timeout: 7m}
route:
  receiver: all
  group_by: [alertname]
  group_wait: 1s
  routes:
    - matchers: [severity="page"]
      receiver: pages
      repeat_interval: 2h
      labels: {team: "{{ .GroupLabels.alertname }}-team"}
      mute_time_intervals: [never]
time_intervals:
  - name: never
    time_intervals: [{years: ['1970']}]
inhibit_rules:
  - {source_matchers: [a="1"], target_matchers: [a="2"], equal: [b]}
receivers: [{name: all}, {name: pages}]
"#;
        let config = parse(text, Notation::default()).unwrap();
        let plan = Plan::configured(&config, BTreeMap::new(), Templates::defaults().unwrap(), "http://x/");
        let plan = plan.unwrap();
        assert_eq!((plan.resolve_timeout_ms, plan.external_url.as_str()), (420_000, "http://x"));
        assert_eq!(plan.inhibit[0].equal, ["b"]);
        let routing = plan.routing;
        let page = Labels::from_pairs([("alertname", "A"), ("severity", "page")]);
        let found = routing.find(&page);
        let way = routing.way(found[0]).unwrap();
        assert_eq!((found.len(), way.receiver.as_str(), way.group_wait_ms), (1, "pages", 1_000));
        assert_eq!((way.repeat_interval_ms, way.mute[0].as_str()), (7_200_000, "never"));
        assert!(routing.is_in("never", 1_000) && !routing.is_in("never", 1_700_000_000_000));
        let said = Notification {
            receiver: "pages".to_owned(),
            group_key: String::new(),
            group_labels: Labels::from_pairs([("alertname", "A")]),
            alerts: Vec::new(),
            external_url: String::new(),
            now_ms: 0,
            route_labels: Labels::empty(),
            reason: "unknown",
        };
        assert_eq!(routing.labels(found[0], &said), Labels::from_pairs([("team", "A-team")]));
        let other = routing.find(&Labels::empty());
        assert_eq!(routing.way(other[0]).unwrap().receiver, "all");
    }
}
