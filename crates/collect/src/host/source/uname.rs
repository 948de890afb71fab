//! Names of the kernel and the machine from uname(2).

use super::Source;
use crate::host::read::SourceResult;
use crate::host::samples::{Metric, Samples};

static INFO: Metric = Metric::gauge(
    "node_uname_info",
    &["domainname", "machine", "nodename", "release", "sysname", "version"],
    "Names that uname(2) gives; always 1.",
);

pub(crate) struct Uname;

impl Source for Uname {
    fn name(&self) -> &'static str {
        "uname"
    }

    fn collect(&mut self, _now_ms: i64, out: &mut Samples) -> SourceResult<()> {
        let uname = rustix::system::uname();
        out.push(
            &INFO,
            &[
                &uname.domainname().to_string_lossy(),
                &uname.machine().to_string_lossy(),
                &uname.nodename().to_string_lossy(),
                &uname.release().to_string_lossy(),
                &uname.sysname().to_string_lossy(),
                &uname.version().to_string_lossy(),
            ],
            1.0,
        );
        Ok(())
    }
}
