//! The remote write receiver.

use server::{Access, Limits};
use wire::remote_write::Encoder;

use crate::fixture::{Fixture, NOW_MS, Wanted};

pub fn receiving() -> Fixture {
    let access = Access { remote_write: true, ..Access::default() };
    let limits = Limits { write_bytes: 1 << 20, write_decompressed_bytes: 4 << 20, ..Limits::default() };
    Fixture::with(Wanted { access, limits, ..Wanted::default() })
}

pub async fn post(fixture: &Fixture, body: Vec<u8>) -> (u16, String) {
    let request = fixture.client.post(format!("{}/api/v1/write", fixture.url));
    let request =
        request.header("content-encoding", "snappy").header("content-type", "application/x-protobuf");
    let answer = request.body(body).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

fn request(n: usize) -> Vec<u8> {
    let mut encoder = Encoder::new();
    for i in 0..n {
        let name = format!("s{i}");
        let points = [NOW_MS, NOW_MS + 1000].map(|t| wire::remote_write::Point { t, v: i as f64 });
        encoder.series([("__name__", name.as_str()), ("job", "x")], points);
    }
    encoder.finish().unwrap()
}

#[tokio::test]
async fn samples_are_there_once_they_are_acknowledged() {
    let fixture = receiving();
    let (status, text) = post(&fixture, request(10)).await;
    assert_eq!((status, text.as_str()), (204, ""));
    assert_eq!(fixture.metrics.len(), 10);
    assert_eq!(fixture.metrics.dump()[3].1, [(NOW_MS, 3.0), (NOW_MS + 1000, 3.0)]);
    assert_eq!(post(&fixture, request(10)).await.0, 204, "a repeated request is no error");
    let metrics = fixture.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("bonghwa_remote_write_samples_total 40\n"), "{metrics}");
}

#[tokio::test]
async fn what_is_not_stored_is_said_and_counted() {
    let fixture = receiving();
    assert_eq!(post(&fixture, request(1)).await.0, 204);
    let mut encoder = Encoder::new();
    let point = wire::remote_write::Point { t: NOW_MS, v: 99.0 };
    encoder.series([("__name__", "s0"), ("job", "x")], [point]);
    encoder.series([("__name__", "fine")], [point]);
    let (status, text) = post(&fixture, encoder.finish().unwrap()).await;
    assert!(status == 400 && text.contains("1 samples stored, 1 not"), "{status} {text}");
    assert_eq!(fixture.metrics.len(), 2);
    let metrics = fixture.get("/metrics").await.text().await.unwrap();
    assert!(
        metrics.contains("bonghwa_remote_write_rejected_samples_total{reason=\"not_accepted\"} 1\n"),
        "{metrics}"
    );
}

#[tokio::test]
async fn version_2_is_told_how_much_was_written() {
    let fixture = receiving();
    let post = async |encoder: &mut wire::remote_write::v2::Encoder| {
        let request = fixture.client.post(format!("{}/api/v1/write", fixture.url));
        let request = request
            .header("content-encoding", "snappy")
            .header("content-type", "application/x-protobuf;proto=io.prometheus.write.v2.Request");
        let answer = request.body(encoder.finish().unwrap()).send().await.unwrap();
        let written = |what: &str| {
            answer.headers()[format!("x-prometheus-remote-write-{what}-written")].to_str().unwrap().to_owned()
        };
        let all = ["samples", "histograms", "exemplars"].map(written).join(" ");
        (answer.status().as_u16(), all, answer.text().await.unwrap())
    };
    let point = |t: i64, v: f64| wire::remote_write::Point { t, v };
    let mut encoder = wire::remote_write::v2::Encoder::new();
    encoder
        .begin([("__name__", "a")])
        .point(point(NOW_MS, 1.0), NOW_MS - 5)
        .point(point(NOW_MS + 1, 2.0), 0)
        .end();
    assert_eq!(post(&mut encoder).await, (204, "2 0 0".to_owned(), String::new()));
    encoder.begin([("__name__", "a")]).point(point(NOW_MS, 7.0), 0).end();
    encoder.begin([("__name__", "b")]).point(point(NOW_MS, 1.0), 0).end();
    let (status, written, text) = post(&mut encoder).await;
    assert_eq!((status, written.as_str()), (400, "1 0 0"));
    assert!(text.contains("duplicate sample for timestamp for series a"), "{text}");
    assert_eq!(fixture.metrics.len(), 2);
}
