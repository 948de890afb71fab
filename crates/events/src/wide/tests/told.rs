//! What a query reads in messages, told by their templates.

use std::sync::atomic::{AtomicUsize, Ordering};

use model::records::{Counting, Form, Keep, KeyPlace, KeySource, Reading, Recipe, Template, Told};

use super::*;

/// Reads what stands between `id=` and the next blank, and whether it is a number.
#[derive(Debug, Default)]
struct Ids {
    /// What the variable must be for templates to tell it.
    form: Option<Form>,
    read: AtomicUsize,
    keys: AtomicUsize,
}

fn id(text: &str) -> Option<std::ops::Range<usize>> {
    let start = text.find("id=")? + 3;
    let len = text[start..].find(' ').unwrap_or(text.len() - start);
    Some(start..start + len)
}

impl Reading for Ids {
    fn texts(&self) -> usize {
        2
    }

    fn of_template(&self, template: &Template<'_>) -> Option<Recipe> {
        assert!((template.is_variable)("0") && !(template.is_variable)("id"));
        assert!(template.variables.iter().all(|place| &template.text[*place..=*place] == "0"));
        let range = id(template.text);
        let variable =
            range.as_ref().and_then(|r| template.variables.iter().position(|place| r.contains(place)));
        let conditions = variable.zip(self.form).into_iter().collect();
        let fixed = range.is_none().then(|| Told::Fixed(String::new()));
        Some(Recipe { texts: vec![range.map(Told::Part), fixed], conditions })
    }

    fn of_message(&self, message: &str, found: &mut dyn FnMut(usize, &str)) {
        self.read.fetch_add(1, Ordering::Relaxed);
        match id(message) {
            Some(range) => found(0, &message[range]),
            None => found(1, ""),
        }
    }

    fn key(&self, by: &[&str], texts: &[Option<&str>]) -> Result<Option<String>> {
        self.keys.fetch_add(1, Ordering::Relaxed);
        assert_eq!(texts[0].is_none(), texts[1].is_some());
        Ok((texts[0] != Some("/7")).then(|| format!("{by:?} {texts:?}")))
    }
}

fn store(rows: u64) -> Store {
    let bed = Bed { options: Options { flush_ms: 0, ..Bed::new().options }, ..Bed::new() };
    let store = bed.open();
    let mut records = Records::new();
    for n in 0..rows {
        let app = ["a", "b"][(n % 2) as usize];
        let stream = records.stream(&Labels::from_pairs([("app", app)]));
        let body = match n % 4 {
            3 => format!("nothing of {n}"),
            _ => format!("took {n} ms id=/{} end", n % 10),
        };
        records.push(stream, NS + n as i64, &body);
    }
    store.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    store.maintain().unwrap();
    assert_eq!(store.metrics().memory.get(), 0);
    store
}

fn counted(store: &Store, reading: &Arc<Ids>) -> Vec<(String, u64)> {
    let source = KeySource { place: KeyPlace::Label, name: "app".to_owned(), lower: false };
    let counting =
        Counting { by: vec![vec![source]], reading: Some(reading.clone()), end_ns: 0, step_ns: i64::MAX / 4 };
    let scan = RecordScan::everything(EventKind::Log);
    let counted = store.count(&Ctx::unbounded(), &scan, &counting).unwrap().unwrap();
    counted.into_iter().map(|one| (one.key.concat(), one.steps.iter().map(|s| s.1).sum())).collect()
}

#[test]
fn templates_tell_what_messages_say() {
    let store = store(400);
    let told = Arc::new(Ids { form: Some(Form::Integer), ..Ids::default() });
    let all = counted(&store, &told);
    assert_eq!(told.read.load(Ordering::Relaxed), 0, "no message is read");
    // Ten ids, of which each app has five, without /7; and messages without one.
    assert_eq!(all.len(), 10, "{all:?}");
    assert_eq!(told.keys.load(Ordering::Relaxed), 11, "a key is made once");
    assert!(all.contains(&(r#"["a"] [Some("/4"), None]"#.to_owned(), 40)), "{all:?}");
    assert!(all.contains(&(r#"["b"] [None, Some("")]"#.to_owned(), 100)), "{all:?}");

    // Where a condition is not met by one message all of its template are read, and say the same.
    let bed = Bed { options: Options { flush_ms: 0, ..Bed::new().options }, ..Bed::new() };
    let other = bed.open();
    let mut records = Records::new();
    let stream = records.stream(&Labels::from_pairs([("app", "a")]));
    for n in 0..300 {
        records.push(
            stream,
            NS + n,
            &format!("took {n} ms id=/{}{} end", n % 3, if n == 77 { "x" } else { "" }),
        );
    }
    other.write(&Tenant::default(), EventKind::Log, &records, &[]).unwrap();
    other.maintain().unwrap();
    let read = Arc::new(Ids { form: Some(Form::Digits), ..Ids::default() });
    assert_eq!(counted(&other, &read).iter().map(|(_, rows)| rows).sum::<u64>(), 300);
    assert_eq!(read.read.load(Ordering::Relaxed), 300);
}

#[test]
fn rows_without_a_key_are_left_out() {
    let store = store(400);
    let reading = Arc::new(Ids::default());
    let keep = Some(Keep { by: Vec::new(), reading: reading.clone() });
    let scan = RecordScan { keep, ..RecordScan::everything(EventKind::Log) };
    let mut stream = store.scan(&Ctx::unbounded(), &scan).unwrap();
    let (mut batch, mut rows) = (Columns::default(), 0);
    while stream.next(&mut batch).unwrap() {
        (0..batch.len()).for_each(|row| assert!(!batch.body(row).contains("id=/7 "), "{}", batch.body(row)));
        rows += batch.len();
    }
    let of_seven = (0..400).filter(|n| n % 10 == 7 && n % 4 != 3).count();
    assert_eq!(rows, 400 - of_seven);
    assert_eq!(reading.read.load(Ordering::Relaxed), 0);
    let rows = std::sync::Mutex::new(0);
    let visited = RecordReader::scan_unordered(&store, &Ctx::unbounded(), &scan, &|batch| {
        *rows.lock().unwrap() += batch.len();
        Ok(())
    });
    assert!(visited.unwrap());
    assert_eq!(rows.into_inner().unwrap(), 400 - of_seven);
    let failed = RecordReader::scan_unordered(&store, &Ctx::unbounded(), &scan, &|_| {
        Err(model::Error::invalid("enough"))
    });
    assert_eq!(failed.unwrap_err().message, "enough");
}
