//! Scans: one cursor a part and one over what is in memory, merged by time.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use model::{
    Ctx, Event, EventBatch, EventReader, EventScan, EventStream, Listing, Order, Reservation, Result,
};

use super::Store;
use crate::codec::size_of_event;
use crate::part::{Cursor, Part};

/// Events a batch.
const BATCH: usize = 256;
/// Names or values that one listing may hold where the caller gives no limit.
const MAX_ITEMS: usize = 100_000;

/// The cursor whose next event comes first; of equal ones the older part ascending, the newer descending.
pub(super) fn earliest(cursors: &[Cursor], order: Order) -> Option<usize> {
    let bounds = cursors.iter().enumerate().filter_map(|(n, c)| Some((c.bound()?, n)));
    match order {
        Order::Ascending => bounds.min(),
        Order::Descending => bounds.max(),
    }
    .map(|(_, n)| n)
}

struct Scan {
    ctx: Ctx,
    scan: EventScan,
    cursors: Vec<Cursor>,
    memory: VecDeque<Arc<Event>>,
    left: usize,
    _reserved: Reservation,
}

impl Scan {
    fn next_event(&mut self) -> Result<Option<Event>> {
        loop {
            let part = earliest(&self.cursors, self.scan.order);
            let bound = part.and_then(|n| self.cursors[n].bound());
            let memory_first = match (self.memory.front(), bound, self.scan.order) {
                (None, None, _) => return Ok(None),
                (Some(_), None, _) => true,
                (None, Some(_), _) => false,
                (Some(event), Some(bound), Order::Ascending) => event.time_ns < bound,
                (Some(event), Some(bound), Order::Descending) => event.time_ns >= bound,
            };
            if memory_first {
                return Ok(self.memory.pop_front().map(Arc::unwrap_or_clone));
            }
            if let Some(part) = part
                && let Some(event) = self.cursors[part].next()?
                && self.scan.conditions.iter().all(|c| c.matches(&event))
            {
                return Ok(Some(event));
            }
        }
    }
}

impl EventStream for Scan {
    fn next(&mut self, out: &mut EventBatch) -> Result<bool> {
        out.events.clear();
        self.ctx.check()?;
        while out.events.len() < BATCH && self.left > 0 {
            let Some(mut event) = self.next_event()? else { break };
            if !self.scan.columns.is_empty() {
                event.fields.retain(|name, _| self.scan.columns.contains(name));
            }
            self.left -= 1;
            out.events.push(event);
        }
        Ok(!out.events.is_empty())
    }
}

impl Store {
    fn open_scan(&self, ctx: &Ctx, scan: &EventScan) -> Result<Scan> {
        self.check_tenant(&ctx.tenant)?;
        ctx.check()?;
        let left = if scan.limit == 0 { usize::MAX } else { scan.limit };
        let mut memory = VecDeque::new();
        let mut bytes = 0;
        let visible = self.shelf(scan.kind).visible.read();
        if scan.start_ns <= scan.end_ns {
            // What was taken out by a flush came before what is in the buffer.
            for buffer in visible.frozen.as_deref().into_iter().chain([&visible.buffer]) {
                let inside = buffer.range((scan.start_ns, 0)..=(scan.end_ns, u64::MAX)).map(|(_, e)| e);
                for event in inside.filter(|e| scan.conditions.iter().all(|c| c.matches(e))) {
                    bytes += size_of_event(event) as u64;
                    memory.push_back(Arc::clone(event));
                }
            }
        }
        memory.make_contiguous().sort_by_key(|e| e.time_ns);
        if scan.order == Order::Descending {
            memory.make_contiguous().reverse();
        }
        let overlaps = |r: (i64, i64)| r.0 <= scan.end_ns && r.1 >= scan.start_ns;
        let usable = |p: &&Arc<Part>| !p.is_damaged() && p.range().is_some_and(overlaps);
        let parts = visible.parts.iter().filter(usable);
        let cursors =
            parts.map(|p| Cursor::new(Arc::clone(p), scan.start_ns, scan.end_ns, scan.order)).collect();
        let reserved = ctx.budget.reserve(bytes)?;
        Ok(Scan { ctx: ctx.clone(), scan: scan.clone(), cursors, memory, left, _reserved: reserved })
    }

    fn list(
        &self,
        ctx: &Ctx,
        scan: &EventScan,
        mut add: impl FnMut(&Event, &mut BTreeSet<String>),
    ) -> Result<Listing> {
        let limit = if scan.limit == 0 { MAX_ITEMS } else { scan.limit };
        let all = EventScan { limit: 0, columns: Vec::new(), ..scan.clone() };
        let mut stream = self.open_scan(ctx, &all)?;
        let mut items = BTreeSet::new();
        let mut batch = EventBatch::default();
        while items.len() <= limit && stream.next(&mut batch)? {
            batch.events.iter().for_each(|event| add(event, &mut items));
        }
        let truncated = items.len() > limit;
        Ok(Listing {
            items: items.into_iter().take(limit).collect(),
            warnings: self.warnings.clone(),
            truncated,
        })
    }
}

impl EventReader for Store {
    fn scan(&self, ctx: &Ctx, scan: &EventScan) -> Result<Box<dyn EventStream>> {
        Ok(Box::new(self.open_scan(ctx, scan)?))
    }

    fn field_names(&self, ctx: &Ctx, scan: &EventScan) -> Result<Listing> {
        self.list(ctx, scan, |event, names| {
            for name in event.stream.iter().map(|(n, _)| n).chain(event.fields.keys().map(String::as_str)) {
                if !names.contains(name) {
                    names.insert(name.to_owned());
                }
            }
        })
    }

    fn field_values(&self, ctx: &Ctx, name: &str, scan: &EventScan) -> Result<Listing> {
        self.list(ctx, scan, |event, values| {
            let value = match (event.stream.get(name), event.fields.get(name)) {
                (Some(label), _) => label.to_owned(),
                (None, Some(model::FieldValue::Text(text))) => text.clone(),
                (None, Some(model::FieldValue::Int(int))) => int.to_string(),
                (None, Some(model::FieldValue::Float(float))) => float.to_string(),
                (None, Some(model::FieldValue::Bool(bool))) => bool.to_string(),
                (None, None) if name == "body" => event.body.clone(),
                (None, None) => return,
            };
            values.insert(value);
        })
    }
}
