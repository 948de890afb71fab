//! Failures of the file system as errors of the product.

use std::io;
use std::path::Path;

use model::{Error, ErrorKind};

/// Whether the file system (or a quota) has no room left.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// What failed and why for the caller; the path only for the log.
pub fn io_error(doing: &str, path: &Path, error: &io::Error) -> Error {
    let kind = match error.kind() {
        _ if is_full(error) => ErrorKind::Unavailable,
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::Unavailable,
        io::ErrorKind::InvalidData => ErrorKind::Invalid,
        _ => ErrorKind::Internal,
    };
    let hint = if is_full(error) { " (free space or lower the retention)" } else { "" };
    Error::new(kind, format_args!("storage: cannot {doing}: {error}{hint}")).with_detail(path.display())
}
