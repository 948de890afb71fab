//! Alertmanager's API over a keeper of alerts and silences in memory.

use std::sync::Arc;

use model::alerts::{Alert, AlertStatus, Alertmanager, GroupStatus, ReceiverStatus, Silence, SilenceState};
use model::rule::Texts;
use model::{Error, Labels, Result};
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::fixture::{Fixture, NOW_MS, Wanted};

const ID: &str = "0f5a9d0e-0000-4000-8000-000000000001";

/// Keeps what it is given. Alerts that have `quiet` are inhibited; one receiver hears of all.
#[derive(Default)]
struct Kept {
    alerts: Mutex<Vec<Arc<Alert>>>,
    silences: Mutex<Vec<Silence>>,
}

impl Kept {
    fn status(&self, alert: &Arc<Alert>) -> AlertStatus {
        let silences = self.silences.lock();
        let silences = silences.iter().filter(|silence| {
            silence.state(NOW_MS) == SilenceState::Active
                && silence.matchers.iter().all(|m| alert.labels.get_or_empty(&m.name) == m.value)
        });
        let quiet = alert.labels.get("quiet").map(|_| alert.fingerprint());
        AlertStatus {
            fingerprint: alert.fingerprint(),
            alert: alert.clone(),
            silenced_by: silences.map(|silence| silence.id.clone()).collect(),
            inhibited_by: quiet.into_iter().collect(),
            receivers: vec!["team".to_owned()],
        }
    }
}

impl Alertmanager for Kept {
    fn config(&self) -> String {
        "route:\n  receiver: team\n".to_owned()
    }

    fn resolve_timeout_ms(&self) -> i64 {
        300_000
    }

    fn receivers(&self) -> Vec<ReceiverStatus> {
        let receiver = |name: &str, owner: &str| {
            let labels = [("name", name), ("owner", owner)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
            ReceiverStatus { name: name.to_owned(), labels: Texts::from(labels) }
        };
        vec![receiver("team", "a"), receiver("other", "b")]
    }

    fn alerts(&self) -> Vec<AlertStatus> {
        let mut all: Vec<_> = self.alerts.lock().iter().map(|alert| self.status(alert)).collect();
        all.sort_by_key(|status| status.fingerprint);
        all
    }

    fn groups(&self) -> Vec<GroupStatus> {
        vec![GroupStatus {
            labels: Labels::from_pairs([("job", "j")]),
            route_labels: Texts::default(),
            receiver: "team".to_owned(),
            muted_by: vec!["night".to_owned()],
            alerts: self.alerts(),
        }]
    }

    fn put(&self, alerts: Vec<Alert>) -> Result<()> {
        self.alerts.lock().extend(alerts.into_iter().map(Arc::new));
        Ok(())
    }

    fn silences(&self) -> Vec<Silence> {
        self.silences.lock().clone()
    }

    fn silence(&self, id: &str) -> Option<Silence> {
        self.silences.lock().iter().find(|silence| silence.id == id).cloned()
    }

    fn set_silence(&self, mut silence: Silence) -> Result<String> {
        if !silence.id.is_empty() && self.silence(&silence.id).is_none() {
            return Err(Error::not_found("silence not found"));
        }
        let mut all = self.silences.lock();
        all.retain(|kept| kept.id != silence.id);
        silence.id = format!("0f5a9d0e-0000-4000-8000-{:012}", all.len() + 1);
        all.push(silence.clone());
        Ok(silence.id)
    }

    fn expire_silence(&self, id: &str) -> Result<()> {
        let mut all = self.silences.lock();
        let silence = all.iter_mut().find(|silence| silence.id == id);
        let silence = silence.ok_or_else(|| Error::not_found("silence not found"))?;
        if silence.state(NOW_MS) == SilenceState::Expired {
            return Err(Error::conflict("already expired"));
        }
        silence.ends_at_ms = NOW_MS;
        Ok(())
    }
}

fn fixture() -> Fixture {
    Fixture::with(Wanted { alertmanager: Some(Arc::new(Kept::default())), ..Wanted::default() })
}

async fn post(fixture: &Fixture, path: &str, body: &str) -> (u16, Value) {
    let request = fixture.client.post(format!("{}{path}", fixture.url)).body(body.to_owned());
    let answer = request.header("Content-Type", "application/json").send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() })
}

