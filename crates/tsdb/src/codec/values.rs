//! Values: the best of constant, scaled integers, XOR and `pco`, chosen by a cheap estimate.

use super::{Corrupt, MAX_RUN, Reader, ints, put_u64, xor};

const CONSTANT: u8 = 0;
const DECIMAL: u8 = 1;
const XOR: u8 = 2;
const PCO: u8 = 3;
const PCO_DECIMAL: u8 = 4;

/// How a program made a value out of an integer. The place in [`SCALES`] is what is written.
#[derive(Debug, Clone, Copy)]
enum Scale {
    /// Divided by this.
    Divided(f64),
    /// Multiplied by the part of one that the first would divide it into: other bits than those of a division.
    Times(f64, f64),
    /// Divided by a thousand, twice.
    Twice,
}

/// Tried in this order. The first ten are those of version 1.
const SCALES: [Scale; 15] = [
    Scale::Divided(1e0),
    Scale::Divided(1e1),
    Scale::Divided(1e2),
    Scale::Divided(1e3),
    Scale::Divided(1e4),
    Scale::Divided(1e5),
    Scale::Divided(1e6),
    Scale::Divided(1e7),
    Scale::Divided(1e8),
    Scale::Divided(1e9),
    Scale::Times(1e3, 1e-3),
    Scale::Times(1e2, 1e-2),
    Scale::Times(1e6, 1e-6),
    Scale::Times(1e9, 1e-9),
    Scale::Twice,
];

impl Scale {
    /// What gives the integer.
    #[inline]
    fn up(self) -> f64 {
        match self {
            Self::Divided(by) | Self::Times(by, _) => by,
            Self::Twice => 1e6,
        }
    }

    #[inline]
    fn value(self, int: i64) -> f64 {
        match self {
            Self::Divided(by) => int as f64 / by,
            Self::Times(_, part) => int as f64 * part,
            Self::Twice => int as f64 / 1e3 / 1e3,
        }
    }
}

/// Integers beyond this are not exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Values looked at to choose the scale.
const PROBES: usize = 32;
/// `pco` needs long runs to pay for its header ...
const PCO_MIN: usize = 1024;
/// ... is tried on a part of the run first ...
const PCO_TRIAL: usize = 512;
/// ... quickly.
const TRIAL_LEVEL: usize = 4;
const PCO_LEVEL: usize = 6;

/// How much time an encoding may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Nothing slow: fresh chunks.
    Fast,
    /// `pco` where it gains: blocks that stay.
    Thorough,
}

/// What trials said about the runs before: those of one metric are alike.
#[derive(Debug, Default)]
pub(crate) struct Habit {
    /// Whether `pco` is shorter.
    decimal: Vote<bool>,
    raw: Vote<bool>,
    /// How often integers are differenced.
    order: Vote<usize>,
}

/// The trials of one kind of run.
#[derive(Debug, Default)]
struct Vote<T> {
    outcome: T,
    /// Trials in a row that ended so.
    alike: u8,
    /// Runs for which the outcome was taken from those before.
    trusted: u8,
}

/// After so many trials of one outcome ...
const ALIKE: u8 = 3;
/// ... so many runs are not tried.
const TRUSTED: u8 = 15;

impl<T: Copy + PartialEq> Vote<T> {
    fn decide(&mut self, trial: impl FnOnce() -> T) -> T {
        if self.alike >= ALIKE && self.trusted < TRUSTED {
            self.trusted += 1;
            return self.outcome;
        }
        let outcome = trial();
        self.alike = if outcome == self.outcome { (self.alike + 1).min(ALIKE) } else { 1 };
        self.outcome = outcome;
        self.trusted = 0;
        outcome
    }
}

/// Appends the encoding of `values`, whose number the caller keeps.
pub(crate) fn encode_values(values: &[f64], effort: Effort, out: &mut Vec<u8>) {
    encode_values_as(values, effort, &mut Habit::default(), out);
}

