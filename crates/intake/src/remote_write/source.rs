//! Where series come from: a request of either version, or a list.

use model::metrics::Family;
use model::{Labels, Result};
use wire::collected::Collected;
use wire::remote_write::{Exemplar, Item, Metadata, Reader, Series, v2};

use super::families::{Told, family_of};
use super::scratch::shown;

/// What is done with a series: its number, and the series in a buffer, its labels perhaps unread.
pub(super) type Each<'f> = dyn FnMut(u32, &mut Series<'_>) -> Result<()> + 'f;

/// Something that can be walked more than once.
pub(super) trait Source {
    /// Whether a series without samples is an error.
    const NEEDS_SAMPLES: bool;

    /// Hands each series to `each` and puts metadata into `families`.
    fn walk(&self, families: &mut Vec<Family>, told: &Told, each: &mut Each<'_>) -> Result<()>;

    /// The labels of a series, for an error.
    fn name(&self, wanted: u32) -> String {
        let mut name = String::new();
        // The walk went through once: an error cannot come any more, and would only cost the name.
        let _ = self.walk(&mut Vec::new(), &Told::default(), &mut |number, series| {
            if number == wanted {
                series.read_labels().map_err(wrong)?;
                name = shown(&series.labels);
            }
            Ok(())
        });
        name
    }
}

pub(super) fn wrong(error: wire::remote_write::Error) -> model::Error {
    model::Error::new(error.kind(), &error)
}

/// A body of version 1.
pub(super) struct One<'a>(pub(super) &'a [u8]);

impl Source for One<'_> {
    const NEEDS_SAMPLES: bool = false;

    fn walk(&self, families: &mut Vec<Family>, _: &Told, each: &mut Each<'_>) -> Result<()> {
        let mut reader = Reader::new(self.0);
        let mut series = Series::default();
        let mut number = 0u32;
        while let Some(item) = reader.next_unread(&mut series).map_err(wrong)? {
            match item {
                Item::Metadata(family) => families.push(to_family(family.family, &family)),
                Item::Series => {
                    each(number, &mut series)?;
                    number = number.saturating_add(1);
                }
            }
        }
        Ok(())
    }
}

/// A body of version 2.
pub(super) struct Two<'a>(pub(super) &'a [u8]);

impl Source for Two<'_> {
    const NEEDS_SAMPLES: bool = true;

    fn walk(&self, families: &mut Vec<Family>, told: &Told, each: &mut Each<'_>) -> Result<()> {
        let mut reader = v2::Reader::new(self.0).map_err(wrong)?;
        let mut series = Series::default();
        let mut number = 0u32;
        while reader.next_series(&mut series).map_err(wrong)? {
            if let Some(metadata) = series.metadata
                && (metadata.kind != "unknown" || !metadata.help.is_empty() || !metadata.unit.is_empty())
                && let Some(name) = series.metric_name()
            {
                let name = family_of(name, metadata.kind);
                if told.is_new(name, &metadata) {
                    families.push(to_family(name, &metadata));
                }
            }
            each(number, &mut series)?;
            number = number.saturating_add(1);
        }
        Ok(())
    }
}

fn to_family(name: &str, metadata: &Metadata<'_>) -> Family {
    Family {
        name: name.to_owned(),
        kind: metadata.kind.to_owned(),
        help: metadata.help.to_owned(),
        unit: metadata.unit.to_owned(),
    }
}

/// A list.
pub(super) struct Owned<'a> {
    pub(super) series: &'a [Collected],
    pub(super) families: &'a [Family],
}

impl Source for Owned<'_> {
    const NEEDS_SAMPLES: bool = false;

    fn walk(&self, families: &mut Vec<Family>, _: &Told, each: &mut Each<'_>) -> Result<()> {
        families.extend_from_slice(self.families);
        let mut series = Series::default();
        for (number, collected) in self.series.iter().enumerate() {
            series.clear();
            series.labels.extend(bytes(&collected.labels));
            series.points.extend_from_slice(&collected.points);
            series.starts.extend_from_slice(&collected.starts);
            series.histograms.extend_from_slice(&collected.histograms);
            series.exemplars.extend(collected.exemplars.iter().map(|e| Exemplar {
                labels: bytes(&e.labels).collect(),
                value: e.v,
                t: e.t,
            }));
            each(u32::try_from(number).unwrap_or(u32::MAX), &mut series)?;
        }
        Ok(())
    }
}

fn bytes(labels: &Labels) -> impl Iterator<Item = (&[u8], &[u8])> {
    labels.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()))
}
