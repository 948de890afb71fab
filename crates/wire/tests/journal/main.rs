//! Journal files that systemd writes, beside its own reader.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the report of a test")]

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use testkit::suite::{Case, Component};
use wire::journal::{Entry, Reader};

const SYSTEMD: Component = Component {
    name: "systemd-journal-remote and journalctl",
    is_here: || {
        remote().is_some_and(|remote| runs(command(&remote).arg("--version")))
            && runs(Command::new("journalctl").arg("--version"))
    },
};

fn main() {
    testkit::suite::run(&[Case {
        name: "files_of_systemd_read_as_journalctl_prints_them",
        needs: &[SYSTEMD],
        test: files_of_systemd_read_as_journalctl_prints_them,
    }]);
}

/// Installed, or unpacked by scripts/reference.sh.
fn remote() -> Option<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| testkit::conformance::repository().join("target"));
    let folders = [
        target.join("reference/usr/lib/systemd"),
        target.join("reference/lib/systemd"),
        "/lib/systemd".into(),
    ];
    folders.iter().map(|folder| folder.join("systemd-journal-remote")).find(|path| path.is_file())
}

fn command(remote: &Path) -> Command {
    let mut command = Command::new(remote);
    // Its libraries are unpacked beside it, or installed.
    if let Some(root) = remote.ancestors().find(|root| root.ends_with("reference")) {
        let own = root.join("usr/lib/x86_64-linux-gnu");
        let systemd = "/usr/lib/x86_64-linux-gnu/systemd:/lib/x86_64-linux-gnu/systemd";
        command.env("LD_LIBRARY_PATH", format!("{}:{systemd}", own.display()));
    }
    command
}

fn runs(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Entries in the export format: text, and bytes with a length where a value has more than one line.
fn export() -> Vec<u8> {
    let mut out = Vec::new();
    for n in 1..=500_u64 {
        let message = match n % 7 {
            0 => "긴 줄 ".repeat(500),
            1 => format!("first {n}\nsecond"),
            _ => format!("line {n}"),
        };
        writeln!(out, "__REALTIME_TIMESTAMP={}", 1_700_000_000_000_000 + n).unwrap();
        writeln!(out, "__MONOTONIC_TIMESTAMP={n}\n_BOOT_ID=0123456789abcdef0123456789abcdef").unwrap();
        writeln!(out, "PRIORITY={}\n_HOSTNAME=h{}\n_SYSTEMD_UNIT=a.service", n % 8, n % 3).unwrap();
        out.extend(b"MESSAGE\n");
        out.extend((message.len() as u64).to_le_bytes());
        out.extend(message.as_bytes());
        out.extend(b"\n\n");
    }
    out
}

fn files_of_systemd_read_as_journalctl_prints_them() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in"), export()).unwrap();
    for (compact, compress) in [("0", "yes"), ("1", "yes"), ("0", "no"), ("1", "no")] {
        let path = folder.path().join(format!("{compact}{compress}.journal"));
        let made = command(&remote().unwrap())
            .env("SYSTEMD_JOURNAL_COMPACT", compact)
            .arg(format!("--compress={compress}"))
            .arg(format!("--output={}", path.display()))
            .arg(folder.path().join("in"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let bytes = std::fs::read(&path).unwrap();
        let (mut reader, mut entry) = (Reader::open(&bytes[..], 1 << 20).unwrap(), Entry::default());
        let mut ours = Vec::new();
        while reader.next(&mut |_| true, &mut entry).unwrap() {
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            let fields = entry.fields().map(|(name, value)| (name.to_owned(), text(value)));
            ours.push((entry.realtime_us, fields.collect::<BTreeMap<_, _>>()));
        }
        assert_eq!(
            (ours.len(), reader.header().entries),
            (500, 500),
            "compact {compact}, compressed {compress}"
        );
        for (ours, theirs) in ours.iter().zip(theirs(&path)) {
            assert_eq!(*ours, theirs, "compact {compact}, compressed {compress}");
        }
    }
}

/// What journalctl prints: times, and fields but those that it makes up.
fn theirs(path: &Path) -> Vec<(u64, BTreeMap<String, String>)> {
    let printed =
        Command::new("journalctl").arg("--file").arg(path).args(["-o", "json", "--all"]).output().unwrap();
    let text = String::from_utf8(printed.stdout).unwrap();
    let entry = |line: &str| {
        let fields: BTreeMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let time = fields["__REALTIME_TIMESTAMP"].as_str().unwrap().parse().unwrap();
        let own = fields.into_iter().filter(|(name, _)| !name.starts_with("__"));
        (time, own.map(|(name, value)| (name, value.as_str().unwrap().to_owned())).collect())
    };
    let all: Vec<_> = text.lines().map(entry).collect();
    assert_eq!(all.len(), 500);
    all
}
