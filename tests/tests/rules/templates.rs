//! One table of templates, expanded here and by promtool.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Templates whose result must be the same, errors included. Where a query gives more than one series it is sorted:
/// promtool loads the series of a test out of a map, in any order.
const SAME: &[&str] = &[
    "plain",
    "{{ $value }}",
    "{{ $labels.job }} {{ $labels.missing }}|{{ .Labels.job }}|{{ $.Labels.instance }}",
    "{{ $externalLabels.cluster }} {{ $externalURL }} {{ .ExternalURL }}",
    "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
    "{{ $labels }}",
    "{{ index $labels \"job\" }}{{ index $labels \"no\" }}",
    "{{ 1234567.0 }} {{ 100000.0 }} {{ .00001 }} {{ 1000000.0 }} {{ 12 }} {{ 1e21 }} {{ 123456.789 }}",
    "{{ printf \"%v %.3v %g %5.1f|%-6d|%06d|%x|%q|%s\" 1234567.0 1234567.0 1e21 3.14159 42 42 255 \"q\" \"s\" }}",
    "{{ print 1e6 \"a\" \"b\" 2 3 }}{{ println 1.5 2.5 }}",
    "{{ query \"m\" | sortByLabel \"job\" | first | value }} {{ query \"m\" | sortByLabel \"job\" | first | label \"job\" }}",
    "{{ range query \"m\" | sortByLabel \"job\" }}{{ .Labels.job }}:{{ .Value }} {{ end }}",
    "{{ range query \"m\" | sortByLabel \"job\" }}{{ .Labels.job }},{{ end }}",
    "{{ with query \"m{job='node'}\" }}{{ . | first | value | humanize }}{{ end }}",
    "{{ (query \"m\" | sortByLabel \"job\" | first).Labels.job }}",
    "{{ len (query \"m\") }} {{ len $labels }} {{ len \"abc\" }}",
    "{{ if query \"none\" }}yes{{ else }}no{{ end }}",
    "{{ query \"none\" | first }}",
    "{{ query \"bad(\" }}",
    "{{ strvalue (query \"m\" | sortByLabel \"job\" | first) }}|",
    "{{ define \"x\" }}<{{ .arg0 }},{{ .arg1 }}>{{ end }}{{ template \"x\" (args $value \"y\") }}",
    "{{ (args 1 2).arg7 }}",
    "{{ humanize 0.0 }} {{ humanize 1.0 }} {{ humanize 1234567.0 }} {{ humanize .12 }} {{ humanize -99999.0 }} {{ humanize 1e30 }}",
    "{{ humanize .0000012345 }} {{ humanize 999.9999 }} {{ humanize 1e-30 }} {{ humanize \"12.5\" }}",
    "{{ humanize1024 0.0 }} {{ humanize1024 1048576.0 }} {{ humanize1024 .5 }} {{ humanize1024 1e30 }} {{ humanize1024 -5000.0 }}",
    "{{ humanizeDuration 0.0 }} {{ humanizeDuration 1.0 }} {{ humanizeDuration 60.0 }} {{ humanizeDuration 3600.0 }} {{ humanizeDuration 86400.0 }}",
    "{{ humanizeDuration 899.99 }} {{ humanizeDuration -1.5 }} {{ humanizeDuration .00042 }} {{ humanizeDuration 1234567.8 }} {{ humanizeDuration \"90\" }}",
    "{{ humanizePercentage -1.22 }} {{ humanizePercentage 0.0 }} {{ humanizePercentage 1.23456 }} {{ humanizePercentage \"0.5\" }}",
    "{{ humanizeTimestamp 0.0 }} {{ humanizeTimestamp 1435065584.128 }} {{ humanizeTimestamp \"1435065584.5\" }}",
    "{{ toTime 1435065584.128 }} {{ (toTime \"1435065584\").Year }}",
    "{{ (toTime 1435065584.128).Format \"2006-01-02T15:04:05.000Z07:00 Mon Jan _2 3:04PM\" }}",
    "{{ (1435065584.0 | toTime).Unix }} {{ (toTime 0.0).Weekday }} {{ (toTime 0.0).Month }}",
    "{{ humanize \"x\" }}",
    "{{ humanize $labels.job }}",
    "{{ humanize }}",
    "{{ .foo }}x",
    "{{ $value.foo }}",
    "{{ $labels.job.foo }}",
    "{{ reReplaceAll \"(a)(b)?\" \"[$1-$2]\" \"abca\" }} {{ reReplaceAll \"(\" \"x\" \"y\" }}",
    "{{ reReplaceAll \":[0-9]+\" \"\" $labels.instance }} {{ $labels.instance | reReplaceAll \"h\" \"H\" }}",
    "{{ match \"^h\" $labels.instance }} {{ match \"x$\" \"y\" }}",
    "{{ match \"(\" \"y\" }}",
    "{{ \"aa bb CC\" | title }} {{ toUpper \"aBc\" }} {{ toLower \"aBc\" }}",
    "{{ graphLink \"sum(up) > 0 # x\" }} {{ tableLink \"up{a=\\\"b c\\\"}\" }}",
    "{{ stripPort \"h:1\" }} {{ stripPort \"[::1]:1\" }} {{ stripPort \"::1\" }} {{ stripPort \"h\" }} {{ stripPort \"a:b:c\" }}",
    "{{ stripDomain \"h.example.org:1\" }} {{ stripDomain \"h.example.org\" }} {{ stripDomain \"1.2.3.4:5\" }} {{ stripDomain \"[::1]:5\" }}",
    "{{ parseDuration \"1h30m\" }} {{ parseDuration \"150ms\" }}",
    "{{ parseDuration \"x\" }}",
    "{{ safeHtml \"<b>\" }} {{ html \"<b>&'\\\"\" }} {{ urlquery \"a b&c\" }} {{ js \"it's\" }}",
    "{{ if and (eq $labels.job \"node\") (gt $value 1.0) }}both{{ end }} {{ or \"\" \"b\" }} {{ not true }}",
    "{{ eq 1 1 }} {{ ne \"a\" \"b\" }} {{ lt 1.0 2.0 }} {{ le 2 2 }} {{ ge 1 2 }} {{ eq 1 2 3 1 }}",
    "{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }} {{ with $y := \"z\" }}{{ $y }}{{ . }}{{ end }}",
    "a {{- \" b \" -}} c {{/* comment */}}d{{- /* trim */ -}} e",
    "{{ range $i, $s := query \"m\" | sortByLabel \"job\" }}{{ if $i }}, {{ end }}{{ $s.Labels.job }}{{ end }}",
    "{{ slice \"abcdef\" 1 3 }} {{ index (query \"m\" | sortByLabel \"job\") 0 | value }}",
    "{{ \"quoted \\\"text\\\"\" }} {{ `raw \\n` }} {{ 'a' }} {{ true }} {{ 0x10 }}",
    "{{ block \"inner\" $value }}[{{ . }}]{{ end }}",
    "{{ $value | printf \"%.2f\" }} {{ $value | humanize | printf \"%s!\" }}",
    "{{ (query \"m\" | sortByLabel \"job\" | first).Foo }}",
    "{{ range query \"m\" | sortByLabel \"job\" }}{{ if eq .Labels.job \"node\" }}{{ break }}{{ end }}{{ .Labels.job }}{{ end }}",
    "{{ query (printf \"m{job=%q}\" $labels.job) | first | value | humanize1024 }}",
    "한국어 {{ $labels.job | toUpper }} ✓",
];

