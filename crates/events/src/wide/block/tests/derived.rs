//! Values of fields that messages tell come back as they were, whatever the messages and the fields are.

use super::*;

#[derive(Debug, Clone)]
struct Line {
    body: String,
    fields: Vec<(&'static str, Value, Option<u32>)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Value {
    Text(String),
    Int(i64),
    Float(f64),
}

impl Value {
    fn as_ref(&self) -> FieldRef<'_> {
        match self {
            Self::Text(text) => FieldRef::Text(text),
            Self::Int(int) => FieldRef::Int(*int),
            Self::Float(float) => FieldRef::Float(*float),
        }
    }

    fn of(value: FieldRef<'_>) -> Self {
        match value {
            FieldRef::Text(text) => Self::Text(text.to_owned()),
            FieldRef::Int(int) => Self::Int(int),
            FieldRef::Float(float) => Self::Float(float),
            FieldRef::Bool(_) => panic!("there are none"),
        }
    }
}

/// Lines of a few shapes. Most fields follow from the message; `odd` ones do not.
fn line() -> impl Strategy<Value = Line> {
    let numbers = (0u32..3000, 0u32..1000, 100i64..600, any::<u32>());
    (0..4usize, numbers, prop_oneof![9 => Just(0usize), 1 => 1..9usize]).prop_map(
        |(shape, (took, part, status, id), odd)| {
            let path = ["/", "/api/v1/x", "/주문"][took as usize % 3];
            let body = match shape {
                0 => format!("GET {path} {status} {took}.{part:03}ms id={id:08x}"),
                1 => format!("{{\"id\":\"{id:08x}\",\"status\":{status},\"ms\":{took},\"path\":\"{path}\"}}"),
                2 => format!("결제 {took}번 {status}"),
                _ => format!("{id}"),
            };
            let mut fields = vec![("level", Value::Text(["INFO", "WARN"][shape % 2].to_owned()), None)];
            let mut text = |name, value: &str, placed: bool| {
                let at = body.find(value).filter(|_| placed).map(|at| at as u32);
                fields.push((name, Value::Text(value.to_owned()), at));
            };
            if shape < 2 {
                text("path", path, odd != 1);
                text("id", &format!("{id:08x}"), shape == 0);
                let ms = format!("{took}.{part:03}").parse::<f64>().unwrap();
                let seconds = if shape == 0 { ms / 1e3 } else { f64::from(took) / 1e3 };
                fields.push(("duration", Value::Float(if odd == 2 { 0.1 + ms } else { seconds }), None));
            }
            match odd {
                3 => fields.push(("status", Value::Text("odd".to_owned()), None)),
                4 => fields.push(("status", Value::Int(-status), None)),
                5 => {}
                _ => fields.push(("status", Value::Int(status), None)),
            }
            if odd == 6 {
                fields.remove(0);
            }
            Line { body, fields }
        },
    )
}

fn opened(lines: &[Line], scan: impl FnOnce(&mut RecordScan)) -> Option<model::records::Columns> {
    let mut builder = Builder::default();
    // The second block of a builder is as good as the first.
    for round in 0..2 {
        for (n, line) in lines.iter().enumerate() {
            builder.row(n as i64, 0, &line.body);
            for (name, value, place) in &line.fields {
                builder.field(&Arc::from(*name), Origin::Detected, value.as_ref(), *place);
            }
        }
        if round == 0 {
            builder.finish(1).unwrap();
        }
    }
    let block = builder.finish(1).unwrap();
    let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
    assert_eq!(head.write(), block.bytes[..block.head_len as usize]);
    let mut asked = RecordScan::everything(EventKind::Log);
    scan(&mut asked);
    let plan = Plan::new(&asked);
    let streams = [Labels::empty()];
    let asked =
        Asked { plan: &plan, streams: &streams, wanted: &[true], natural: true, except: &[], range: None };
    open(&head, &Memory(&block, Cell::new(0)), &asked).unwrap()
}

