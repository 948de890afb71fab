//! Bytes that nobody can read, too many of them, and senders that behave oddly: an error that says why, a counter that
//! says so, and everybody else's lines where they belong.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::json;
use tests::Bonghwa;

use crate::clock::{next_ns, rfc3339};
use crate::read::{self, counted, wait_counted};
use crate::senders::{Answer, Target, WAYS, config, gzip, loki_protobuf_body, window, zlib};

const MALFORMED: &str = "bonghwa_logs_received_malformed_total";
const REFUSED: &str = "bonghwa_logs_received_refused_total";
const CUT: &str = "bonghwa_logs_received_cut_total";

fn input(name: &str) -> String {
    format!("input=\"{name}\"")
}

/// One request: status, and what was said.
fn post(target: &Target, url: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, String) {
    let mut request = target.client.post(url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().unwrap();
    (answer.status().as_u16(), answer.text().unwrap())
}

/// Sends bytes over a connection of their own, and waits until it is closed or a good line was stored behind them.
fn raw(target: &Target, input: &str, bytes: &[u8]) {
    let mut stream = TcpStream::connect(target.address(input, 0)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // Whoever reads it may have seen enough before the end.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Neighbours: a sender of each way, connected before and going on after.
struct Neighbours<'t> {
    target: &'t Target,
    senders: Vec<(&'static str, crate::senders::Send)>,
    sent: u64,
}

impl<'t> Neighbours<'t> {
    fn new(target: &'t Target) -> Self {
        let senders = WAYS.iter().map(|way| (way.name, (way.open)(target))).collect();
        Self { target, senders, sent: 0 }
    }

    fn send(&mut self, what: &str) {
        for (name, send) in &mut self.senders {
            let answer = send(&[format!("neighbour {name} {what}")]);
            assert!(matches!(answer, Answer::Acknowledged | Answer::Sent), "{name} after {what}: {answer:?}");
            self.sent += 1;
        }
    }

    /// All their lines are there.
    fn check(&self, bonghwa: &Bonghwa) {
        let query = format!("{} |= `neighbour `", read::ALL);
        read::wait_for(bonghwa, &query, self.sent);
        assert_eq!(read::count(bonghwa, &query), Some(self.sent));
        assert_eq!(bonghwa.get("/-/healthy").unwrap().status(), 200, "{}", self.target.url);
    }
}

pub fn frames() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, flag) = config(&data, "", "");
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let target = Target::of(&bonghwa);
    let mut neighbours = Neighbours::new(&target);
    neighbours.send("before");

    let loki = format!("{}/loki/api/v1/push", target.url);
    let elastic = format!("http://{}/i/_bulk", target.address("elasticsearch", 0));
    let otlp = format!("http://{}/v1/logs", target.address("otlp", 0));
    let json = [("content-type", "application/json")];
    let proto = [("content-type", "application/x-protobuf")];
    let with = |encoding| [json[0], ("content-encoding", encoding)];
    let snappy = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).unwrap();
    type Case<'c> = (&'c str, &'c str, Vec<(&'c str, &'c str)>, Vec<u8>, &'c str);
    let cases: Vec<Case<'_>> = vec![
        ("loki", &loki, json.to_vec(), b"{".to_vec(), "line 1 column 1"),
        ("loki", &loki, json.to_vec(), br#"{"streams":7}"#.to_vec(), "invalid type"),
        ("loki", &loki, json.to_vec(), br#"{"streams":[{"stream":{},"values":[["x","y"]]}]}"#.to_vec(), ""),
        ("loki", &loki, proto.to_vec(), b"garbage".to_vec(), ""),
        ("loki", &loki, proto.to_vec(), snappy(b"\x0a\xff\xff\xff\x7fgarbage"), ""),
        ("loki", &loki, proto.to_vec(), loki_protobuf_body("{no labels", &["x".to_owned()]), "label"),
        ("loki", &loki, with("gzip").to_vec(), b"\x1f\x8bgarbage".to_vec(), "compressed body"),
        ("loki", &loki, with("zstd").to_vec(), b"{}".to_vec(), "unsupported content encoding"),
        ("elasticsearch", &elastic, json.to_vec(), b"{\"nope\":{}}\n{}\n".to_vec(), "[nope]"),
        ("elasticsearch", &elastic, json.to_vec(), b"garbage\n".to_vec(), "Malformed"),
        ("elasticsearch", &elastic, with("deflate").to_vec(), b"garbage".to_vec(), "compressed body"),
        ("otlp", &otlp, proto.to_vec(), b"\xff\xff\xff".to_vec(), ""),
        ("otlp", &otlp, json.to_vec(), b"{\"resourceLogs\":7}".to_vec(), ""),
        ("otlp", &otlp, with("br").to_vec(), b"{}".to_vec(), "unsupported content encoding"),
    ];
    for (name, url, headers, body, why) in cases {
        let before = counted(&bonghwa, MALFORMED, &[&input(name), "reason=\"request\""]);
        let (status, text) = post(&target, url, &headers, body);
        assert!(status == 400 && text.contains(why) && text.len() > 10, "{name} {why}: {status} {text}");
        let after = counted(&bonghwa, MALFORMED, &[&input(name), "reason=\"request\""]);
        assert_eq!(after - before, 1.0, "{name} {why}");
    }
    let (status, text) = post(&target, &otlp, &[("content-type", "text/plain")], b"x".to_vec());
    assert!(status == 415 && text.contains("supported:"), "{status} {text}");
    // Good documents beside bad ones are kept, and each is told its own.
    let body = "{\"create\":{}}\n{\"message\":\"mark good\"}\n{\"create\":{}}\n{\"message\n{\"delete\":{}}\n";
    let (status, text) = post(&target, &elastic, &json, body.as_bytes().to_vec());
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    let statuses: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["status"].clone())
        .collect();
    assert_eq!((status, json!(statuses)), (200, json!([201, 400, 400])), "{text}");
    wait_counted(&bonghwa, MALFORMED, &[&input("elasticsearch"), "reason=\"document\""], 2.0);
    // Lines that are no JSON are kept as they are, and counted.
    let push = format!("{}/api/bonghwa/v1/logs/push", target.url);
    let (status, text) =
        post(&target, &push, &json, b"mark no json\n{\"message\":\"mark json\"}\n[1]\n".to_vec());
    assert!(status == 200 && text.contains("\"not_json\":2"), "{status} {text}");
    neighbours.send("after requests");

    let long = |kind: u8, len: u32| [&[0x93, 0xa1, b't', kind][..], &len.to_be_bytes()].concat();
    let fluent: [&[u8]; 6] = [
        b"\xc1",
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x91, 0xa1, b't'],
        &long(0xc6, u32::MAX),
        &[0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0],
        &[0x9f; 4096],
    ];
    for (at, bytes) in fluent.iter().enumerate() {
        raw(&target, "fluent", bytes);
        wait_counted(&bonghwa, MALFORMED, &[&input("fluent")], at as f64 + 1.0);
    }
    let beats: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"2W\0\0\0\x012C\0\0\0\x07garbage",
        b"2W\0\0\0\x012J\0\0\0\x01\xff\xff\xff\xff",
        b"2W\0\0\0\x012X",
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03",
    ];
    for (at, bytes) in beats.iter().enumerate() {
        raw(&target, "beats", bytes);
        wait_counted(&bonghwa, MALFORMED, &[&input("beats")], at as f64 + 1.0);
    }
    // Frames are delimited: the connection goes on behind bad ones.
    raw(&target, "gelf", b"garbage\0{}\0[]\0{\"short_message\":\"mark gelf behind\"}\0");
    wait_counted(&bonghwa, MALFORMED, &[&input("gelf")], 3.0);
    raw(&target, "json", b"garbage\n[1,2]\n{\"message\":\"mark json behind\"}\n\xff\xfe{\n");
    wait_counted(&bonghwa, MALFORMED, &[&input("json"), "reason=\"message\""], 5.0);
    raw(
        &target,
        "syslog",
        b"99999999999 <14>x\n<999>mark odd priority\n\xff\xfe\xfd\n<14>1 - - - - - - mark syslog behind\n",
    );
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let piece = [&[0x1e, 0x0f][..], &[0; 8], &[9, 3], b"out of bounds"].concat();
    for datagram in [&b"garbage"[..], b"\x1f\x8bgarbage", b"\x78\x9cgarbage", &piece, b"\x1e\x0f"] {
        socket.send_to(datagram, target.address("gelf", 1)).unwrap();
    }
    wait_counted(&bonghwa, MALFORMED, &[&input("gelf")], 8.0);
    for what in ["gelf behind", "json behind", "syslog behind", "good", "no json"] {
        read::wait_for(&bonghwa, &format!("{} |= `mark {what}`", read::ALL), 1);
    }
    // Bytes that are no UTF-8 are replaced, the rest of the line stays.
    raw(&target, "syslog", b"<14>1 - - - - - - mark utf8 \xff\xc3\x28 end\n");
    raw(&target, "gelf", b"{\"short_message\":\"mark utf8 \xff\xc3\x28 end\"}\0");
    raw(&target, "json", b"{\"message\":\"mark utf8 \xff\xc3\x28 end\"}\n");
    let query = format!("{} |= `mark utf8` |= `end`", read::ALL);
    read::wait_for(&bonghwa, &query, 2);
    assert!(read::lines(&bonghwa, &query).iter().all(|line| line.text.contains('\u{fffd}')));
    neighbours.send("after frames");
    neighbours.check(&bonghwa);
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}