/// Likewise, for one of several runs of a metric, one after the other.
pub(crate) fn encode_values_as(values: &[f64], effort: Effort, habit: &mut Habit, out: &mut Vec<u8>) {
    let Some(first) = values.first() else { return };
    let bits = first.to_bits();
    if values.iter().all(|v| v.to_bits() == bits) {
        out.push(CONSTANT);
        // Short decimals end in zero bytes: only the front is written.
        let significant = 8 - bits.trailing_zeros().min(64) as usize / 8;
        out.extend_from_slice(&bits.to_be_bytes()[..significant]);
        return;
    }
    let long = effort == Effort::Thorough && values.len() >= PCO_MIN;
    match decimal_of(values) {
        Some(decimal) if long => encode_long_decimal(&decimal, habit, out),
        Some(decimal) => {
            out.push(DECIMAL);
            decimal.write_head(out);
            match effort {
                Effort::Thorough if decimal.ints.len() > ints::SHORT => {
                    let order = habit.order.decide(|| ints::order_of(&decimal.ints).order);
                    ints::encode_order(&decimal.ints, order, out);
                }
                _ => ints::encode(&decimal.ints, out),
            }
        }
        None => {
            let config = pco::ChunkConfig::default();
            if long && habit.raw.decide(|| pco_wins(values, &config)) {
                out.push(PCO);
                if put_pco(values, &config, out) {
                    return;
                }
                out.pop();
            }
            out.push(XOR);
            encode_xor(values, out);
        }
    }
}

fn encode_long_decimal(decimal: &Decimal, habit: &mut Habit, out: &mut Vec<u8>) {
    let frames = ints::order_of(&decimal.ints);
    // Two bits a value are small already.
    if frames.bytes * 8 > frames.of * 2 {
        let config = config_of(&decimal.ints, frames.order);
        let wins = || {
            let part = middle(&decimal.ints);
            let limit = frames.bytes * part.len() / frames.of.max(1);
            trial(part, &config) <= limit
        };
        if habit.decimal.decide(wins) {
            let start = out.len();
            out.push(PCO_DECIMAL);
            decimal.write_head(out);
            if put_pco(&decimal.ints, &config, out) {
                return;
            }
            out.truncate(start);
        }
    }
    out.push(DECIMAL);
    decimal.write_head(out);
    ints::encode_order(&decimal.ints, frames.order, out);
}

fn encode_xor(values: &[f64], out: &mut Vec<u8>) {
    let bits: Vec<u64> = values.iter().map(|v| v.to_bits()).collect();
    xor::encode(&bits, out);
}

/// The part of a run on which `pco` is tried.
fn middle<T>(run: &[T]) -> &[T] {
    let from = run.len().saturating_sub(PCO_TRIAL) / 2;
    run.get(from..from + PCO_TRIAL).unwrap_or(run)
}

/// What `pco` makes of a part of a run, bytes. The header of a short stream weighs more than it will in the whole: who
/// wins here wins there by about a twentieth at least.
fn trial<T: pco::data_types::Number>(part: &[T], config: &pco::ChunkConfig) -> usize {
    let config = config.clone().with_compression_level(TRIAL_LEVEL);
    pco::standalone::simple_compress(part, &config).map_or(usize::MAX, |p| p.len())
}

/// Whether `pco` makes a part of the run smaller than XOR does.
fn pco_wins(run: &[f64], config: &pco::ChunkConfig) -> bool {
    let part = middle(run);
    let mut cheap = Vec::new();
    encode_xor(part, &mut cheap);
    trial(part, config) <= cheap.len()
}

/// Says to `pco` what it would find out by trying: how often to difference, and of what all differences are multiples.
fn config_of(ints: &[i64], order: usize) -> pco::ChunkConfig {
    let mode = match step_of(ints) {
        0 | 1 => pco::ModeSpec::Classic,
        base => pco::ModeSpec::TryIntMult(base),
    };
    pco::ChunkConfig::default().with_mode_spec(mode).with_delta_spec(pco::DeltaSpec::TryConsecutive(order))
}

/// The greatest common divisor of all differences.
fn step_of(ints: &[i64]) -> u64 {
    let mut common = 0;
    for two in ints.windows(2) {
        let (mut a, mut b) = (two[1].abs_diff(two[0]), common); // a window has two
        while b != 0 {
            (a, b) = (b, a % b);
        }
        common = a;
        if common == 1 {
            break;
        }
    }
    common
}

