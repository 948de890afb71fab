//! Device properties from udev's database, one small file a device.

use std::path::{Path, PathBuf};

use crate::host::read::read_optional;
use crate::host::text::{Digits, lines, split_once, text};

/// Reads properties of block devices.
pub(crate) struct Udev {
    dir: PathBuf,
    buffer: Vec<u8>,
}

/// The properties of one device.
pub(crate) struct Properties<'a>(Option<&'a [u8]>);

impl Udev {
    /// The database in `dir`, which need not be there.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), buffer: Vec::new() }
    }

    /// Properties of the block device `major:minor`; empty where udev has none.
    pub(crate) fn block(&mut self, major: u64, minor: u64) -> Properties<'_> {
        let name = ["b", Digits::new(major).as_str(), ":", Digits::new(minor).as_str()].concat();
        Properties(read_optional(&self.dir.join(name), &mut self.buffer))
    }
}

impl Properties<'_> {
    /// The value of a property, or nothing.
    pub(crate) fn get(&self, name: &str) -> std::borrow::Cow<'_, str> {
        let found = lines(self.0.unwrap_or_default())
            .filter_map(|line| split_once(line.strip_prefix(b"E:")?, b'='))
            .find(|(key, _)| *key == name.as_bytes());
        text(found.map_or(&b""[..], |(_, value)| value))
    }
}
