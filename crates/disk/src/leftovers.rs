//! Directories that an error kept.

use std::path::Path;

use model::Result;
use parking_lot::Mutex;

use crate::fs::Fs;
use crate::publish;

/// Names of directories that nobody uses any more and that could not be removed, in the order in which they must go.
/// A restart would find them: they go before anything else is written or deleted beside them.
#[derive(Default)]
pub struct Leftovers(Mutex<Vec<String>>);

impl Leftovers {
    /// These must go, too.
    pub fn add(&self, names: impl IntoIterator<Item = String>) {
        self.0.lock().extend(names);
    }

    /// Removes all of them from `parent`. After an error the rest is still to be removed.
    pub fn clear(&self, fs: &dyn Fs, parent: &Path) -> Result<()> {
        let mut names = self.0.lock();
        while let Some(name) = names.first() {
            publish::remove_directory(fs, parent, name)?;
            names.remove(0);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::SimFs;

    #[test]
    fn they_go_in_order_as_soon_as_they_can() {
        let (fs, dir) = (SimFs::new(), Path::new("/d"));
        for name in ["a", "b"] {
            publish::prepare(&fs, &dir.join(name)).unwrap();
        }
        let leftovers = Leftovers::default();
        leftovers.add(["missing".to_owned(), "a".to_owned(), "b".to_owned()]);
        fs.set_read_only(true);
        assert!(leftovers.clear(&fs, dir).is_err());
        assert!(fs.exists(&dir.join("a")).unwrap() && fs.exists(&dir.join("b")).unwrap());
        fs.set_read_only(false);
        leftovers.clear(&fs, dir).unwrap();
        assert!(!fs.exists(&dir.join("a")).unwrap() && !fs.exists(&dir.join("b")).unwrap());
    }
}