proptest! {
    #[test]
    fn what_messages_tell_comes_back(lines in prop::collection::vec(line(), 1..200)) {
        let columns = opened(&lines, |_| {}).unwrap();
        prop_assert_eq!(columns.len(), lines.len());
        for (row, line) in lines.iter().enumerate() {
            prop_assert_eq!(columns.body(row), &line.body);
            let mut got: Vec<(&str, Value)> = columns
                .fields
                .iter()
                .filter_map(|f| Some((&*f.name, Value::of(f.get(row)?))))
                .collect();
            let mut want: Vec<(&str, Value)> = line.fields.iter().map(|f| (f.0, f.1.clone())).collect();
            got.sort_by_key(|f| f.0);
            want.sort_by_key(|f| f.0);
            prop_assert_eq!(got, want);
        }
        for (name, text) in [("level", "INFO"), ("path", "/api/v1/x"), ("status", "200"), ("level", "")] {
            let found = opened(&lines, |scan| {
                scan.fields = vec![(name.to_owned(), TextTest::In(vec![text.to_owned()]))];
            });
            let written = |line: &&Line| {
                let value = line.fields.iter().find(|f| f.0 == name).map(|f| match &f.1 {
                    Value::Text(text) => text.clone(),
                    Value::Int(int) => int.to_string(),
                    Value::Float(float) => float.to_string(),
                });
                value.unwrap_or_default() == text
            };
            prop_assert_eq!(found.map_or(0, |c| c.len()), lines.iter().filter(written).count(), "{} {}", name, text);
        }
    }
}

/// A row: its time, message and fields.
type Row = (i64, String, Vec<(String, Value)>);

/// What the rows of some columns have, in order.
fn rows_of(columns: Option<&model::records::Columns>) -> Vec<Row> {
    let Some(columns) = columns else { return Vec::new() };
    let fields = |row: usize| {
        let of_row = columns.fields.iter().filter_map(|f| Some((f.name.to_string(), Value::of(f.get(row)?))));
        let mut all: Vec<(String, Value)> = of_row.collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    (0..columns.len()).map(|row| (columns.times[row], columns.body(row).to_owned(), fields(row))).collect()
}

proptest! {
    #[test]
    fn few_rows_have_the_fields_that_they_have_among_all(
        lines in prop::collection::vec(line(), 20..300),
        limit in 1usize..6,
        from in 0i64..300,
        digit in "[0-9a-f]{1,3}",
    ) {
        let all = rows_of(opened(&lines, |_| {}).as_ref());
        let want: Vec<_> = all.iter().filter(|row| row.0 >= from).take(limit).cloned().collect();
        for body in [true, false] {
            let got = rows_of(opened(&lines, |scan| {
                (scan.start_ns, scan.limit, scan.wanted.body) = (from, limit, body);
            }).as_ref());
            let want: Vec<_> = want.iter().map(|row| (row.0, if body { row.1.clone() } else { String::new() }, row.2.clone())).collect();
            prop_assert_eq!(got, want);
        }
        let got = rows_of(opened(&lines, |scan| {
            scan.body = vec![TextTest::ContainsAny(vec![digit.clone()])];
            scan.limit = limit;
        }).as_ref());
        let want: Vec<_> = all.iter().filter(|row| row.1.contains(&digit)).take(limit).cloned().collect();
        prop_assert_eq!(got, want, "{}", digit);
    }
}

#[test]
fn fields_that_messages_tell_take_next_to_nothing() {
    let line = |n: u64| {
        let id = xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes());
        let body = format!("request {id:016x} of {} took {}.{:03} ms", n % 77, n % 9, id % 1000);
        let took = format!("{}.{:03}", n % 9, id % 1000).parse::<f64>().unwrap() / 1e3;
        let fields = vec![
            ("level", Value::Text("INFO".to_owned()), None),
            ("request_id", Value::Text(format!("{id:016x}")), Some(8)),
            ("user", Value::Int((n % 77) as i64), None),
            ("duration", Value::Float(took), None),
        ];
        Line { body, fields }
    };
    let size = |with: usize| {
        let mut builder = Builder::default();
        for n in 0..5000 {
            let line = line(n);
            builder.row(n as i64, 0, &line.body);
            for (name, value, place) in &line.fields[..with] {
                builder.field(&Arc::from(*name), Origin::Detected, value.as_ref(), *place);
            }
        }
        let block = builder.finish(1).unwrap();
        let head = Head::read(&block.bytes[..block.head_len as usize]).unwrap();
        // Whether a filter is worth its bytes is decided by the size of the block.
        let columns = head.sections.iter().filter(|section| section.kind != Kind::Filter);
        columns.map(|section| section.len as usize).sum::<usize>()
    };
    let (without, with) = (size(0), size(4));
    assert!(with < without + 300, "{without} bytes become {with}");
}
