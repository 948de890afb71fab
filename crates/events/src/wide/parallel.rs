//! A few threads for the length of a call.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

/// The most threads of one call.
const MOST: usize = 8;

/// How many pieces of work go on at one time.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MOST)
}

/// Does `work` on each item, with a state for each thread that `start` makes. Gives the states; each thread stops at the first
/// error, which is passed on.
pub(super) fn each<T: Send, S: Send, E: Send>(
    items: impl IntoIterator<Item = T, IntoIter: Send>,
    threads: usize,
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, T) -> Result<(), E> + Sync,
) -> Result<Vec<S>, E> {
    let items = Mutex::new(items.into_iter());
    let run = || {
        let mut state = start();
        loop {
            // What an iterator over owned items leaves when it panics is still an iterator.
            let next = items.lock().unwrap_or_else(PoisonError::into_inner).next();
            match next {
                Some(item) => work(&mut state, item)?,
                None => return Ok(state),
            }
        }
    };
    if threads <= 1 {
        return run().map(|state| vec![state]);
    }
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut all = vec![run()];
        all.extend(
            others
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        );
        all.into_iter().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_done_once_and_errors_come_back() {
        for threads in [1, 3] {
            let sums = each(
                0..1000u64,
                threads,
                || 0,
                |sum, n| {
                    *sum += n;
                    Ok::<_, ()>(())
                },
            );
            assert_eq!(sums.unwrap().iter().sum::<u64>(), 499_500);
            let failed = each(0..1000, threads, || (), |(), n| if n == 700 { Err(n) } else { Ok(()) });
            assert_eq!(failed.unwrap_err(), 700);
        }
    }
}
