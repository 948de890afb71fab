//! Runs of integers: differenced 0, 1 or 2 times, then in frames of 128 with a base, a bit width and a few
//! exceptions (patched frame of reference, after Zukowski et al., ICDE 2006).

use super::{Corrupt, Reader, bits, put_i64, put_u64, unzigzag, zigzag};

const FRAME: usize = 128;
/// In the width byte: residuals are zigzag around the base instead of offsets above it.
const AROUND: u8 = 0x80;

/// Runs of up to this many values, as the head seals them, are looked at once only.
pub(super) const SHORT: usize = 32;
/// In longer ones the orders are weighed on this many frames.
const WEIGHED: usize = 4;

/// Appends the encoding of `values`, whose number the caller knows.
pub(super) fn encode(values: &[i64], out: &mut Vec<u8>) {
    if values.len() <= SHORT {
        return encode_short(values, out);
    }
    encode_order(values, order_of(values).order, out);
}

/// How often a run is best differenced, and about how small a part of it becomes.
pub(super) struct Order {
    pub(super) order: usize,
    /// Bytes of the values that were looked at, and how many these are.
    pub(super) bytes: usize,
    pub(super) of: usize,
}

pub(super) fn order_of(values: &[i64]) -> Order {
    let mut best = Order { order: 0, bytes: usize::MAX, of: 0 };
    for order in 0..=2 {
        let (bytes, of) = weigh(values, order);
        if bytes < best.bytes {
            best = Order { order, bytes, of };
        }
    }
    best
}

/// One frame, offsets from the least value, no exceptions; the order whose range is the narrowest.
fn encode_short(values: &[i64], out: &mut Vec<u8>) {
    let mut orders = [[0i64; SHORT]; 3];
    let [plain, deltas, seconds] = &mut orders;
    let (mut last, mut last_delta) = (0, 0);
    for (at, value) in values.iter().enumerate() {
        let delta = value.wrapping_sub(last);
        // `encode` sends no more than the arrays hold.
        plain[at] = *value;
        deltas[at] = delta;
        seconds[at] = delta.wrapping_sub(last_delta);
        (last, last_delta) = (*value, if at == 0 { 0 } else { delta });
    }
    let mut best = (0, usize::MAX, 0, 0);
    for (order, all) in orders.iter().enumerate() {
        let rest = all.get(order.min(values.len())..values.len()).unwrap_or_default();
        let min = rest.iter().copied().min().unwrap_or(0);
        let max = rest.iter().copied().max().unwrap_or(0);
        let width = 64 - (max.wrapping_sub(min) as u64).leading_zeros();
        let size = bits::packed_len(rest.len(), width) + varint_len(min) + HEAD_COST * order;
        if size < best.1 {
            best = (order, size, min, width);
        }
    }
    let (order, _, base, width) = best;
    out.push(order as u8);
    let heads = order.min(values.len());
    for head in [values.first(), orders[1].get(1)].into_iter().flatten().take(heads) {
        put_i64(out, *head);
    }
    let rest = &orders[order][heads..values.len()];
    if !rest.is_empty() {
        put_i64(out, base);
        out.extend_from_slice(&[width as u8, 0]);
        bits::pack(rest.iter().map(|v| v.wrapping_sub(base) as u64), width, out);
    }
}

/// What a value in front of the frames costs, about.
const HEAD_COST: usize = 3;

fn varint_len(value: i64) -> usize {
    1 + (63 - (zigzag(value) | 1).leading_zeros() as usize) / 7
}

/// Appends the encoding with a given number of differences: times are always differenced once.
pub(super) fn encode_order(values: &[i64], order: usize, out: &mut Vec<u8>) {
    out.push(order as u8);
    let mut differ = Differ::new(order);
    let mut frame = [0i64; FRAME];
    let mut heads = order.min(values.len());
    for value in &values[..heads] {
        put_i64(out, differ.next(*value));
    }
    while heads < values.len() {
        let n = (values.len() - heads).min(FRAME);
        for (slot, value) in frame.iter_mut().zip(&values[heads..heads + n]) {
            *slot = differ.next(*value);
        }
        encode_frame(&frame[..n], out);
        heads += n;
    }
}

/// Keeps what is needed to difference a run: the first `order` values come out as lower differences.
struct Differ {
    order: usize,
    seen: usize,
    last: i64,
    last_delta: i64,
}

impl Differ {
    fn new(order: usize) -> Self {
        Self { order, seen: 0, last: 0, last_delta: 0 }
    }

    #[inline]
    fn next(&mut self, value: i64) -> i64 {
        let delta = value.wrapping_sub(self.last);
        let second = delta.wrapping_sub(self.last_delta);
        let out = match (self.order, self.seen) {
            (0, _) | (_, 0) => value,
            (1, _) | (_, 1) => delta,
            _ => second,
        };
        if self.seen > 0 {
            self.last_delta = delta;
        }
        self.last = value;
        self.seen += 1;
        out
    }
}

/// How a frame is written: base, width and whether residuals go both ways.
struct Plan {
    base: i64,
    width: u32,
    around: bool,
    cost: usize,
}

impl Plan {
    #[inline]
    fn residual(&self, value: i64) -> u64 {
        let offset = value.wrapping_sub(self.base);
        if self.around { zigzag(offset) } else { offset as u64 }
    }
}

