//! Folders of parts, whichever machine wrote them: the name of the next part, and where a corrupt one goes.

use std::path::Path;

use disk::{Fs, io_error};
use model::Result;

/// A number that none of these parts has. Give the names of those that parts list among what they replace, too.
pub(crate) fn next_name<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let number = |name: &str| name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().ok();
    let highest = names.filter_map(number).max().unwrap_or(0);
    format!("p{:012}", highest + 1)
}

/// Renames a corrupt part so that it is not opened again, and leaves it for whoever wants to look.
pub(crate) fn set_aside(fs: &dyn Fs, dir: &Path, name: &str) -> Result<()> {
    let (from, to) = (dir.join(name), dir.join(format!("corrupt-{name}")));
    fs.rename(&from, &to).map_err(|e| io_error("set a corrupt part aside", &from, &e))?;
    fs.sync_dir(dir).map_err(|e| io_error("sync a directory", dir, &e))
}
