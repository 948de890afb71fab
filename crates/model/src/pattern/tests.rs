use super::*;

fn matches(expression: &str, text: &str) -> bool {
    let pattern = Pattern::new(expression).unwrap_or_else(|e| panic!("{expression}: {e}"));
    let by_automaton = pattern.regex().unwrap().is_match(text);
    assert_eq!(pattern.is_match(text), by_automaton, "{expression:?} by shape and by automaton on {text:?}");
    by_automaton
}

/// Expression, texts that match, texts that do not.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

fn check(rows: &[Row]) {
    for (expression, yes, no) in rows {
        for text in *yes {
            assert!(matches(expression, text), "{expression:?} should match {text:?}");
        }
        for text in *no {
            assert!(!matches(expression, text), "{expression:?} should not match {text:?}");
        }
    }
}

#[test]
fn the_whole_text_must_match() {
    check(&[
        ("a.c|b", &["a\nc", "abc", "b"], &["xa.c", "bb", "abcd", ""]),
        ("", &[""], &["a"]),
        ("a|", &["a", ""], &["b"]),
        ("a$", &["a"], &["a\n"]),
        ("^a$", &["a"], &["a\n"]),
        ("(?-s).", &["a"], &["\n"]),
        ("(?m)a$\n^b", &["a\nb"], &["a\n"]),
        ("\\Aa\\z", &["a"], &[]),
    ]);
}

#[test]
fn perl_classes_are_ascii() {
    check(&[
        ("\\d+", &["019"], &["٣", "１"]),
        ("\\D", &["٣", "a", "\n"], &["3"]),
        ("\\w+", &["aZ_9"], &["é", "가"]),
        ("\\W", &["é", "-"], &["_"]),
        ("\\s", &[" ", "\t", "\n", "\u{c}", "\r"], &["\u{a0}", "\u{b}", "\u{2003}"]),
        ("\\S", &["\u{a0}", "\u{b}"], &[" "]),
        ("é\\b", &[], &["é"]),
        ("a\\b.*", &["a", "a-", "aé"], &["ab"]),
        ("a\\Bb", &["ab"], &[]),
        ("[[:word:]]+", &["a_1"], &["é"]),
        ("[[:^alpha:]]", &["1", "é"], &["a"]),
        ("(?i)\\w", &["ſ", "K"], &["é"]),
    ]);
}

#[test]
fn escapes_of_go() {
    check(&[
        ("\\Qa.b*\\E+", &["a.b*", "a.b**"], &["axb"]),
        ("\\101\\0\\07\\1010", &["A\0\u{7}A0"], &[]),
        ("\\x41\\x{1F600}", &["A\u{1f600}"], &[]),
        ("\\a\\f\\n\\r\\t\\v", &["\u{7}\u{c}\n\r\t\u{b}"], &[]),
        ("\\.\\-\\_\\ \\@\\\"\\<\\>", &[".-_ @\"<>"], &[]),
        ("\\pL\\p{Greek}\\PN\\p{^Nd}\\p{Hangul}", &["aαxx가"], &["1αxx가"]),
        ("(?i)k", &["k", "K", "\u{212a}"], &["x"]),
        ("(?i:a)b(?U)c.*?", &["Abc", "abcd"], &["AB", "abC"]),
    ]);
}

#[test]
fn braces_that_repeat_nothing_are_braces() {
    check(&[
        ("{", &["{"], &[]),
        ("a{", &["a{"], &[]),
        ("x{,5}", &["x{,5}"], &["x", "xx"]),
        ("a{b}", &["a{b}"], &[]),
        ("a{01}", &["a{01}"], &["a"]),
        ("a{1", &["a{1"], &[]),
        ("}]", &["}]"], &[]),
        ("a{2}", &["aa"], &["a", "aaa"]),
        ("a{1,2}?b{0,}", &["a", "aab", "abb"], &["aaa"]),
        ("(a{10}){100}", &[], &["a"]),
    ]);
}

#[test]
fn classes_know_no_operators() {
    check(&[
        ("[[]", &["["], &[]),
        ("[]a]", &["]", "a"], &["[]a]"]),
        ("[^]a]", &["b", "\n"], &["]", "a"]),
        ("[a&&b]", &["a", "&", "b"], &[]),
        ("[a~~b]", &["~"], &[]),
        ("[\\d-z]", &["5", "-", "z"], &["a"]),
        ("[a-]", &["a", "-"], &[]),
        ("[-a]", &["a", "-"], &[]),
        ("[[:alpha:]-z]", &["-", "z", "b"], &["5"]),
        ("[[:alpha]+", &["[:alph"], &["z"]),
        ("[\\]\\x41-C]", &["]", "B"], &["D"]),
        ("(?i)[a-c]", &["B"], &["D"]),
        ("[^\\D]", &["1"], &["a"]),
        ("[a#b]", &["#"], &[]),
    ]);
}

