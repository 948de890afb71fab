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

/// Appends the encoding of `values`, whose number the caller keeps.
pub(crate) fn encode_values(values: &[f64], effort: Effort, out: &mut Vec<u8>) {
    let Some(first) = values.first() else { return };
    let bits = first.to_bits();
    if values.iter().all(|v| v.to_bits() == bits) {
        out.push(CONSTANT);
        // Short decimals end in zero bytes: only the front is written.
        let significant = 8 - bits.trailing_zeros().min(64) as usize / 8;
        out.extend_from_slice(&bits.to_be_bytes()[..significant]);
        return;
    }
    let decimal = decimal_of(values);
    let long = effort == Effort::Thorough && values.len() >= PCO_MIN;
    match &decimal {
        Some(decimal) => {
            if long && pco_wins(&decimal.ints, ints::encode) {
                let start = out.len();
                out.push(PCO_DECIMAL);
                decimal.write_head(out);
                if put_pco(&decimal.ints, out) {
                    return;
                }
                out.truncate(start);
            }
            out.push(DECIMAL);
            decimal.write_head(out);
            ints::encode(&decimal.ints, out);
        }
        None => {
            if long && pco_wins(values, encode_xor) {
                out.push(PCO);
                if put_pco(values, out) {
                    return;
                }
                out.pop();
            }
            out.push(XOR);
            encode_xor(values, out);
        }
    }
}

fn encode_xor(values: &[f64], out: &mut Vec<u8>) {
    let bits: Vec<u64> = values.iter().map(|v| v.to_bits()).collect();
    xor::encode(&bits, out);
}

/// Whether `pco` makes a part of the run smaller than the cheap codec does, and that is not small already. The header of a
/// short stream weighs more than it will in the whole: who wins here wins there by about a twentieth at least.
fn pco_wins<T: pco::data_types::Number>(run: &[T], cheap: impl Fn(&[T], &mut Vec<u8>)) -> bool {
    let from = run.len().saturating_sub(PCO_TRIAL) / 2;
    let part = run.get(from..from + PCO_TRIAL).unwrap_or(run);
    let mut trial = Vec::new();
    cheap(part, &mut trial);
    if trial.len() * 8 <= part.len() * 2 {
        return false;
    }
    let config = pco::ChunkConfig::default().with_compression_level(TRIAL_LEVEL);
    pco::standalone::simple_compress(part, &config).is_ok_and(|p| p.len() <= trial.len())
}

/// Appends the run as a `pco` stream; whether that could be.
fn put_pco<T: pco::data_types::Number>(run: &[T], out: &mut Vec<u8>) -> bool {
    let config = pco::ChunkConfig::default().with_compression_level(PCO_LEVEL);
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

/// The integer of which this scale makes exactly these bits.
#[inline]
fn integer_at(value: f64, scale: Scale) -> Option<i64> {
    let scaled = (value * scale.up()).round_ties_even();
    if scaled.abs() >= EXACT || scaled.is_nan() {
        return None;
    }
    // By way of the integer: -0 has none.
    let int = scaled as i64;
    (scale.value(int).to_bits() == value.to_bits()).then_some(int)
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
    let scale = SCALES[place];
    let mut decimal =
        Decimal { scale: place, ints: Vec::with_capacity(values.len()), exceptions: Vec::new() };
    let mut last = 0;
    for (at, value) in values.iter().enumerate() {
        match integer_at(*value, scale) {
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
