//! Backups of what is stored, and folders restored from them.

use disk::backup::{self, About};
use disk::publish;

use super::world::{Map, check_map, complaint};
use super::*;
use crate::store::tests::rich::{Rich, read_rich};

const BACKUPS: &str = "/backups";
const RESTORED: &str = "/restored";
const NAME: &str = "metrics";

#[derive(Default)]
pub(super) struct Backups {
    made: usize,
    /// Acknowledged, with what they must hold.
    acknowledged: BTreeMap<String, Map>,
    /// What those hold that were only asked for.
    attempts: Vec<Map>,
    /// What each was found to hold.
    holds: BTreeMap<String, Rich>,
    /// The backup that was restored last, and those whose restoring was not acknowledged since.
    restored: Option<String>,
    restoring: Vec<String>,
}

fn nothing_skipped(_: &str) -> bool {
    false
}

fn silent(_: u64, _: u64) {}

fn restore(fs: &SimFs, backup: &str, folder: &Path) -> Result<()> {
    let from = Path::new(BACKUPS).join(backup);
    backup::restore(fs, &from, folder, NAME, true, &mut silent, &mut |_| Ok(())).map(drop)
}

/// What a restored store holds. It is looked at in a world in which nothing is deleted.
fn content(fixture: &Fixture, folder: &Path) -> Rich {
    let options = Options { retention_ms: 0, series_retention: Vec::new(), ..fixture.options.clone() };
    let clock = Arc::clone(&fixture.clock) as Arc<dyn Clock>;
    let store = Store::open(Arc::new(fixture.fs.clone()), &folder.join(NAME), options, clock).unwrap();
    assert!(store.warnings().is_empty(), "{:?}", store.warnings());
    read_rich(&store, TimeRange::ALL)
}

fn unfinished(fixture: &Fixture, folder: &str) -> Vec<PathBuf> {
    let files = fixture.fs.files().into_iter();
    files
        .filter(|f| f.starts_with(folder) && f.iter().any(|c| c.to_string_lossy().contains("tmp-")))
        .collect()
}

impl Backups {
    /// A snapshot beside the store, a backup of it, and the snapshot goes: as the command does.
    pub(super) fn back_up(&mut self, fixture: &Fixture, store: &Store, samples: &Map) -> Result<()> {
        let (fs, snapshots) = (&fixture.fs, Path::new("/data/snapshots"));
        publish::prepare(fs, snapshots)?;
        self.made += 1;
        let (snapshot, name) = (self.made.to_string(), backup::name(&format!("{:06}", self.made)));
        publish::directory(fs, snapshots, &snapshot, |dir| {
            let dir = dir.join(NAME);
            fs.create_dir(&dir).map_err(|e| disk::io_error("create a folder", &dir, &e))?;
            store.snapshot_to(&dir)
        })?;
        self.attempts.push(samples.clone());
        let about = About {
            format: 0,
            program: "test".into(),
            made_ms: fixture.clock.now_ms(),
            source: "test".into(),
            files: 0,
            bytes: 0,
        };
        let source = snapshots.join(&snapshot).join(NAME);
        backup::make(fs, &source, Path::new(BACKUPS), &name, about, &nothing_skipped, &mut silent)?;
        self.acknowledged.extend(self.attempts.pop().map(|map| (name, map)));
        assert_eq!(unfinished(fixture, BACKUPS), Vec::<PathBuf>::new());
        publish::remove_directory(fs, snapshots, &snapshot)
    }

    /// Puts one of the backups in place of the one before.
    pub(super) fn restore(&mut self, fixture: &Fixture, random: &mut Random) -> Result<()> {
        let names: Vec<&String> = self.acknowledged.keys().collect();
        let Some(name) = names.get(random.below(names.len().max(1) as u64) as usize) else { return Ok(()) };
        let name = String::clone(name);
        self.restoring.push(name.clone());
        restore(&fixture.fs, &name, Path::new(RESTORED))?;
        assert_eq!(unfinished(fixture, RESTORED), Vec::<PathBuf>::new());
        self.restoring.clear();
        self.restored = Some(name);
        Ok(())
    }

    /// Acknowledged backups are there; every one that has a name is whole, and so is the restored folder.
    pub(super) fn check(&mut self, fixture: &Fixture) {
        let folder = Path::new(BACKUPS);
        let there = if fixture.fs.exists(folder).unwrap() {
            backup::list(&fixture.fs, folder).unwrap()
        } else {
            vec![]
        };
        for name in self.acknowledged.keys() {
            assert!(there.contains(name), "backup {name} is gone");
        }
        for name in &there {
            backup::verify(&fixture.fs, &folder.join(name), &mut silent).unwrap();
            if self.holds.contains_key(name) {
                continue;
            }
            let look = Path::new("/look");
            restore(&fixture.fs, name, look).unwrap();
            let found = content(fixture, look);
            match self.acknowledged.get(name) {
                Some(map) => check_map(map, &found, "in a backup"),
                None => {
                    let fits = self.attempts.iter().any(|map| complaint(map, &found).is_none());
                    assert!(fits, "backup {name} was not acknowledged and is half-made");
                }
            }
            self.holds.insert(name.clone(), found);
        }
        self.check_restored(fixture);
    }

    fn check_restored(&mut self, fixture: &Fixture) {
        let folder = Path::new(RESTORED);
        let may: Vec<&String> = self.restored.iter().chain(&self.restoring).collect();
        if fixture.fs.exists(&folder.join(NAME)).unwrap() {
            let found = content(fixture, folder);
            assert!(
                may.iter().any(|name| self.holds[*name] == found),
                "the restored folder is none of {may:?}"
            );
        } else {
            // Between two renames; the next attempt puts it in place.
            assert!(self.restored.is_none() || !self.restoring.is_empty(), "what was restored is gone");
        }
        if let Some(name) = self.restoring.pop() {
            restore(&fixture.fs, &name, folder).unwrap();
            assert_eq!(content(fixture, folder), self.holds[&name]);
            assert_eq!(unfinished(fixture, RESTORED), Vec::<PathBuf>::new());
            (self.restored, self.restoring) = (Some(name), Vec::new());
        }
    }
}
