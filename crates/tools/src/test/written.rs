//! A unit-test file exactly as it is written.

use std::collections::BTreeMap;

use query::promql::parse_duration;
use serde::{Deserialize, Deserializer};

/// A duration in ms; `0` needs no unit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Duration(pub(super) i64);

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "0" {
            return Ok(Self(0));
        }
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}

/// A point in time, ms: RFC 3339, or seconds since the epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Time(pub(super) i64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Ok(seconds) = text.parse::<f64>()
            && seconds.is_finite()
        {
            return Ok(Self((seconds * 1000.0).round() as i64));
        }
        let time: jiff::Timestamp = text.parse().map_err(|_| {
            serde::de::Error::custom(format_args!("cannot parse {text:?} to a valid timestamp"))
        })?;
        Ok(Self(time.as_millisecond()))
    }
}

fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    #[serde(deserialize_with = "nullable")]
    pub(super) rule_files: Vec<String>,
    pub(super) evaluation_interval: Option<Duration>,
    #[serde(deserialize_with = "nullable")]
    pub(super) group_eval_order: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) tests: Vec<Test>,
    pub(super) fuzzy_compare: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Test {
    pub(super) name: Option<String>,
    pub(super) interval: Option<Duration>,
    #[serde(deserialize_with = "nullable")]
    pub(super) input_series: Vec<Series>,
    #[serde(deserialize_with = "nullable")]
    pub(super) alert_rule_test: Vec<AlertTest>,
    #[serde(deserialize_with = "nullable")]
    pub(super) promql_expr_test: Vec<ExprTest>,
    #[serde(deserialize_with = "nullable")]
    pub(super) external_labels: BTreeMap<String, String>,
    pub(super) external_url: Option<String>,
    pub(super) start_timestamp: Time,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Series {
    pub(super) series: String,
    pub(super) values: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AlertTest {
    pub(super) eval_time: Duration,
    pub(super) alertname: Option<String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) exp_alerts: Vec<Alert>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Alert {
    #[serde(deserialize_with = "nullable")]
    pub(super) exp_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "nullable")]
    pub(super) exp_annotations: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ExprTest {
    pub(super) expr: String,
    pub(super) eval_time: Duration,
    #[serde(deserialize_with = "nullable")]
    pub(super) exp_samples: Vec<Sample>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sample {
    #[serde(deserialize_with = "nullable")]
    pub(super) labels: String,
    pub(super) value: f64,
    #[serde(deserialize_with = "nullable")]
    pub(super) histogram: String,
}
