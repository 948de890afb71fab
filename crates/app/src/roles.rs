//! One file that answers to several names: by the name it is called under, or by `BONGHWA_ROLE`, it is the whole
//! program, a node exporter, a cAdvisor, or the `wget` of a health check.

mod blank;
mod cadvisor;
mod exporter;
mod latest;
mod node_exporter;
mod wget;

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::ExitCode;

/// What the program is this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everything: collects, stores, answers, shows.
    AllInOne,
    /// The host as an exporter: node_exporter's port and flags.
    NodeExporter,
    /// Containers as an exporter: cAdvisor's port and paths.
    Cadvisor,
    /// Gets one address, for health checks in an image without a shell.
    Wget,
}

impl Role {
    /// By the name of the program; where that says nothing, by `role` (`BONGHWA_ROLE`).
    pub(crate) fn of(program: Option<&OsStr>, role: Option<&OsStr>) -> Result<Self, String> {
        let name = program.and_then(|path| Path::new(path).file_name()).and_then(OsStr::to_str).unwrap_or("");
        match name {
            "wget" => return Ok(Self::Wget),
            "cadvisor" => return Ok(Self::Cadvisor),
            "node_exporter" | "node-exporter" => return Ok(Self::NodeExporter),
            _ => {}
        }
        match role.map(|role| role.to_string_lossy()).as_deref() {
            None | Some("" | "all-in-one") => Ok(Self::AllInOne),
            Some("cadvisor") => Ok(Self::Cadvisor),
            Some("node-exporter" | "node_exporter") => Ok(Self::NodeExporter),
            Some(other) => {
                Err(format!("BONGHWA_ROLE={other}: a role is one of all-in-one, cadvisor, node-exporter"))
            }
        }
    }

    /// Runs an exporter or `wget`.
    pub(crate) fn run(self, args: Vec<OsString>) -> ExitCode {
        match self {
            Self::Wget => wget::main(args),
            Self::NodeExporter => node_exporter::main(args),
            Self::Cadvisor => cadvisor::main(args),
            // The caller keeps this one: it is the program itself.
            Self::AllInOne => ExitCode::FAILURE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_comes_before_the_variable() {
        let of = |program: &str, role: Option<&str>| Role::of(Some(program.as_ref()), role.map(OsStr::new));
        assert_eq!(of("/bin/bonghwa", None), Ok(Role::AllInOne));
        assert_eq!(of("prometheus", Some("")), Ok(Role::AllInOne));
        assert_eq!(of("/bin/bonghwa", Some("cadvisor")), Ok(Role::Cadvisor));
        assert_eq!(of("/bin/wget", Some("cadvisor")), Ok(Role::Wget));
        assert_eq!(of("/usr/bin/node_exporter", None), Ok(Role::NodeExporter));
        assert!(of("bonghwa", Some("grafana")).unwrap_err().contains("all-in-one"));
    }
}
