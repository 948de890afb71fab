//! One batch on its way: made into a body, sent, and sent again until the receiver has it or refuses it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::FeedValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::body::Body;
use super::metrics::{Counts, Reason};
use super::post::{Answer, Sender};
use super::shard::{Item, Piece};

/// Bytes of a request that failed, as they are logged.
const TOLD: usize = 64 << 10;

/// What became of a batch.
pub(super) enum Outcome {
    /// It is delivered, or given up on purpose: the log need not keep it.
    Done,
    /// The shard ends before it could be delivered.
    GivenBack(Vec<Piece>),
}

/// What became of one request.
enum Step {
    Done,
    GivenBack(Vec<Piece>),
    /// Nothing of it was taken because some of it had been delivered before: it goes on in two parts.
    Split(Vec<Piece>, Vec<Piece>),
}

/// Sends the batches of one shard.
pub(super) struct Courier {
    sender: Arc<Sender>,
    body: Body,
}

/// A batch as a body.
struct Parcel {
    body: Bytes,
    counts: Counts,
    newest: i64,
}

impl Courier {
    pub(super) fn new(sender: Arc<Sender>) -> Self {
        let body = Body::new(sender.settings.protocol);
        Self { sender, body }
    }

    pub(super) fn max_per_send(&self) -> usize {
        self.sender.settings.max_samples_per_send
    }

    /// Logs what a request held, where the section asks for it (`failed_request_logging`) and the level is debug.
    fn log_failed(&self, pieces: &[Piece], why: &str) {
        if self.sender.settings.log_failed && tracing::enabled!(tracing::Level::DEBUG) {
            let request = told(pieces.iter().flat_map(|piece| &piece.items));
            tracing::debug!(queue = self.sender.name, why, request, "a remote write request failed");
        }
    }

    /// How long a batch may wait until it is full.
    pub(super) fn patience(&self) -> Duration {
        if self.sender.is_flushing() { Duration::ZERO } else { self.sender.settings.batch_send_deadline }
    }

    /// Makes the body; what is too old or cannot be said in this protocol is dropped and counted.
    fn pack(&mut self, pieces: &mut [Piece]) -> Result<Parcel, String> {
        let sender = &self.sender;
        let limit = sender.settings.sample_age_limit;
        let oldest = (!limit.is_zero()).then(|| {
            sender.clock.now_ms().saturating_sub(i64::try_from(limit.as_millis()).unwrap_or(i64::MAX))
        });
        let (mut counts, mut old, mut custom) = (Counts::default(), Counts::default(), Counts::default());
        let mut newest = i64::MIN;
        let families = sender.families.read();
        for piece in pieces {
            let before = piece.items.len();
            piece.items.retain(|item| {
                if oldest.is_some_and(|oldest| item.t < oldest) {
                    old.add(&item.value);
                    return false;
                }
                if !self.body.can_carry(&item.value) {
                    custom.add(&item.value);
                    return false;
                }
                newest = newest.max(item.t);
                counts.add(&item.value);
                self.body.add(item, &families);
                true
            });
            piece.ticket.done(before - piece.items.len());
        }
        drop(families);
        sender.metrics.dropped(Reason::TooOld, old);
        sender.metrics.dropped(Reason::CustomBuckets, custom);
        let body = self.body.finish().map_err(|e| e.to_string())?;
        Ok(Parcel { body: Bytes::from(body), counts, newest })
    }

    /// Sends a batch until it is delivered or refused, or until `retire`.
    ///
    /// After a crash some samples are sent for a second time. A receiver that refuses a request for one of them takes
    /// nothing of it (Prometheus does so), so such a request is sent again in halves until what is new has arrived.
    pub(super) async fn deliver(&mut self, pieces: Vec<Piece>, retire: &CancellationToken) -> Outcome {
        let mut waiting = vec![pieces];
        while let Some(pieces) = waiting.pop() {
            match self.deliver_part(pieces, retire).await {
                Step::Done => {}
                Step::Split(first, second) => waiting.extend([second, first]),
                Step::GivenBack(first) => {
                    let rest = waiting.into_iter().rev().flatten();
                    return Outcome::GivenBack(first.into_iter().chain(rest).collect());
                }
            }
        }
        Outcome::Done
    }

