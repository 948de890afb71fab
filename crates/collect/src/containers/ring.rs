//! Ten minutes of live points in memory, delta-coded.
//!
//! Points come once a second and most figures hardly move, so a point is: time since the one before, which fields are
//! not known, which fields changed, and the changes as variable-length integers. Blocks of a minute start from zero,
//! so that the oldest can be dropped whole. About 40 KB for ten busy minutes, far less for quiet ones.

use std::collections::VecDeque;

use model::container::LivePoint;

/// How much time the ring holds.
pub const SPAN_MS: i64 = 600_000;
/// The most bytes that a ring takes, whatever its content.
const BYTE_CAP: usize = 64 << 10;
/// Points in a block.
const BLOCK_POINTS: usize = 60;
const FIELDS: usize = 14;
/// Steps of one: bytes and counts are kept whole, shares and cores to a millionth.
const SCALE: [f64; FIELDS] = [1e6, 1e6, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1e6, 1e6, 1e6];

/// The ring of one container.
#[derive(Debug, Default)]
pub struct Ring {
    blocks: VecDeque<Block>,
}

#[derive(Debug, Default)]
struct Block {
    first_t: i64,
    last_t: i64,
    count: usize,
    last: [i64; FIELDS],
    bytes: Vec<u8>,
}

impl Ring {
    /// Adds a point. One that is not newer than the last is dropped.
    pub fn push(&mut self, point: &LivePoint) {
        if self.blocks.back().is_some_and(|block| point.t <= block.last_t) {
            return;
        }
        if self.blocks.back().is_none_or(|block| block.count == BLOCK_POINTS) {
            if let Some(block) = self.blocks.back_mut() {
                block.bytes.shrink_to_fit();
            }
            self.blocks.push_back(Block { first_t: point.t, last_t: point.t, ..Block::default() });
        }
        if let Some(block) = self.blocks.back_mut() {
            block.push(point);
        }
        while self.blocks.front().is_some_and(|block| block.last_t < point.t - SPAN_MS)
            || (self.bytes() > BYTE_CAP && self.blocks.len() > 1)
        {
            self.blocks.pop_front();
        }
    }

    /// Points after `since_ms`, oldest first.
    pub fn after(&self, since_ms: i64) -> Vec<LivePoint> {
        let mut out = Vec::new();
        for block in self.blocks.iter().filter(|block| block.last_t > since_ms) {
            block.decode(|point| {
                if point.t > since_ms {
                    out.push(point);
                }
            });
        }
        out
    }

    /// Bytes that the points take.
    pub fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes.capacity()).sum()
    }
}

impl Block {
    fn push(&mut self, point: &LivePoint) {
        put(&mut self.bytes, (point.t - self.last_t) as u64);
        let values = values(point);
        let (mut unknown, mut changed) = (0u16, 0u16);
        let mut deltas = [0i64; FIELDS];
        for (at, value) in values.into_iter().enumerate() {
            let scaled = (value * SCALE[at]).round();
            if !scaled.is_finite() {
                unknown |= 1 << at;
                continue;
            }
            // `as` saturates; figures of this size do not occur.
            let scaled = scaled as i64;
            deltas[at] = scaled.wrapping_sub(self.last[at]);
            self.last[at] = scaled;
            changed |= u16::from(deltas[at] != 0) << at;
        }
        put(&mut self.bytes, u64::from(unknown));
        put(&mut self.bytes, u64::from(changed));
        for (at, delta) in deltas.into_iter().enumerate() {
            if changed & (1 << at) != 0 {
                put(&mut self.bytes, ((delta << 1) ^ (delta >> 63)) as u64);
            }
        }
        self.last_t = point.t;
        self.count += 1;
    }

