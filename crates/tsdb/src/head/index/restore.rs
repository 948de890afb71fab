//! Series that are read back from the log, one after the other. Each mostly has labels of the one before: these are
//! recognised by their bytes, without being parsed or looked up, and which series have them is noted once a run.

use model::labels;

use super::{Entry, Index, LABEL_COST, PAIR_COST, SERIES_COST};
use crate::head::series::{SeriesId, Slot};

/// The series that was restored last.
#[derive(Default)]
pub(super) struct Before {
    text: String,
    labels: Vec<Label>,
    /// Those of the next one, while it is read.
    next: Vec<Label>,
}

/// A label of it.
#[derive(Debug, Clone, Copy)]
struct Label {
    /// Where in the text it begins and ends, lengths included.
    from: usize,
    to: usize,
    /// Where its name is.
    name: (usize, usize),
    pair: u32,
    /// The first of the series in a row that have it.
    first: Slot,
    /// The series after it has it, too.
    goes_on: bool,
}

impl Before {
    fn bytes(&self, label: &Label) -> &[u8] {
        self.text.as_bytes().get(label.from..label.to).unwrap_or_default()
    }

    fn name(&self, label: &Label) -> &str {
        self.text.get(label.name.0..label.name.1).unwrap_or_default()
    }
}

impl Index {
    /// Adds a series that is not there and was admitted before a restart; `None` where the text is no canonical form.
    /// [`Self::restored`] comes after the last.
    pub(crate) fn restore(&mut self, canonical: &str) -> Option<SeriesId> {
        let mut before = std::mem::take(&mut self.before);
        let id = self.restore_after(&mut before, canonical);
        self.before = before;
        id
    }

    fn restore_after(&mut self, before: &mut Before, canonical: &str) -> Option<SeriesId> {
        let slot = Slot::try_from(self.series.len()).ok()?;
        let new = self.read_labels(before, canonical, slot)?;
        let len = u16::try_from(before.next.len()).ok()?;
        self.used += SERIES_COST + LABEL_COST * u64::from(len);
        for (place, name, value) in new {
            self.used += PAIR_COST + value.len() as u64;
            before.next[place].pair = self.pair(name, value);
        }
        for label in before.labels.iter().filter(|label| !label.goes_on) {
            self.pairs[label.pair as usize].postings.insert_range(label.first..slot);
        }
        let at = self.lists.add(usize::from(len));
        let list = self.lists.get_mut(usize::from(len), at);
        list.iter_mut().zip(&before.next).for_each(|(number, label)| *number = label.pair);
        self.series.push(Entry { at, generation: 1, labels: len, live: true });
        before.text.clear();
        before.text.push_str(canonical);
        std::mem::swap(&mut before.labels, &mut before.next);
        Some(SeriesId { slot, generation: 1 })
    }

    /// Reads labels into `before.next`; those whose pair is new come back with their places there.
    fn read_labels<'t>(
        &self,
        before: &mut Before,
        canonical: &'t str,
        slot: Slot,
    ) -> Option<Vec<(usize, &'t str, &'t str)>> {
        before.next.clear();
        before.labels.iter_mut().for_each(|label| label.goes_on = false);
        let mut new = Vec::new();
        let (mut rest, mut at) = (canonical, 0);
        let mut last: Option<&str> = None;
        while !rest.is_empty() {
            let from = canonical.len() - rest.len();
            let candidate = before.labels.get(at).copied();
            if let Some(same) = candidate.filter(|label| rest.as_bytes().starts_with(before.bytes(label))) {
                let to = from + (same.to - same.from);
                let name = (from + same.name.0 - same.from, from + same.name.1 - same.from);
                let text = canonical.get(name.0..name.1)?;
                if last.is_some_and(|last| last >= text) {
                    return None;
                }
                before.next.push(Label { from, to, name, ..same });
                before.labels[at].goes_on = true;
                (last, rest, at) = (Some(text), canonical.get(to..)?, at + 1);
                continue;
            }
            let mut pairs = labels::pairs(rest);
            let (name, value) = pairs.next()?;
            if value.is_empty() || last.is_some_and(|last| last >= name) {
                return None;
            }
            match candidate.map(|label| before.name(&label).cmp(name)) {
                // This one lacks it; the next may be the same.
                Some(std::cmp::Ordering::Less) => {
                    at += 1;
                    continue;
                }
                Some(std::cmp::Ordering::Equal) => at += 1,
                Some(std::cmp::Ordering::Greater) | None => {}
            }
            let to = canonical.len() - pairs.rest().len();
            let name_to = name_end(canonical, name);
            let pair = self.find_pair(name, value);
            if pair.is_none() {
                new.push((before.next.len(), name, value));
            }
            before.next.push(Label {
                from,
                to,
                name: (name_to - name.len(), name_to),
                pair: pair.unwrap_or(0),
                first: slot,
                goes_on: false,
            });
            (last, rest) = (Some(name), pairs.rest());
        }
        Some(new)
    }

    /// Every series was restored: from here on they are found.
    pub(crate) fn restored(&mut self) {
        let before = std::mem::take(&mut self.before);
        let end = self.series.len() as Slot; // `restore` counted them
        for label in &before.labels {
            self.pairs[label.pair as usize].postings.insert_range(label.first..end);
        }
        self.pairs.iter_mut().for_each(|pair| pair.postings.optimize());
        let live = self.series.iter().zip(0..).filter(|(entry, _)| entry.live).map(|(_, slot)| slot);
        self.live = live.collect();
        self.live.optimize();
    }
}

