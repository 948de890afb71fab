//! `--web.user-assets`: files of the operator under `/user`.

use std::io::Read;
use std::path::{Component, Path as FilePath, PathBuf};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;

use crate::state::Shared;

/// Larger files are not served.
const MAX_BYTES: u64 = 32 << 20;

pub(crate) async fn serve(State(state): State<Shared>, Path(name): Path<String>) -> Response {
    let Some(folder) = state.web.user_assets.clone() else { return missing() };
    let kind = mime_guess::from_path(&name).first_or_octet_stream().to_string();
    match tokio::task::spawn_blocking(move || read(&folder, &name)).await {
        Ok(Some(bytes)) => ([(CONTENT_TYPE, kind)], bytes).into_response(),
        _ => missing(),
    }
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "404 page not found\n").into_response()
}

/// The bytes of a file below `folder`, links out of it not followed.
fn read(folder: &FilePath, name: &str) -> Option<Vec<u8>> {
    let path: PathBuf = name.into();
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let folder = folder.canonicalize().ok()?;
    let path = folder.join(path).canonicalize().ok()?;
    let metadata = std::fs::metadata(&path).ok()?;
    if !path.starts_with(&folder) || !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).ok()?.take(MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_read() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("user");
        std::fs::create_dir_all(folder.join("deep")).unwrap();
        std::fs::write(folder.join("deep/a.css"), "a").unwrap();
        std::fs::write(outer.path().join("secret"), "s").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret"), folder.join("link")).unwrap();
        assert_eq!(read(&folder, "deep/a.css").as_deref(), Some(&b"a"[..]));
        for name in ["../secret", "link", "/etc/passwd", "deep", "none", ""] {
            assert_eq!(read(&folder, name), None, "{name}");
        }
    }
}
