//! How many processes and threads there are and what they do, from /proc/N/stat.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::fs::{Mode, OFlags, RawDir, open, openat};
use rustix::io::Errno;

use super::Source;
use crate::host::paths::HostPaths;
use crate::host::read::{SourceError, SourceResult, read_into};
use crate::host::samples::{Metric, Samples};
use crate::host::text::{fields, float, number, trim};

static PIDS: Metric = Metric::gauge("node_processes_pids", &[], "Processes.");
static THREADS: Metric = Metric::gauge("node_processes_threads", &[], "Threads of all processes.");
static STATE: Metric = Metric::gauge("node_processes_state", &["state"], "Processes in each state.");
static THREADS_STATE: Metric =
    Metric::gauge("node_processes_threads_state", &["thread_state"], "Threads in each state.");
static MAX_PROCESSES: Metric = Metric::gauge("node_processes_max_processes", &[], "Highest process number.");
static MAX_THREADS: Metric = Metric::gauge("node_processes_max_threads", &[], "Threads the kernel allows.");

/// With more threads than this their states are counted only every [`ROUNDS_BETWEEN_COUNTS`] rounds: one file a
/// thread has to be read, about 5 µs each.
const THREADS_EVERY_ROUND: u64 = 300;
const ROUNDS_BETWEEN_COUNTS: u32 = 6;

/// Counts by the letter of a state.
type States = [u32; 128];

pub(crate) struct Processes {
    procfs: PathBuf,
    real_procfs: bool,
    max_processes: PathBuf,
    max_threads: PathBuf,
    buffer: Vec<u8>,
    names: Vec<u8>,
    pids: Vec<u64>,
    tids: Vec<u64>,
    thread_states: States,
    rounds: u32,
}

impl Processes {
    pub(crate) fn new(paths: &HostPaths) -> Self {
        Self {
            procfs: paths.procfs.clone(),
            real_procfs: paths.real_procfs,
            max_processes: paths.proc("sys/kernel/pid_max"),
            max_threads: paths.proc("sys/kernel/threads-max"),
            buffer: Vec::new(),
            names: Vec::with_capacity(16 << 10),
            pids: Vec::new(),
            tids: Vec::new(),
            thread_states: [0; 128],
            rounds: 0,
        }
    }

    fn fail(&self, errno: Errno) -> SourceError {
        SourceError::io(&self.procfs, errno.into())
    }

    /// Counts every process; single-threaded ones need no second look.
    fn count(&mut self) -> Result<Counted, Errno> {
        let root = open_dir(&self.procfs)?;
        numbers_in(root.as_fd(), &mut self.names, &mut self.pids)?;
        let mut counted = Counted { processes: 0, threads: 0, states: [0; 128] };
        let count_threads = self.rounds == 0;
        let mut thread_states = [0; 128];
        for pid in &self.pids {
            let path = Path::new(&[*pid], "/stat");
            let Some((state, threads)) = read_stat(root.as_fd(), &path, &mut self.buffer)? else { continue };
            counted.processes += 1;
            counted.threads += threads;
            counted.states[state] += 1;
            if !count_threads {
                continue;
            }
            // Recorded files may lack the list of threads: then there is nothing to say about them.
            if threads <= 1 && self.real_procfs {
                thread_states[state] += 1;
                continue;
            }
            let Some(tasks) = open_at(root.as_fd(), &Path::new(&[*pid], "/task"))? else { continue };
            // A process that ends meanwhile has no tasks left.
            if numbers_in(tasks.as_fd(), &mut self.names, &mut self.tids).is_err() {
                continue;
            }
            for tid in &self.tids {
                if tid == pid {
                    thread_states[state] += 1;
                } else if let Some((state, _)) =
                    read_stat(tasks.as_fd(), &Path::new(&[*tid], "/stat"), &mut self.buffer)?
                {
                    thread_states[state] += 1;
                }
            }
        }
        if count_threads {
            self.thread_states = thread_states;
        }
        self.rounds = match counted.threads {
            0..=THREADS_EVERY_ROUND => 0,
            _ => (self.rounds + 1) % ROUNDS_BETWEEN_COUNTS,
        };
        Ok(counted)
    }

