use super::*;

fn surroundings() -> Surroundings {
    let sample = |instance: &str, v: f64| InstantSample {
        labels: Labels::from_pairs([("__name__", "metric"), ("instance", instance)]),
        t: 0,
        value: SampleValue::Float(v),
    };
    Surroundings {
        query: Arc::new(move |text| match text {
            "none" => Ok(Vec::new()),
            "metric" => Ok(vec![sample("b", 21.0), sample("a", 11.0)]),
            other => Err(format!("no data for {other}")),
        }),
        now_ms: 1_435_065_584_128,
        external_url: Arc::from("http://testhost:9090/path/prefix"),
        external_labels: Labels::from_pairs([("cluster", "one")]),
    }
}

fn expand(text: &str) -> Result<String, String> {
    let labels = Labels::from_pairs([("instance", "host.example.org:9100"), ("job", "node")]);
    Expander::new(&surroundings()).expand("Down", text, &labels, &SampleValue::Float(0.25))
}

#[test]
fn what_templates_give() {
    for (text, want) in [
        ("no template", "no template"),
        ("{{ $labels.instance }} of {{ $labels.job }}: {{ $value }}", "host.example.org:9100 of node: 0.25"),
        ("{{ .Labels.job }}{{ $.Value }}{{ $externalLabels.cluster }}", "node0.25one"),
        ("[{{ $labels.missing }}]", "[]"),
        ("[{{ index $labels \"missing\" }}{{ index $labels \"job\" }}]", "[node]"),
        (
            "{{ range $k, $v := $labels }}{{ $k }}={{ $v }},{{ end }}",
            "instance=host.example.org:9100,job=node,",
        ),
        ("{{ query \"metric\" | first | value }}", "21"),
        ("{{ query \"metric\" | sortByLabel \"instance\" | first | label \"instance\" }}", "a"),
        ("{{ range query \"metric\" }}{{ .Labels.instance }}:{{ .Value }} {{ end }}", "b:21 a:11 "),
        ("{{ range query \"none\" }}x{{ else }}nothing{{ end }}", "nothing"),
        ("{{ with query \"metric\" }}{{ . | first | value | humanize }}{{ end }}", "21"),
        ("{{ (query \"metric\" | first).Labels.instance }}", "b"),
        (
            "{{ define \"x\" }}<{{ .arg0 }}{{ .arg1 }}>{{ end }}{{ template \"x\" (args $value \"y\") }}",
            "<0.25y>",
        ),
        ("{{ humanize 1234567.0 }} {{ humanize .0000012345 }} {{ humanize 0.0 }}", "1.235M 1.234u 0"),
        ("{{ humanize1024 1048576.0 }} {{ humanize1024 \"100\" }}", "1Mi 100"),
        ("{{ humanizeDuration 3661.5 }} {{ humanizeDuration -90000.0 }}", "1h 1m 1s -1d 1h 0m 0s"),
        (
            "{{ 1234567.0 }} {{ 100000.0 }} {{ .00001 }} {{ 1000000.0 }} {{ 12 }}",
            "1.234567e+06 100000 1e-05 1e+06 12",
        ),
        (
            "{{ printf \"%v %.3v %g %5.1f|\" 1234567.0 1234567.0 1e21 3.14159 }}",
            "1.234567e+06 1.23e+06 1e+21   3.1|",
        ),
        ("{{ print 1e6 \"a\" \"b\" 2 3 }}{{ println 1.5 2.5 }}", "1e+06ab2 31.5 2.5\n"),
        ("{{ $labels }}", "map[instance:host.example.org:9100 job:node]"),
        (
            "{{ $x := query \"metric\" }}{{ len $x }} {{ (index $x 1).Value }} {{ slice \"abcd\" 1 3 }}",
            "2 11 bc",
        ),
        (
            "{{ humanizeDuration .1 }} {{ humanizeDuration 42.5 }} {{ humanizeDuration 0.0 }}",
            "100ms 42.5s 0s",
        ),
        ("{{ humanizePercentage $value }} {{ humanizePercentage 1.234567 }}", "25% 123.5%"),
        ("{{ humanizeTimestamp 1435065584.128 }}", "2015-06-23 13:19:44.128 +0000 UTC"),
        (
            "{{ (1435065584.128 | toTime).Format \"2006-01-02T15:04:05.000Z07:00\" }}",
            "2015-06-23T13:19:44.128Z",
        ),
        ("{{ (toTime 0).Year }} {{ (toTime 0).Weekday }}", "1970 Thursday"),
        ("{{ toDuration 5400.5 }} {{ (toDuration 90.0).Minutes }}", "1h30m0.5s 1.5"),
        ("{{ now }} {{ now | humanizeTimestamp }}", "1.435065584128e+09 2015-06-23 13:19:44.128 +0000 UTC"),
        ("{{ reReplaceAll \"(a)b\" \"x$1\" \"abab\" }}", "xaxa"),
        ("{{ if match \"^h.st\" $labels.instance }}yes{{ end }}", "yes"),
        ("{{ \"aa bb\" | title }} {{ toUpper \"x\" }}{{ toLower \"Y\" }}", "Aa Bb Xy"),
        ("{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }}", "host.example.org host:9100"),
        (
            "{{ stripPort \"[::1]:9\" }} {{ stripDomain \"[::1]:9\" }} {{ stripDomain \"1.2.3.4:5\" }}",
            "::1 [::1]:9 1.2.3.4:5",
        ),
        ("{{ graphLink \"up > 0\" }}", "/graph?g0.expr=up+%3E+0&g0.tab=0"),
        ("{{ tableLink \"up\" }}", "/graph?g0.expr=up&g0.tab=1"),
        (
            "{{ externalURL }} {{ pathPrefix }} {{ $externalURL }}",
            "http://testhost:9090/path/prefix /path/prefix http://testhost:9090/path/prefix",
        ),
        ("{{ parseDuration \"1h30m\" }} {{ parseDuration \"-5m\" }}", "5400 -300"),
        ("{{ urlQueryEscape \"a b&c\" }} {{ safeHtml \"<b>\" }}", "a+b%26c <b>"),
        ("{{ printf \"%.2f|%5d|%-5s|%q\" 3.14159 42 \"x\" \"y\" }}", "3.14|   42|x    |\"y\""),
        ("{{- /* a comment */ -}} {{ if gt $value 0.1 }}high{{ else }}low{{ end }}", "high"),
        ("{{ if and (eq $labels.job \"node\") (ne $value 1.0) }}ok{{ end }}", "ok"),
    ] {
        assert_eq!(expand(text).as_deref(), Ok(want), "{text}");
    }
}

