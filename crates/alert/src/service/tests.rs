use ::notify::{Receivers, Templates};
use model::alerts::{SilenceMatcher, SilenceState};
use model::{ErrorKind, Labels, ManualClock};
use outbound::Clients;

use super::*;
use crate::NoSink;
use crate::alertmanager::{Notation, parse};

const NOW: i64 = 1_700_000_000_000;

fn config(receiver: &str) -> Config {
    let text = format!(
        "route: {{receiver: {receiver}, group_by: [job], labels: {{team: a}}, routes: [{{matchers: [job=x], receiver: other}}]}}\n\
         receivers: [{{name: {receiver}}}, {{name: other, labels: {{owner: b}}}}]\n\
         inhibit_rules: [{{source_matchers: [severity=page], target_matchers: [severity=info], equal: [job]}}]\n"
    );
    parse(&text, Notation::Both).unwrap()
}

fn alert(pairs: &[(&str, &str)]) -> Alert {
    Alert {
        labels: Labels::from_pairs(pairs.iter().copied()),
        annotations: Texts::new(),
        starts_at_ms: NOW,
        ends_at_ms: NOW + 300_000,
        updated_at_ms: NOW,
        timeout: true,
        generator_url: String::new(),
    }
}

#[test]
fn the_api_sees_what_the_pipeline_knows() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let clients = Clients::default();
    let by = |config: &Config| {
        let templates = Templates::from_globs([]).unwrap();
        let receivers = Receivers::build(&config.receivers, &templates, &clients).unwrap();
        let plan = Plan::configured(config, receivers, templates, "http://here/").unwrap();
        Some(Configured::new(plan, config).unwrap())
    };
    let (clock, runtime) = (Arc::new(ManualClock::at_ms(NOW)), runtime.handle().clone());
    let fs = Arc::new(disk::RealFs);
    let switch = Switch::new(fs, dir.path().to_owned(), clock, runtime, Arc::new(NoSink));
    let service = Service::new(Arc::new(switch));
    assert!(!service.is_running());
    assert_eq!(service.put(vec![]).unwrap_err().kind, ErrorKind::Unavailable);
    service.apply(by(&config("team")), Outward::default()).unwrap();
    assert!(service.is_running());

    let page = alert(&[("alertname", "A"), ("job", "x"), ("severity", "page")]);
    let info = alert(&[("alertname", "B"), ("job", "x"), ("severity", "info")]);
    let far = alert(&[("alertname", "C"), ("job", "y"), ("severity", "info")]);
    service.put(vec![page.clone(), info.clone(), far.clone()]).unwrap();
    let of = |alert: &Alert| {
        service.alerts().into_iter().find(|status| status.fingerprint == alert.fingerprint()).unwrap()
    };
    assert_eq!(of(&info).inhibited_by, [page.fingerprint()]);
    assert!(of(&far).inhibited_by.is_empty());
    assert_eq!(
        (of(&page).receivers, of(&far).receivers),
        (vec!["other".to_owned()], vec!["team".to_owned()])
    );
    let groups = service.groups();
    let seen: Vec<_> = groups.iter().map(|g| (g.receiver.as_str(), g.alerts.len())).collect();
    assert_eq!(seen, [("other", 2), ("team", 1)]);
    assert_eq!(groups[0].route_labels, Texts::from([("team".to_owned(), "a".to_owned())]));

    let matcher =
        SilenceMatcher { name: "job".to_owned(), value: "y.*".to_owned(), is_regex: true, is_equal: true };
    let silence = Silence {
        id: String::new(),
        matchers: vec![matcher],
        starts_at_ms: NOW,
        ends_at_ms: NOW + 1_000,
        updated_at_ms: NOW,
        created_by: "me".to_owned(),
        comment: String::new(),
    };
    let id = service.set_silence(silence).unwrap();
    assert_eq!(of(&far).silenced_by.join(" "), id);
    service.expire_silence(&id).unwrap();
    assert!(of(&far).silenced_by.is_empty());
    assert_eq!(service.silence(&id).unwrap().state(NOW), SilenceState::Expired);

    let second = config("night");
    service.apply(by(&second), Outward::default()).unwrap();
    assert_eq!(of(&far).receivers, ["night"]);
    assert_eq!(service.receivers()[0].name, "night");
    assert!(service.config().contains("receiver: night"), "{}", service.config());
    service.apply(None, Outward::default()).unwrap();
    assert!(!service.is_running() && service.alerts().is_empty());
}
