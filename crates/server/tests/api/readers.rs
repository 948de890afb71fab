//! Remote read and federation.

use model::{Matcher, SeriesData};
use server::Limits;
use wire::remote_read::{Query, ReadRequest, ResponseReader, read_chunked, take_frame};
use wire::remote_write::{Series, compress, decompress};

use crate::fixture::{Fixture, NOW_MS, Wanted};

fn filled(limits: Limits) -> Fixture {
    let fixture = Fixture::with(Wanted {
        limits,
        external_labels: vec![("site", "s1"), ("job", "ext")],
        ..Wanted::default()
    });
    let samples: Vec<(i64, f64)> = (0..300).map(|i| (NOW_MS - 300_000 + i * 1000, i as f64)).collect();
    fixture.insert(&[("__name__", "b"), ("job", "x")], &samples);
    fixture.insert(&[("__name__", "a")], &samples);
    fixture.insert(&[("__name__", "a"), ("site", "other")], &samples[..3]);
    fixture.insert(
        &[("__name__", "gone"), ("job", "x")],
        &[(NOW_MS - 2000, 1.0), (NOW_MS - 1000, model::stale_nan())],
    );
    fixture
}

async fn ask(fixture: &Fixture, matchers: Vec<Matcher>, accepted: Vec<u64>) -> (u16, String, Vec<u8>) {
    let query = Query { start: NOW_MS - 300_000, end: NOW_MS, matchers, hints: None };
    let body = compress(&ReadRequest { queries: vec![query], accepted }.encode()).unwrap();
    let request = fixture.client.post(format!("{}/api/v1/read", fixture.url));
    let answer = request.header("content-encoding", "snappy").body(body).send().await.unwrap();
    let kind = answer.headers().get("content-type").map_or("", |v| v.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), kind, answer.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn samples_and_chunks_hold_the_same_and_carry_external_labels() {
    let fixture = filled(Limits { read_frame_bytes: 300, ..Limits::default() });
    let matchers =
        vec![Matcher::new("__name__", model::MatchOp::Regex, "a|b").unwrap(), Matcher::equal("site", "s1")];
    let (status, kind, body) = ask(&fixture, matchers.clone(), vec![]).await;
    assert_eq!((status, kind.as_str()), (200, "application/x-protobuf"));
    let mut plain = Vec::new();
    decompress(&body, 1 << 20, &mut plain).unwrap();
    let mut reader = ResponseReader::new(&plain);
    let mut series = Series::default();
    let mut samples = Vec::new();
    while reader.next_series(&mut series).unwrap().is_some() {
        let points: Vec<(i64, f64)> = series.points.iter().map(|p| (p.t, p.v)).collect();
        samples.push((series.to_labels().unwrap().to_string(), points));
    }
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    let names: Vec<&str> = samples.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["a{job=\"ext\", site=\"s1\"}", "b{job=\"x\", site=\"s1\"}"]);
    assert_eq!(samples[0].1.len(), 300);

    let (status, kind, body) = ask(&fixture, matchers, vec![1, 0]).await;
    assert_eq!(
        (status, kind.as_str()),
        (200, "application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse")
    );
    let mut rest = body.as_slice();
    let mut chunked: Vec<(String, Vec<(i64, f64)>)> = Vec::new();
    let mut frames = 0;
    while let Some((message, used)) = take_frame(rest, 1 << 20).unwrap() {
        frames += 1;
        for series in read_chunked(message).unwrap() {
            let labels =
                series.labels.iter().map(|(n, v)| (String::from_utf8_lossy(n), String::from_utf8_lossy(v)));
            let name = model::Labels::from_pairs(labels).to_string();
            let mut data = SeriesData::default();
            for chunk in &series.chunks {
                let encoding = wire::chunk::Encoding::from_code(chunk.encoding).unwrap();
                wire::chunk::decode(encoding, chunk.bytes, &mut data).unwrap();
            }
            let points = data.t.into_iter().zip(data.v);
            match chunked.last_mut() {
                Some((last, all)) if *last == name => all.extend(points),
                _ => chunked.push((name, points.collect())),
            }
        }
        rest = &rest[used..];
    }
    assert!(rest.is_empty() && frames > 2, "{frames} frames: a series is cut over several");
    assert_eq!(chunked, samples, "sorted, and the same");
}

#[tokio::test]
async fn wrong_reads_are_refused_as_prometheus_refuses_them() {
    let fixture = filled(Limits { read_samples: 100, ..Limits::default() });
    let all = || vec![Matcher::equal("__name__", "a")];
    let (status, _, text) = ask(&fixture, all(), vec![0]).await;
    assert_eq!((status, String::from_utf8_lossy(&text).trim()), (400, "exceeded sample limit (100)"));
    assert_eq!(ask(&fixture, all(), vec![1]).await.0, 200, "streams have no limit of samples");
    let (status, _, text) = ask(&fixture, all(), vec![7]).await;
    assert!(status == 400 && String::from_utf8_lossy(&text).contains("response types"));
    let request = fixture.client.post(format!("{}/api/v1/read", fixture.url));
    assert_eq!(request.body("rubbish").send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn federation_gives_the_newest_samples_with_external_labels() {
    let fixture = filled(Limits::default());
    let answer = fixture.get("/federate?match[]=%7B__name__%3D~%22a%7Cgone%22%7D&match[]=b&match[]=b").await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    );
    let t = NOW_MS - 1000;
    let old = NOW_MS - 298_000;
    assert_eq!(
        answer.text().await.unwrap(),
        format!(
            "# TYPE a untyped\na{{instance=\"\",job=\"ext\",site=\"s1\"}} 299 {t}\n\
             a{{site=\"other\",instance=\"\",job=\"ext\"}} 2 {old}\n# TYPE b untyped\n\
             b{{job=\"x\",instance=\"\",site=\"s1\"}} 299 {t}\n"
        )
    );
    let request = fixture.client.get(format!("{}/federate?match[]=b", fixture.url));
    let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7,*/*;q=0.1";
    let answer = request.header("accept", accept).send().await.unwrap();
    assert!(answer.headers()["content-type"].to_str().unwrap().contains("encoding=delimited"));
    assert_eq!(fixture.get("/federate").await.text().await.unwrap(), "");
    let wrong = fixture.get("/federate?match[]=%7B").await;
    assert_eq!(wrong.status(), 400);
    assert!(wrong.text().await.unwrap().contains("parse error"));
}
