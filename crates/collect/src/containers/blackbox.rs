//! What is written down about containers, as events: what happened, the facts whenever they changed, and at a death
//! the last two minutes. And how it is read back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::container::{ContainerEvent, ContainerFacts, LastMinutes};
use model::{Condition, Ctx, Event, EventKind, EventReader, EventScan, FieldValue, Labels, Order, Result};

/// The field that tells the three records apart.
const RECORD: &str = "record";
/// The field with the record as JSON.
const PAYLOAD: &str = "payload";
/// The stream label with the container's id.
const ID: &str = "container_id";

fn event(t_ms: i64, id: &str, name: &str, node: &str, record: &str, body: String, payload: String) -> Event {
    let fields = BTreeMap::from([
        (RECORD.to_owned(), FieldValue::Text(record.to_owned())),
        (PAYLOAD.to_owned(), FieldValue::Text(payload)),
    ]);
    Event {
        time_ns: t_ms.saturating_mul(1_000_000),
        stream: Labels::from_pairs([(ID, id), ("container", name), ("node", node)]),
        body,
        fields,
    }
}

/// Something that happened.
pub fn happened(record: &ContainerEvent, node: &str) -> Event {
    let json = serde_json::to_string(record).unwrap_or_default();
    let mut event = event(record.t, &record.id, &record.name, node, "event", record.action.clone(), json);
    event.fields.insert("action".to_owned(), FieldValue::Text(record.action.clone()));
    for (key, value) in &record.attributes {
        event.fields.entry(key.clone()).or_insert_with(|| FieldValue::Text(value.clone()));
    }
    event
}

/// The facts from `t_ms` on.
pub fn facts(facts: &ContainerFacts, t_ms: i64) -> Event {
    let json = serde_json::to_string(facts).unwrap_or_default();
    event(t_ms, &facts.id, &facts.name, &facts.node, "facts", "facts".to_owned(), json)
}

/// The last minutes of a container that died.
pub fn last_minutes(minutes: &LastMinutes, facts: &ContainerFacts) -> Event {
    let compact = Minutes::from(minutes);
    let json = serde_json::to_string(&compact).unwrap_or_default();
    let body = format!("last {} s", minutes.points.len());
    event(minutes.died_ms, &facts.id, &facts.name, &facts.node, "last_minutes", body, json)
}

/// Points as arrays: a quarter of the text that objects would take, and `null` where a figure is not known.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Minutes {
    died_ms: i64,
    points: Vec<(i64, [Option<f64>; 14])>,
}

impl From<&LastMinutes> for Minutes {
    fn from(minutes: &LastMinutes) -> Self {
        let row = |p: &model::container::LivePoint| {
            (p.t, super::ring::values(p).map(|v| v.is_finite().then_some(v)))
        };
        Self { died_ms: minutes.died_ms, points: minutes.points.iter().map(row).collect() }
    }
}

impl From<Minutes> for LastMinutes {
    fn from(minutes: Minutes) -> Self {
        let row =
            |(t, v): &(i64, [Option<f64>; 14])| super::ring::point(*t, v.map(|v| v.unwrap_or(f64::NAN)));
        Self { died_ms: minutes.died_ms, points: minutes.points.iter().map(row).collect() }
    }
}

fn scan(record: &str, id: Option<&str>, range_ms: (i64, i64), limit: usize, order: Order) -> EventScan {
    let mut conditions = vec![Condition::equals(RECORD, record)];
    conditions.extend(id.map(|id| Condition::equals(ID, id)));
    EventScan {
        kind: EventKind::Container,
        start_ns: range_ms.0.saturating_mul(1_000_000),
        end_ns: range_ms.1.saturating_mul(1_000_000).saturating_add(999_999),
        conditions,
        columns: Vec::new(),
        limit,
        order,
    }
}

fn payload<T: serde::de::DeserializeOwned>(event: &Event) -> Option<T> {
    serde_json::from_str(event.text(PAYLOAD)?).ok()
}

/// What happened in the closed range of ms, oldest first; of more than `limit` the newest.
pub fn read_happened(
    reader: &dyn EventReader,
    id: Option<&str>,
    range_ms: (i64, i64),
    limit: usize,
) -> Result<Vec<ContainerEvent>> {
    let scan = scan("event", id, range_ms, limit, Order::Descending);
    let mut found: Vec<ContainerEvent> =
        reader.collect(&Ctx::unbounded(), &scan)?.iter().filter_map(payload).collect();
    found.reverse();
    Ok(found)
}

/// The last minutes of the newest death.
pub fn read_last_minutes(reader: &dyn EventReader, id: &str) -> Result<Option<LastMinutes>> {
    let scan =
        scan("last_minutes", Some(id), (i64::MIN / 1_000_000, i64::MAX / 1_000_000), 1, Order::Descending);
    let found = reader.collect(&Ctx::unbounded(), &scan)?;
    Ok(found.first().and_then(payload::<Minutes>).map(LastMinutes::from))
}

/// What was known when the process ended.
#[derive(Debug, Default)]
pub struct Restored {
    /// The newest facts of each container, at most as many as asked for.
    pub facts: Vec<ContainerFacts>,
    /// Time of the newest event, ns; 0: none.
    pub last_event_ns: i64,
    /// Events of the last hour, oldest first: restarts and OOM kills are counted from them.
    pub recent: Vec<ContainerEvent>,
}

/// Reads back what was known, the newest first, of at most `most` containers.
pub fn restore(reader: &dyn EventReader, most: usize, now_ms: i64) -> Result<Restored> {
    let all = (i64::MIN / 1_000_000, i64::MAX / 1_000_000);
    let ctx = Ctx::unbounded();
    let mut newest: HashMap<String, ContainerFacts> = HashMap::new();
    let mut stream = reader.scan(&ctx, &scan("facts", None, all, 0, Order::Descending))?;
    let mut batch = model::EventBatch::default();
    let wanted = Condition::equals(RECORD, "facts");
    while newest.len() < most && stream.next(&mut batch)? {
        for event in batch.events.iter().filter(|event| wanted.matches(event)) {
            let Some(id) = event.stream.get(ID).filter(|id| !newest.contains_key(*id)) else { continue };
            if newest.len() < most
                && let Some(facts) = payload::<ContainerFacts>(event)
            {
                newest.insert(id.to_owned(), facts);
            }
        }
    }
    let last = reader.collect(&ctx, &scan("event", None, all, 1, Order::Descending))?;
    let recent = read_happened(reader, None, (now_ms - 3_600_000, now_ms), 10_000)?;
    Ok(Restored {
        facts: newest.into_values().collect(),
        last_event_ns: last.first().map_or(0, |event| event.time_ns),
        recent,
    })
}

/// Shared facts as an event, for the writer.
pub fn shared(facts: &Arc<ContainerFacts>, t_ms: i64) -> Event {
    self::facts(facts, t_ms)
}

#[cfg(test)]
mod tests;
