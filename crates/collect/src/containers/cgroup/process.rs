//! What `/proc` says about a group's processes. Bounded: past the caps the figure is left out, not guessed.

use std::path::Path;

use super::file::read_once;
use super::parse;
use super::reading::Processes;

/// The most processes whose descriptors are counted.
const PROCESS_CAP: usize = 256;
/// The most descriptors that are counted.
const FILE_CAP: u64 = 16_384;
/// The most tasks whose state is read.
const TASK_CAP: usize = 512;

/// Reads what `/proc` (at `procfs`) says about `pids`, of which `main` is the main process; `tasks` are its threads.
pub fn read(
    procfs: &Path,
    pids: &[u32],
    tasks: &[u32],
    main: Option<u32>,
    buffer: &mut Vec<u8>,
) -> Processes {
    let (files, sockets) = descriptors(procfs, pids).map_or((None, None), |(f, s)| (Some(f), Some(s)));
    Processes {
        count: pids.len() as u64,
        files,
        sockets,
        max_open_files: main.and_then(|pid| {
            read_once(&procfs.join(pid.to_string()).join("limits"), buffer).and_then(max_open_files)
        }),
        states: states(procfs, tasks, buffer),
    }
}

/// Open descriptors and sockets among them.
fn descriptors(procfs: &Path, pids: &[u32]) -> Option<(u64, u64)> {
    if pids.len() > PROCESS_CAP {
        return None;
    }
    let (mut files, mut sockets, mut seen) = (0, 0, false);
    for pid in pids {
        // A process that ended, or that may not be looked into, counts as none.
        let Ok(entries) = std::fs::read_dir(procfs.join(pid.to_string()).join("fd")) else { continue };
        seen = true;
        for entry in entries.flatten() {
            files += 1;
            if files > FILE_CAP {
                return None;
            }
            let is_socket = std::fs::read_link(entry.path())
                .is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:"));
            sockets += u64::from(is_socket);
        }
    }
    (seen || pids.is_empty()).then_some((files, sockets))
}

/// The soft limit of `Max open files` in a `limits` file; -1: unlimited.
fn max_open_files(limits: &[u8]) -> Option<i64> {
    let line = parse::lines(limits).find(|line| line.starts_with(b"Max open files"))?;
    match parse::words(&line[b"Max open files".len()..]).next()? {
        b"unlimited" => Some(-1),
        word => parse::number(word).and_then(|n| i64::try_from(n).ok()),
    }
}

fn states(procfs: &Path, tasks: &[u32], buffer: &mut Vec<u8>) -> Option<[u64; 4]> {
    if tasks.len() > TASK_CAP {
        return None;
    }
    let mut counts = [0; 4];
    for task in tasks {
        let Some(stat) = read_once(&procfs.join(task.to_string()).join("stat"), buffer) else { continue };
        let at = match state_letter(stat) {
            Some(b'S' | b'I') => 0,
            Some(b'R') => 1,
            Some(b'T' | b't') => 2,
            Some(b'D') => 3,
            _ => continue,
        };
        counts[at] += 1;
    }
    Some(counts)
}

/// The state in a `stat` file: the word after the command's closing parenthesis (the command may hold any bytes).
fn state_letter(stat: &[u8]) -> Option<u8> {
    let close = stat.iter().rposition(|b| *b == b')')?;
    parse::words(&stat[close + 1..]).next()?.first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_states() {
        let limits = b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max processes             7                    7                    processes \n\
            Max open files            1024                 524288               files     \n";
        assert_eq!(max_open_files(limits), Some(1024));
        assert_eq!(max_open_files(b"Max open files            unlimited   unlimited files\n"), Some(-1));
        assert_eq!(max_open_files(b""), None);
        assert_eq!(state_letter(b"7 (a) R (b) S 1 7 7"), Some(b'S'));
        assert_eq!(state_letter(b"7 (a"), None);
    }

    #[test]
    fn this_process_has_files() {
        let mut buffer = Vec::new();
        let me = std::process::id();
        let found = read(Path::new("/proc"), &[me, u32::MAX], &[me], Some(me), &mut buffer);
        assert_eq!(found.count, 2);
        assert!(found.files.unwrap() >= 3);
        assert_eq!(found.states.unwrap().iter().sum::<u64>(), 1);
        assert!(found.max_open_files.is_some());
    }
}
