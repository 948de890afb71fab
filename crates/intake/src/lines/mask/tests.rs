use proptest::prelude::*;

use super::*;
use crate::lines::config::CustomPattern;

/// A seeded source of characters.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";

fn alnum() -> String {
    format!("{UPPER}{LOWER}{DIGITS}")
}

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

fn resident_number(draw: &mut Draw) -> String {
    let year = draw.below(100);
    let (month, day) = (1 + draw.below(12), 1 + draw.below(28));
    let digits = format!("{year:02}{month:02}{day:02}{}{}", 1 + draw.below(8), draw.text(DIGITS, 5));
    let weights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let sum: u32 = digits.bytes().zip(weights).map(|(d, w)| u32::from(d - b'0') * w).sum();
    let from = if digits.as_bytes()[6] >= b'5' { 13 } else { 11 };
    format!("{}-{}{}", &digits[..6], &digits[6..], (from - sum % 11) % 10)
}

/// A secret, and the part of it that must be gone.
fn secret(draw: &mut Draw) -> (String, String) {
    let alnum = alnum();
    let url = format!("{alnum}-_");
    let whole = |text: String| (text.clone(), text);
    match draw.below(16) {
        0 => whole(format!("{}{}", draw.pick(&["AKIA", "ASIA"]), draw.text(&format!("{UPPER}{DIGITS}"), 16))),
        1 => {
            let key = draw.text(&format!("{alnum}+/"), 40);
            (format!("aws_secret_access_key = {key}"), key)
        }
        2 => whole(format!("AIza{}", draw.text(&url, 35))),
        3 => whole(format!("{}{}", draw.pick(&["ghp_", "gho_", "ghs_"]), draw.text(&alnum, 36))),
        4 => whole(format!("github_pat_{}_{}", draw.text(&alnum, 22), draw.text(&alnum, 59))),
        5 => whole(format!("xoxb-{}-{}", draw.text(DIGITS, 12), draw.text(&alnum, 24))),
        6 => whole(format!("eyJ{}.eyJ{}.{}", draw.text(&url, 30), draw.text(&url, 60), draw.text(&url, 43))),
        7 => {
            let body = format!("{}\n{}", draw.text(&alnum, 64), draw.text(&alnum, 40));
            let kind = draw.pick(&["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "]);
            (format!("-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"), body)
        }
        8 | 9 => {
            let length = 6 + draw.below(20) as usize;
            let value = draw.text(&format!("{alnum}!@#$%^*+-_.:~"), length);
            let name = draw.pick(&[
                "password",
                "db.password",
                "PASSWD",
                "api_key",
                "clientSecretKey",
                "apiKey",
                "비밀번호",
            ]);
            let text = match draw.below(6) {
                0 => format!("{name}={value}"),
                1 => format!("{name}: \"{value}\""),
                2 => format!("{{\"{name}\":\"{value}\",\"a\":1}}"),
                3 => format!("{{\\\"{name}\\\": \\\"{value}\\\"}}"),
                4 => format!("{name} => '{value}'"),
                _ => format!("?a=1&{name}={value}&b=2"),
            };
            (text, value)
        }
        10 => {
            let value = draw.text(&alnum, 12);
            (format!("postgres://app:{value}@db.internal:5432/shop"), value)
        }
        11 => {
            let value = draw.text(&url, 40);
            (format!("Authorization: Bearer {value}"), value)
        }
        12 => {
            let value = draw.text(&alnum, 24) + "==";
            (format!("\"authorization\":\"Basic {value}\""), value)
        }
        13 => whole(format!("sk_live_{}", draw.text(&alnum, 24))),
        14 => {
            let value = format!("{}7", draw.text(&alnum, 20));
            (format!("refresh_token={value}"), value)
        }
        _ => whole(resident_number(draw)),
    }
}

#[test]
fn two_thousand_secrets_are_all_masked() {
    let (mut draw, masker) = (Draw(7), masker(|_| {}));
    for at in 0..2000 {
        let (text, gone) = secret(&mut draw);
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
    let (mut draw, masker) = (Draw(11), masker(|_| {}));
    for _ in 0..10_000 {
        let id = match draw.below(8) {
            0 => format!(
                "{}-{}-4{}-a{}-{}",
                draw.text(HEX, 8),
                draw.text(HEX, 4),
                draw.text(HEX, 3),
                draw.text(HEX, 3),
                draw.text(HEX, 12)
            ),
            1 => draw.text(HEX, 32),
            2 => format!("00-{}-{}-01", draw.text(HEX, 32), draw.text(HEX, 16)),
            3 => format!("2025{}-{}", draw.text(DIGITS, 4), draw.text(DIGITS, 7)),
            4 => format!("ORD-{}-{}", draw.text(DIGITS, 6), draw.text(DIGITS, 6)),
            5 => draw.text(DIGITS, 13),
            6 => format!("sha256:{}", draw.text(HEX, 64)),
            _ => draw.text(&format!("{UPPER}{DIGITS}"), 26),
        };
        let line = match draw.below(5) {
            0 => format!("{{\"trace_id\":\"{id}\",\"status\":200}}"),
            1 => format!("level=info request_id={id} msg=ok"),
            2 => format!("GET https://shop.example/orders/{id}?page=2 HTTP/1.1"),
            3 => format!("주문 {id} 접수"),
            _ => format!("order {id}, next"),
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
        any::<u64>().prop_map(|seed| secret(&mut Draw(seed)).0),
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
