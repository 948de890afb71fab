use model::records::{FieldRef, NO_TIME, Records};
use proptest::prelude::*;

use super::*;
use crate::logs::Limits;

/// 2026-01-02 03:04:05 UTC.
const NOW: i64 = 1_767_323_045_000_000_000;
const BESIDE: Beside<'static> = Beside { peer: "192.0.2.7", offset_s: 0 };

fn one(message: &str) -> Records {
    let mut records = Records::new();
    read(message.as_bytes(), BESIDE, &mut Rows::new(&mut records, Limits::default(), NOW));
    assert_eq!(records.len(), 1);
    records
}

/// (labels but `input`, seconds from now, message, fields)
fn shown(message: &str) -> (String, Option<i64>, String, String) {
    let records = one(message);
    let row = records.get(0).unwrap();
    let labels: Vec<_> =
        row.labels().iter().filter(|(n, _)| *n != "input").map(|(n, v)| format!("{n}={v}")).collect();
    let time = (row.time_ns() != NO_TIME).then(|| (row.time_ns() - NOW) / 1_000_000_000);
    let fields: Vec<_> = row
        .fields()
        .map(|(name, _, value)| match value {
            FieldRef::Text(text) => format!("{name}={text}"),
            other => format!("{name}={other:?}"),
        })
        .collect();
    (labels.join(" "), time, row.body().to_owned(), fields.join(" "))
}

#[test]
fn every_form_of_header_is_read() {
    for (message, labels, time, body, fields) in [
        (
            r#"<165>1 2026-01-02T03:04:05.003Z h1 app 42 ID47 [ex@1 a="b\"\]\\c" d="\e"][o@2] "#.to_owned()
                + "\u{feff}hi 끝",
            "node=h1 service=app",
            Some(0),
            "hi 끝",
            r#"severity=notice facility=local4 procid=42 msgid=ID47 ex@1.a=b"]\c ex@1.d=\e"#,
        ),
        ("<14>1 - - - - - -".into(), "node=192.0.2.7", None, "", "severity=info facility=user"),
        ("<14>1 - - - - - - x".into(), "node=192.0.2.7", None, "x", "severity=info facility=user"),
        (
            "<34>Jan  2 03:04:03 web su[12]: it failed\n".into(),
            "node=web service=su",
            Some(-2),
            "it failed",
            "severity=crit facility=auth procid=12",
        ),
        // Behind the tag of the older format rsyslog keeps the blank; more are an indentation.
        (
            "<11>1 2026-01-02T03:04:05Z web legacy 12 - -  old style".into(),
            "node=web service=legacy",
            Some(0),
            "old style",
            "severity=err facility=user procid=12",
        ),
        (
            "<11>1 2026-01-02T03:04:05Z web app - - -     at here".into(),
            "node=web service=app",
            Some(0),
            "    at here",
            "severity=err facility=user",
        ),
        // Without a colon, and with a zero byte behind it.
        (
            "<165>Jan  2 03:04:05 web shop[4711] 주문 실패\0".into(),
            "node=web service=shop",
            Some(0),
            "주문 실패",
            "severity=notice facility=local4 procid=4711",
        ),
        // Docker's driver.
        (
            "<27>Jan  2 03:04:05 4edc25e56cda[255]: it failed".into(),
            "container_id=4edc25e56cda node=192.0.2.7",
            Some(0),
            "it failed",
            "stream=stderr",
        ),
        (
            format!("<30>1 2026-01-02T03:04:05Z box web/{0} 255 web/{0} - hi", "5e".repeat(32)),
            &*format!("container=web container_id={} node=box", "5e".repeat(32)),
            Some(0),
            "hi",
            "stream=stdout",
        ),
        // The year before.
        (
            "<34>Dec 31 23:59:59 web su: x".into(),
            "node=web service=su",
            Some(-97_446),
            "x",
            "severity=crit facility=auth",
        ),
        // As Docker's driver writes it, by default and for a socket of this machine.
        (
            "<30> 2026-01-02T12:04:05+09:00 box 3f4a9c1d2b7e[917]: {\"a\":1}".into(),
            "container_id=3f4a9c1d2b7e node=box",
            Some(0),
            "{\"a\":1}",
            "stream=stdout",
        ),
        (
            "<30>Jan  2 03:04:05 shop/web[917]: a: b".into(),
            "node=192.0.2.7 service=shop/web",
            Some(0),
            "a: b",
            "severity=info facility=daemon procid=917",
        ),
        (
            "<189>Jan 2 2026 03:04:05.5 r1 %SYS-5-CONFIG_I: done".into(),
            "node=r1",
            Some(0),
            "%SYS-5-CONFIG_I: done",
            "severity=notice facility=local7",
        ),
        ("plain text: no".into(), "node=192.0.2.7", None, "plain text: no", "severity=notice facility=user"),
        ("<999>x".into(), "node=192.0.2.7", None, "<999>x", "severity=notice facility=user"),
        ("<13>1 x".into(), "node=192.0.2.7", None, "1 x", "severity=notice facility=user"),
    ] {
        let found = shown(&message);
        let wanted = (labels.to_owned(), time, body.to_owned(), fields.to_owned());
        assert_eq!(found, wanted, "{message}");
    }
}

#[test]
fn times_without_a_zone_are_of_the_zone_given() {
    let mut records = Records::new();
    let beside = Beside { offset_s: 9 * 3600, ..BESIDE };
    read(b"<34>Jan  2 12:04:05 web su: x", beside, &mut Rows::new(&mut records, Limits::default(), NOW));
    assert_eq!(records.get(0).unwrap().time_ns(), NOW);
}

proptest! {
    #[test]
    fn any_bytes_are_a_message(bytes in proptest::collection::vec(any::<u8>(), 0..120), at in 0usize..80, n in 0usize..6) {
        let mut seed = br#"<165>1 2026-01-02T03:04:05.003Z h1 app 42 ID47 [ex@1 a="b\"\]\\c" d="\e"][o@2] x"#.to_vec();
        seed.splice(at..(at + n).min(80), bytes.iter().copied());
        for message in [&bytes, &seed] {
            let mut records = Records::new();
            read(message, BESIDE, &mut Rows::new(&mut records, Limits::default(), NOW));
            prop_assert_eq!(records.len(), 1);
        }
    }
}
