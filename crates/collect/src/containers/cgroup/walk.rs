//! Lists groups, and recognises containers by the names that runtimes give their groups.

use std::path::Path;

use super::layout::join;

/// How deep groups are looked for: `kubepods.slice/kubepods-burstable.slice/kubepods-...pod.slice/cri-...scope`.
const DEPTH: usize = 8;

/// Group paths below `root` (`/` first), parents before children, at most `most`. What lies inside a container's own
/// group is the container's business and not listed.
pub fn groups(root: &Path, most: usize) -> Vec<String> {
    let mut out = vec!["/".to_owned()];
    let mut at = 0;
    while at < out.len() && out.len() < most {
        let path = out[at].clone();
        at += 1;
        if container_of(&path).is_some() || path.matches('/').count() >= DEPTH {
            continue;
        }
        let mut children = children(root, &path);
        children.sort();
        children.truncate(most - out.len());
        out.append(&mut children);
    }
    out
}

/// Paths of the groups directly below `path`.
pub fn children(root: &Path, path: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(join(root, path)) else { return Vec::new() };
    let base = if path == "/" { "" } else { path };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| Some(format!("{base}/{}", entry.file_name().to_str()?)))
        .collect()
}

/// The container whose group this is: (id, runtime).
pub fn container_of(path: &str) -> Option<(&str, &'static str)> {
    let last = path.rsplit('/').next()?;
    if is_id(last) {
        let runtime = if path.contains("kubepods") {
            "cri"
        } else if path.contains("libpod") {
            "podman"
        } else {
            "docker"
        };
        return Some((last, runtime));
    }
    let name = last.strip_suffix(".scope")?;
    let (prefix, id) = name.rsplit_once('-')?;
    let runtime = match prefix {
        "docker" => "docker",
        "libpod" => "podman",
        "cri-containerd" => "containerd",
        "crio" => "cri-o",
        _ => return None,
    };
    is_id(id).then_some((id, runtime))
}

/// Whether this is a full container id: 64 hex digits.
pub fn is_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// The container id that a cgroup path names anywhere in it: processes may sit in groups below their container's.
pub fn id_within(path: &str) -> Option<&str> {
    let mut end = path.len();
    loop {
        if let Some((id, _)) = container_of(&path[..end]) {
            return Some(id);
        }
        end = path[..end].rfind('/')?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "fa9732ca9eadcb7858f8c878cb5c10de512dc088fa5d57f224bca9a9143b5d6a";

    #[test]
    fn containers_by_the_names_of_their_groups() {
        for (path, runtime) in [
            (format!("/docker/{ID}"), "docker"),
            (format!("/system.slice/docker-{ID}.scope"), "docker"),
            (format!("/machine.slice/libpod-{ID}.scope"), "podman"),
            (format!("/kubepods.slice/x.slice/cri-containerd-{ID}.scope"), "containerd"),
            (format!("/kubepods/burstable/pod1/{ID}"), "cri"),
        ] {
            assert_eq!(container_of(&path), Some((ID, runtime)), "{path}");
            assert_eq!(id_within(&format!("{path}/init.scope")), Some(ID));
        }
        let conmon = format!("/machine.slice/libpod-conmon-{ID}.scope");
        for other in ["/", "/docker", "/system.slice/ssh.service", "/user.slice/session-1.scope", &conmon] {
            assert_eq!(container_of(other), None, "{other}");
        }
        assert_eq!(id_within("/system.slice/ssh.service"), None);
    }

    #[test]
    fn lists_slices_and_containers_but_not_what_is_inside_them() {
        let dir = tempfile::tempdir().unwrap();
        for path in [format!("docker/{ID}/inner"), "system.slice/ssh.service".into(), "user.slice".into()] {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let docker = format!("/docker/{ID}");
        let want = ["/", "/docker", "/system.slice", "/user.slice", &docker, "/system.slice/ssh.service"]
            .map(str::to_owned);
        assert_eq!(groups(dir.path(), 100), want);
        assert_eq!(groups(dir.path(), 3).len(), 3, "bounded");
        assert_eq!(groups(&dir.path().join("gone"), 100), ["/"]);
    }
}
