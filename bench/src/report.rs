//! Figures beside each other.

use crate::peer::Kind;

/// One program's figure.
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) value: f64,
}

/// Prints ours as a multiple of each other program's.
pub(crate) fn compare(what: &str, rows: &[Row]) {
    let Some(ours) = rows.iter().find(|r| r.kind == Kind::Bonghwa) else { return };
    let others: Vec<String> = rows
        .iter()
        .filter(|r| r.kind != Kind::Bonghwa)
        .map(|r| format!("{:.2}x {}", ours.value / r.value, r.kind.name()))
        .collect();
    if !others.is_empty() {
        println!("{what}: {}", others.join(", "));
    }
}
