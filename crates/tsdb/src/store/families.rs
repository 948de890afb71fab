//! Metadata of metric families: as many as the options allow and memory has room for. The others go without.

use std::collections::BTreeMap;

use model::metrics::Family;
use model::{Budget, Reservation};

/// Rough cost of a family beside its texts.
const COST: usize = 160;

pub(crate) struct Families {
    by_name: BTreeMap<String, Family>,
    most: usize,
    memory: Reservation,
}

fn cost(family: &Family) -> u64 {
    let texts = [&family.name, &family.name, &family.kind, &family.help, &family.unit];
    (COST + texts.iter().map(|text| text.len()).sum::<usize>()) as u64
}

impl Families {
    /// What the log had counts, whether it fits or not.
    pub(super) fn new(by_name: BTreeMap<String, Family>, most: usize, budget: &Budget) -> Self {
        let memory = budget.claim(by_name.values().map(cost).sum());
        Self { by_name, most, memory }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Family> {
        self.by_name.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Family> {
        self.by_name.values()
    }

    /// Takes a family, or another version of one; whether there was room.
    pub(super) fn take(&mut self, family: &Family) -> bool {
        let known = self.by_name.get(&family.name);
        if known.is_none() && self.by_name.len() >= self.most {
            return false;
        }
        if self.memory.grow(cost(family).saturating_sub(known.map_or(0, cost))).is_err() {
            return false;
        }
        self.by_name.insert(family.name.clone(), family.clone());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_stay_within_their_number_and_memory() {
        let family = |n: u32, help: usize| Family {
            name: format!("m{n}"),
            kind: "gauge".into(),
            help: "x".repeat(help),
            unit: String::new(),
        };
        let budget = Budget::new("test", 10_000);
        let mut families = Families::new(BTreeMap::new(), 5, &budget);
        assert_eq!((0..9).filter(|n| families.take(&family(*n, 10))).count(), 5);
        assert!(families.take(&family(0, 20)), "another version of one that is there");
        assert!(!families.take(&family(0, 10_000)) && families.get("m0").unwrap().help.len() == 20);
        assert!(budget.used() > 5 * COST as u64);
        drop(families);
        assert_eq!(budget.used(), 0);
    }
}
