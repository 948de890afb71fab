//! The seam of records over vectors. Every test is made by looking at every record.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::records::{
    ABSENT, ColumnStream, Columns, FieldColumn, FieldRef, Origin, PatternSeries, RecordReader, RecordScan,
    RecordWriter, Records, StreamSummary, TextColumn, TextTest, Values, VolumeSeries, Written,
};
use model::{Ctx, EventKind, FieldValue, Labels, Matcher, Order, Position, Result, Tenant};
use parking_lot::RwLock;

/// How many records one batch of a scan holds.
const BATCH: usize = 7;

#[derive(Debug, Clone)]
struct Record {
    time_ns: i64,
    stream: Labels,
    body: String,
    fields: Vec<(String, Origin, FieldValue)>,
}

/// A store of records in memory, sorted by time; records of one time keep the order they came in.
#[derive(Debug, Default)]
pub struct MemoryRecords {
    inner: RwLock<Inner>,
    /// Makes no test but those of streams, and says so.
    lazy: bool,
}

#[derive(Debug, Default)]
struct Inner {
    kinds: HashMap<EventKind, Vec<Arc<Record>>>,
    positions: HashMap<String, Vec<u8>>,
}

impl MemoryRecords {
    /// An empty store that makes every test itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that leaves all tests but those of streams to whoever asks.
    pub fn lazy() -> Self {
        Self { lazy: true, ..Self::default() }
    }

    /// How many records of `kind` there are.
    pub fn len(&self, kind: EventKind) -> usize {
        self.inner.read().kinds.get(&kind).map_or(0, Vec::len)
    }

    /// Whether there is no record of any kind.
    pub fn is_empty(&self) -> bool {
        self.inner.read().kinds.values().all(Vec::is_empty)
    }

    fn found(&self, scan: &RecordScan, tested: bool) -> Vec<Arc<Record>> {
        let inner = self.inner.read();
        let all = inner.kinds.get(&scan.kind).map(Vec::as_slice).unwrap_or_default();
        let most = if scan.limit == 0 { usize::MAX } else { scan.limit };
        let wanted = all.iter().filter(|r| {
            (scan.start_ns..=scan.end_ns).contains(&r.time_ns)
                && scan.streams.iter().all(|m| m.matches_labels(&r.stream))
                && (!tested || r.fulfils(scan))
        });
        let mut wanted: Vec<_> = wanted.cloned().collect();
        if scan.order == Order::Descending {
            wanted.reverse();
        }
        if tested {
            wanted.truncate(most);
        }
        wanted
    }
}

impl Record {
    fn fulfils(&self, scan: &RecordScan) -> bool {
        scan.body.iter().all(|test| passes(test, &self.body))
            && scan.fields.iter().all(|(name, test)| passes(test, &self.text_of(name)))
    }

    /// A field as it is written, what was sent before what was detected.
    fn text_of(&self, name: &str) -> String {
        let of = |origin| self.fields.iter().find(|(n, o, _)| n == name && *o == origin);
        match of(Origin::Sent).or_else(|| of(Origin::Detected)) {
            None => String::new(),
            Some((.., FieldValue::Text(text))) => text.clone(),
            Some((.., FieldValue::Int(int))) => int.to_string(),
            Some((.., FieldValue::Float(float))) => float.to_string(),
            Some((.., FieldValue::Bool(bool))) => bool.to_string(),
        }
    }
}

fn passes(test: &TextTest, text: &str) -> bool {
    match test {
        TextTest::ContainsAny(list) => list.iter().any(|part| text.contains(part.as_str())),
        TextTest::ContainsNone(list) => !list.iter().any(|part| text.contains(part.as_str())),
        TextTest::Matches(search) => search.is_match(text),
        TextTest::MatchesNot(search) => !search.is_match(text),
        TextTest::In(list) => list.iter().any(|one| one == text),
        TextTest::NotIn(list) => !list.iter().any(|one| one == text),
    }
}

