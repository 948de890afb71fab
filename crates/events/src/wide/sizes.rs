//! What the columns of parts take, for who wants to know where the bytes are.

use std::collections::HashMap;
use std::path::Path;

use disk::Fs;
use model::Result;

use super::block::Head;
use super::part::Part;

/// What columns of one kind take in all blocks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnSize {
    /// What they hold, and for fields their name, type and origin.
    pub name: String,
    /// How many there are: at most one a block.
    pub columns: u64,
    /// Bytes before compression.
    pub raw: u64,
    /// Bytes on disk.
    pub stored: u64,
}

/// What parts take.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sizes {
    /// Rows of all blocks.
    pub rows: u64,
    /// Blocks.
    pub blocks: u64,
    /// Columns by what they hold, the largest first; heads and indexes of parts are at the end.
    pub columns: Vec<ColumnSize>,
}

/// Adds up what the parts in a directory (`records/default/log/parts` of a data directory) take. Nothing is changed there.
///
/// # Errors
///
/// Where a part cannot be read, or is corrupt.
pub fn sizes(fs: &dyn Fs, dir: &Path) -> Result<Sizes> {
    let mut sizes = Sizes::default();
    let mut by_name: HashMap<String, ColumnSize> = HashMap::new();
    let (mut heads, mut all, mut blocks) = (0, 0, 0);
    for entry in fs.list(dir).map_err(|e| disk::io_error("list the record parts", dir, &e))? {
        if !entry.is_dir || !entry.name.starts_with('p') {
            continue;
        }
        let part = Part::open(fs, dir, &entry.name)?;
        all += part.bytes;
        for block in &part.blocks {
            let (head, _) = part.head(block)?;
            sizes.rows += u64::from(block.rows);
            sizes.blocks += 1;
            heads += u64::from(block.head_len);
            blocks += u64::from(block.len);
            add(&mut by_name, &head);
        }
    }
    sizes.columns = by_name.into_values().collect();
    sizes.columns.sort_by(|a, b| b.stored.cmp(&a.stored).then_with(|| a.name.cmp(&b.name)));
    for (name, stored) in [("heads of blocks", heads), ("indexes of parts", all - blocks)] {
        let columns = sizes.blocks;
        sizes.columns.push(ColumnSize { name: name.to_owned(), columns, raw: stored, stored });
    }
    Ok(sizes)
}

fn add(by_name: &mut HashMap<String, ColumnSize>, head: &Head) {
    for (name, raw, stored) in head.columns() {
        let size = by_name
            .entry(name)
            .or_insert_with_key(|name| ColumnSize { name: name.clone(), ..ColumnSize::default() });
        size.columns += 1;
        size.raw += u64::from(raw);
        size.stored += u64::from(stored);
    }
}
