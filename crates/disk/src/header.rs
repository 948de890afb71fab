//! The first 16 bytes of every file: `BONGHWA` kind(1) version(u16) zero(u16) crc32(u32) over the 12 bytes before it.
//! Numbers are little endian. docs/formats/README.md draws it.

use model::{Error, Result};

/// Length of the header in bytes.
pub const LEN: usize = 16;

const MAGIC: &[u8; 7] = b"BONGHWA";

/// What a file holds, and which versions of it this program writes and reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The byte that tells kinds apart.
    pub tag: u8,
    /// What to call it in errors.
    pub name: &'static str,
    /// The version written.
    pub version: u16,
    /// The oldest version still read.
    pub oldest: u16,
}

/// The header of a file of `kind`.
pub fn write(kind: Kind) -> [u8; LEN] {
    let mut out = [0; LEN];
    out[..7].copy_from_slice(MAGIC);
    out[7] = kind.tag;
    out[8..10].copy_from_slice(&kind.version.to_le_bytes());
    let crc = crc32fast::hash(&out[..12]);
    out[12..].copy_from_slice(&crc.to_le_bytes());
    out
}

/// Checks the header at the start of `bytes` and returns the version found. Another version is an error of kind
/// `Conflict`, anything else that is no such header one of kind `Invalid`.
pub fn check(kind: Kind, bytes: &[u8]) -> Result<u16> {
    let name = kind.name;
    let Some(header) = bytes.first_chunk::<LEN>() else {
        return Err(Error::invalid(format_args!("{name}: {} bytes are too short for a header", bytes.len())));
    };
    if &header[..7] != MAGIC || header[7] != kind.tag {
        return Err(Error::invalid(format_args!("{name}: not such a file (wrong magic at byte 0)")));
    }
    let crc = u32::from_le_bytes([header[12], header[13], header[14], header[15]]);
    if crc != crc32fast::hash(&header[..12]) {
        return Err(Error::invalid(format_args!("{name}: checksum of the header at byte 12 is wrong")));
    }
    let version = u16::from_le_bytes([header[8], header[9]]);
    if version < kind.oldest || version > kind.version {
        return Err(Error::conflict(format_args!(
            "{name}: version {version} is not readable by this program (it reads {} to {}); \
             use the version that wrote it",
            kind.oldest, kind.version
        )));
    }
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { tag: b'x', name: "test file", version: 3, oldest: 2 };

    #[test]
    fn the_previous_version_is_read_and_others_are_refused_by_name() {
        assert_eq!(check(KIND, &write(KIND)).unwrap(), 3);
        assert_eq!(check(KIND, &write(Kind { version: 2, ..KIND })).unwrap(), 2);
        for version in [1, 4] {
            let error = check(KIND, &write(Kind { version, ..KIND })).unwrap_err();
            assert!(error.message.contains(&format!("version {version}")), "{error}");
        }
        assert!(check(KIND, &write(Kind { tag: b'y', ..KIND })).unwrap_err().message.contains("magic"));
        assert!(check(KIND, b"BONG").unwrap_err().message.contains("too short"));
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for bit in 0..LEN * 8 {
            let mut bytes = write(KIND);
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(check(KIND, &bytes).is_err(), "bit {bit}");
        }
    }
}
