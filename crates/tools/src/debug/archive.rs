//! A compressed archive of a few files (`ustar`, gzip).

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

const BLOCK: usize = 512;

/// Writes `files` (name, content), last changed at `now` (seconds since the Unix epoch). Only the owner may read it:
/// it tells a lot about a server.
pub(super) fn write(path: &Path, files: &[(&str, Vec<u8>)], now: i64) -> io::Result<()> {
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
    let mut out = GzEncoder::new(io::BufWriter::new(file), Compression::default());
    for (name, content) in files {
        out.write_all(&header(name, content.len(), now))?;
        out.write_all(content)?;
        out.write_all(&vec![0; content.len().next_multiple_of(BLOCK) - content.len()])?;
    }
    out.write_all(&[0; 2 * BLOCK])?;
    out.finish()?.flush()
}

fn header(name: &str, size: usize, now: i64) -> [u8; BLOCK] {
    let mut header = [0u8; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    // Names here are short; a longer one would be cut, not written over the next field.
    put(0, name.get(..name.len().min(99)).unwrap_or("file"));
    put(100, "0000600\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, &format!("{:011o}\0", now.max(0)));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("debug.tar.gz");
        let files = [("a.txt", b"hello".to_vec()), ("b.json", vec![b'x'; 1024]), ("empty", Vec::new())];
        write(&path, &files, 1_700_000_000).unwrap();
        let listed = Command::new("tar").arg("-tzf").arg(&path).output().unwrap();
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), "a.txt\nb.json\nempty\n");
        let content = Command::new("tar").args(["-xzOf"]).arg(&path).arg("a.txt").output().unwrap();
        assert_eq!(content.stdout, b"hello");
    }
}
