//! Metadata of metric families: sent now and then (version 1.0), or at hand for every series (version 2.0).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::metrics::Family;
use model::{Ctx, MetricReader};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wire::remote_write::Encoder;

use super::body::Protocol;
use super::post::{Answer, Sender};

/// How often version 2.0 looks what is known of families.
const LOOK: Duration = Duration::from_secs(60);

/// Runs until `end`.
pub(super) async fn run(sender: Arc<Sender>, reader: Arc<dyn MetricReader>, end: CancellationToken) {
    let v2 = sender.settings.protocol == Protocol::V2;
    let interval = if v2 { LOOK } else { sender.settings.metadata_interval };
    if interval.is_zero() {
        return;
    }
    // The first look comes soon: series of version 2.0 carry what it finds.
    let mut next = Instant::now() + if v2 { Duration::ZERO } else { interval.min(LOOK) };
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(next) => {}
            () = end.cancelled() => return,
        }
        next = Instant::now() + interval;
        let reader = Arc::clone(&reader);
        let read = tokio::task::spawn_blocking(move || reader.families(&Ctx::unbounded(), None)).await;
        let families = match read {
            Ok(Ok(families)) => families,
            Ok(Err(error)) => {
                tracing::warn!(queue = sender.name, %error, "metadata cannot be read");
                continue;
            }
            Err(_) => return,
        };
        if v2 {
            let by_name = families.into_iter().map(|f| (f.name.clone(), Arc::new(f)));
            *sender.families.write() = by_name.collect();
            continue;
        }
        for part in families.chunks(sender.settings.metadata_per_send.max(1)) {
            tokio::select! {
                () = send(&sender, part, next) => {}
                () = end.cancelled() => return,
            }
        }
    }
}

/// Sends some families; gives up when the next round comes.
async fn send(sender: &Sender, families: &[Family], until: Instant) {
    let mut encoder = Encoder::new();
    for family in families {
        encoder.metadata(&family.name, &family.kind, &family.help, &family.unit);
    }
    let Ok(body) = encoder.finish().map(Bytes::from) else { return };
    let count = families.len() as u64;
    let mut backoff = sender.settings.min_backoff;
    for attempt in 0.. {
        match sender.post(body.clone(), attempt).await {
            Answer::Delivered(_) => {
                sender.metrics.metadata.inc_by(count);
                sender.metrics.metadata_bytes.inc_by(body.len() as u64);
                return;
            }
            Answer::Refused(why) | Answer::Disordered(why) => {
                sender.metrics.metadata_failed.inc_by(count);
                tracing::warn!(queue = sender.name, why, "the receiver refused metadata");
                return;
            }
            Answer::Again { after, .. } => {
                sender.metrics.metadata_retried.inc_by(count);
                let pause = after.unwrap_or(backoff);
                backoff = (pause * 2).min(sender.settings.max_backoff);
                if Instant::now() + pause >= until {
                    sender.metrics.metadata_failed.inc_by(count);
                    return;
                }
                tokio::time::sleep(pause).await;
            }
        }
    }
}
