use proptest::prelude::*;
use testkit::secrets::{Draw, credential, id_line};

use super::*;
use crate::lines::config::CustomPattern;

fn masker(change: impl FnOnce(&mut Masking)) -> Masker {
    let mut config = Masking::default();
    change(&mut config);
    Masker::new(&config, Some(Key::new(b"a key for the tests"))).unwrap()
}

fn masked(masker: &Masker, text: &str) -> String {
    let mut out = String::new();
    let changed = masker.mask(text, &mut Scratch::default(), &mut out, |_| {});
    if changed { out } else { text.to_owned() }
}

#[test]
fn two_thousand_secrets_are_all_masked() {
    let (mut draw, masker) = (Draw::new(7), masker(|_| {}));
    for at in 0..2000 {
        let (text, gone) = credential(&mut draw);
        let before =
            draw.pick(&["", "2024-05-01T10:00:00Z INFO login ", "주문 처리: ", "{\"msg\":\"x\"} ", "("]);
        let after = draw.pick(&["", " done", "\nnext line", " 완료", ")"]);
        let line = format!("{before}{text}{after}");
        let out = masked(&masker, &line);
        assert!(!out.contains(&gone) && out.contains("[masked:"), "{at}: {line}\n-> {out}");
        assert!(out.starts_with(before), "{line}\n-> {out}");
    }
}

#[test]
fn ten_thousand_ids_pass_unaltered() {
    let (mut draw, masker) = (Draw::new(11), masker(|_| {}));
    for _ in 0..10_000 {
        let line = match draw.below(8) {
            0 => format!("order 2025{}-{}, next", draw.text("0123456789", 4), draw.text("0123456789", 7)),
            1 => format!("level=info request_id={} msg=ok", draw.text("0123456789", 13)),
            _ => id_line(&mut draw),
        };
        assert_eq!(masked(&masker, &line), line);
    }
}

#[test]
fn what_only_looks_like_a_secret_stays() {
    let masker = masker(|_| {});
    for line in [
        "unexpected token: }",
        "max_tokens=20000000 tokens: 4096 token_type=bearer",
        "secretName: tls-cert, secretKeyRef: x",
        "token::Kind::Ident at lexer.rs:12",
        "if password == other { return }",
        "{\"password\":null,\"token\":false}",
        "PWD=/home/app/releases/2024",
        "http://example.com:8080/a@b",
        "https://user@example.com/",
        "password reset for user 17",
        "the bearer of this letter",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "AKIA is a prefix; eyJ too; xoxo",
        "900101-1234567 has a wrong check digit",
        "rrnet 7 and currn 1",
        "password= ",
        "암호화 완료: 3건",
    ] {
        assert_eq!(masked(&masker, line), line);
    }
}

