//! Who may ask what, as a user meets it.

use std::os::unix::fs::MetadataExt;

use tests::Bonghwa;

const OPEN: &str = "--web.listen-address=0.0.0.0:0";

#[test]
fn a_foreign_host_is_refused_on_loopback() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[]).unwrap();
    for path in ["/", "/api/v1/query?query=1", "/api/bonghwa/v1/containers", "/metrics"] {
        assert!(bonghwa.get(path).unwrap().status().is_success(), "{path}");
        let foreign = bonghwa.client().get(format!("{}{path}", bonghwa.url)).header("host", "evil.example");
        assert_eq!(foreign.send().unwrap().status(), 403, "{path}");
    }
}

#[test]
fn off_loopback_the_token_opens_data_and_is_kept_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let bonghwa = Bonghwa::start(&data, &[OPEN]).unwrap();
    let path = data.join("bonghwa/token");
    assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let token = std::fs::read_to_string(&path).unwrap();
    for open in ["/api/v1/query?query=1", "/metrics", "/-/healthy", "/"] {
        assert!(bonghwa.get(open).unwrap().status().is_success(), "{open}");
    }
    for closed in ["/api/bonghwa/v1/containers", "/api/bonghwa/v1/status", "/api/bonghwa/v1/live"] {
        assert_eq!(bonghwa.get(closed).unwrap().status(), 401, "{closed}");
        let with = |token: &str| {
            let request = bonghwa.client().get(format!("{}{closed}", bonghwa.url)).bearer_auth(token);
            request.send().unwrap().status().as_u16()
        };
        assert_eq!((with(&token), with("wrong")), (200, 401), "{closed}");
    }
    let everything = bonghwa.get("/metrics").unwrap().text().unwrap() + &bonghwa.log();
    assert!(!everything.contains(&token), "the token is in no response and in no log");
    bonghwa.stop().unwrap();
    let again = Bonghwa::start(&data, &[OPEN]).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), token, "it stays");
    drop(again);
}

#[test]
fn administration_needs_its_flags_or_off_loopback_the_token() {
    let folder = tempfile::tempdir().unwrap();
    let post = |bonghwa: &Bonghwa, path: &str| {
        bonghwa.client().post(format!("{}{path}", bonghwa.url)).send().unwrap().status().as_u16()
    };
    let bonghwa = Bonghwa::start(&folder.path().join("a"), &[]).unwrap();
    assert_eq!(post(&bonghwa, "/-/reload"), 403);
    assert_eq!(post(&bonghwa, "/-/quit"), 403);
    assert_eq!(post(&bonghwa, "/api/v1/write"), 404);
    let closed = Bonghwa::start(&folder.path().join("b"), &[OPEN]).unwrap();
    for path in ["/-/reload", "/-/quit", "/api/v1/write"] {
        assert_eq!(post(&closed, path), 401, "{path}");
    }
    assert_eq!(closed.get("/-/healthy").unwrap().status(), 200);
    let flags = [OPEN, "--web.enable-lifecycle", "--web.enable-remote-write-receiver"];
    let opened = Bonghwa::start(&folder.path().join("c"), &flags).unwrap();
    assert_eq!(post(&opened, "/-/reload"), 200, "as those who send it to a Prometheus do");
    assert_eq!(post(&opened, "/api/v1/write"), 400, "an empty body, read");
}