impl RecordWriter for MemoryRecords {
    fn write(
        &self,
        _: &Tenant,
        kind: EventKind,
        records: &Records,
        positions: &[Position<'_>],
    ) -> Result<Written> {
        let mut inner = self.inner.write();
        let all = inner.kinds.entry(kind).or_default();
        for row in records.iter() {
            let fields = row.fields().map(|(name, origin, value)| {
                let value = match value {
                    FieldRef::Text(text) => FieldValue::Text(text.to_owned()),
                    FieldRef::Int(int) => FieldValue::Int(int),
                    FieldRef::Float(float) => FieldValue::Float(float),
                    FieldRef::Bool(bool) => FieldValue::Bool(bool),
                };
                (name.to_owned(), origin, value)
            });
            let record = Record {
                time_ns: row.time_ns(),
                stream: row.labels().clone(),
                body: row.body().to_owned(),
                fields: fields.collect(),
            };
            let at = all.partition_point(|r| r.time_ns <= record.time_ns);
            all.insert(at, Arc::new(record));
        }
        for position in positions {
            inner.positions.insert(position.source.to_owned(), position.position.to_vec());
        }
        Ok(Written { accepted: records.len(), refused: Vec::new() })
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.inner.read().positions.get(source).cloned()
    }
}

/// A scan of what was found when it began.
struct Scan {
    found: std::vec::IntoIter<Arc<Record>>,
    scan: RecordScan,
    exact: bool,
}

impl ColumnStream for Scan {
    fn next(&mut self, out: &mut Columns) -> Result<bool> {
        out.clear();
        let batch: Vec<_> = self.found.by_ref().take(BATCH).collect();
        if batch.is_empty() {
            return Ok(false);
        }
        let mut places: HashMap<Labels, u32> = HashMap::new();
        let mut body = TextColumn::default();
        for record in &batch {
            out.times.push(record.time_ns);
            let next = out.streams.len() as u32;
            let at = *places.entry(record.stream.clone()).or_insert(next);
            if at == next {
                out.streams.push(record.stream.clone());
            }
            out.stream.push(at);
            body.push(&record.body);
        }
        out.body = self.scan.wanted.body.then_some(body);
        out.fields = columns(&batch, self.scan.wanted.fields.as_deref());
        out.exact = self.exact;
        Ok(true)
    }
}

/// A column for each name, origin and type.
fn columns(batch: &[Arc<Record>], wanted: Option<&[String]>) -> Vec<FieldColumn> {
    let mut all: BTreeMap<(String, Origin, u8), FieldColumn> = BTreeMap::new();
    for (row, record) in batch.iter().enumerate() {
        for (name, origin, value) in &record.fields {
            if wanted.is_some_and(|wanted| !wanted.contains(name)) {
                continue;
            }
            let (kind, empty) = match value {
                FieldValue::Text(_) => {
                    (0, Values::Text(TextColumn { ids: vec![ABSENT; batch.len()], ..TextColumn::default() }))
                }
                FieldValue::Int(_) => (1, Values::Int(vec![0; batch.len()], vec![false; batch.len()])),
                FieldValue::Float(_) => (2, Values::Float(vec![0.0; batch.len()], vec![false; batch.len()])),
                FieldValue::Bool(_) => (3, Values::Bool(vec![None; batch.len()])),
            };
            let column = all.entry((name.clone(), *origin, kind)).or_insert_with(|| FieldColumn {
                name: name.as_str().into(),
                origin: *origin,
                values: empty,
            });
            match (&mut column.values, value) {
                (Values::Text(column), FieldValue::Text(text)) => column.ids[row] = column.words.push(text),
                (Values::Int(values, there), FieldValue::Int(int)) => {
                    (values[row], there[row]) = (*int, true);
                }
                (Values::Float(values, there), FieldValue::Float(float)) => {
                    (values[row], there[row]) = (*float, true);
                }
                (Values::Bool(values), FieldValue::Bool(bool)) => values[row] = Some(*bool),
                _ => {}
            }
        }
    }
    all.into_values().collect()
}

impl RecordReader for MemoryRecords {
    fn scan(&self, _: &Ctx, scan: &RecordScan) -> Result<Box<dyn ColumnStream>> {
        let found = self.found(scan, !self.lazy).into_iter();
        let exact = !self.lazy || (scan.body.is_empty() && scan.fields.is_empty());
        Ok(Box::new(Scan { found, scan: scan.clone(), exact }))
    }