#[test]
fn what_is_wrong_with_templates_is_said_in_gos_words() {
    for (text, want) in [
        (
            "{{ query \"none\" | first }}",
            "error executing template __alert_Down: template: __alert_Down:1:130: executing \"__alert_Down\" at \
             <first>: error calling first: first() called on vector with no elements",
        ),
        (
            "{{ query \"bad(\" }}",
            "error executing template __alert_Down: template: __alert_Down:1:115: executing \"__alert_Down\" at \
             <query \"bad(\">: error calling query: no data for bad(",
        ),
        (
            "{{ humanize $labels.job }}",
            "error executing template __alert_Down: template: __alert_Down:1:115: executing \"__alert_Down\" at \
             <humanize $labels.job>: error calling humanize: strconv.ParseFloat: parsing \"node\": invalid syntax",
        ),
        (
            "{{ $value.foo }}",
            "error executing template __alert_Down: template: __alert_Down:1:121: executing \"__alert_Down\" at \
             <$value.foo>: can't evaluate field foo in type float64",
        ),
        (
            "{{ nofunction }}",
            "error parsing template __alert_Down: template: __alert_Down:1: function \"nofunction\" not defined",
        ),
        (
            "\n{{ $label.x }}",
            "error parsing template __alert_Down: template: __alert_Down:2: undefined variable \"$label\"",
        ),
    ] {
        assert_eq!(expand(text).unwrap_err(), want, "{text}");
    }
    for text in [
        "{{ ",
        "{{ if }}",
        "{{ end }}",
        "{{ $x }}",
        "{{ .a.b",
        "{{ template }}",
        "{{ range $i, $j := }}{{ end }}",
    ] {
        assert!(check("Down", text).is_err(), "{text}");
    }
    assert_eq!(check("Down", "{{ $x := 1 }}{{ if $x }}{{ $y := 2 }}{{ $y }}{{ end }}{{ $labels }}"), Ok(()));
    assert!(
        check("Down", "{{ if 1 }}{{ $y := 2 }}{{ end }}{{ $y }}").unwrap_err().contains("undefined variable")
    );
}

#[test]
fn a_template_that_never_ends_is_stopped() {
    let error = expand("{{ range 900000 }}{{ printf \"%100d\" . }}{{ end }}").unwrap_err();
    assert!(error.contains("more than 1048576 bytes"), "{error}");
    assert!(expand("{{ define \"x\" }}{{ template \"x\" }}{{ end }}{{ template \"x\" }}").is_err());
}

#[test]
fn a_histogram_is_printed() {
    let histogram = model::Histogram {
        count: 3.0,
        sum: 4.5,
        positive_spans: vec![model::Span { offset: 0, length: 2 }],
        positive_buckets: vec![1.0, 2.0],
        ..Default::default()
    };
    let value = SampleValue::Histogram(Arc::new(histogram));
    let got = Expander::new(&surroundings()).expand("Down", "{{ $value }}", &Labels::empty(), &value);
    assert_eq!(got.as_deref(), Ok("{count:3, sum:4.5, (0.5,1]:1, (1,2]:2}"));
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text in "(\\{\\{|\\}\\}|[ $.|()a-z\"0-9-]|if |end|range |with |query |first|printf ){0,30}") {
        let _ = expand(&text);
    }
}
