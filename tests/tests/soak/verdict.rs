//! The table at the end.

use std::fmt;

pub struct Table(Vec<(String, String, String, bool)>);

impl Table {
    pub fn new() -> Self {
        Self(Vec::new())
    }

    pub fn row(&mut self, what: &str, measured: impl fmt::Display, limit: &str, good: bool) {
        self.0.push((what.to_owned(), measured.to_string(), limit.to_owned(), good));
    }

    pub fn all_good(&self) -> bool {
        self.0.iter().all(|row| row.3)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, measured, limit, good) in &self.0 {
            let verdict = match (limit.as_str(), good) {
                ("", true) => "",
                (_, true) => "good",
                (_, false) => "BAD",
            };
            writeln!(f, "{what:<34} {measured:>16}  {limit:<14} {verdict}")?;
        }
        Ok(())
    }
}

/// How the level of the last third compares with that of the second: the medians, so that a moment's peak is none.
pub fn tail_rise(figures: &[u64]) -> f64 {
    let third = figures.len() / 3;
    let median = |part: &[u64]| {
        let mut part = part.to_vec();
        part.sort_unstable();
        part.get(part.len() / 2).copied().unwrap_or(1).max(1) as f64
    };
    median(&figures[2 * third..]) / median(&figures[third..2 * third])
}
