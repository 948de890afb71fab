//! The event seam over vectors.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use model::events::{EventBatch, EventKind, EventReader, EventScan, EventStream, EventWriter, Order};
use model::{Appended, Ctx, Event, FieldValue, Listing, Position, Result, Tenant};
use parking_lot::RwLock;

/// How many events one batch of a scan holds.
const BATCH: usize = 1_000;

/// An event store in memory, sorted by time; events of one time keep the order they came in.
#[derive(Debug, Default)]
pub struct MemoryEvents {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    kinds: HashMap<EventKind, Vec<Arc<Event>>>,
    positions: HashMap<String, Vec<u8>>,
}

impl MemoryEvents {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many events of `kind` there are.
    pub fn len(&self, kind: EventKind) -> usize {
        self.inner.read().kinds.get(&kind).map_or(0, Vec::len)
    }

    /// Whether there is no event of any kind.
    pub fn is_empty(&self) -> bool {
        self.inner.read().kinds.values().all(Vec::is_empty)
    }

    fn found(&self, scan: &EventScan) -> Vec<Arc<Event>> {
        let inner = self.inner.read();
        let Some(events) = inner.kinds.get(&scan.kind) else { return Vec::new() };
        let from = events.partition_point(|e| e.time_ns < scan.start_ns);
        let to = events.partition_point(|e| e.time_ns <= scan.end_ns);
        let inside = events.get(from..to).unwrap_or_default();
        let wanted = |e: &&Arc<Event>| scan.conditions.iter().all(|c| c.matches(e));
        let most = if scan.limit == 0 { usize::MAX } else { scan.limit };
        match scan.order {
            Order::Ascending => inside.iter().filter(wanted).take(most).cloned().collect(),
            Order::Descending => inside.iter().rev().filter(wanted).take(most).cloned().collect(),
        }
    }
}

impl EventWriter for MemoryEvents {
    fn append(
        &self,
        _: &Tenant,
        kind: EventKind,
        events: &[Event],
        position: Option<Position<'_>>,
    ) -> Result<Appended> {
        let mut inner = self.inner.write();
        let stored = inner.kinds.entry(kind).or_default();
        for event in events {
            let at = stored.partition_point(|e| e.time_ns <= event.time_ns);
            stored.insert(at, Arc::new(event.clone()));
        }
        if let Some(position) = position {
            inner.positions.insert(position.source.to_owned(), position.position.to_vec());
        }
        Ok(Appended { accepted: events.len(), rejected: Vec::new() })
    }

    fn position(&self, source: &str) -> Option<Vec<u8>> {
        self.inner.read().positions.get(source).cloned()
    }
}

struct Found {
    events: std::vec::IntoIter<Arc<Event>>,
    columns: Vec<String>,
}

impl EventStream for Found {
    fn next(&mut self, out: &mut EventBatch) -> Result<bool> {
        out.events.clear();
        for shared in self.events.by_ref().take(BATCH) {
            let mut event = Arc::unwrap_or_clone(shared);
            if !self.columns.is_empty() {
                event.fields.retain(|name, _| self.columns.iter().any(|c| c == name));
            }
            out.events.push(event);
        }
        Ok(!out.events.is_empty())
    }
}

impl EventReader for MemoryEvents {
    fn scan(&self, ctx: &Ctx, scan: &EventScan) -> Result<Box<dyn EventStream>> {
        ctx.check()?;
        Ok(Box::new(Found { events: self.found(scan).into_iter(), columns: scan.columns.clone() }))
    }

    fn field_names(&self, ctx: &Ctx, scan: &EventScan) -> Result<Listing> {
        ctx.check()?;
        let mut names = BTreeSet::new();
        for event in self.found(scan) {
            names.extend(event.stream.iter().map(|(n, _)| n.to_owned()));
            names.extend(event.fields.keys().cloned());
        }
        Ok(Listing { items: names.into_iter().collect(), ..Listing::default() })
    }

    fn field_values(&self, ctx: &Ctx, name: &str, scan: &EventScan) -> Result<Listing> {
        ctx.check()?;
        let values: BTreeSet<String> =
            self.found(scan).iter().filter_map(|event| value_of(event, name)).collect();
        Ok(Listing { items: values.into_iter().collect(), ..Listing::default() })
    }
}

/// The text of a stream label or field; the label first.
fn value_of(event: &Event, name: &str) -> Option<String> {
    if let Some(label) = event.stream.get(name) {
        return Some(label.to_owned());
    }
    Some(match event.fields.get(name)? {
        FieldValue::Text(t) => t.clone(),
        FieldValue::Int(i) => i.to_string(),
        FieldValue::Float(f) => f.to_string(),
        FieldValue::Bool(b) => b.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{Condition, Labels};

    use super::*;

    fn event(time_ns: i64, name: &str, code: i64) -> Event {
        Event {
            time_ns,
            stream: Labels::from_pairs([("container", name)]),
            body: format!("{name} died"),
            fields: BTreeMap::from([("code".to_owned(), FieldValue::Int(code))]),
        }
    }

    fn scan(order: Order, limit: usize, conditions: Vec<Condition>) -> EventScan {
        EventScan {
            kind: EventKind::Container,
            start_ns: 2,
            end_ns: 9,
            conditions,
            columns: Vec::new(),
            limit,
            order,
        }
    }

    #[test]
    fn scans_in_order_within_the_closed_range_and_by_condition() {
        let store = MemoryEvents::new();
        let events = [event(9, "c", 1), event(2, "a", 0), event(5, "b", 137), event(1, "early", 0)];
        store.append(&Tenant::default(), EventKind::Container, &events, None).unwrap();
        let ctx = Ctx::unbounded();
        let times = |s: &EventScan| -> Vec<i64> {
            store.collect(&ctx, s).unwrap().iter().map(|e| e.time_ns).collect()
        };
        assert_eq!(times(&scan(Order::Ascending, 0, vec![])), [2, 5, 9]);
        assert_eq!(times(&scan(Order::Descending, 2, vec![])), [9, 5]);
        assert_eq!(times(&scan(Order::Ascending, 0, vec![Condition::equals("code", "137")])), [5]);
        let values = store.field_values(&ctx, "container", &scan(Order::Ascending, 0, vec![])).unwrap();
        assert_eq!(values.items, ["a", "b", "c"]);
        assert_eq!(store.len(EventKind::Log), 0, "kinds are apart");
    }
}