    fn limit(&mut self, which: fn(&Self) -> &PathBuf) -> SourceResult<f64> {
        let path = which(self).clone();
        let bytes = read_into(&path, &mut self.buffer)?;
        float(trim(bytes)).ok_or_else(|| SourceError::malformed(&path, 1, "a number is expected"))
    }
}

struct Counted {
    processes: u64,
    threads: u64,
    states: States,
}

impl Source for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let counted = self.count().map_err(|errno| self.fail(errno))?;
        out.push(&PIDS, &[], counted.processes as f64);
        out.push(&THREADS, &[], counted.threads as f64);
        for (metric, states) in [(&STATE, &counted.states), (&THREADS_STATE, &self.thread_states)] {
            for (state, count) in states.iter().enumerate().filter(|(_, count)| **count > 0) {
                let letter = [state as u8]; // states are ASCII letters
                out.push(metric, &[std::str::from_utf8(&letter).unwrap_or_default()], f64::from(*count));
            }
        }
        let value = self.limit(|s| &s.max_processes)?;
        out.push(&MAX_PROCESSES, &[], value);
        let value = self.limit(|s| &s.max_threads)?;
        out.push(&MAX_THREADS, &[], value);
        Ok(())
    }
}

/// `<numbers><rest>` as a path on the stack.
struct Path {
    buffer: [u8; 64],
    len: usize,
}

impl Path {
    fn new(numbers: &[u64], rest: &str) -> Self {
        let mut path = Self { buffer: [0; 64], len: 0 };
        for n in numbers {
            path.push(crate::host::text::Digits::new(*n).as_str());
        }
        path.push(rest);
        path
    }

    fn push(&mut self, part: &str) {
        // Twenty digits and "/stat" fit; more would be cut.
        for (to, from) in self.buffer[self.len..].iter_mut().zip(part.bytes()) {
            *to = from;
            self.len += 1;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.buffer[..self.len]
    }
}

fn open_dir(path: &std::path::Path) -> Result<OwnedFd, Errno> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// `None` where the process is gone.
fn open_at(dir: BorrowedFd<'_>, path: &Path) -> Result<Option<OwnedFd>, Errno> {
    match openat(dir, path.as_bytes(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => Ok(Some(fd)),
        Err(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Entries of a directory that are numbers.
fn numbers_in(dir: BorrowedFd<'_>, buffer: &mut Vec<u8>, out: &mut Vec<u64>) -> Result<(), Errno> {
    out.clear();
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        out.extend(number(entry?.file_name().to_bytes()));
    }
    Ok(())
}

/// State and number of threads of a process or thread; `None` where it is gone or says nothing sensible.
fn read_stat(dir: BorrowedFd<'_>, path: &Path, buffer: &mut Vec<u8>) -> Result<Option<(usize, u64)>, Errno> {
    let Some(file) = open_at(dir, path)? else { return Ok(None) };
    buffer.resize(1024, 0);
    let read = match rustix::io::read(&file, &mut buffer[..]) {
        Ok(read) => read,
        Err(Errno::SRCH) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    Ok(parse_stat(&buffer[..read]))
}

/// The command in parentheses may hold spaces and parentheses; the fields count from the last one.
fn parse_stat(bytes: &[u8]) -> Option<(usize, u64)> {
    let after = bytes.iter().rposition(|b| *b == b')')? + 1;
    let mut parts = fields(bytes.get(after..)?);
    let state = usize::from(*parts.next()?.first()?);
    // state is field 3, num_threads field 20 (proc_pid_stat(5))
    let threads = parts.nth(16).and_then(number)?;
    (state < 128 && char::from(state as u8).is_ascii_alphabetic()).then_some((state, threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_with_parentheses() {
        let line = b"12 (a) b (c) R 2 0 0 0 -1 4 0 0 0 0 0 346 0 0 -2 0 7 0 32 0";
        assert_eq!(parse_stat(line), Some((usize::from(b'R'), 7)));
        assert_eq!(parse_stat(b"12 (a) R 2 0"), None);
        assert_eq!(parse_stat(b""), None);
    }
}
