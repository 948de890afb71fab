//! Floats: times as difference of the difference, values as what changed.

use model::SeriesData;

use super::bits::{BitReader, BitWriter, Stop, Xor, fits};
use super::{Encoding, Error, sample_count};

/// Widths of a second difference behind one, two and three ones.
const WIDTHS: [u32; 3] = [14, 17, 20];

pub(super) fn decode(bytes: &[u8], out: &mut SeriesData) -> Result<(), Error> {
    let samples = sample_count(Encoding::Xor, bytes);
    let mut r = BitReader::new(bytes.get(2..).ok_or(Error::Truncated { sample: 0, samples: 0 })?);
    let (mut t, mut delta, mut xor) = (0i64, 0i64, Xor::new(0));
    for index in 0..samples {
        (|| {
            match index {
                0 => {
                    t = r.varint()?;
                    xor = Xor::new(r.bits(64)?);
                    return Ok(());
                }
                1 => delta = r.uvarint()? as i64,
                _ => delta = delta.wrapping_add(second_difference(&mut r)?),
            }
            t = t.wrapping_add(delta);
            xor.read(&mut r)
        })()
        .map_err(|stop: Stop| stop.at(index + 1, samples))?;
        out.push_float(0, t, xor.value());
    }
    Ok(())
}

#[inline]
fn second_difference(r: &mut BitReader<'_>) -> Result<i64, Stop> {
    Ok(match r.ones(4)? {
        0 => 0,
        n => match WIDTHS.get(n as usize - 1) {
            Some(&width) => r.signed(width)?,
            None => r.bits(64)? as i64,
        },
    })
}

/// Writes one chunk.
pub(super) struct Encoder {
    w: BitWriter,
    samples: u16,
    t: i64,
    delta: i64,
    xor: Xor,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self { w: BitWriter::after(&[0, 0]), samples: 0, t: 0, delta: 0, xor: Xor::new(0) }
    }

    /// Adds a sample; a chunk holds at most 65,535.
    pub(super) fn push(&mut self, t: i64, v: f64) {
        let delta = t.wrapping_sub(self.t);
        match self.samples {
            0 => {
                self.w.varint(t);
                self.w.bits(v.to_bits(), 64);
                self.xor = Xor::new(v.to_bits());
            }
            1 => {
                self.w.uvarint(delta as u64);
                self.delta = delta;
                self.xor.write(&mut self.w, v);
            }
            _ => {
                let second = delta.wrapping_sub(self.delta);
                match WIDTHS.iter().position(|&width| fits(second, width)) {
                    _ if second == 0 => self.w.bits(0, 1),
                    Some(class) => {
                        self.w.ones(class as u32 + 1);
                        self.w.bits(second as u64, WIDTHS[class]);
                    }
                    None => {
                        self.w.bits(0b1111, 4);
                        self.w.bits(second as u64, 64);
                    }
                }
                self.delta = delta;
                self.xor.write(&mut self.w, v);
            }
        }
        self.t = t;
        self.samples += 1;
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.w.bytes[..2].copy_from_slice(&self.samples.to_be_bytes()); // the two bytes of the header are there since `new`
        self.w.bytes
    }
}