/// Where `name`, a part of `text`, ends in it.
fn name_end(text: &str, name: &str) -> usize {
    name.as_ptr() as usize + name.len() - text.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use model::{Budget, Labels, Matcher};
    use proptest::prelude::*;

    use super::*;
    use crate::head::index::Limits;

    fn index() -> Index {
        let limits = Limits { max_series: 10_000, max_labels_bytes: 10_000 };
        Index::new(limits, &Budget::unlimited()).unwrap()
    }

    fn set() -> impl Strategy<Value = Labels> {
        let label = ("[ab_]{1,2}", "[xy\u{d55c}]{1,2}");
        prop::collection::vec(label, 0..5).prop_map(Labels::from_pairs)
    }

    proptest! {
        #[test]
        fn restored_series_are_as_created_ones(sets in prop::collection::vec((set(), 1usize..40), 1..60)) {
            let (mut created, mut restored) = (index(), index());
            let mut slots = 0;
            for (labels, times) in &sets {
                for n in 0..*times {
                    let mut one = labels.to_builder();
                    one.set("n", (n % 20).to_string());
                    let one = one.build();
                    created.create(&one).unwrap();
                    prop_assert_eq!(restored.restore(one.canonical()).unwrap().slot, slots);
                    slots += 1;
                }
            }
            restored.restored();
            prop_assert_eq!(created.live(), restored.live());
            let (mut a, mut b) = (String::new(), String::new());
            for slot in 0..slots {
                prop_assert!(created.canonical(slot, &mut a) && restored.canonical(slot, &mut b));
                prop_assert_eq!(&a, &b);
            }
            let pairs: Vec<_> = created.pairs().map(|(n, v, count)| (n.to_owned(), v.to_owned(), count)).collect();
            prop_assert_eq!(pairs.len(), restored.pairs().count());
            for (name, value, count) in pairs {
                let matcher = [Matcher::equal(&name, &value)];
                let found = created.select(&matcher).unwrap();
                prop_assert_eq!(found.len(), count);
                prop_assert_eq!(found, restored.select(&matcher).unwrap());
            }
        }

        #[test]
        fn what_is_no_canonical_form_is_refused(
            sets in prop::collection::vec(set(), 1..8), at in any::<prop::sample::Index>(), byte in 0u8..0x80,
        ) {
            let mut index = index();
            for labels in sets {
                let mut bytes = labels.canonical().as_bytes().to_vec();
                index.restore(labels.canonical()).unwrap();
                if let Some(place) = (!bytes.is_empty()).then(|| at.index(bytes.len())) {
                    bytes[place] = byte;
                }
                let Ok(text) = String::from_utf8(bytes) else { continue };
                prop_assert_eq!(index.restore(&text).is_some(), labels::is_canonical(&text), "{:?}", text);
            }
        }
    }
}
