//! Logs on their way in: from bytes on a socket to rows at the writer.

#[path = "logs/http.rs"]
mod http;
#[path = "logs/listeners.rs"]
mod listeners;
#[path = "logs/reload.rs"]
mod reload;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::records::{FieldRef, NO_TIME, Records, Refusal, Written};
use model::{Error, EventKind, Position, RecordWriter, Result, Tenant};
use parking_lot::Mutex;
use server::logs::Receivers;

use super::fixture::{Fixture, Wanted};

/// A row as text: `{labels} message field=value ...`, after its time where it has one.
fn shown(records: &Records) -> Vec<String> {
    let row = |row: model::records::Row<'_>| {
        let mut out = match row.time_ns() {
            NO_TIME => String::new(),
            time => format!("{time} "),
        };
        out += &format!("{} {}", row.labels(), row.body());
        for (name, _, value) in row.fields() {
            out += &match value {
                FieldRef::Text(text) => format!(" {name}={text}"),
                FieldRef::Int(int) => format!(" {name}={int}"),
                FieldRef::Float(float) => format!(" {name}={float}"),
                FieldRef::Bool(bool) => format!(" {name}={bool}"),
            };
        }
        out
    };
    records.iter().map(row).collect()
}

/// Keeps what it is given, or refuses.
#[derive(Default)]
pub struct Kept {
    rows: Mutex<Vec<String>>,
    /// Takes nothing for now.
    pub full: AtomicBool,
    /// Refuses rows whose message is `bad`.
    pub judges: AtomicBool,
}

impl RecordWriter for Kept {
    fn write(
        &self,
        _tenant: &Tenant,
        kind: EventKind,
        records: &Records,
        _positions: &[Position<'_>],
    ) -> Result<Written> {
        assert_eq!(kind, EventKind::Log);
        if self.full.load(Ordering::SeqCst) {
            return Err(Error::limited("the disk is slow"));
        }
        let bad = |row: &str| self.judges.load(Ordering::SeqCst) && row.contains(" bad");
        let rows = shown(records);
        let refused: Vec<_> =
            (0..).zip(&rows).filter(|(_, row)| bad(row)).map(|(at, _)| (at, Refusal::TooOld)).collect();
        let accepted = rows.len() - refused.len();
        self.rows.lock().extend(rows.into_iter().filter(|row| !bad(row)));
        Ok(Written { accepted, refused })
    }

    fn position(&self, _source: &str) -> Option<Vec<u8>> {
        None
    }
}

impl Kept {
    pub fn rows(&self) -> Vec<String> {
        self.rows.lock().clone()
    }

    /// All rows, once there are `count`.
    pub async fn wait(&self, count: usize) -> Vec<String> {
        for _ in 0..1500 {
            if self.rows.lock().len() >= count {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let rows = self.rows();
        assert_eq!(rows.len(), count, "{rows:#?}");
        rows
    }
}

/// A server with the listeners of a section `logs.receive`, and their ports by protocol, in the order of the section.
pub fn serve(section: &str) -> (Fixture, Arc<Kept>, Vec<u16>) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let kept = Arc::new(Kept::default());
    let config = serde_saphyr::from_str(section).unwrap();
    let receivers = Receivers::open(&config).unwrap();
    let ports = receivers.addresses().into_iter().map(|(_, address)| address.port()).collect();
    let access = server::Access { otlp: true, ..Default::default() };
    let wanted =
        Wanted { record_writer: Some(kept.clone()), log_receivers: receivers, access, ..Wanted::default() };
    (Fixture::with(wanted), kept, ports)
}

/// A counter of the server's own metrics.
pub async fn counted(fixture: &Fixture, series: &str) -> f64 {
    let text = fixture.get("/metrics").await.text().await.unwrap();
    let line = text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
}