#[test]
fn values_end_where_they_should() {
    let masker = masker(|_| {});
    for (line, want) in [
        (r#"{"password":"a\"b\\","x":1}"#, r#"{"password":"[masked:password]","x":1}"#),
        (r#"{"password":1234,"x":1}"#, r#"{"password":"[masked:password]","x":1}"#),
        (
            r#"{"m":"{\"password\":\"a\\\"b\",\"x\":1}"}"#,
            r#"{"m":"{\"password\":\"[masked:password]\",\"x\":1}"}"#,
        ),
        ("curl --password hunter2 -v", "curl --password [masked:password] -v"),
        ("<password>hunter2</password>", "<password>[masked:password]</password>"),
        ("?password=x&next=1", "?password=[masked:password]&next=1"),
        ("password = 'two words' next", "password = '[masked:password]' next"),
        ("User { password: Some(\"x y\"), id: 1 }", "User { password: Some(\"[masked:password]\"), id: 1 }"),
        ("authorization: Basic dXNlcjpwYXNz next", "authorization: Basic [masked:authorization] next"),
        ("redis://:p4ss@cache:6379/0", "redis://:[masked:url-password]@cache:6379/0"),
        ("amqp://u:p@ss@mq/", "amqp://u:[masked:url-password]@mq/"),
        ("password=\"no end", "password=\"[masked:password]"),
        ("비밀번호: 열려라참깨 끝", "비밀번호: [masked:password] 끝"),
        ("주민번호 9001011234567 확인", "주민번호 [masked:resident-number] 확인"),
        (
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "https://hooks.slack.com/services/[masked:slack-token]",
        ),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII cut off", "[masked:private-key]"),
    ] {
        assert_eq!(masked(&masker, line), want, "{line}");
    }
}

#[test]
fn what_is_off_by_default_can_be_switched_on() {
    let all = masker(|m| {
        m.emails = true;
        m.card_numbers = true;
        m.ibans = true;
        m.phone_numbers = true;
        m.ip_addresses = true;
    });
    let none = masker(|_| {});
    for (line, want) in [
        ("mail kim.lee+a@mail.example.co.kr.", "mail [masked:email]."),
        ("card 4111 1111 1111 1111!", "card [masked:card]!"),
        ("card 4111-1111-1111-1112", "card 4111-1111-1111-1112"),
        ("iban DE89 3704 0044 0532 0130 00 ok", "iban [masked:iban] ok"),
        ("iban GB82WEST12345698765432", "iban [masked:iban]"),
        // Right check digits, but no country, or not its length.
        ("order BP733S34Q7FOTSPE97CHADYA5L", "order BP733S34Q7FOTSPE97CHADYA5L"),
        ("order UV16OL8T27TW27M4PQSIQ3TZZV", "order UV16OL8T27TW27M4PQSIQ3TZZV"),
        (
            "call 010-1234-5678 or +82 10-1234-5678 or (02) 123-4567",
            "call [masked:phone] or [masked:phone] or [masked:phone]",
        ),
        ("from 10.0.0.17:443 and 2001:db8::7", "from [masked:ip]:443 and [masked:ip]"),
        ("at 12:30:45.123 v1.2.3 1.2.3.4.5", "at 12:30:45.123 v1.2.3 1.2.3.4.5"),
    ] {
        assert_eq!(masked(&all, line), want, "{line}");
        assert_eq!(masked(&none, line), line);
    }
}

#[test]
fn patterns_of_ones_own_and_other_modes() {
    let own = |mode| {
        masker(|m| {
            m.mode = mode;
            m.patterns = vec![CustomPattern { name: "order".into(), regex: r"order no\. (\d+)".into() }];
        })
    };
    let line = "order no. 123456789012 of 900101-1234568 password=correct-horse7";
    assert_eq!(
        masked(&own(Mode::Full), line),
        "order no. [masked:order] of [masked:resident-number] password=[masked:password]"
    );
    assert_eq!(masked(&own(Mode::Partial), line), "order no. ****9012 of 900101-1****** password=****rse7");
    let hashed = masked(&own(Mode::Hash), line);
    assert!(hashed.starts_with("order no. [masked:order:") && hashed.ends_with(']'), "{hashed}");
    assert_eq!(masked(&own(Mode::Hash), line), hashed);
    let other =
        Masker::new(&Masking { mode: Mode::Hash, ..Masking::default() }, Some(Key::new(b"another"))).unwrap();
    assert!(!hashed.contains(&masked(&other, "password=correct-horse7")));
    let wrong = |name: &str, regex: &str| {
        let patterns = vec![CustomPattern { name: name.into(), regex: regex.into() }];
        Masker::new(&Masking { patterns, ..Masking::default() }, None).unwrap_err().message
    };
    assert!(wrong("ok", "(").contains("missing closing"));
    assert!(wrong("Not ok", "x").contains("cannot name"));
    let no_key = Masking { mode: Mode::Hash, ..Masking::default() };
    assert!(Masker::new(&no_key, None).unwrap_err().message.contains("key_file"));
}

#[test]
fn long_lines_of_anchors_take_no_longer_than_others() {
    let masker = masker(|m| m.emails = true);
    for piece in [
        "eyJ",
        "eyJ.",
        "xoxb-",
        "://a:",
        "password",
        "-----BEGIN ",
        "SG.",
        "token=",
        "ghp_",
        "@",
        "a@",
        "1-",
        "bearer ",
    ] {
        let line = piece.repeat(200_000 / piece.len());
        let out = masked(&masker, &line);
        assert_eq!(masked(&masker, &out), out, "{piece}");
    }
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<u64>().prop_map(|seed| credential(&mut Draw::new(seed)).0),
        prop::sample::select(vec![
            "password",
            "token=",
            "\"",
            "\\\"",
            "'",
            " ",
            ": ",
            "=",
            "://",
            "u:p@",
            "eyJ",
            "[masked:",
            "]",
            "****",
            "secret",
            "bearer ",
            "-",
            "900101-1234568",
            "주민",
            "a1b2c3d4e5f6a7b8c9d0e1f2",
            "\n",
            ">",
            "<",
            "[",
            "12345678",
            "pwd",
            "Authorization: ",
            "-----BEGIN PRIVATE KEY-----",
            "-----END",
            "@",
            ".",
            ",",
            "xoxb-",
            "Some(",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    prop::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn masking_twice_is_masking_once(text in pieces(), mode in 0..3_usize) {
        static MASKERS: std::sync::LazyLock<[Masker; 3]> =
            std::sync::LazyLock::new(|| [Mode::Full, Mode::Partial, Mode::Hash].map(|mode| masker(|m| m.mode = mode)));
        let masker = &MASKERS[mode];
        let once = masked(masker, &text);
        prop_assert_eq!(masked(masker, &once), once);
    }

    /// Wherever a batch is cut into messages, and whatever lies across the borders.
    #[test]
    fn a_batch_is_searched_as_its_messages_are(
        texts in prop::collection::vec(pieces(), 1..5),
        cuts in prop::collection::vec(0.0..1.0_f64, 0..12),
        between in 0..3_usize,
    ) {
        static MASKER: std::sync::LazyLock<Masker> = std::sync::LazyLock::new(|| masker(|_| {}));
        let text = texts.concat();
        let mut cuts: Vec<usize> =
            cuts.iter().map(|at| text.floor_char_boundary((at * text.len() as f64) as usize)).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([text.len()]);
        let starts = [0].into_iter().chain(cuts.iter().copied());
        // Fields lie between messages.
        let all: Vec<Range<usize>> = starts.zip(ends).map(|(start, end)| start..end).collect();
        let places: Vec<Range<usize>> =
            all.into_iter().enumerate().filter(|(at, _)| at % 3 >= between).map(|(_, place)| place).collect();
        let mut have = vec![true; 3];
        MASKER.have_anchors(&text, || places.iter().cloned(), &mut have);
        prop_assert_eq!(have.len(), places.len());
        for (place, has) in places.into_iter().zip(have) {
            let text = &text[place];
            let anchors = MASKER.anchors.as_ref().unwrap();
            prop_assert_eq!(has, anchors.is_match(text), "{:?}", text);
            let (mut scratch, mut out) = (Scratch::default(), String::new());
            if !has {
                let changed = MASKER.mask_plain(text, &mut scratch, &mut out, |_| {});
                prop_assert_eq!(if changed { out } else { text.to_owned() }, masked(&MASKER, text));
            }
        }
    }

    #[test]
    fn everything_switched_on_stops_nowhere(text in pieces()) {
        static ALL: std::sync::LazyLock<Masker> = std::sync::LazyLock::new(|| {
            masker(|m| {
                m.emails = true;
                m.card_numbers = true;
                m.ibans = true;
                m.phone_numbers = true;
                m.ip_addresses = true;
                m.patterns = vec![CustomPattern { name: "x".into(), regex: "[a-f]{3,}".into() }];
            })
        });
        let once = masked(&ALL, &text);
        prop_assert!(once.len() <= text.len() * 12 + 64);
    }
}
