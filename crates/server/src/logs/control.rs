//! Other listeners while the server runs: what a reload of the configuration changes.
//!
//! What is new is opened first; only when nothing can fail any more is the old closed. A listener that stays as it was keeps
//! its connections. One that changes keeps its socket, so that no connection is refused in between, and ends the connections
//! that were made under the old terms once what they sent is stored.

use model::{Error, Result};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::config::{Config, Listener, Protocol};
use super::open::{Receiver, Receivers, Secrets, Socket, Tls, open};

/// Starts a listener, which ends with the token.
type Start = Box<dyn Fn(Receiver, &Config, CancellationToken) -> Result<()> + Send + Sync>;

/// The listeners that run.
#[derive(Default)]
pub struct Control(Mutex<Running>);

#[derive(Default)]
struct Running {
    start: Option<Start>,
    stopping: CancellationToken,
    config: Config,
    all: Vec<One>,
}

struct One {
    protocol: Protocol,
    listener: Listener,
    secrets: Secrets,
    /// To listen on for another one.
    socket: Socket,
    tls: Option<Tls>,
    end: CancellationToken,
}

/// A section that was read, with everything open that it asks for.
pub struct Prepared {
    config: Config,
    /// Listeners in their order: one that runs, by its number, or a new one.
    all: Vec<Next>,
}

enum Next {
    Kept(usize, Option<Tls>),
    New(Box<Receiver>),
}

impl Control {
    /// Starts what was opened. `start` is kept for those that come later, until [`Control::end`].
    pub(crate) fn begin(
        &self,
        receivers: Receivers,
        stopping: &CancellationToken,
        start: Start,
    ) -> Result<()> {
        let mut running = self.0.lock();
        running.config = receivers.config;
        running.stopping = stopping.clone();
        for receiver in receivers.all {
            let one = running.begin(receiver, stopping.child_token(), &start)?;
            running.all.push(one);
        }
        running.start = Some(start);
        Ok(())
    }

    /// Reads a section and opens what is new in it. Nothing changes yet.
    ///
    /// # Errors
    /// Kind `Invalid` for what is written wrongly, `Conflict` for addresses that cannot be had.
    pub fn prepare(&self, config: &Config) -> Result<Prepared> {
        config.check().map_err(Error::invalid)?;
        let running = self.0.lock();
        let same = running.config.is_alike(config);
        let mut taken = vec![false; running.all.len()];
        let mut all = Vec::new();
        for (protocol, listener) in config.listeners() {
            let at_place = |one: &One| {
                one.listener.listen == listener.listen && one.listener.transport == listener.transport
            };
            let old = running.all.iter().enumerate().position(|(at, one)| at_place(one) && !taken[at]);
            let Some(at) = old else {
                all.push(Next::New(Box::new(open(protocol, listener, None)?)));
                continue;
            };
            taken[at] = true;
            let one = &running.all[at];
            let failed = |e| Error::internal("a listener cannot be kept").with_detail(e);
            let new = open(protocol, listener, Some(one.socket.again().map_err(failed)?))?;
            let stays =
                same && one.protocol == protocol && one.listener == *listener && one.secrets == new.secrets;
            all.push(if stays { Next::Kept(at, new.tls) } else { Next::New(Box::new(new)) });
        }
        Ok(Prepared { config: config.clone(), all })
    }

    /// Takes over what was prepared.
    ///
    /// # Errors
    /// Where a socket cannot be used; the others are.
    pub fn apply(&self, prepared: Prepared) -> Result<()> {
        let mut running = self.0.lock();
        let Some(start) = running.start.take() else { return Ok(()) };
        running.config = prepared.config;
        let mut old: Vec<Option<One>> = std::mem::take(&mut running.all).into_iter().map(Some).collect();
        let mut result = Ok(());
        for next in prepared.all {
            match next {
                Next::Kept(at, tls) => {
                    let Some(one) = old.get_mut(at).and_then(Option::take) else { continue };
                    // The files of a certificate may be others by now.
                    if let (Some(now), Some(new)) = (&one.tls, tls) {
                        *now.write() = new.read().clone();
                    }
                    running.all.push(one);
                }
                Next::New(receiver) => {
                    match running.begin(*receiver, running.stopping.child_token(), &start) {
                        Ok(one) => running.all.push(one),
                        Err(error) => result = Err(error),
                    }
                }
            }
        }
        old.into_iter().flatten().for_each(|one| one.end.cancel());
        running.start = Some(start);
        result
    }

    /// Lets go of what was given for starting listeners.
    pub(crate) fn end(&self) {
        *self.0.lock() = Running::default();
    }
}

impl Running {
    fn begin(&self, receiver: Receiver, end: CancellationToken, start: &Start) -> Result<One> {
        let failed = |e| Error::internal("a listener cannot be used").with_detail(e);
        let one = One {
            protocol: receiver.protocol,
            listener: receiver.listener.clone(),
            secrets: receiver.secrets.clone(),
            socket: receiver.socket.again().map_err(failed)?,
            tls: receiver.tls.clone(),
            end: end.clone(),
        };
        start(receiver, &self.config, end)?;
        Ok(one)
    }
}
