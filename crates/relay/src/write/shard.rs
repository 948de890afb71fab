//! What waits for one sender: pieces of batches in the order of the log, and the sender that takes them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::FeedValue;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::deliver::{Courier, Outcome};
use super::series::OutSeries;
use super::track::Ticket;

/// Something to send.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) series: Arc<OutSeries>,
    pub(super) t: i64,
    pub(super) start: i64,
    pub(super) value: FeedValue,
}

/// Items of one batch of the log, in their order.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) ticket: Arc<Ticket>,
    pub(super) items: VecDeque<Item>,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    items: usize,
    /// When the first of them came.
    since: Option<Instant>,
}

/// What waits for one sender.
#[derive(Debug, Default)]
pub(super) struct Shard {
    waiting: Mutex<Waiting>,
    filled: Notify,
    room: Notify,
}

impl Shard {
    pub(super) fn push(&self, piece: Piece) {
        let mut waiting = self.waiting.lock();
        waiting.items += piece.items.len();
        waiting.since.get_or_insert_with(Instant::now);
        waiting.pieces.push_back(piece);
        drop(waiting);
        self.filled.notify_one();
    }

    pub(super) fn items(&self) -> usize {
        self.waiting.lock().items
    }

    /// Waits until fewer than `capacity` items wait.
    pub(super) async fn has_room(&self, capacity: usize) {
        loop {
            let freed = self.room.notified();
            if self.items() < capacity {
                return;
            }
            freed.await;
        }
    }

    /// Lets the sender look again: something about its orders changed.
    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    /// Takes up to `max` items where there are so many, or where the first has waited for `patience`; otherwise says
    /// until when to wait.
    fn take(&self, max: usize, patience: Duration) -> Result<Vec<Piece>, Option<Instant>> {
        let mut waiting = self.waiting.lock();
        let Some(since) = waiting.since else { return Err(None) };
        let due = since + patience;
        if waiting.items < max && Instant::now() < due {
            return Err(Some(due));
        }
        let (mut taken, mut left) = (Vec::new(), max.max(1));
        while left > 0
            && let Some(mut piece) = waiting.pieces.pop_front()
        {
            if piece.items.len() > left {
                let rest = piece.items.split_off(left);
                waiting.pieces.push_front(Piece { ticket: Arc::clone(&piece.ticket), items: rest });
            }
            left -= piece.items.len();
            waiting.items -= piece.items.len();
            taken.push(piece);
        }
        waiting.since = (waiting.items > 0).then(Instant::now);
        drop(waiting);
        self.room.notify_one();
        Ok(taken)
    }

    fn rest(&self) -> VecDeque<Piece> {
        let mut waiting = self.waiting.lock();
        waiting.items = 0;
        waiting.since = None;
        std::mem::take(&mut waiting.pieces)
    }

    /// Sends what comes until `retire`; gives back what was not delivered, in its order.
    pub(super) async fn run(
        self: Arc<Self>,
        mut courier: Courier,
        retire: CancellationToken,
    ) -> VecDeque<Piece> {
        loop {
            if retire.is_cancelled() {
                return self.rest();
            }
            let until = match self.take(courier.max_per_send(), courier.patience()) {
                Ok(pieces) => match courier.deliver(pieces, &retire).await {
                    Outcome::Done => continue,
                    Outcome::GivenBack(pieces) => {
                        let mut rest = self.rest();
                        pieces.into_iter().rev().for_each(|piece| rest.push_front(piece));
                        return rest;
                    }
                },
                Err(until) => until,
            };
            let due = async {
                match until {
                    Some(until) => tokio::time::sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.filled.notified() => {}
                () = due => {}
                () = retire.cancelled() => {}
            }
        }
    }
}
