//! Evaluating rules side by side.

#[cfg(test)]
mod tests;

use std::panic::resume_unwind;
use std::thread::{Builder, ScopedJoinHandle, scope};

use tokio::sync::Semaphore;

/// Places for evaluations beside the one that each group makes itself; all groups share them.
#[derive(Debug)]
pub struct Beside(Semaphore);

/// An evaluation that was begun.
enum Begun<'scope, T> {
    Beside(ScopedJoinHandle<'scope, T>),
    Ended(T),
}

impl Beside {
    /// At most `most` evaluations beside those of the groups.
    pub fn new(most: usize) -> Self {
        Self(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
    }

    /// Does `work` for each of `items`: beside this thread where there is a place, else in it. Returns when all are
    /// done, with the results in the order of `items`.
    pub(super) fn each<T: Send>(&self, items: &[usize], work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        let work = &work;
        scope(|threads| {
            let begin = |(at, &item): (usize, &usize)| {
                // This thread would only wait for the last one.
                let place = if at + 1 < items.len() { self.0.try_acquire().ok() } else { None };
                let thread = place.and_then(|place| {
                    let task = move || {
                        let _place = place;
                        work(item)
                    };
                    Builder::new().name("rule".to_owned()).spawn_scoped(threads, task).ok()
                });
                thread.map_or_else(|| Begun::Ended(work(item)), Begun::Beside)
            };
            let begun: Vec<Begun<'_, T>> = items.iter().enumerate().map(begin).collect();
            begun.into_iter().map(Begun::ended).collect()
        })
    }
}

impl<T> Begun<'_, T> {
    fn ended(self) -> T {
        match self {
            Self::Ended(result) => result,
            Self::Beside(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
        }
    }
}