    /// A request under way is never broken off for
    /// `retire`: nobody would know whether it arrived.
    async fn deliver_part(&mut self, mut pieces: Vec<Piece>, retire: &CancellationToken) -> Step {
        let settings = &Arc::clone(&self.sender).settings;
        let mut backoff = settings.min_backoff;
        let mut parcel: Option<Parcel> = None;
        for attempt in 0.. {
            if parcel.is_none() || !settings.sample_age_limit.is_zero() {
                parcel = match self.pack(&mut pieces) {
                    Ok(packed) => Some(packed),
                    Err(why) => {
                        tracing::error!(queue = self.sender.name, %why, "samples cannot be encoded");
                        break;
                    }
                };
            }
            let Some(Parcel { body, counts, newest }) = &parcel else { break };
            if counts.all() == 0 {
                break;
            }
            let begun = Instant::now();
            let answer = self.sender.post(body.clone(), attempt).await;
            self.sender.took(begun.elapsed());
            match self.sender.judge(answer, *counts) {
                Answer::Delivered(_) => {
                    self.sender.delivered(*counts, body.len(), *newest);
                    break;
                }
                Answer::Disordered(_) if pieces.iter().any(|piece| piece.ticket.uncertain) => {
                    if counts.all() > 1 {
                        let (first, second) = halves(pieces);
                        return Step::Split(first, second);
                    }
                    self.sender.metrics.dropped(Reason::Repeated, *counts);
                    break;
                }
                Answer::Refused(why) | Answer::Disordered(why) => {
                    self.log_failed(&pieces, &why);
                    self.sender.refused(*counts, &why);
                    break;
                }
                Answer::Again { after, why } => {
                    self.log_failed(&pieces, &why);
                    self.sender.again(*counts, &why);
                    let pause = after.unwrap_or(backoff);
                    backoff = (pause * 2).min(settings.max_backoff);
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = retire.cancelled() => {}
                    }
                    if retire.is_cancelled() {
                        return Step::GivenBack(pieces);
                    }
                }
            }
        }
        for piece in &pieces {
            piece.ticket.done(piece.items.len());
        }
        Step::Done
    }
}

/// Items as text, up to a length.
fn told<'i>(items: impl Iterator<Item = &'i Item>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let mut left = 0u64;
    for Item { series, t, value, .. } in items {
        if text.len() > TOLD {
            left += 1;
            continue;
        }
        let _ = match value {
            FeedValue::Float(v) => write!(text, "{} {v} @{t}; ", series.labels),
            FeedValue::Histogram(h) => {
                write!(text, "{} {{count:{}, sum:{}}} @{t}; ", series.labels, h.count, h.sum)
            }
            FeedValue::Exemplar(e) => write!(text, "{} # {} {} @{t}; ", series.labels, e.labels, e.v),
        };
    }
    if left > 0 {
        let _ = write!(text, "and {left} more");
    }
    text
}

/// Two parts with about as many items, in their order.
fn halves(pieces: Vec<Piece>) -> (Vec<Piece>, Vec<Piece>) {
    let mut left = pieces.iter().map(|piece| piece.items.len()).sum::<usize>() / 2;
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for mut piece in pieces {
        let rest = piece.items.split_off(left.min(piece.items.len()));
        left -= piece.items.len();
        if !rest.is_empty() {
            second.push(Piece { ticket: Arc::clone(&piece.ticket), items: rest });
        }
        if !piece.items.is_empty() {
            first.push(piece);
        }
    }
    (first, second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::series;
    use crate::write::series::OutSeries;

    #[test]
    fn a_request_is_told_up_to_a_length() {
        let out = Arc::new(OutSeries { labels: series(1), encoded: Box::default(), hash: 0 });
        let item = |t| Item { series: Arc::clone(&out), t, start: 0, value: FeedValue::Float(1.5) };
        let two = [item(5), item(6)];
        let one = "m{i=\"1\", job=\"test\"} 1.5";
        assert_eq!(told(two.iter()), format!("{one} @5; {one} @6; "));
        let many: Vec<Item> = (0..10_000).map(item).collect();
        let text = told(many.iter());
        assert!(text.len() < TOLD + 200 && text.ends_with(" more"), "{}", text.len());
    }
}