#[test]
fn refused_with_the_words_of_go() {
    for (expression, message) in [
        ("(", "missing closing ): `^(?s:()$`"),
        (")", "unexpected ): `^(?s:))$`"),
        // What closes and anchors the expression is quoted, too.
        ("\\Qa|b", "missing closing ): `^(?s:\\Qa|b)$`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a|*?", "missing argument to repetition operator: `*?`"),
        ("(?i)+", "missing argument to repetition operator: `+`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*?+?", "invalid nested repetition operator: `*?+?`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("a{99999999999}", "invalid repeat count: `{99999999999}`"),
        ("(a{100}){11}", "invalid repeat count: `{11}`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("a(?=b)", "invalid or unsupported Perl syntax: `(?=`"),
        ("a(?!b)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
        ("(?<=a)b", "invalid named capture: `(?<=a)b)$`"),
        ("(?P<a b>c)", "invalid named capture: `(?P<a b>`"),
        ("(?P<a>b)(?P<a>c)", "duplicate capture group name: `a`"),
        ("[a", "missing closing ]: `[a)$`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("[a--b]", "invalid character class range: `a--`"),
        ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
        ("[a-\\d]", "invalid escape sequence: `\\d`"),
        ("[\\b]", "invalid escape sequence: `\\b`"),
        ("\\1", "invalid escape sequence: `\\1`"),
        ("\\8", "invalid escape sequence: `\\8`"),
        ("\\y", "invalid escape sequence: `\\y`"),
        ("\\Z", "invalid escape sequence: `\\Z`"),
        ("\\C", "invalid escape sequence: `\\C`"),
        ("\\x{110000}", "invalid escape sequence: `\\x{110000}`"),
        ("\\p{Nope}", "invalid character class range: `\\p{Nope}`"),
        (
            "(?:(?:(?:a{1000}){1}){1})?\\pL{1000}(?:(?:\\pL{999}x){1}){1}(\\pL|.\\p{Han}){1000}",
            "expression too large",
        ),
    ] {
        let found = Pattern::new(expression).expect_err(expression).to_string();
        let wanted = format!("error parsing regexp: {message}");
        assert!(found.starts_with(&wanted), "{expression}: {found}");
    }
    let trailing = go::parse("a\\").unwrap_err().to_string();
    assert_eq!(trailing, "error parsing regexp: trailing backslash at end of expression: ``");
}

#[test]
fn deep_expressions_are_refused_and_not_a_crash() {
    for expression in ["(".repeat(100_000), "(?:".repeat(100_000), "(?i:a|".repeat(100_000)] {
        assert!(Pattern::new(&expression).is_err());
    }
    let deep = 150;
    assert!(matches(&format!("{}a{}", "(".repeat(deep), ")*".repeat(deep)), "aa"));
}

#[test]
fn shapes() {
    let set = |expression: &str| Pattern::new(expression).unwrap().literals().map(<[_]>::to_vec);
    assert_eq!(set("b|a"), Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(set("(web|db)-[12](?:x)?").map(|s| s.len()), Some(8));
    assert_eq!(set("(?i)ab").map(|s| s.len()), Some(4));
    assert_eq!(set("a\\.b"), Some(vec!["a.b".to_owned()]));
    assert_eq!(set(""), Some(vec![String::new()]));
    assert!(set("a.b").is_none() && set("a*").is_none() && set("a\\b").is_none());
    assert!(set("[a-z][a-z][a-z]").is_none(), "too many to name");
    let prefix = |expression: &str| Pattern::new(expression).unwrap().prefix().to_owned();
    assert_eq!(
        (prefix("ab.*"), prefix("ab(c|.d)"), prefix("a*b")),
        ("ab".into(), "ab".into(), String::new())
    );
    for (expression, wanted) in [
        ("abc.+", "abc"),
        ("abc*.", "ab"),
        ("abc?.", "ab"),
        ("abc{0,2}.", "ab"),
        ("가나*", "가"),
        ("a|b.*", ""),
        ("(?i)abc.", ""),
        ("a\\.b.", "a.b"),
        ("(?:ab.)?", ""),
    ] {
        assert_eq!(prefix(expression), wanted, "{expression}");
    }
    assert!(Pattern::new("(.*)").unwrap().matches_everything());
    assert!(!Pattern::new(".+").unwrap().matches_everything());
    check(&[
        (".*", &["", "a\nb"], &[]),
        (".+", &["\n"], &[""]),
        ("ab.*", &["ab", "abc\n"], &["a", "xab"]),
        (".*ab", &["ab", "\nab"], &["abx"]),
        ("(.*)ab.*", &["ab", "xabx"], &["a"]),
        ("(?-s).*", &[""], &["\n"]),
        ("ab.+", &["abc"], &["ab", "xbc"]),
    ]);
}

#[test]
fn expands_groups_as_go_does() {
    let expand = |expression: &str, text: &str, template: &str| {
        Pattern::new(expression).unwrap().expand(text, template)
    };
    for (template, wanted) in [
        ("${1}-$port", "h-80"),
        ("$1x", ""),
        ("$1-x", "h-x"),
        ("${1}x$$1", "hx$1"),
        ("$0", "h:80"),
        ("$9|$nope|${01}", "||"),
        ("a$", "a$"),
        ("$ ${ ${1 ${} $-", "$ ${ ${1 ${} $-"),
        ("$2가", ""),
        ("${2}가", "80가"),
    ] {
        assert_eq!(expand("(.*):(?P<port>\\d+)", "h:80", template).as_deref(), Some(wanted), "{template}");
    }
    assert_eq!(expand("(.*):(?P<port>\\d+)", "h", "$1"), None);
    assert_eq!(expand("(a)|(b)", "b", "[$1$2]").as_deref(), Some("[b]"));
}

#[test]
fn what_a_shape_answers_needs_no_automaton() {
    for simple in ["abc", "a|b", "abc.*", ".*abc", ".*abc.*", ".+", ".*"] {
        let pattern = Pattern::new(simple).unwrap();
        assert!(pattern.is_match("abc") || simple == "a|b", "{simple}");
        assert!(pattern.regex.get().is_none(), "{simple}");
    }
    let pattern = Pattern::new("(a|b).*").unwrap();
    assert!(pattern.is_match("bcd"));
    assert!(pattern.regex.get().is_some());
    assert_eq!(Pattern::new("(.*)").unwrap().expand("x", "<$1>").as_deref(), Some("<x>"));
}
