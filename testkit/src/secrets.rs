//! Secrets of every kind that masking knows, and what only looks like one, from a seed: for tests of masking, from the masker
//! alone to every way into the program.

/// A line with a secret, and the part of it that must be gone.
#[derive(Debug, Clone)]
pub struct Secret {
    /// The line, or several of a stack trace.
    pub line: String,
    /// What nobody may find afterwards; it lies on one line.
    pub gone: String,
}

/// A seeded source of choices: splitmix64.
#[derive(Debug, Clone)]
pub struct Draw(u64);

const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const DIGITS: &str = "0123456789";
const HEX: &str = "0123456789abcdef";

impl Draw {
    /// Equal seeds give equal choices.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `most`.
    pub fn below(&mut self, most: u64) -> u64 {
        self.next() % most
    }

    /// So many characters of an alphabet.
    pub fn text(&mut self, alphabet: &str, length: usize) -> String {
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[self.below(letters.len() as u64) as usize]).collect()
    }

    /// One of them.
    pub fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

/// 주민등록번호 with a right check digit.
fn resident_number(draw: &mut Draw) -> String {
    let (year, month, day) = (draw.below(100), 1 + draw.below(12), 1 + draw.below(28));
    let digits = format!("{year:02}{month:02}{day:02}{}{}", 1 + draw.below(8), draw.text(DIGITS, 5));
    let weights = [2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5];
    let sum: u32 = digits.bytes().zip(weights).map(|(d, w)| u32::from(d - b'0') * w).sum();
    // From 5 on, the seventh digit is that of a foreigner.
    let from = if digits.as_bytes()[6] >= b'5' { 13 } else { 11 };
    format!("{}-{}{}", &digits[..6], &digits[6..], (from - sum % 11) % 10)
}

/// Sixteen digits with a right check digit (Luhn).
fn card(draw: &mut Draw) -> String {
    let mut digits = format!("4{}", draw.text(DIGITS, 14));
    let sum: u32 = (0u32..)
        .zip(digits.bytes().rev())
        .map(|(at, digit)| match (at % 2, u32::from(digit - b'0')) {
            (0, digit) if digit > 4 => 2 * digit - 9,
            (0, digit) => 2 * digit,
            (_, digit) => digit,
        })
        .sum();
    digits += &((10 - sum % 10) % 10).to_string();
    let sign = draw.pick(&[" ", "-", ""]);
    [&digits[..4], &digits[4..8], &digits[8..12], &digits[12..]].join(sign)
}

/// A German account with right check digits (ISO 13616).
fn iban(draw: &mut Draw) -> String {
    let account = draw.text(DIGITS, 18);
    let rest = format!("{account}131400")
        .bytes()
        .fold(0u64, |rest, digit| (rest * 10 + u64::from(digit - b'0')) % 97);
    format!("DE{:02}{account}", 98 - rest)
}

/// A secret within a line of a log, possibly of several lines.
pub fn secret(draw: &mut Draw) -> Secret {
    let (text, gone) = if draw.below(24) < 18 { credential(draw) } else { personal(draw) };
    let before = draw
        .pick(&["", "2026-05-01T10:00:00Z INFO login ", "주문 처리: ", "{\"msg\":\"x\"} ", "("])
        .to_owned();
    let after = draw.pick(&["", " done", " 완료", ")"]).to_owned();
    let line = match draw.below(12) {
        // The message of an exception, and that of its cause.
        0 => format!(
            "java.lang.IllegalStateException: {text}\n\tat com.acme.Shop.buy(Shop.java:17)\n\tat com.acme.Main.main(Main.java:4)"
        ),
        1 => format!(
            "ERROR request failed java.io.IOException: refused\n\tat com.acme.Net.open(Net.java:88)\nCaused by: \
             java.sql.SQLException: {text}\n\t... 4 more"
        ),
        _ => format!("{before}{text}{after}"),
    };
    // What lies on one line is what is looked for.
    let gone = gone.lines().next().unwrap_or_default().to_owned();
    Secret { line, gone }
}

/// A secret of a kind that is masked by default, and the part of it that must be gone.
pub fn credential(draw: &mut Draw) -> (String, String) {
    let alnum = format!("{UPPER}{LOWER}{DIGITS}");
    let url = format!("{alnum}-_");
    let whole = |text: String| (text.clone(), text);
    match draw.below(18) {
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
        8..=10 => {
            let length = 9 + draw.below(20) as usize;
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
        11 => {
            let value = draw.text(&alnum, 12);
            (format!("postgres://app:{value}@db.internal:5432/shop"), value)
        }
        12 => {
            let value = draw.text(&url, 40);
            (format!("Authorization: Bearer {value}"), value)
        }
        13 => {
            let value = draw.text(&alnum, 24) + "==";
            (format!("\"authorization\":\"Basic {value}\""), value)
        }
        14 => whole(format!("sk_live_{}", draw.text(&alnum, 24))),
        15 => {
            let value = format!("{}7", draw.text(&alnum, 20));
            (format!("refresh_token={value}"), value)
        }
        _ => whole(resident_number(draw)),
    }
}

/// A secret of a kind that is masked where it is switched on; badges (`badge-` and eight digits) by a pattern of one's own.
pub fn personal(draw: &mut Draw) -> (String, String) {
    let whole = |text: String| (text.clone(), text);
    match draw.below(6) {
        0 => whole(format!("{}.{}@mail.example.co.kr", draw.text(LOWER, 6), draw.text(LOWER, 6))),
        1 => whole(card(draw)),
        2 => whole(iban(draw)),
        3 => whole(format!("010-{}-{}", draw.text("23456789", 4), draw.text(DIGITS, 4))),
        4 => {
            let mut part = || 100 + draw.below(120);
            whole(format!("{}.{}.{}.{}", part(), part(), part(), part()))
        }
        _ => whole(format!("badge-{}", draw.text(DIGITS, 8))),
    }
}

/// The lines of a private key in PEM, `BEGIN` and `END` among them.
pub fn key_lines(draw: &mut Draw) -> Vec<String> {
    let alphabet = format!("{UPPER}{LOWER}{DIGITS}+/");
    let kind = draw.pick(&["", "RSA ", "EC ", "ENCRYPTED "]).to_owned();
    let mut lines = vec![format!("-----BEGIN {kind}PRIVATE KEY-----")];
    lines.extend((0..1 + draw.below(30)).map(|_| draw.text(&alphabet, 64)));
    let groups = 4 + draw.below(12) as usize;
    lines.push(format!("{}{}==", draw.text(DIGITS, 1), draw.text(&alphabet, groups * 4 - 3)));
    lines.push(format!("-----END {kind}PRIVATE KEY-----"));
    lines
}

/// A line with an identifier that is no secret.
pub fn id_line(draw: &mut Draw) -> String {
    let id = match draw.below(7) {
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
        3 => format!("ORD-{}-{}", draw.text(DIGITS, 6), draw.text(DIGITS, 6)),
        4 => draw.text(DIGITS, 12),
        5 => format!("sha256:{}", draw.text(HEX, 64)),
        _ => draw.text(&format!("{UPPER}{DIGITS}"), 26),
    };
    match draw.below(5) {
        0 => format!("{{\"trace_id\":\"{id}\",\"status\":200}}"),
        1 => format!("level=info request_id={id} msg=ok"),
        2 => format!("GET https://shop.example/orders/{id}?page=2 HTTP/1.1"),
        3 => format!("주문 {id} 접수"),
        _ => format!("order {id}, next"),
    }
}
