//! The files of one log in the order in which they were written, and where to go on in them. Pure.

use super::position::{Ident, Position};

/// A file of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its inode.
    pub inode: u64,
    /// Its size on disk.
    pub size: u64,
    /// Whether it is compressed.
    pub gzip: bool,
    /// The first bytes of what is in it, up to [`HEAD`](super::position::HEAD).
    pub head: Vec<u8>,
}

impl Candidate {
    /// Its identity.
    pub fn ident(&self) -> Ident {
        Ident::of(self.inode, &self.head)
    }
}

/// Where to go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The first file to read.
    pub first: usize,
    /// Where in it.
    pub offset: u64,
    /// From where on `stdout` and `stderr` are new: a file and an offset.
    pub fresh: [(usize, u64); 2],
    /// Whether a file is gone of which not all was known to be read.
    pub gap: bool,
}

/// Those of `names` that belong to the log `base`, oldest first, `base` itself last: `base.2.gz`, `base.1`, `base`, or with
/// dates behind a dot or dash. Of a file and its compressed copy the file counts.
pub fn of_log(base: &str, names: &[String]) -> Vec<String> {
    let mut rotated: Vec<(&str, &str)> = names
        .iter()
        .filter_map(|name| {
            let suffix = name.strip_prefix(base)?.strip_prefix(['.', '-'])?;
            let plain = suffix.strip_suffix(".gz").unwrap_or(suffix);
            is_rotation(plain).then_some((plain, name.as_str()))
        })
        .collect();
    let number = |suffix: &str| suffix.parse::<u32>().ok().filter(|_| suffix.len() <= 5);
    rotated.sort_by(|(a, a_name), (b, b_name)| {
        let order = match (number(a), number(b)) {
            (Some(a), Some(b)) => b.cmp(&a),
            // Dates are older than numbers only by convention: both together are not met.
            (a_number, b_number) => a_number.is_some().cmp(&b_number.is_some()).then(a.cmp(b)),
        };
        order.then(a_name.len().cmp(&b_name.len()))
    });
    rotated.dedup_by(|next, kept| next.0 == kept.0);
    let base = names.iter().filter(|name| *name == base).cloned();
    rotated.iter().map(|(_, name)| (*name).to_owned()).chain(base).collect()
}

/// Whether a suffix is one that rotation gives: a number or a date.
pub fn is_rotation(suffix: &str) -> bool {
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.' | b':' | b'T' | b'Z');
    suffix.starts_with(|c: char| c.is_ascii_digit()) && suffix.bytes().all(plain)
}

/// Where to go on in `candidates` (oldest first) after `position`.
pub fn plan(position: &Position, candidates: &[Candidate]) -> Plan {
    let places = position.0.map(|cursor| {
        let same = |candidate: &&Candidate| {
            let long = candidate.gzip || candidate.size >= cursor.offset;
            long && cursor.file.is(candidate.inode, &candidate.head)
        };
        let at = |found: &Candidate| candidates.iter().position(|c| c == found);
        let by_inode = candidates.iter().filter(same).find(|c| c.inode == cursor.file.inode);
        // Equal beginnings are met where lines have no times: then the inode decides, else the newest.
        let found = by_inode.or_else(|| candidates.iter().rev().find(same)).and_then(at);
        found.map(|index| (index, cursor.offset))
    });
    let fresh = places.map(|place| place.unwrap_or((0, 0)));
    let (first, offset) = fresh[0].min(fresh[1]);
    Plan { first, offset, fresh, gap: places.iter().any(Option::is_none) }
}

#[cfg(test)]
mod tests {
    use super::super::position::Cursor;
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn files_of_a_log_are_those_that_rotation_made() {
        let docker = names(&[
            "x-json.log.1",
            "x-json.log",
            "x-json.log.10.gz",
            "x-json.log.2.gz",
            "x-json.log.1.gz",
            "x-json.log.tmp",
            "y-json.log.3",
        ]);
        assert_eq!(
            of_log("x-json.log", &docker),
            ["x-json.log.10.gz", "x-json.log.2.gz", "x-json.log.1", "x-json.log"]
        );
        let kubelet = names(&["0.log", "0.log.20240502-100000", "0.log.20240501-100000.gz", "1.log"]);
        assert_eq!(of_log("0.log", &kubelet), ["0.log.20240501-100000.gz", "0.log.20240502-100000", "0.log"]);
        let logrotate = names(&["app.log-20240501.gz", "app.log-20240502", "app.log"]);
        assert_eq!(of_log("app.log", &logrotate), ["app.log-20240501.gz", "app.log-20240502", "app.log"]);
        assert!(of_log("app.log", &names(&["app.log.old", "app.logs"])).is_empty());
    }

    fn candidate(inode: u64, head: &str) -> Candidate {
        Candidate { name: String::new(), inode, size: head.len() as u64, gzip: false, head: head.into() }
    }

    #[test]
    fn reading_goes_on_where_the_older_stream_stands() {
        let files = [candidate(1, "aaa\n"), candidate(2, "bbb\n"), candidate(3, "ccc\n")];
        let at = |index: usize, offset| Cursor { file: files[index].ident(), offset };
        assert_eq!(
            plan(&Position([at(2, 4), at(1, 2)]), &files),
            Plan { first: 1, offset: 2, fresh: [(2, 4), (1, 2)], gap: false }
        );
        let gone = Cursor { file: Ident::of(9, b"zzz\n"), offset: 7 };
        assert_eq!(
            plan(&Position([gone, at(1, 2)]), &files),
            Plan { first: 0, offset: 0, fresh: [(0, 0), (1, 2)], gap: true }
        );
        let same = [candidate(5, "same\n"), candidate(6, "same\n")];
        let first = Cursor { file: same[0].ident(), offset: 1 };
        assert_eq!(plan(&Position([first, first]), &same).first, 0);
        assert_eq!(plan(&Position([first, first]), &[]), Plan { gap: true, ..Plan::default() });
    }
}