/// Appends the run as a `pco` stream; whether that could be.
fn put_pco<T: pco::data_types::Number>(run: &[T], config: &pco::ChunkConfig, out: &mut Vec<u8>) -> bool {
    let config = config.clone().with_compression_level(PCO_LEVEL);
    match pco::standalone::simple_compress(run, &config) {
        Ok(stream) => {
            out.extend_from_slice(&stream);
            true
        }
        Err(_) => false,
    }
}

/// The scale at which most probed values are integers, by its place.
fn scale_of(values: &[f64]) -> Option<usize> {
    let step = values.len().div_ceil(PROBES);
    let probes = values.len().div_ceil(step);
    let mut best = None;
    for (place, scale) in SCALES.iter().enumerate() {
        let mut missing = 0;
        for value in values.iter().step_by(step) {
            missing += usize::from(integer_at(*value, *scale).is_none());
            if missing * 8 > probes {
                break;
            }
        }
        if missing == 0 {
            return Some(place);
        }
        if missing * 8 <= probes && best.is_none_or(|(_, least)| missing < least) {
            best = Some((place, missing));
        }
    }
    best.map(|(place, _)| place)
}

/// Added and taken away again, this rounds what is smaller than [`ROUNDED`]: without an instruction for it that every
/// processor has, rounding is a call.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
const ROUNDED: f64 = 2_251_799_813_685_248.0;

/// The integer of which this scale makes exactly these bits.
#[inline]
fn integer_at(value: f64, scale: Scale) -> Option<i64> {
    exact_integer(value, scale.up(), |int| scale.value(int))
}

#[inline]
fn exact_integer(value: f64, up: f64, down: impl Fn(i64) -> f64) -> Option<i64> {
    let scaled = value * up;
    let int = if scaled.abs() < ROUNDED {
        // The sum has the exponent of the rounder: its last bits are the integer.
        ((scaled + ROUNDER).to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64)
    } else {
        let rounded = scaled.round_ties_even();
        if rounded.abs() >= EXACT || rounded.is_nan() {
            return None;
        }
        rounded as i64
    };
    // By way of the integer: -0 has none.
    (down(int).to_bits() == value.to_bits()).then_some(int)
}

struct Decimal {
    /// Place in [`SCALES`].
    scale: usize,
    ints: Vec<i64>,
    /// Where a value is no such integer, its bits.
    exceptions: Vec<(usize, u64)>,
}

/// The run as integers. Where a few values are none, they may be those in which a product differs from a quotient: the
/// scales of the same power of ten are tried too.
fn decimal_of(values: &[f64]) -> Option<Decimal> {
    let place = scale_of(values)?;
    let mut best = as_integers(values, place)?;
    let up = SCALES[place].up();
    for rival in (0..SCALES.len()).filter(|rival| *rival != place && SCALES[*rival].up() == up) {
        if best.exceptions.is_empty() {
            break;
        }
        if let Some(other) = as_integers(values, rival)
            && other.exceptions.len() < best.exceptions.len()
        {
            best = other;
        }
    }
    Some(best)
}

/// The run as integers, or `None` if too many values are none.
fn as_integers(values: &[f64], place: usize) -> Option<Decimal> {
    // A loop for each, so that nothing is decided for each value.
    match SCALES[place] {
        Scale::Divided(1.0) => integers(values, place, |value| exact_integer(value, 1.0, |int| int as f64)),
        Scale::Divided(by) => {
            integers(values, place, |value| exact_integer(value, by, |int| int as f64 / by))
        }
        Scale::Times(up, part) => {
            integers(values, place, |value| exact_integer(value, up, |int| int as f64 * part))
        }
        twice @ Scale::Twice => integers(values, place, |value| integer_at(value, twice)),
    }
}

fn integers(values: &[f64], scale: usize, integer: impl Fn(f64) -> Option<i64>) -> Option<Decimal> {
    let mut decimal = Decimal { scale, ints: Vec::with_capacity(values.len()), exceptions: Vec::new() };
    let mut last = 0;
    for (at, value) in values.iter().enumerate() {
        match integer(*value) {
            Some(int) => last = int,
            None => decimal.exceptions.push((at, value.to_bits())),
        }
        decimal.ints.push(last);
    }
    (decimal.exceptions.len() <= values.len() / 4).then_some(decimal)
}

