//! Groups of an aggregation that are filled while several threads read series, in whatever order these come.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use model::Labels;

use super::Outcome;
use super::charge::Charge;
use super::rows::is_metadata;
use crate::promql::aggregate::{group_key, in_group};
use crate::promql::ast::Aggregate;

thread_local! {
    /// The key under construction: its memory is used again.
    static KEY: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What is gathered of a group, and the least labels of its series: groups are in the order of their first series.
struct Member<G> {
    least: Labels,
    group: G,
}

/// The groups.
pub(crate) struct Gather<'a, G> {
    aggregate: &'a Aggregate,
    /// The series lose name, type and unit before they are aggregated.
    drops: bool,
    /// The order of one group needs no looking at labels.
    several: bool,
    members: Mutex<HashMap<Labels, Member<G>, foldhash::fast::RandomState>>,
}

impl<'a, G> Gather<'a, G> {
    pub(crate) fn new(aggregate: &'a Aggregate, drops: bool) -> Self {
        let several = aggregate.without || !aggregate.grouping.is_empty();
        Self { aggregate, drops, several, members: Mutex::default() }
    }

    /// Gives the group of a series to `take`. A new one is made by `make` of its number, and takes `bytes` beside its labels.
    pub(crate) fn with<R>(
        &self,
        labels: &Labels,
        charge: &mut Charge,
        bytes: u64,
        make: impl FnOnce(usize) -> G,
        take: impl FnOnce(&mut G) -> Outcome<R>,
    ) -> Outcome<R> {
        KEY.with_borrow_mut(|key| {
            let gone = |name: &str| self.drops && is_metadata(name);
            group_key(labels.iter().filter(|(name, _)| !gone(name)), self.aggregate, key);
            let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(member) = members.get_mut(key.as_str()) {
                if self.several && *labels < member.least {
                    member.least = labels.clone();
                }
                return take(&mut member.group);
            }
            charge.grow(0, bytes + 2 * labels.canonical().len() as u64)?;
            let mut group = make(members.len());
            let taken = take(&mut group);
            let Aggregate { grouping, without, .. } = self.aggregate;
            let own = labels.filter(|name| !gone(name) && in_group(name, grouping, *without));
            members.insert(own, Member { least: labels.clone(), group });
            taken
        })
    }

    /// The groups in their order, with their labels.
    pub(crate) fn finish(self) -> Vec<(Labels, G)> {
        let members = self.members.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = members.into_iter().collect();
        all.sort_by(|a, b| a.1.least.cmp(&b.1.least));
        all.into_iter().map(|(labels, member)| (labels, member.group)).collect()
    }
}
