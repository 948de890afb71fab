//! Where the values of rows lie in a column.

use std::ops::Range;

use disk::varint::{Corrupt, Reader};
use model::records::ABSENT;

/// In a list of places: the template of the row's message tells the value.
pub(super) const TOLD: u32 = ABSENT - 1;

/// Where a row's value is.
pub(super) enum At {
    Nowhere,
    Place(usize),
    Told,
}

impl At {
    fn of(place: u32) -> Self {
        match place {
            ABSENT => Self::Nowhere,
            TOLD => Self::Told,
            place => Self::Place(place as usize),
        }
    }
}

/// Where the values of rows are.
pub(super) enum Places {
    /// Each row has the place of its number.
    Rows,
    /// Templates tell all of them.
    Told,
    /// For each row its place, [`TOLD`], or [`ABSENT`].
    Each(Vec<u32>),
    /// The same for a few rows, by their numbers. Others are not asked for.
    Few(Vec<(u32, u32)>),
}

impl Places {
    pub(super) fn at(&self, row: u32) -> At {
        match self {
            Self::Rows => At::Place(row as usize),
            Self::Told => At::Told,
            Self::Each(places) => At::of(places.get(row as usize).copied().unwrap_or(ABSENT)),
            Self::Few(places) => {
                let found = places.binary_search_by_key(&row, |place| place.0);
                At::of(found.map_or(ABSENT, |at| places[at].1))
            }
        }
    }
}

/// Which rows of a column have a value in it.
pub(super) struct Layout<'a> {
    pub(super) rows: usize,
    /// The template of each row, and which of them tell values; none where no template does.
    ids: &'a [u32],
    tells: &'a [bool],
    /// How many rows have no template that tells.
    untold: usize,
    /// For each of these whether it has a value; `None`: each has one.
    there: Option<&'a [u8]>,
}

impl<'a> Layout<'a> {
    /// Reads which rows have values. `told`: the template of each row, which of them tell, and how many rows these have.
    pub(super) fn read<'b: 'a>(
        reader: &mut Reader<'b>,
        rows: usize,
        told: Option<(&'a [u32], &'a [bool], usize)>,
    ) -> Result<Self, Corrupt> {
        let (ids, tells, by_templates) = told.unwrap_or_default();
        let untold = rows.saturating_sub(by_templates);
        let there = match reader.u8()? {
            0 => Some(reader.take(untold.div_ceil(8))?),
            1 => None,
            2 if told.is_some() => Some(&[][..]),
            _ => return Err(Corrupt("unknown form of a field")),
        };
        Ok(Self { rows, ids, tells, untold, there })
    }

    fn is_told(&self, row: usize) -> bool {
        self.ids.get(row).is_some_and(|id| self.tells.get(*id as usize).is_some_and(|tells| *tells))
    }

    fn has(&self, untold: usize) -> bool {
        self.there.is_none_or(|there| there.get(untold / 8).is_some_and(|b| b >> (untold % 8) & 1 == 1))
    }

    /// How many values the column has.
    pub(super) fn count(&self) -> usize {
        self.values_in(0..self.untold)
    }

    /// Places of all rows.
    pub(super) fn each(&self) -> Places {
        if self.untold == 0 && !self.tells.is_empty() {
            return Places::Told;
        }
        if self.there.is_none() && self.tells.is_empty() {
            return Places::Rows;
        }
        let (mut next, mut untold) = (0, 0);
        let place = |row: usize| {
            if self.is_told(row) {
                return TOLD;
            }
            untold += 1;
            if !self.has(untold - 1) {
                return ABSENT;
            }
            next += 1;
            next - 1
        };
        Places::Each((0..self.rows).map(place).collect())
    }

    /// Places of some rows, in order. The others are counted, not looked at one by one.
    pub(super) fn few(&self, chosen: &[u32]) -> Vec<(u32, u32)> {
        // Rows before `row`, those of them that no template tells, and how many of these have values.
        let (mut row, mut untold) = (0, 0);
        let (mut counted, mut values) = (0, 0);
        let mut place = |next: &u32| {
            let at = *next as usize;
            if self.is_told(at) {
                return (*next, TOLD);
            }
            if self.there.is_some_and(<[u8]>::is_empty) {
                return (*next, ABSENT);
            }
            untold += self.untold_in(row..at);
            row = at;
            if !self.has(untold) {
                return (*next, ABSENT);
            }
            values += self.values_in(counted..untold);
            counted = untold;
            (*next, values as u32)
        };
        chosen.iter().map(&mut place).collect()
    }

    fn untold_in(&self, rows: Range<usize>) -> usize {
        let told = |id: &&u32| self.tells.get(**id as usize).is_some_and(|tells| *tells);
        rows.len() - self.ids.get(rows).map_or(0, |ids| ids.iter().filter(told).count())
    }

    fn values_in(&self, untold: Range<usize>) -> usize {
        let Some(there) = self.there else { return untold.len() };
        let (mut at, end, mut sum) = (untold.start, untold.end.min(8 * there.len()), 0);
        while at < end {
            // `end` is no further than the last byte.
            if at % 8 == 0 && at + 8 <= end {
                sum += there[at / 8].count_ones() as usize;
                at += 8;
            } else {
                sum += usize::from(there[at / 8] >> (at % 8) & 1);
                at += 1;
            }
        }
        sum
    }
}