    fn decode(&self, mut sink: impl FnMut(LivePoint)) {
        let mut rest = self.bytes.as_slice();
        let mut t = self.first_t;
        let mut last = [0i64; FIELDS];
        for _ in 0..self.count {
            t += take(&mut rest) as i64;
            let (unknown, changed) = (take(&mut rest), take(&mut rest));
            let mut values = [0.0; FIELDS];
            for at in 0..FIELDS {
                if changed & (1 << at) != 0 {
                    let coded = take(&mut rest);
                    let delta = ((coded >> 1) as i64) ^ -((coded & 1) as i64);
                    last[at] = last[at].wrapping_add(delta);
                }
                values[at] = if unknown & (1 << at) != 0 { f64::NAN } else { last[at] as f64 / SCALE[at] };
            }
            sink(point(t, values));
        }
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The bytes are our own, from [`put`]; at their end this gives 0.
fn take(rest: &mut &[u8]) -> u64 {
    let mut value = 0;
    let mut shift = 0;
    while let Some((byte, tail)) = rest.split_first() {
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 || shift > 63 {
            break;
        }
    }
    value
}

pub(super) fn values(p: &LivePoint) -> [f64; FIELDS] {
    [
        p.cpu,
        p.throttled,
        p.memory,
        p.working_set,
        p.rss,
        p.cache,
        p.rx,
        p.tx,
        p.read,
        p.write,
        p.pids,
        p.cpu_pressure,
        p.memory_pressure,
        p.io_pressure,
    ]
}

pub(super) fn point(t: i64, v: [f64; FIELDS]) -> LivePoint {
    let [cpu, throttled, memory, working_set, rss, cache, rx, tx, read, write, pids, cpu_p, memory_p, io_p] =
        v;
    LivePoint {
        t,
        cpu,
        throttled,
        memory,
        working_set,
        rss,
        cache,
        rx,
        tx,
        read,
        write,
        pids,
        cpu_pressure: cpu_p,
        memory_pressure: memory_p,
        io_pressure: io_p,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(t: i64, v: f64) -> LivePoint {
        point(t, [v; FIELDS])
    }

    #[test]
    fn ten_busy_minutes_stay_within_forty_kilobytes() {
        let mut ring = Ring::default();
        let mut noise = 1u64;
        for second in 0..1200 {
            let mut busy = [0.0; FIELDS];
            for (at, value) in busy.iter_mut().enumerate() {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                // Shares within one, the rest in the hundreds of megabytes, moving a few per cent a second.
                let wobble = (noise >> 33) as f64 / (1u64 << 31) as f64;
                *value = if SCALE[at] > 1.0 { wobble } else { 3e8 * (1.0 + wobble / 20.0) };
            }
            ring.push(&point(second * 1000, busy));
        }
        let points = ring.after(i64::MIN);
        assert!((600..=660).contains(&points.len()), "{} points", points.len());
        assert_eq!(points.last().map(|p| p.t), Some(1_199_000));
        assert!(ring.bytes() <= 40 << 10, "{} bytes", ring.bytes());
    }

    #[test]
    fn unknown_stays_unknown_and_late_points_are_dropped() {
        let mut ring = Ring::default();
        ring.push(&sample(1000, f64::NAN));
        ring.push(&sample(2000, 5.0));
        ring.push(&sample(2000, 6.0));
        ring.push(&sample(1500, 7.0));
        ring.push(&LivePoint { cpu: 0.25, ..sample(3000, f64::NAN) });
        let points = ring.after(0);
        assert_eq!(points.iter().map(|p| p.t).collect::<Vec<_>>(), [1000, 2000, 3000]);
        assert!(points[0].cpu.is_nan() && points[1].rx == 5.0);
        assert!(points[2].cpu == 0.25 && points[2].rx.is_nan());
        assert_eq!(ring.after(2000).len(), 1);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(
            rows in proptest::collection::vec((1i64..5000, proptest::array::uniform14(0u32..2_000_000_000)), 1..200),
        ) {
            let mut ring = Ring::default();
            let (mut t, mut want) = (1_000_000, Vec::new());
            for (step, raw) in rows {
                t += step;
                let mut v = [0.0; FIELDS];
                for (at, value) in v.iter_mut().enumerate() {
                    *value = f64::from(raw[at]) / SCALE[at];
                }
                let p = point(t, v);
                ring.push(&p);
                want.push(p);
            }
            let got = ring.after(0);
            prop_assert!(ring.bytes() <= BYTE_CAP + 8192);
            prop_assert_eq!(&want[want.len() - got.len()..], &got[..]);
        }
    }
}
