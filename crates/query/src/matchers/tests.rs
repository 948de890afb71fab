use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn material(name: &str) -> Value {
    let text =
        std::fs::read_to_string(testkit::conformance::folder("alertmanager").unwrap().join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn op(case: &Value) -> MatchOp {
    match case["op"].as_str().unwrap() {
        "=" => MatchOp::Equal,
        "!=" => MatchOp::NotEqual,
        "=~" => MatchOp::Regex,
        _ => MatchOp::NotRegex,
    }
}

fn named(case: &Value) -> Matcher {
    Matcher::line_wise(case["name"].as_str().unwrap(), op(case), case["value"].as_str().unwrap()).unwrap()
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn cases_of_alertmanager_are_read_as_there() {
    let cases = material("matcher_cases.json");
    for case in cases.as_array().unwrap() {
        let input = case["input"].as_str().unwrap();
        let error = case["error"].as_str().unwrap();
        let wanted = match error {
            "" => Ok(case["matchers"].as_array().unwrap().iter().map(named).collect::<Vec<_>>()),
            error => Err(error.to_owned()),
        };
        assert_eq!(parse(input, Notation::Classic), wanted, "classic: {input}");
        assert_eq!(parse(input, Notation::Both), wanted, "both: {input}");
        // The material counts an empty list and no list as different.
        let differs = parse(input, Notation::Utf8).ok() != wanted.ok();
        let marked = case["parsers_differ"].as_bool().unwrap();
        assert_eq!(differs, marked && input != "{}", "UTF-8: {input}");
    }
    assert!(cases.as_array().unwrap().len() > 30);
}

#[test]
#[cfg_attr(not(conformance), ignore = "the conformance material is not there")]
fn forms_are_those_of_alertmanager() {
    let forms = material("matcher_forms.json");
    for case in forms["matches"].as_array().unwrap() {
        let matcher = Matcher::line_wise("foo", op(case), case["pattern"].as_str().unwrap()).unwrap();
        let value = case["value"].as_str().unwrap();
        assert_eq!(matcher.matches(value), case["match"].as_bool().unwrap(), "{case}");
    }
    for case in forms["string"].as_array().unwrap() {
        assert_eq!(Written(&named(case)).to_string(), case["text"].as_str().unwrap());
    }
    for case in forms["json"].as_array().unwrap() {
        let json = serde_json::to_string(&Json::from(&named(case))).unwrap();
        assert_eq!(json, case["json"].as_str().unwrap());
        let back: Json = serde_json::from_str(&json).unwrap();
        assert_eq!(Matcher::try_from(back).unwrap(), named(case));
    }
}

#[test]
fn the_notation_for_utf8_says_where_it_is_wrong() {
    for (text, error) in [
        ("{", "0:1: end of input: expected close brace"),
        ("}", "0:1: }: expected opening brace"),
        ("{foo=bar", "0:8: end of input: expected close brace"),
        ("foo=bar}", "0:8: }: expected opening brace"),
        ("{,}", "1:2: unexpected ,: expected label name"),
        ("foo", "end of input: expected an operator such as '=', '!=', '=~' or '!~'"),
        ("foo=", "end of input: expected label value"),
        (
            "foo!",
            "3:4: unexpected end of input, expected one of '=~': expected an operator such as '=', '!=', '=~' or '!~'",
        ),
        ("foo!x", "3:4: !: expected one of '=~': expected an operator such as '=', '!=', '=~' or '!~'"),
        ("foo=\"bar", "4:8: \"bar: missing end \": expected label value"),
        ("봉화=`", "3:4: `: invalid input: expected label value"),
        ("foo=\"\\q\"", "4:8: \"\\q\": invalid input"),
        ("foo=bar bar=baz", "8:11: unexpected bar: expected a comma or close brace"),
        ("foo=bar,,", "8:9: unexpected ,: expected a matcher or close brace after comma"),
        ("{foo=bar}x", "9:10: x: expected end of input"),
    ] {
        assert_eq!(parse(text, Notation::Utf8), Err(error.to_owned()), "{text}");
    }
    let names = parse("{\"foo bar\"!=\"\\u00e4\", 봉화=~a.*,}", Notation::Both).unwrap();
    assert_eq!(WrittenList(&names).to_string(), "{\"foo bar\"!=\"ä\",봉화=~\"a.*\"}");
}

#[test]
fn one_matcher_is_one_and_stands_without_braces() {
    assert_eq!(parse_one("a=b", Notation::Both).unwrap(), Matcher::equal("a", "b"));
    for (text, error) in [
        ("{a=b}", "unexpected open or close brace: {a=b}"),
        ("a=~(", "error parsing regexp: missing closing ): `^(?:()$`"),
        ("", "bad matcher format: "),
    ] {
        assert_eq!(parse_one(text, Notation::Both), Err(error.to_owned()));
    }
    assert_eq!(parse_one("a=b,c=d", Notation::Utf8), Err("expected 1 matcher, found 2".to_owned()));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[{}=!~,\\\\\"'`a-c봉 \\n]{0,24}") {
        for notation in [Notation::Classic, Notation::Utf8, Notation::Both] {
            let _ = parse(&text, notation);
            let _ = parse_one(&text, notation);
        }
    }

    #[test]
    fn what_is_written_reads_back(name in "[a-z_봉 !]{1,8}", value in "[a-z\"\\\\\\n,{}봉]{0,12}", not in any::<bool>()) {
        let op = if not { MatchOp::NotEqual } else { MatchOp::Equal };
        let matcher = Matcher::line_wise(name, op, value).unwrap();
        let list = vec![matcher.clone(), matcher];
        prop_assert_eq!(parse(&WrittenList(&list).to_string(), Notation::Both).unwrap(), list);
    }
}