pub fn large() {
    const LONG: usize = 100 << 20;
    let folder = tempfile::tempdir().unwrap();
    let (data, logs) = (folder.path().join("data"), folder.path().join("logs"));
    let more = format!(
        "collect:\n  logs:\n    containers: false\n    first_read: 1GB\n    pods: {0}/pods\n    files: [{{path: '{0}/plain/*.log'}}]\n",
        logs.display()
    );
    let (_, flag) = config(&data, "", &more);
    let bonghwa = Bonghwa::start(&data, &[&flag, "--memory.limit=512MB"]).unwrap();
    let target = Target::of(&bonghwa);
    let mut neighbours = Neighbours::new(&target);
    neighbours.send("before");
    let filled = |head: &[u8], tail: &[u8]| {
        let mut out = head.to_vec();
        out.resize(head.len() + LONG, b'x');
        out.extend_from_slice(tail);
        out
    };
    // Files.
    let entry = || format!("{} stdout F ", rfc3339(next_ns()));
    for (folder, name, head) in [
        ("pods/shop_web-0_1/app", "0.log", format!("{}mark long pod ", entry()).as_bytes()),
        ("plain", "app.log", b"mark long plain "),
    ] {
        let folder = logs.join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let next = if name == "0.log" { entry() } else { String::new() };
        let tail = format!("\n{next}mark behind a long line\n");
        std::fs::write(folder.join(name), filled(head, tail.as_bytes())).unwrap();
    }
    // Streams: what is beyond the limit is cut or passed over, and what follows is read.
    raw(
        &target,
        "syslog",
        &filled(b"<14>1 - - - - - - mark long ", b"\n<14>1 - - - - - - mark behind a long line\n"),
    );
    wait_counted(&bonghwa, CUT, &[&input("syslog"), "reason=\"line\""], 1.0);
    raw(
        &target,
        "gelf",
        &filled(b"{\"short_message\":\"", b"\"}\0{\"short_message\":\"mark behind a long line\"}\0"),
    );
    raw(&target, "json", &filled(b"{\"message\":\"", b"\"}\n{\"message\":\"mark behind a long line\"}\n"));
    wait_counted(&bonghwa, MALFORMED, &[&input("gelf")], 1.0);
    wait_counted(&bonghwa, MALFORMED, &[&input("json")], 1.0);
    read::wait_for(&bonghwa, &format!("{} |= `mark behind a long line`", read::ALL), 5);
    // Frames that tell their length.
    raw(&target, "fluent", &[&[0x93, 0xa1, b't', 0xc6][..], &(LONG as u32).to_be_bytes()].concat());
    raw(&target, "beats", &[&b"2J\0\0\0\x01"[..], &(LONG as u32).to_be_bytes()].concat());
    // Bombs.
    let zeros = vec![b'0'; 256 << 20];
    let (gzipped, zlibbed) = (gzip(&zeros), zlib(&zeros));
    drop(zeros);
    let packed = |kind: u8, bytes: &[u8]| [&[kind][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let bomb = [
        &[0x93, 0xa1, b't'][..],
        &packed(0xc6, &gzipped),
        &[0x82, 0xaa],
        b"compressed",
        &[0xa4],
        b"gzip",
        &[0xa5],
        b"chunk",
        &[0xa1, b'c'],
    ]
    .concat();
    raw(&target, "fluent", &bomb);
    raw(
        &target,
        "beats",
        &[&b"2W\0\0\0\x012C"[..], &(zlibbed.len() as u32).to_be_bytes(), &zlibbed].concat(),
    );
    wait_counted(&bonghwa, MALFORMED, &[&input("fluent")], 2.0);
    wait_counted(&bonghwa, MALFORMED, &[&input("beats")], 2.0);
    let mut gelf = TcpStream::connect(target.address("gelf", 0)).unwrap();
    gelf.write_all(b"{\"short_message\":\"mark alive\"}\0").unwrap();
    let json = ("content-type", "application/json");
    for (name, url) in [
        ("loki", format!("{}/loki/api/v1/push", target.url)),
        ("elasticsearch", format!("http://{}/i/_bulk", target.address("elasticsearch", 0))),
        ("otlp", format!("http://{}/v1/logs", target.address("otlp", 0))),
        ("json", format!("{}/api/bonghwa/v1/logs/push", target.url)),
    ] {
        for (encoding, body) in [("gzip", &gzipped[..]), ("deflate", &zlibbed[..])] {
            let (status, text) = post(&target, &url, &[json, ("content-encoding", encoding)], body.to_vec());
            assert!(status == 413 || status == 429, "{name} {encoding}: {status} {text}");
        }
        if name != "json" {
            assert!(counted(&bonghwa, MALFORMED, &[&input(name), "reason=\"too_large\""]) > 0.0, "{name}");
        }
    }
    // A length of two gigabytes, in eight bytes.
    let declared = b"\xff\xff\xff\xff\x07\x00\x00\x00".to_vec();
    let loki = format!("{}/loki/api/v1/push", target.url);
    let (status, text) = post(&target, &loki, &[("content-type", "application/x-protobuf")], declared);
    assert!(status == 400 || status == 413, "{status} {text}");
    // A line that Loki's limits refuse is told, and the good ones of its request are kept.
    let body =
        loki_protobuf_body("{app=\"a\"}", &["x".repeat(3 << 20), "mark kept beside a long line".to_owned()]);
    let answer = post(&target, &loki, &[("content-type", "application/x-protobuf")], body);
    assert!(answer.0 == 204 || answer.0 == 400, "{answer:?}");
    read::wait_for(&bonghwa, &format!("{} |= `mark kept beside a long line`", read::ALL), 1);

    neighbours.send("after large ones");
    neighbours.check(&bonghwa);
    let peak = read::peak_memory(&bonghwa) >> 20;
    println!("peak memory {peak} MB");
    assert!(peak <= 512, "{peak} MB at most");
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}

pub fn odd() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (_, flag) = config(&data, "", "");
    let bonghwa = Bonghwa::start(&data, &[&flag]).unwrap();
    let target = Target::of(&bonghwa);
    let mut neighbours = Neighbours::new(&target);
    neighbours.send("before");
    let (now, day) = (next_ns(), 86_400_000_000_000i64);
    let loki = format!("{}/loki/api/v1/push", target.url);
    let json = [("content-type", "application/json")];
    let push = |times: &[i64], mark: &str| {
        let values: Vec<_> = times.iter().map(|t| json!([t.to_string(), mark])).collect();
        let body = json!({"streams": [{"stream": {"app": "odd"}, "values": values}]});
        post(&target, &loki, &json, body.to_string().into_bytes())
    };
    // Too old and too new ones are told and counted; the good one beside them is kept.
    for (time, why, reason) in [
        (1, "too old", "too_old"),
        (now - 400 * day, "too old", "too_old"),
        (now + 400 * day, "too new", "too_far_in_future"),
        (i64::MAX, "too new", "too_far_in_future"),
    ] {
        let before = counted(&bonghwa, REFUSED, &[&input("loki"), &format!("reason=\"{reason}\"")]);
        let (status, text) = push(&[time, next_ns()], "mark beside odd times");
        assert!(status == 400 && text.contains(why), "{time}: {status} {text}");
        let after = counted(&bonghwa, REFUSED, &[&input("loki"), &format!("reason=\"{reason}\"")]);
        assert_eq!(after - before, 1.0, "{time} {reason}");
    }
    read::wait_for(&bonghwa, &format!("{} |= `mark beside odd times`", read::ALL), 4);
    // Datagrams and windows with odd times: what cannot be kept is counted, the window is acknowledged.
    let mut stream = TcpStream::connect(target.address("beats", 0)).unwrap();
    let odd = json!({"message": "mark old event", "@timestamp": "1970-01-01T00:00:01Z"}).to_string();
    let head = [&b"2W\0\0\0\x012J\0\0\0\x01"[..], &(odd.len() as u32).to_be_bytes(), odd.as_bytes()].concat();
    stream.write_all(&head).unwrap();
    let mut acknowledged = [0; 6];
    stream.read_exact(&mut acknowledged).unwrap();
    assert_eq!(&acknowledged, b"2A\0\0\0\x01");
    wait_counted(&bonghwa, REFUSED, &[&input("beats"), "reason=\"too_old\""], 1.0);
    // The same batch twice: both are acknowledged.
    let time = next_ns();
    for _ in 0..2 {
        assert_eq!(push(&[time], "mark twice").0, 204);
    }
    let twice = read::count(&bonghwa, &format!("{} |= `mark twice`", read::ALL)).unwrap();
    assert!((1..=2).contains(&twice), "{twice}");

    // Connections that say half of something and no more, and never end.
    let halves: Vec<TcpStream> = [
        ("beats", &head[..head.len() / 2]),
        ("fluent", b"\x93\xa1"),
        ("gelf", b"{\"sho"),
        ("json", b"{\"me"),
    ]
    .iter()
    .flat_map(|(input, bytes)| (0..50).map(move |_| (*input, *bytes)))
    .map(|(input, bytes)| {
        let mut stream = TcpStream::connect(target.address(input, 0)).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    })
    .collect();
    let mut http = TcpStream::connect(target.url.trim_start_matches("http://")).unwrap();
    http.write_all(b"POST /loki/api/v1/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        .unwrap();
    // A sender that gives a byte at a time.
    let slow = window(&["mark slow".to_owned()], true);
    let mut stream = TcpStream::connect(target.address("beats", 0)).unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in slow {
        stream.write_all(&[byte]).unwrap();
    }
    stream.read_exact(&mut acknowledged).unwrap();
    assert_eq!(&acknowledged, b"2A\0\0\0\x01");
    neighbours.send("beside half-open connections");
    assert!(counted(&bonghwa, "bonghwa_logs_receive_connections", &[]) >= 200.0);
    drop(halves);
    tests::eventually("connections that are gone are forgotten", Duration::from_secs(60), || {
        (counted(&bonghwa, "bonghwa_logs_receive_connections", &[]) < 20.0).then_some(())
    });
    // What a line had before its connection broke is kept where the protocol has no acknowledgement.
    read::wait_for(&bonghwa, &format!("{} |= `mark slow`", read::ALL), 1);
    neighbours.check(&bonghwa);
    drop(http);
    assert_eq!(bonghwa.stop().unwrap(), Some(0));
}