/// About how many bytes frames of this order take, all of them or a few that lie apart, and how many values these hold.
fn weigh(values: &[i64], order: usize) -> (usize, usize) {
    let step = (values.len() / WEIGHED).max(FRAME);
    let mut frame = [0i64; FRAME];
    let (mut size, mut of) = (HEAD_COST * order, 0);
    for part in values.chunks(step) {
        let mut differ = Differ::new(order);
        let heads = order.min(part.len());
        part[..heads].iter().for_each(|v| {
            differ.next(*v);
        });
        let part = &part[heads..part.len().min(heads + FRAME)];
        for (slot, value) in frame.iter_mut().zip(part) {
            *slot = differ.next(*value);
        }
        if !part.is_empty() {
            size += plan(&frame[..part.len()]).cost;
            of += part.len();
        }
    }
    (size, of)
}

fn plan(frame: &[i64]) -> Plan {
    let min = frame.iter().copied().min().unwrap_or(0);
    let max = frame.iter().copied().max().unwrap_or(0);
    let above = price(frame, min, false);
    if max.wrapping_sub(min) as u64 <= 1 {
        return above;
    }
    let median = about_median(frame);
    let around = price(frame, median, true);
    if around.cost < above.cost { around } else { above }
}

/// The median of three medians of three values each: near enough for a base, and much cheaper.
fn about_median(frame: &[i64]) -> i64 {
    let at = |n: usize| frame[(n * frame.len() / 9).min(frame.len() - 1)]; // a frame is not empty
    let middle = |a: i64, b: i64, c: i64| a.max(b).min(a.min(b).max(c));
    middle(middle(at(0), at(1), at(2)), middle(at(3), at(4), at(5)), middle(at(6), at(7), at(8)))
}

/// The cheapest width for a base: packed bits against exceptions.
fn price(frame: &[i64], base: i64, around: bool) -> Plan {
    let mut plan = Plan { base, width: 0, around, cost: 0 };
    let mut with_bits = [0u8; 65];
    for value in frame {
        with_bits[(64 - plan.residual(*value).leading_zeros()) as usize] += 1;
    }
    let fixed = 3 + (64 - zigzag(base).leading_zeros() as usize) / 7;
    let (mut best, mut exceptions, mut high_bits) = (usize::MAX, 0usize, 0usize);
    for width in (0..=64u32).rev() {
        // An exception is its place and its bits above the width, seven a byte.
        high_bits += exceptions;
        let size = fixed + bits::packed_len(frame.len(), width) + 2 * exceptions + high_bits / 7;
        if size <= best {
            best = size;
            plan.width = width;
        }
        exceptions += usize::from(with_bits[width as usize]);
        if exceptions > frame.len() / 4 + 1 {
            break;
        }
    }
    plan.cost = best;
    plan
}

fn encode_frame(frame: &[i64], out: &mut Vec<u8>) {
    let plan = plan(frame);
    let limit = if plan.width == 64 { u64::MAX } else { (1 << plan.width) - 1 };
    put_i64(out, plan.base);
    out.push(plan.width as u8 | if plan.around { AROUND } else { 0 });
    let exceptions = || frame.iter().enumerate().filter(|(_, v)| plan.residual(**v) > limit);
    out.push(exceptions().count() as u8);
    bits::pack(frame.iter().map(|v| plan.residual(*v)), plan.width, out);
    for (at, value) in exceptions() {
        out.push(at as u8);
        put_u64(out, plan.residual(*value) >> plan.width);
    }
}

/// Appends `n` decoded values to `out`.
pub(super) fn decode(reader: &mut Reader<'_>, n: usize, out: &mut Vec<i64>) -> Result<(), Corrupt> {
    let order = usize::from(reader.u8()?);
    if order > 2 {
        return Err(Corrupt("unknown order of differences"));
    }
    let start = out.len();
    for _ in 0..order.min(n) {
        out.push(reader.i64()?);
    }
    let heads = out.len();
    out.resize(start + n, 0);
    for frame in out[heads..].chunks_mut(FRAME) {
        decode_frame(reader, frame)?;
    }
    integrate(&mut out[start..], order);
    Ok(())
}

#[inline]
fn decode_frame(reader: &mut Reader<'_>, frame: &mut [i64]) -> Result<(), Corrupt> {
    let base = reader.i64()?;
    let control = reader.u8()?;
    let width = u32::from(control & !AROUND);
    let exceptions = reader.u8()?;
    if width > 64 {
        return Err(Corrupt("bit width over 64"));
    }
    bits::unpack(reader.take(bits::packed_len(frame.len(), width))?, width, frame);
    for _ in 0..exceptions {
        let at = usize::from(reader.u8()?);
        let high = reader.u64()?;
        let slot = frame.get_mut(at).ok_or(Corrupt("exception outside its frame"))?;
        *slot |= high.checked_shl(width).unwrap_or(0) as i64;
    }
    if control & AROUND != 0 {
        frame.iter_mut().for_each(|r| *r = base.wrapping_add(unzigzag(*r as u64)));
    } else {
        frame.iter_mut().for_each(|r| *r = base.wrapping_add(*r));
    }
    Ok(())
}

fn integrate(values: &mut [i64], order: usize) {
    if order == 2 && values.len() > 2 {
        let mut delta = values[1];
        for value in &mut values[2..] {
            delta = delta.wrapping_add(*value);
            *value = delta;
        }
    }
    if order >= 1 {
        let mut last = 0i64;
        for value in values {
            last = last.wrapping_add(*value);
            *value = last;
        }
    }
}
