//! Floats with start timestamps: from the third sample on, one prefix tells of the time and of the value.
//!
//! | prefix | time | value |
//! |---|---|---|
//! | `0` | as far on as before | the same |
//! | `10` | as far on as before | changed |
//! | `110`, `1110`, `11110` | second difference in 13, 20, 64 bits | follows |
//! | `11111` | as far on as before | stale |
//!
//! A stale marker leaves the value that the next one is compared with.

use model::{STALE_NAN_BITS, SeriesData, is_stale_nan};

use super::bits::{BitReader, BitWriter, Stop, Xor};
use super::start::Starts;
use super::{Encoding, Error, sample_count};

pub(super) fn decode(bytes: &[u8], out: &mut SeriesData) -> Result<(), Error> {
    let samples = sample_count(Encoding::Xor2, bytes);
    let header = *bytes.get(2).ok_or(Error::Truncated { sample: 0, samples: 0 })?;
    let mut state = Decoder {
        r: BitReader::new(bytes.get(3..).unwrap_or_default()),
        starts: Starts::from_header(header),
        t: 0,
        delta: 0,
        xor: Xor::new(0),
    };
    for index in 0..samples {
        let before = state.t;
        let v = state.sample(index).map_err(|stop| stop.at(index + 1, samples))?;
        state
            .starts
            .read(&mut state.r, index, state.t, before)
            .map_err(|stop| stop.at(index + 1, samples))?;
        out.push_float(state.starts.start, state.t, v);
    }
    Ok(())
}

struct Decoder<'a> {
    r: BitReader<'a>,
    starts: Starts,
    t: i64,
    delta: i64,
    xor: Xor,
}

impl Decoder<'_> {
    fn sample(&mut self, index: usize) -> Result<f64, Stop> {
        match index {
            0 => {
                self.t = self.r.varint()?;
                let v = f64::from_bits(self.r.bits(64)?);
                if !is_stale_nan(v) {
                    self.xor = Xor::new(v.to_bits());
                }
                return Ok(v);
            }
            1 => {
                self.delta = self.r.uvarint()? as i64;
                self.t = self.t.wrapping_add(self.delta);
                return self.value();
            }
            _ => {}
        }
        let prefix = self.r.ones(5)?;
        if let 2..=4 = prefix {
            let width = [13, 20, 64][prefix as usize - 2];
            let shift = 64 - width;
            let second = ((self.r.bits(width)? << shift) as i64) >> shift;
            self.delta = self.delta.wrapping_add(second);
        }
        self.t = self.t.wrapping_add(self.delta);
        match prefix {
            0 => {}
            1 => self.xor.read_changed(&mut self.r)?,
            5 => return Ok(model::stale_nan()),
            _ => return self.value(),
        }
        Ok(self.xor.value())
    }

    /// A value whose time did not tell whether it changed.
    fn value(&mut self) -> Result<f64, Stop> {
        match self.r.ones(3)? {
            0 => {}
            1 => self.xor.read_kept(&mut self.r)?,
            2 => self.xor.read_window(&mut self.r)?,
            _ => return Ok(model::stale_nan()),
        }
        Ok(self.xor.value())
    }
}

/// Writes one chunk.
pub(super) struct Encoder {
    w: BitWriter,
    starts: Starts,
    samples: u16,
    t: i64,
    delta: i64,
    xor: Xor,
}

impl Encoder {
    pub(super) fn new() -> Self {
        Self {
            w: BitWriter::after(&[0, 0, 0]),
            starts: Starts::default(),
            samples: 0,
            t: 0,
            delta: 0,
            xor: Xor::new(0),
        }
    }

    /// Adds a sample; a chunk holds at most 65,535.
    pub(super) fn push(&mut self, start: i64, t: i64, v: f64) {
        let delta = t.wrapping_sub(self.t);
        match self.samples {
            0 => {
                self.w.varint(t);
                self.w.bits(v.to_bits(), 64);
                if !is_stale_nan(v) {
                    self.xor = Xor::new(v.to_bits());
                }
            }
            1 => {
                self.w.uvarint(delta as u64);
                self.value(v);
            }
            _ => self.joint(delta.wrapping_sub(self.delta), v),
        }
        self.starts.write(&mut self.w, usize::from(self.samples), start, t, self.t);
        if self.samples > 0 {
            self.delta = delta;
        }
        self.t = t;
        self.samples += 1;
    }

    fn joint(&mut self, second: i64, v: f64) {
        match second {
            0 if is_stale_nan(v) => return self.w.bits(0b11111, 5),
            0 if self.xor.difference(v) == 0 => return self.w.bits(0, 1),
            0 => {
                self.w.bits(0b10, 2);
                return self.xor.write_changed(&mut self.w, v, 1);
            }
            -4096..=4095 => {
                self.w.bits(0b110, 3);
                self.w.bits(second as u64, 13);
            }
            -524_288..=524_287 => {
                self.w.bits(0b1110, 4);
                self.w.bits(second as u64, 20);
            }
            _ => {
                self.w.bits(0b11110, 5);
                self.w.bits(second as u64, 64);
            }
        }
        self.value(v);
    }

    fn value(&mut self, v: f64) {
        if v.to_bits() == STALE_NAN_BITS {
            self.w.bits(0b111, 3);
        } else if self.xor.difference(v) == 0 {
            self.w.bits(0, 1);
        } else {
            self.w.bits(1, 1);
            self.xor.write_changed(&mut self.w, v, 2);
        }
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        let [high, low] = self.samples.to_be_bytes();
        self.w.bytes[..3].copy_from_slice(&[high, low, self.starts.header()]); // there since `new`
        self.w.bytes
    }
}
