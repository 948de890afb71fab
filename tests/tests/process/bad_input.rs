//! Bad input to every endpoint of the running program: it answers with an error and goes on.

use tests::Bonghwa;

use tests::write::{RECEIVE, now_ms, post, request};

#[test]
fn every_endpoint_refuses_rubbish_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let bonghwa = Bonghwa::start(&folder.path().join("data"), &[RECEIVE]).unwrap();
    let now = now_ms();
    assert_eq!(post(bonghwa.client(), &bonghwa.url, request("kept", 3, now, 7.0)), Some(204));
    let paths = [
        "/api/v1/query?query=sum(",
        "/api/v1/query?query=%ff",
        "/api/v1/query?query=%zz",
        "/api/v1/query?query=up&time=x",
        "/api/v1/query?query=a%5B1000000y%5D",
        "/api/v1/query_range?query=up&start=1&end=0&step=1",
        "/api/v1/query_range?query=up&start=0&end=1e18&step=1",
        "/api/v1/series?match[]=%7B%7D",
        "/api/v1/series?match[]=a%7B",
        "/api/v1/labels?start=x",
        "/api/v1/label/%ff/values",
        "/api/v1/format_query?query=%7B",
        "/api/v1/metadata?limit=x",
        "/api/v1/status/tsdb?limit=-1",
        "/api/bonghwa/v1/containers?gone=x",
        "/api/bonghwa/v1/containers/%ff",
        "/api/bonghwa/v1/events?limit=0",
        "/api/bonghwa/v1/live?gone=x",
        "/api/bonghwa/v1/why-empty?query=%7B",
    ];
    for path in paths {
        let answer = bonghwa.get(path).unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().unwrap());
        assert!((400..500).contains(&status), "{path}: {status} {text}");
        let body: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
        assert!(body["error"].as_str().is_some_and(|e| !e.is_empty()), "{path}: {text}");
    }
    let nested = "(".repeat(100_000);
    let form = [("query", nested.as_str())];
    let deep = bonghwa.client().post(format!("{}/api/v1/query", bonghwa.url)).form(&form).send().unwrap();
    assert_eq!(deep.status(), 400);
    let whole = request("more", 100, now, 1.0);
    for cut in [0, 1, 5, whole.len() / 2, whole.len() - 1] {
        let status = post(bonghwa.client(), &bonghwa.url, whole[..cut].to_vec()).unwrap();
        assert!((400..500).contains(&status), "{cut} bytes: {status}");
    }
    let bomb = vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    assert_eq!(post(bonghwa.client(), &bonghwa.url, bomb), Some(413));
    assert_eq!(bonghwa.value("count(kept == 7)"), Some(3.0), "nothing was lost");
    assert_eq!(bonghwa.value("count(more)"), None, "nothing of a broken request is stored");
    assert!(!bonghwa.log().contains("panicked"), "{}", bonghwa.log());
}