impl Decimal {
    fn write_head(&self, out: &mut Vec<u8>) {
        out.push(self.scale as u8);
        put_u64(out, self.exceptions.len() as u64);
        let mut last = 0;
        for (at, bits) in &self.exceptions {
            put_u64(out, (at - last) as u64);
            out.extend_from_slice(&bits.to_le_bytes());
            last = *at;
        }
    }
}

/// Appends `n` decoded values to `out`. `ints` is scratch memory.
pub(crate) fn decode_values(
    bytes: &[u8],
    n: usize,
    ints: &mut Vec<i64>,
    out: &mut Vec<f64>,
) -> Result<(), Corrupt> {
    if n > MAX_RUN {
        return Err(Corrupt("run is too long"));
    }
    if n == 0 {
        return Ok(());
    }
    let mut reader = Reader::new(bytes);
    match reader.u8()? {
        CONSTANT => {
            let front = reader.rest();
            let mut whole = [0; 8];
            whole.get_mut(..front.len()).ok_or(Corrupt("constant is too long"))?.copy_from_slice(front);
            out.resize(out.len() + n, f64::from_bits(u64::from_be_bytes(whole)));
            Ok(())
        }
        DECIMAL => decode_decimal(reader, n, ints, out, ints::decode),
        XOR => xor::decode(&reader, n, out),
        PCO => decode_pco(reader.rest(), n, out),
        PCO_DECIMAL => {
            decode_decimal(reader, n, ints, out, |reader, n, ints| decode_pco(reader.rest(), n, ints))
        }
        _ => Err(Corrupt("unknown value codec")),
    }
}

fn decode_decimal(
    mut reader: Reader<'_>,
    n: usize,
    ints: &mut Vec<i64>,
    out: &mut Vec<f64>,
    decode: impl Fn(&mut Reader<'_>, usize, &mut Vec<i64>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let scale = *SCALES.get(usize::from(reader.u8()?)).ok_or(Corrupt("unknown scale"))?;
    let count = reader.count(n)?;
    let exceptions = reader;
    for _ in 0..count {
        reader.u64()?;
        reader.array::<8>()?;
    }
    ints.clear();
    decode(&mut reader, n, ints)?;
    let start = out.len();
    // A loop for each, so that nothing is decided for each value.
    match scale {
        Scale::Divided(1.0) => out.extend(ints.iter().map(|i| *i as f64)),
        Scale::Divided(by) => out.extend(ints.iter().map(|i| *i as f64 / by)),
        Scale::Times(_, part) => out.extend(ints.iter().map(|i| *i as f64 * part)),
        Scale::Twice => out.extend(ints.iter().map(|i| scale.value(*i))),
    }
    patch(exceptions, count, &mut out[start..])
}

fn patch(mut exceptions: Reader<'_>, count: usize, values: &mut [f64]) -> Result<(), Corrupt> {
    let mut at = 0usize;
    for _ in 0..count {
        at = at.saturating_add(exceptions.count(MAX_RUN)?);
        let bits = u64::from_le_bytes(exceptions.array()?);
        *values.get_mut(at).ok_or(Corrupt("exception outside its run"))? = f64::from_bits(bits);
    }
    Ok(())
}

fn decode_pco<T: pco::data_types::Number>(bytes: &[u8], n: usize, out: &mut Vec<T>) -> Result<(), Corrupt> {
    let start = out.len();
    out.resize(start + n, T::default());
    let corrupt = |_| Corrupt("pco stream");
    let progress = pco::standalone::simple_decompress_into(bytes, &mut out[start..]).map_err(corrupt)?;
    if progress.n_processed == n && progress.finished {
        Ok(())
    } else {
        out.truncate(start);
        Err(Corrupt("pco stream has another length"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trials_of_one_outcome_are_trusted_for_a_while() {
        let mut vote = Vote::default();
        let tried = |vote: &mut Vote<bool>, outcome: bool| {
            let mut tried = false;
            let decided = vote.decide(|| {
                tried = true;
                outcome
            });
            (tried, decided)
        };
        for _ in 0..ALIKE {
            assert_eq!(tried(&mut vote, true), (true, true));
        }
        for _ in 0..TRUSTED {
            assert_eq!(tried(&mut vote, false), (false, true));
        }
        assert_eq!(tried(&mut vote, false), (true, false), "tried again");
        assert_eq!(tried(&mut vote, true), (true, true), "one outcome does not make a habit");
    }
}
