//! A store of events that keeps none: an exporter has no history.

use model::metrics::Appended;
use model::{
    Ctx, Event, EventBatch, EventKind, EventReader, EventScan, EventStream, EventWriter, Listing, Position,
    Result, Tenant,
};

/// Takes every event and has none.
pub(super) struct Blank;

impl EventWriter for Blank {
    fn append(
        &self,
        _: &Tenant,
        _: EventKind,
        events: &[Event],
        _: Option<Position<'_>>,
    ) -> Result<Appended> {
        Ok(Appended { accepted: events.len(), rejected: Vec::new() })
    }
}

impl EventReader for Blank {
    fn scan(&self, _: &Ctx, _: &EventScan) -> Result<Box<dyn EventStream>> {
        Ok(Box::new(Self))
    }

    fn field_names(&self, _: &Ctx, _: &EventScan) -> Result<Listing> {
        Ok(Listing::default())
    }

    fn field_values(&self, _: &Ctx, _: &str, _: &EventScan) -> Result<Listing> {
        Ok(Listing::default())
    }
}

impl EventStream for Blank {
    fn next(&mut self, _: &mut EventBatch) -> Result<bool> {
        Ok(false)
    }
}
