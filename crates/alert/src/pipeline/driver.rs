//! The thread around the machine: it waits until something is due, and sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use ::notify::{Failure, Retry};
use model::alerts::Alert;
use model::{Clock, Error, Result};
use parking_lot::{Mutex, MutexGuard};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::core::{Answer, Attempt, Core};
use super::plan::Plan;
use crate::sink::{AlertSink, OutgoingAlert};

/// Attempts under way at one time; others wait within their time.
const ATTEMPTS: usize = 512;
/// The longest sleep: the clock may be set.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

enum Message {
    /// Something may be due earlier.
    Wake,
    Answer(Answer),
    Stop,
}

/// A running pipeline.
pub struct Driver {
    core: Arc<Mutex<Core>>,
    clock: Arc<dyn Clock>,
    messages: Sender<Message>,
    woken: Arc<AtomicBool>,
    sending: CancellationToken,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Driver {
    /// Starts a thread that drives the machine, and sends on `runtime`.
    pub fn start(core: Core, clock: Arc<dyn Clock>, runtime: Handle) -> Result<Self> {
        let core = Arc::new(Mutex::new(core));
        let (messages, inbox) = channel();
        let woken = Arc::new(AtomicBool::new(false));
        let sending = CancellationToken::new();
        let around = Loop {
            core: core.clone(),
            clock: clock.clone(),
            woken: woken.clone(),
            inbox,
            sender: Sending {
                answers: messages.clone(),
                clock: clock.clone(),
                runtime,
                places: Arc::new(Semaphore::new(ATTEMPTS)),
                stop: sending.clone(),
            },
        };
        let thread = std::thread::Builder::new()
            .name("alert-pipeline".to_owned())
            .spawn(move || around.run())
            .map_err(|e| {
                Error::internal("the thread of the alert pipeline cannot be started").with_detail(e)
            })?;
        Ok(Self { core, clock, messages, woken, sending, thread: Mutex::new(Some(thread)) })
    }

    /// The machine, for looking at it and for silences; and the time now, ms.
    pub fn core(&self) -> (MutexGuard<'_, Core>, i64) {
        // Within the lock: the time goes into the machine in order.
        let core = self.core.lock();
        (core, self.clock.now_ms())
    }

    /// Takes alerts.
    pub fn put(&self, alerts: Vec<Alert>) -> Result<()> {
        let (mut core, now_ms) = self.core();
        let taken = core.put(alerts, now_ms);
        drop(core);
        self.wake();
        taken
    }

    /// Takes another configuration.
    pub fn reload(&self, plan: Plan) {
        let (mut core, now_ms) = self.core();
        core.reload(plan, now_ms);
        drop(core);
        self.wake();
    }

    fn wake(&self) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            // Without a thread that listens, nothing is to be woken.
            let _ = self.messages.send(Message::Wake);
        }
    }

    /// Ends the thread. Attempts under way are given up: they begin anew with the next start. It waits for the thread,
    /// so call it off the runtime's own threads.
    pub fn stop(&self) {
        self.sending.cancel();
        let _ = self.messages.send(Message::Stop);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop();
    }
}

impl AlertSink for Driver {
    fn send(&self, alerts: Vec<OutgoingAlert>) {
        let now_ms = self.clock.now_ms();
        let alert = |a: OutgoingAlert| Alert {
            labels: a.labels,
            annotations: a.annotations,
            starts_at_ms: a.starts_at_ms,
            ends_at_ms: a.ends_at_ms,
            updated_at_ms: now_ms,
            timeout: false,
            generator_url: a.generator_url,
        };
        if let Err(e) = self.put(alerts.into_iter().map(alert).collect()) {
            tracing::warn!(error = %e, "alerts of rules were not taken");
        }
    }
}

struct Loop {
    core: Arc<Mutex<Core>>,
    clock: Arc<dyn Clock>,
    woken: Arc<AtomicBool>,
    inbox: Receiver<Message>,
    sender: Sending,
}

impl Loop {
    fn run(&self) {
        let mut answers = Vec::new();
        loop {
            let (begin, sleep) = {
                let mut core = self.core.lock();
                let now_ms = self.clock.now_ms();
                if !answers.is_empty() {
                    core.answered(std::mem::take(&mut answers), now_ms);
                }
                let begin = core.step(now_ms);
                let sleep = core.next_ms().saturating_sub(now_ms).max(0);
                (begin, Duration::from_millis(sleep.unsigned_abs()))
            };
            for attempt in begin {
                self.sender.begin(attempt);
            }
            // What has come together is answered together: with one sync.
            let mut next = self.inbox.recv_timeout(sleep.min(LONGEST_SLEEP));
            loop {
                match next {
                    Ok(Message::Wake) => self.woken.store(false, Ordering::SeqCst),
                    Ok(Message::Answer(answer)) => answers.push(answer),
                    Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => {
                        let mut core = self.core.lock();
                        let now_ms = self.clock.now_ms();
                        core.answered(answers, now_ms);
                        core.close();
                        return;
                    }
                    Err(RecvTimeoutError::Timeout) => break,
                }
                next = self.inbox.try_recv().map_err(|_| RecvTimeoutError::Timeout);
            }
        }
    }
}

struct Sending {
    answers: Sender<Message>,
    clock: Arc<dyn Clock>,
    runtime: Handle,
    places: Arc<Semaphore>,
    stop: CancellationToken,
}

impl Sending {
    fn begin(&self, attempt: Attempt) {
        let left = attempt.deadline_ms.saturating_sub(self.clock.now_ms()).max(1);
        let limit = Duration::from_millis(left.unsigned_abs());
        let (places, stop) = (self.places.clone(), self.stop.clone());
        let mut reply = Reply { answers: self.answers.clone(), id: Some(attempt.id), stop: stop.clone() };
        self.runtime.spawn(async move {
            let send = async {
                let _place = places.acquire().await;
                attempt.integration.notify(&attempt.notification).await
            };
            let limited = tokio::time::timeout(limit, send);
            let result = tokio::select! {
                () = stop.cancelled() => return,
                result = limited => result,
            };
            reply.give(result.unwrap_or_else(|_| {
                Err(Failure {
                    message: format!("no answer within {} s", limit.as_secs_f64()),
                    retry: Retry::Later,
                    reason: "contextDeadlineExceeded",
                })
            }));
        });
    }
}

/// Gives an answer in any case: without one the group would wait for ever.
struct Reply {
    answers: Sender<Message>,
    id: Option<u64>,
    stop: CancellationToken,
}

impl Reply {
    fn give(&mut self, result: std::result::Result<::notify::Delivered, Failure>) {
        if let Some(id) = self.id.take() {
            let _ = self.answers.send(Message::Answer(Answer { id, result }));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // At the end of the process the attempt has no answer.
        if !self.stop.is_cancelled() {
            self.give(Err(Failure {
                message: "sending ended without an answer".to_owned(),
                retry: Retry::Later,
                reason: "other",
            }));
        }
    }
}