async fn names(fixture: &Fixture, query: &str) -> Vec<String> {
    let (status, body) = fixture.json(&format!("/api/v2/alerts?{query}")).await;
    assert_eq!(status, 200, "{query}: {body}");
    let name = |alert: &Value| alert["labels"]["alertname"].as_str().unwrap().to_owned();
    let mut names: Vec<String> = body.as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

#[tokio::test]
async fn alerts_are_taken_and_shown() {
    let fixture = fixture();
    let body = r#"[
        {"labels": {"alertname": "A", "empty": ""}, "annotations": {"text": "x"}, "generatorURL": "http://h/g"},
        {"labels": {"alertname": "B", "quiet": "1"}, "startsAt": "2023-11-14T22:00:00+01:00", "endsAt": "2023-11-15T00:00:00Z"},
        {"labels": {"alertname": "C"}, "endsAt": "0001-01-01T00:00:00Z"}
    ]"#;
    assert_eq!(post(&fixture, "/api/v2/alerts", body).await, (200, Value::Null));
    let (_, all) = fixture.json("/api/v2/alerts?filter=alertname%3DA").await;
    assert_eq!(
        all,
        json!([{
            "annotations": {"text": "x"},
            "endsAt": "2023-11-14T22:18:20.000Z",
            "fingerprint": all[0]["fingerprint"],
            "receivers": [{"name": "team"}],
            "startsAt": "2023-11-14T22:13:20.000Z",
            "status": {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"},
            "updatedAt": "2023-11-14T22:13:20.000Z",
            "generatorURL": "http://h/g",
            "labels": {"alertname": "A"},
        }])
    );
    let (_, all) = fixture.json("/api/v2/alerts?filter=alertname%3DB").await;
    assert_eq!(all[0]["startsAt"], "2023-11-14T21:00:00.000Z");
    assert_eq!(all[0]["status"]["state"], "suppressed");
    for (query, wanted) in [
        ("", "A B C"),
        ("inhibited=false", "A C"),
        ("active=false", "B"),
        ("filter=alertname%3D~%22A%7CB%22&filter=quiet%3D%22%22", "A"),
        ("receiver=te.m", "A B C"),
        ("receiver=te", ""),
        ("receiver_matchers=owner%3Da", "A B C"),
        ("receiver_matchers=owner%3Db", ""),
    ] {
        assert_eq!(names(&fixture, query).await.join(" "), wanted, "{query}");
    }
    let (_, groups) = fixture.json("/api/v2/alerts/groups?inhibited=false").await;
    assert_eq!(groups[0]["labels"], json!({"job": "j"}));
    assert_eq!(groups[0]["receiver"], json!({"name": "team"}));
    assert_eq!(groups[0]["alerts"].as_array().unwrap().len(), 2);
    assert_eq!(groups[0]["alerts"][0]["status"]["mutedBy"], json!(["night"]));
    assert_eq!(groups[0]["alerts"][0]["status"]["state"], "suppressed");
    assert_eq!(fixture.json("/api/v2/alerts/groups?muted=false").await.1, json!([]));
}

#[tokio::test]
async fn bad_alerts_are_named_and_good_ones_beside_them_taken() {
    let fixture = fixture();
    let body = r#"[{"labels": {"alertname": "A"}}, {"labels": {"a": ""}}, {"labels": {"": "b"}},
        {"labels": {"a": "b"}, "startsAt": "2023-11-15T00:00:00Z", "endsAt": "2023-11-14T00:00:00Z"}]"#;
    let message = "at least one label pair required\ninvalid label set: invalid name \"\"\nstart time must be before end time";
    assert_eq!(post(&fixture, "/api/v2/alerts", body).await, (400, json!(message)));
    assert_eq!(names(&fixture, "").await, ["A"]);
    for body in ["", "{", "{}", r#"[{"labels": []}]"#, r#"[{"labels": {"a": "b"}, "startsAt": "soon"}]"#] {
        let (status, answer) = post(&fixture, "/api/v2/alerts", body).await;
        assert_eq!((status, answer["code"].clone()), (400, json!(400)), "{body}");
    }
    for (path, status, wanted) in [
        ("/api/v2/alerts?filter=%3D", 400, json!("bad matcher format: =")),
        (
            "/api/v2/alerts?receiver=(",
            400,
            json!("failed to parse receiver param: error parsing regexp: missing closing ): `^(?:()$`"),
        ),
        (
            "/api/v2/alerts?active=maybe",
            422,
            json!({"code": 601, "message": "active in query must be of type boolean: \"maybe\""}),
        ),
        ("/api/v2/nothing", 404, json!({"code": 404, "message": "path /api/v2/nothing was not found"})),
    ] {
        assert_eq!(fixture.json(path).await, (status, wanted), "{path}");
    }
    let (status, answer) = post(&fixture, "/api/v2/status", "").await;
    assert_eq!(
        (status, answer),
        (405, json!({"code": 405, "message": "method POST is not allowed, but [GET] are"}))
    );
}