    fn streams(
        &self,
        _: &Ctx,
        kind: EventKind,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> Result<Vec<StreamSummary>> {
        let inner = self.inner.read();
        let mut all: BTreeMap<Labels, StreamSummary> = BTreeMap::new();
        for record in inner.kinds.get(&kind).into_iter().flatten() {
            let inside = (start_ns..=end_ns).contains(&record.time_ns);
            if inside && matchers.iter().all(|m| m.matches_labels(&record.stream)) {
                let one = all.entry(record.stream.clone()).or_insert_with(|| StreamSummary {
                    labels: record.stream.clone(),
                    records: 0,
                    bytes: 0,
                    blocks: 1,
                });
                one.records += 1;
                one.bytes += record.body.len() as u64;
            }
        }
        Ok(all.into_values().collect())
    }

    fn volume(&self, _: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<VolumeSeries>> {
        let mut all: BTreeMap<Labels, BTreeMap<i64, (u64, u64)>> = BTreeMap::new();
        for record in self.found(scan, true) {
            let step = start_of(record.time_ns, scan.start_ns, step_ns);
            let sums = all.entry(record.stream.clone()).or_default().entry(step).or_default();
            sums.0 += record.body.len() as u64;
            sums.1 += 1;
        }
        let series = all.into_iter().map(|(labels, steps)| VolumeSeries {
            labels,
            steps: steps.into_iter().map(|(t, (bytes, records))| (t, bytes, records)).collect(),
        });
        Ok(series.collect())
    }

    fn field_names(&self, _: &Ctx, scan: &RecordScan) -> Result<Vec<(String, Origin)>> {
        let found = self.found(&RecordScan { limit: 0, ..scan.clone() }, true);
        let names =
            found.iter().flat_map(|r| r.fields.iter().map(|(name, origin, _)| (name.clone(), *origin)));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        if scan.limit > 0 {
            names.truncate(scan.limit);
        }
        Ok(names)
    }

    /// Every word with a digit changes.
    fn patterns(&self, _: &Ctx, scan: &RecordScan, step_ns: i64) -> Result<Vec<PatternSeries>> {
        let mut all: BTreeMap<String, PatternSeries> = BTreeMap::new();
        for record in self.found(scan, true) {
            let words = record.body.split(' ');
            let words = words.map(|w| if w.bytes().any(|b| b.is_ascii_digit()) { "<_>" } else { w });
            let pattern = words.collect::<Vec<_>>().join(" ");
            let one = all.entry(pattern.clone()).or_insert_with(|| PatternSeries {
                hash: 0,
                pattern,
                seen: (record.time_ns, record.time_ns),
                level: record.text_of("level"),
                example: record.body.clone(),
                steps: Vec::new(),
            });
            one.seen.1 = record.time_ns;
            let step = start_of(record.time_ns, scan.start_ns, step_ns);
            match one.steps.last_mut() {
                Some((t, count)) if *t == step => *count += 1,
                _ => one.steps.push((step, 1)),
            }
        }
        Ok(all.into_values().collect())
    }

    fn delete(&self, _: &Ctx, scan: &RecordScan) -> Result<u64> {
        let gone = self.found(&RecordScan { limit: 0, ..scan.clone() }, true);
        let mut inner = self.inner.write();
        if let Some(all) = inner.kinds.get_mut(&scan.kind) {
            all.retain(|record| !gone.iter().any(|g| Arc::ptr_eq(g, record)));
        }
        Ok(gone.len() as u64)
    }
}

/// The start of the step that holds a time.
fn start_of(time: i64, start: i64, step: i64) -> i64 {
    if step <= 0 { start } else { start + (time - start).div_euclid(step) * step }
}
