//! Postings of a block: frames of sorted values, each with the series that have it.

use model::Result;
use roaring::RoaringBitmap;

use super::read::Block;
use super::write::LISTED;
use super::{Frame, Name};
use crate::codec::{Corrupt, Reader};
use crate::matching::{self, PostingSource};

/// Reads the postings after a value, or passes over them where `want` is false.
fn read_postings(reader: &mut Reader<'_>, want: bool) -> Result<Option<RoaringBitmap>, Corrupt> {
    let count = reader.count(u32::MAX as usize)?;
    if count <= LISTED {
        let mut bitmap = RoaringBitmap::new();
        let mut last = 0u32;
        for _ in 0..count {
            let distance = u32::try_from(reader.u64()?).map_err(|_| Corrupt("series number"))?;
            last = last.checked_add(distance).ok_or(Corrupt("series number"))?;
            bitmap.insert(last);
        }
        return Ok(want.then_some(bitmap));
    }
    let bytes = reader.bytes()?;
    if !want {
        return Ok(None);
    }
    RoaringBitmap::deserialize_from(bytes).map(Some).map_err(|_| Corrupt("postings"))
}

pub(super) fn read_any_values(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() && reader.str().is_ok() && read_postings(&mut reader, true).is_ok() {}
}

impl Block {
    fn name(&self, name: &str) -> Option<&Name> {
        let names = &self.meta.names;
        names.binary_search_by(|n| n.text.as_str().cmp(name)).ok().map(|at| &names[at])
    }

    /// Gives every value of a frame to `accept`, and the postings of those that it accepts to `take`.
    fn walk_values(
        &self,
        frame: &Frame,
        accept: &mut dyn FnMut(&str) -> bool,
        take: &mut dyn FnMut(RoaringBitmap),
    ) -> Result<()> {
        let raw = self.frame(frame)?;
        let mut reader = Reader::new(&raw);
        let mut walk = || -> Result<(), Corrupt> {
            while !reader.is_empty() {
                let wanted = accept(reader.str()?);
                if let Some(series) = read_postings(&mut reader, wanted)? {
                    take(series);
                }
            }
            Ok(())
        };
        walk().map_err(|e| self.damaged(e))
    }

    /// Frames of `name` that may hold values from `from` on which begin with `from`.
    fn frames_of<'a>(name: &'a Name, from: &'a str) -> impl Iterator<Item = &'a Frame> {
        let first = name.frames.partition_point(|(first, _)| first.as_str() <= from).saturating_sub(1);
        let after = move |first: &str| first > from && !first.starts_with(from);
        name.frames[first..].iter().take_while(move |(first, _)| !after(first)).map(|(_, frame)| frame)
    }

    /// Numbers of the series that satisfy all matchers.
    pub(crate) fn select(&self, matchers: &[model::Matcher]) -> Result<RoaringBitmap> {
        matching::select(self, matchers)
    }

    /// Label names of all series of which something is left.
    pub(crate) fn label_names(&self, add: &mut dyn FnMut(&str)) -> Result<()> {
        let dead = self.dead()?;
        let live = if dead.is_empty() { None } else { Some(self.all()? - &*dead) };
        for name in &self.meta.names {
            let mut found = live.is_none();
            if !found {
                self.label_values(&name.text, live.as_ref(), &mut |_| found = true)?;
            }
            if found {
                add(&name.text);
            }
        }
        Ok(())
    }

    /// Values of `name` that one of `series` (all, where `None`) has.
    pub(crate) fn label_values(
        &self,
        name: &str,
        series: Option<&RoaringBitmap>,
        add: &mut dyn FnMut(&str),
    ) -> Result<()> {
        let Some(name) = self.name(name) else { return Ok(()) };
        for (_, frame) in &name.frames {
            let current = std::cell::RefCell::new(String::new());
            let mut all = |value: &str| {
                match series {
                    Some(_) => value.clone_into(&mut current.borrow_mut()),
                    None => add(value),
                }
                series.is_some()
            };
            let mut met = Vec::new();
            self.walk_values(frame, &mut all, &mut |postings| {
                if series.is_some_and(|s| !s.is_disjoint(&postings)) {
                    met.push(current.borrow().clone());
                }
            })?;
            met.iter().for_each(|value| add(value));
        }
        Ok(())
    }
}

impl PostingSource for Block {
    fn all(&self) -> Result<RoaringBitmap> {
        let mut all = RoaringBitmap::new();
        all.insert_range(0..self.meta.series);
        Ok(all)
    }

    fn equal(&self, name: &str, value: &str) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        if let Some(name) = self.name(name) {
            let at = name.frames.partition_point(|(first, _)| first.as_str() <= value);
            if let Some((_, frame)) = at.checked_sub(1).and_then(|at| name.frames.get(at)) {
                self.walk_values(frame, &mut |v| v == value, &mut |postings| found |= postings)?;
            }
        }
        Ok(found)
    }

    fn values(
        &self,
        name: &str,
        prefix: &str,
        accept: &mut dyn FnMut(&str) -> bool,
    ) -> Result<RoaringBitmap> {
        let mut found = RoaringBitmap::new();
        if let Some(name) = self.name(name) {
            for frame in Self::frames_of(name, prefix) {
                let mut wanted = |v: &str| v.starts_with(prefix) && accept(v);
                self.walk_values(frame, &mut wanted, &mut |postings| found |= postings)?;
            }
        }
        Ok(found)
    }
}