/// Templates whose words differ, and why.
const DIFFERENT: &[(&str, &str)] = &[
    ("{{ (query \"m\" | sortByLabel \"job\" | first).Foo }}", "the place of a chain is told another way"),
    ("{{ .foo }}x", "3.0: the value may be a histogram, which the type in the words shows"),
    (
        "{{ range query \"m\" | sortByLabel \"job\" }}{{ if eq .Labels.job \"node\" }}{{ break }}{{ end }}{{ .Labels.job }}{{ end }}",
        "an annotation that comes out empty is left out",
    ),
];

fn yaml_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The annotations of the only alert, as the report of a failed test shows them.
fn expanded(program: &Path, folder: &Path) -> BTreeMap<String, String> {
    let mut command = Command::new(program);
    let output = command.args(["test", "rules"]).arg(folder.join("test.yml")).output().unwrap();
    let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Annotations:{"));
    let mut rest = line.unwrap_or_else(|| panic!("{}: {text}", program.display()));
    let mut found = BTreeMap::new();
    while let Some((name, after)) = rest.trim_start_matches([',', ' ', '}']).split_once('=') {
        let mut end = None;
        let mut escaped = false;
        for (at, c) in after.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.unwrap();
        found.insert(name.to_owned(), after[1..end].to_owned());
        rest = &after[end + 1..];
    }
    found
}

pub(crate) fn templates_give_what_promtool_says() {
    let folder = tempfile::tempdir().unwrap();
    let annotations: String =
        SAME.iter().enumerate().map(|(n, text)| format!("      t{n:02}: {}\n", yaml_quoted(text))).collect();
    let rules = format!(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: m{{job=\"node\"}}\n    annotations:\n{annotations}"
    );
    std::fs::write(folder.path().join("rules.yml"), rules).unwrap();
    let test = "rule_files: [rules.yml]\ntests:\n- interval: 1m\n  external_labels: {cluster: one}\n  \
                external_url: http://testhost:9090/path/prefix\n  input_series:\n  \
                - {series: 'm{job=\"node\",instance=\"host.example.org:9100\"}', values: '1234567x3'}\n  \
                - {series: 'm{job=\"a\",instance=\"x\"}', values: '2.5x3'}\n  \
                alert_rule_test: [{eval_time: 1m, alertname: A}]\n";
    std::fs::write(folder.path().join("test.yml"), test).unwrap();
    let theirs = expanded(&testkit::reference("promtool").unwrap(), folder.path());
    let ours = expanded(&tests::binary::path().unwrap(), folder.path());
    let mut differing = Vec::new();
    for (n, text) in SAME.iter().enumerate() {
        let name = format!("t{n:02}");
        let (ours, theirs) = (ours.get(&name), theirs.get(&name));
        if ours != theirs && !DIFFERENT.iter().any(|(known, _)| known == text) {
            differing.push(format!("{text}\n  ours:   {ours:?}\n  theirs: {theirs:?}"));
        }
    }
    println!("{} templates compared, {} differ as listed", SAME.len(), DIFFERENT.len());
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
