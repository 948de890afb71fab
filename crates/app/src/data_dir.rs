//! The data directory: made, checked, and the access token in it.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use disk::Fs;
use model::{Error, Result};

/// Where our files live below the data directory; what others put there is never touched.
pub(crate) const OURS: &str = "bonghwa";

/// Where a crash interrupted a restore between two names, what was restored, or what was there before, takes its place.
pub(crate) fn end_restore(fs: &dyn Fs, data: &Path) -> Result<()> {
    if !data.join(OURS).exists() && disk::backup::settle(fs, data, OURS)? {
        tracing::warn!(data = %data.display(), "a restore was interrupted: its end was made up for");
    }
    Ok(())
}

/// Removes what an interrupted restore left beside the directory, which is locked: nobody restores there.
pub(crate) fn clear_restore(fs: &dyn Fs, data: &Path) {
    if let Err(error) = disk::backup::settle(fs, data, OURS) {
        tracing::warn!(%error, detail = error.detail, "what a restore left behind could not be removed");
    }
}

/// Makes the directory and tries whether it can be written.
pub(crate) fn prepare(data: &Path) -> Result<PathBuf> {
    let ours = data.join(OURS);
    std::fs::create_dir_all(&ours).map_err(|e| refused(data, &e))?;
    // Its name survives a power failure as what is in it does; the directory above may not be ours to read.
    if let Some(above) = data.parent().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p }) {
        let _ = std::fs::File::open(above).and_then(|above| above.sync_all());
    }
    let probe = ours.join(".probe");
    match std::fs::File::create(&probe).and_then(|mut file| file.write_all(b"x")) {
        Ok(()) => {}
        // What is there can be read, and writes are taken as soon as there is room.
        Err(e) if e.kind() == ErrorKind::StorageFull => {
            tracing::warn!("the disk of the data directory is full: writes are refused until there is room");
        }
        Err(e) => return Err(refused(data, &e)),
    }
    match std::fs::remove_file(&probe) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(refused(data, &e)),
        _ => Ok(ours),
    }
}

/// Why the directory cannot be used, with both user ids and what helps.
fn refused(data: &Path, error: &std::io::Error) -> Error {
    if error.kind() != ErrorKind::PermissionDenied {
        return Error::invalid(format_args!("the data directory {} cannot be used: {error}", data.display()));
    }
    // The nearest directory that exists is the one whose owner refuses us.
    let existing = data.join(OURS).ancestors().find_map(|p| Some((p.to_owned(), std::fs::metadata(p).ok()?)));
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (path, owner) = match existing {
        Some((path, metadata)) => {
            (path, format!("uid {} (mode {:o})", metadata.uid(), metadata.mode() & 0o7777))
        }
        None => (data.to_owned(), "another user".to_owned()),
    };
    Error::invalid(format_args!(
        "the data directory {} cannot be written: {} belongs to {owner}, this process runs as uid {uid}. Either give it \
         away (chown -R {uid}:{gid} {}) or run as its owner (docker run --user)",
        data.display(),
        path.display(),
        path.display(),
    ))
}

/// The access token, and whether it was made just now.
pub(crate) fn token(ours: &Path) -> Result<(String, bool)> {
    let path = ours.join("token");
    let fail = |e: std::io::Error| {
        Error::invalid(format_args!("the access token {} cannot be used: {e}", path.display()))
    };
    match std::fs::File::open(&path) {
        Ok(file) => {
            let mut text = String::new();
            file.take(1024).read_to_string(&mut text).map_err(fail)?;
            let token = text.trim().to_owned();
            if token.len() < 16 || !token.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Error::invalid(format_args!(
                    "the access token in {} is shorter than 16 characters or not plain text; remove the file to get a \
                     new one",
                    path.display()
                )));
            }
            Ok((token, false))
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let token = random_token().map_err(fail)?;
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&path).map_err(fail)?;
            file.write_all(token.as_bytes()).and_then(|()| file.sync_all()).map_err(fail)?;
            Ok((token, true))
        }
        Err(e) => Err(fail(e)),
    }
}

/// 256 bits from the operating system, as hex digits.
fn random_token() -> std::io::Result<String> {
    use std::fmt::Write as _;
    let mut bytes = [0u8; 32];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut text = String::with_capacity(64);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_made_once_and_only_its_owner_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (token, fresh) = super::token(dir.path()).unwrap();
        assert!(fresh && token.len() == 64);
        assert_eq!(super::token(dir.path()).unwrap(), (token, false));
        assert_eq!(std::fs::metadata(dir.path().join("token")).unwrap().mode() & 0o777, 0o600);
        std::fs::write(dir.path().join("token"), "short\n").unwrap();
        assert!(super::token(dir.path()).unwrap_err().message.contains("remove the file"));
    }

    #[test]
    fn a_directory_that_cannot_be_written_names_both_users_and_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let error = refused(dir.path(), &ErrorKind::PermissionDenied.into());
        let uid = rustix::process::geteuid().as_raw();
        for part in [format!("belongs to uid {uid}"), format!("runs as uid {uid}"), "chown -R".to_owned()] {
            assert!(error.message.contains(&part), "{part} in {}", error.message);
        }
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(prepare(&file).unwrap_err().message.contains("cannot be used"));
        assert!(prepare(&dir.path().join("new/deep")).unwrap().ends_with("new/deep/bonghwa"));
    }
}