#[tokio::test]
async fn silences_are_made_shown_and_ended() {
    let fixture = fixture();
    let body = |id: &str, starts: &str, ends: &str| {
        json!({
            "id": id, "comment": "why", "createdBy": "me", "startsAt": starts, "endsAt": ends,
            "matchers": [{"name": "alertname", "value": "A", "isRegex": false}],
        })
        .to_string()
    };
    let (then, later) = ("2023-11-14T22:00:00Z", "2023-11-15T00:00:00.250Z");
    assert_eq!(post(&fixture, "/api/v2/alerts", r#"[{"labels": {"alertname": "A"}}]"#).await.0, 200);
    let made = post(&fixture, "/api/v2/silences", &body("", then, later)).await;
    assert_eq!(made, (200, json!({"silenceID": ID})));
    let shown = json!({
        "id": ID, "status": {"state": "active"}, "updatedAt": "2023-11-14T22:13:20.000Z", "comment": "why",
        "createdBy": "me", "endsAt": "2023-11-15T00:00:00.250Z", "startsAt": "2023-11-14T22:00:00.000Z",
        "matchers": [{"name": "alertname", "value": "A", "isRegex": false, "isEqual": true}],
    });
    assert_eq!(fixture.json(&format!("/api/v2/silence/{ID}")).await, (200, shown.clone()));
    assert_eq!(fixture.json("/api/v2/silences").await, (200, json!([shown])));
    for (query, count) in
        [("active=false", 0), ("expired=false", 1), ("filter=alertname%3DA", 1), ("filter=alertname%3D~A", 0)]
    {
        let (_, found) = fixture.json(&format!("/api/v2/silences?{query}")).await;
        assert_eq!(found.as_array().unwrap().len(), count, "{query}");
    }
    let (_, alerts) = fixture.json("/api/v2/alerts").await;
    assert_eq!(alerts[0]["status"]["silencedBy"], json!([ID]));
    assert!(names(&fixture, "silenced=false").await.is_empty());
    let delete = async |id: &str| {
        let url = format!("{}/api/v2/silence/{id}", fixture.url);
        fixture.client.delete(url).send().await.unwrap().status().as_u16()
    };
    assert_eq!(delete(ID).await, 200);
    assert_eq!(delete(ID).await, 200, "twice is once");
    assert_eq!(delete("0f5a9d0e-0000-4000-8000-00000000000f").await, 404);
    assert_eq!(delete("x").await, 422);
    assert_eq!(fixture.json("/api/v2/silences").await.1[0]["status"]["state"], "expired");
    assert_eq!(fixture.get("/api/v2/silence/0f5a9d0e-0000-4000-8000-00000000000f").await.status(), 404);
    let unknown = body("0f5a9d0e-0000-4000-8000-00000000000f", then, later);
    assert_eq!(post(&fixture, "/api/v2/silences", &unknown).await, (404, json!("silence not found")));
}

#[tokio::test]
async fn silences_that_cannot_be_meant_are_refused_in_its_words() {
    let fixture = fixture();
    let silence = |matchers: Value, starts: &str, ends: &str| json!({"comment": "c", "createdBy": "me", "startsAt": starts, "endsAt": ends, "matchers": matchers});
    let (then, later) = ("2023-11-14T22:00:00Z", "2023-11-15T00:00:00Z");
    let good = json!([{"name": "a", "value": "b", "isRegex": false}]);
    let one = |name: &str, value: &str| json!([{"name": name, "value": value, "isRegex": true}]);
    let mut missing = silence(good.clone(), then, later);
    missing.as_object_mut().unwrap().remove("comment");
    for (body, status, wanted) in [
        (
            silence(good.clone(), later, then),
            400,
            json!("Failed to create silence: start time must be before end time"),
        ),
        (
            silence(good, "2023-11-13T22:00:00Z", then),
            400,
            json!("Failed to create silence: end time can't be in the past"),
        ),
        (
            silence(one("a", ".*"), then, later),
            400,
            json!("invalid silence: matcher set 0: at least one matcher must not match the empty string"),
        ),
        (
            silence(one("", "b"), then, later),
            400,
            json!("invalid silence: invalid label matcher 0 in set 0: invalid label name \"\""),
        ),
        (
            silence(one("a", "("), then, later),
            400,
            json!(
                "invalid silence: invalid label matcher 0 in set 0: invalid regular expression \"(\": \
                 error parsing regexp: missing closing ): `^(?:()$`"
            ),
        ),
        (
            silence(json!([]), then, later),
            422,
            json!({"code": 612, "message": "silence.matchers in body should have at least 1 items"}),
        ),
        (missing, 422, json!({"code": 602, "message": "silence.comment in body is required"})),
    ] {
        assert_eq!(post(&fixture, "/api/v2/silences", &body.to_string()).await, (status, wanted), "{body}");
    }
    assert_eq!(fixture.json("/api/v2/silences").await.1, json!([]));
}

#[tokio::test]
async fn status_and_receivers_have_the_shape_that_clients_read() {
    let fixture = fixture();
    let (_, status) = fixture.json("/api/v2/status").await;
    assert_eq!(status["cluster"], json!({"peers": [], "status": "disabled"}));
    assert_eq!(status["config"]["original"], "route:\n  receiver: team\n");
    assert!(status["uptime"].as_str().unwrap().ends_with('Z'));
    for field in ["version", "revision", "branch", "buildUser", "buildDate", "goVersion"] {
        assert!(status["versionInfo"][field].is_string(), "{field}");
    }
    let (_, receivers) = fixture.json("/api/v2/receivers?receiver_matchers=owner%3Db").await;
    assert_eq!(receivers, json!([{"name": "other", "labels": {"name": "other", "owner": "b"}}]));
}

#[tokio::test]
async fn without_it_nothing_is_there() {
    let fixture = Fixture::start();
    let (status, body) = fixture.json("/api/v2/alerts").await;
    assert_eq!((status, body["code"].clone()), (404, json!(404)));
}
