//! Asks file systems for their figures without ever waiting twice for one that hangs.
//!
//! `statvfs` on a dead NFS mount sleeps in the kernel and cannot be interrupted. A worker thread makes the calls one
//! after the other. When an answer is late, the worker stays with that mount as its watcher, the mount counts as
//! stuck, and a fresh worker takes over. A watcher that comes back ends the sentence.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::Duration;

/// Figures of a file system, in bytes and nodes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Figures {
    pub(crate) size: f64,
    pub(crate) free: f64,
    pub(crate) available: f64,
    pub(crate) files: f64,
    pub(crate) files_free: f64,
}

/// The call that may hang.
pub(crate) type Call = Arc<dyn Fn(&Path) -> io::Result<Figures> + Send + Sync>;

/// What became of a question.
#[derive(Debug)]
pub(crate) enum Answer {
    Figures(Figures),
    Failed(io::Error),
    /// The mount does not answer.
    Stuck,
}

/// Threads that may sit in hanging mounts; with more, mounts are called stuck without being asked.
const MOST_WATCHERS: usize = 64;

struct Worker {
    questions: Sender<PathBuf>,
    answers: Receiver<io::Result<Figures>>,
}

pub(crate) struct Prober {
    call: Call,
    timeout: Duration,
    worker: Option<Worker>,
    watchers: HashMap<PathBuf, Worker>,
}

impl Prober {
    pub(crate) fn new(timeout: Duration, call: Call) -> Self {
        Self { call, timeout, worker: None, watchers: HashMap::new() }
    }

    /// A prober that calls `statvfs`.
    pub(crate) fn system(timeout: Duration) -> Self {
        Self::new(timeout, Arc::new(statvfs))
    }

    /// Asks for the figures of the file system at `path`, waiting no longer than the timeout.
    pub(crate) fn ask(&mut self, path: &Path) -> Answer {
        if let Some(watcher) = self.watchers.get(path) {
            let answer = match watcher.answers.try_recv() {
                Err(TryRecvError::Empty) => return Answer::Stuck,
                Ok(answer) => answer.into(),
                Err(TryRecvError::Disconnected) => Answer::Failed(io::ErrorKind::BrokenPipe.into()),
            };
            self.watchers.remove(path);
            return answer;
        }
        if self.watchers.len() >= MOST_WATCHERS {
            return Answer::Stuck;
        }
        let worker = match self.worker.take().map_or_else(|| self.spawn(), Ok) {
            Ok(worker) => worker,
            Err(error) => return Answer::Failed(error),
        };
        if worker.questions.send(path.to_owned()).is_err() {
            return Answer::Failed(io::ErrorKind::BrokenPipe.into());
        }
        match worker.answers.recv_timeout(self.timeout) {
            Ok(answer) => {
                self.worker = Some(worker);
                answer.into()
            }
            Err(RecvTimeoutError::Timeout) => {
                self.watchers.insert(path.to_owned(), worker);
                Answer::Stuck
            }
            Err(RecvTimeoutError::Disconnected) => Answer::Failed(io::ErrorKind::BrokenPipe.into()),
        }
    }

    /// Lets go of watchers whose mount is no longer listed. Their threads end when the kernel lets them.
    pub(crate) fn retain(&mut self, listed: impl Fn(&Path) -> bool) {
        self.watchers.retain(|path, _| listed(path));
    }

    fn spawn(&self) -> io::Result<Worker> {
        let (questions, asked) = channel::<PathBuf>();
        let (answer, answers) = channel();
        let call = Arc::clone(&self.call);
        std::thread::Builder::new().name("statvfs".into()).spawn(move || {
            while let Ok(path) = asked.recv() {
                if answer.send(call(&path)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Worker { questions, answers })
    }
}

impl From<io::Result<Figures>> for Answer {
    fn from(result: io::Result<Figures>) -> Self {
        match result {
            Ok(figures) => Self::Figures(figures),
            Err(error) => Self::Failed(error),
        }
    }
}

fn statvfs(path: &Path) -> io::Result<Figures> {
    let s = rustix::fs::statvfs(path)?;
    // Blocks are counted in fragments.
    let block = if s.f_frsize == 0 { s.f_bsize } else { s.f_frsize } as f64;
    Ok(Figures {
        size: s.f_blocks as f64 * block,
        free: s.f_bfree as f64 * block,
        available: s.f_bavail as f64 * block,
        files: s.f_files as f64,
        files_free: s.f_ffree as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    const SOME: Figures = Figures { size: 5.0, free: 4.0, available: 3.0, files: 2.0, files_free: 1.0 };

    /// `/dead` hangs until it is released.
    fn prober() -> (Prober, Sender<()>) {
        let (release, gate) = channel();
        let gate = Mutex::new(gate);
        let call: Call = Arc::new(move |path: &Path| {
            if path == Path::new("/dead") {
                gate.lock().unwrap().recv().ok();
            }
            Ok(SOME)
        });
        (Prober::new(Duration::from_millis(20), call), release)
    }

    #[test]
    fn a_hanging_mount_neither_blocks_the_rest_nor_is_asked_again() {
        let (mut prober, release) = prober();
        assert!(matches!(prober.ask(Path::new("/dead")), Answer::Stuck));
        assert!(matches!(prober.ask(Path::new("/dead")), Answer::Stuck));
        assert!(matches!(prober.ask(Path::new("/live")), Answer::Figures(SOME)));
        assert_eq!(prober.watchers.len(), 1, "one thread a hanging mount");

        release.send(()).unwrap();
        while matches!(prober.ask(Path::new("/dead")), Answer::Stuck) {
            std::thread::yield_now();
        }
        assert!(prober.watchers.is_empty(), "it recovered");
    }

    #[test]
    fn an_unmounted_one_is_forgotten() {
        let (mut prober, _release) = prober();
        prober.ask(Path::new("/dead"));
        prober.retain(|_| false);
        assert!(prober.watchers.is_empty());
    }

    #[test]
    fn a_missing_path_is_an_error() {
        let mut prober = Prober::system(Duration::from_secs(60));
        assert!(matches!(prober.ask(Path::new("/does/not/exist")), Answer::Failed(_)));
        assert!(matches!(prober.ask(Path::new("/")), Answer::Figures(f) if f.size > 0.0));
    }
}
