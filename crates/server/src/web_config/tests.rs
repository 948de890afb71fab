use super::written::parse;
use super::*;

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let text = |yaml: &str| parse(yaml).unwrap_err();
    assert!(
        text("tls_server_config:\n  cert_fil: x\n").starts_with(":2:3: "),
        "{}",
        text("tls_server_config:\n  cert_fil: x\n")
    );
    assert!(text("tls_server_config:\n  min_version: TLS9\n").contains("TLS9"));
    assert!(text("http_server_config:\n  headers:\n    Server: x\n").contains("can not be configured"));
    assert!(text("http_server_config:\n  headers:\n    X-Frame-Options: any\n").contains("Expected one of"));
    let plain = text("basic_auth_users:\n  alice: hunter2\n");
    assert!(plain.contains("alice") && !plain.contains("hunter2"), "{plain}");
    assert!(text("rate_limit:\n  interval: often\n").contains("often"));
    assert!(text("a: [").starts_with(":1:"));
}

#[test]
fn what_may_be_left_out_may_be_left_empty() {
    for yaml in
        ["", "# nothing\n", "basic_auth_users:\n", "tls_server_config:\nhttp_server_config:\n  headers:\n"]
    {
        let written = parse(yaml).unwrap();
        assert!(written.http_server_config.http2 && !written.tls_server_config.is_enabled(), "{yaml}");
    }
}

#[test]
fn secrets_are_not_shown() {
    let hash = bcrypt::hash("x", 4).unwrap();
    let written =
        parse(&format!("basic_auth_users: {{ a: '{hash}' }}\ntls_server_config: {{ key: k }}\n")).unwrap();
    let shown = format!("{written:?}");
    assert!(!shown.contains(&hash) && shown.contains("<secret>") && !shown.contains("\"k\""), "{shown}");
}

#[test]
fn tls_without_its_parts_is_refused_as_prometheus_refuses_it() {
    let refused = |yaml: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, yaml).unwrap();
        check(&path).unwrap_err().message
    };
    assert!(refused("tls_server_config: { key: x }").contains("missing one of cert or cert_file"));
    assert!(refused("tls_server_config: { cert: x }").contains("holds no certificate"));
    assert!(refused("tls_server_config: { cert_file: none.pem }").contains("failed to read cert_file"));
    assert!(check(Path::new("/nowhere/web.yml")).unwrap_err().message.contains("cannot be read"));
}

mod names {
    use super::san;
    use proptest::prelude::*;

    fn item(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag];
        match u8::try_from(content.len()) {
            Ok(n) if n < 0x80 => out.push(n),
            _ => out.extend([0x82, (content.len() >> 8) as u8, content.len() as u8]),
        }
        out.extend(content);
        out
    }

    fn certificate() -> Vec<u8> {
        let names = [
            item(0x82, b"a.example"),
            item(0x81, b"me@a.example"),
            item(0x87, &[127, 0, 0, 1]),
            item(0x86, b"spiffe://a/b"),
        ];
        let value = item(0x04, &item(0x30, &names.concat()));
        let extension = item(0x30, &[item(0x06, &[0x55, 0x1D, 0x11]), item(0x01, &[0xFF]), value].concat());
        let other = item(0x30, &[item(0x06, &[0x55, 0x1D, 0x0F]), item(0x04, &[1])].concat());
        let validity = item(0x30, &[item(0x17, b"250102030405Z"), item(0x18, b"20510102030405Z")].concat());
        let body = [
            item(0xA0, &[2, 1, 2]),
            item(2, &[1]),
            item(0x30, &[]),
            item(0x30, &[]),
            validity,
            item(0x30, &[]),
            item(0x30, &[]),
            item(0xA3, &item(0x30, &[other, extension].concat())),
        ];
        item(0x30, &[item(0x30, &body.concat()), item(0x30, &[])].concat())
    }

    #[test]
    fn names_and_times_are_read() {
        let names = san::names(&certificate()).unwrap();
        assert_eq!(names, ["a.example", "me@a.example", "127.0.0.1", "spiffe://a/b"]);
        assert_eq!(san::validity(&certificate()), Some((1_735_787_045, 2_556_241_445)));
    }

    proptest! {
        #[test]
        fn broken_certificates_do_no_harm(at in 0usize..200, byte: u8, cut in 0usize..200) {
            let mut bytes = certificate();
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(bytes.len().saturating_sub(cut % 50));
            let _ = (san::names(&bytes), san::validity(&bytes));
        }
    }
}
