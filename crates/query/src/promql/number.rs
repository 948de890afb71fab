//! Numbers written the way Go writes them, and sums that do not lose small terms.

/// `%g`: the shortest digits, an exponent below -4 and from 6 on.
pub fn go_g(v: f64) -> String {
    shortest(v, 6)
}

/// `%v`: the shortest digits, an exponent below -4 and from 21 on.
pub(crate) fn go_v(v: f64) -> String {
    shortest(v, 21)
}

/// `%.2g`: two significant digits.
pub(crate) fn go_g2(v: f64) -> String {
    match special(v) {
        Some(text) => text.to_owned(),
        None => from_scientific(&format!("{v:.1e}"), 2, true),
    }
}

/// The shortest digits without an exponent, as label values hold numbers.
pub(crate) fn go_f(v: f64) -> String {
    special(v).map_or_else(|| v.to_string(), str::to_owned)
}

fn shortest(v: f64, exponent_from: i32) -> String {
    match special(v) {
        Some(text) => text.to_owned(),
        None => from_scientific(&format!("{v:e}"), exponent_from, false),
    }
}

fn special(v: f64) -> Option<&'static str> {
    if v.is_nan() {
        Some("NaN")
    } else if v == f64::INFINITY {
        Some("+Inf")
    } else if v == f64::NEG_INFINITY {
        Some("-Inf")
    } else {
        None
    }
}

/// Turns Rust's `-1.25e-7` into Go's `-1.25e-07`, or into plain digits where the exponent is small.
fn from_scientific(text: &str, exponent_from: i32, trim: bool) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let mantissa = match trim && mantissa.contains('.') {
        true => mantissa.trim_end_matches('0').trim_end_matches('.'),
        false => mantissa,
    };
    if exponent < -4 || exponent >= exponent_from {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest.replace('.', "")),
        None => ("", mantissa.replace('.', "")),
    };
    if exponent < 0 {
        let zeros = "0".repeat(usize::try_from(-exponent - 1).unwrap_or(0));
        return format!("{sign}0.{zeros}{digits}");
    }
    let whole = usize::try_from(exponent).unwrap_or(0) + 1;
    match digits.split_at_checked(whole) {
        Some((before, "")) => format!("{sign}{before}"),
        Some((before, after)) => format!("{sign}{before}.{after}"),
        None => format!("{sign}{digits}{}", "0".repeat(whole - digits.len())),
    }
}

/// A sum with its lost low-order part (Kahan's summation with Neumaier's improvement).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Kahan {
    /// The sum so far.
    pub(crate) sum: f64,
    /// What rounding lost.
    pub(crate) c: f64,
}

impl Kahan {
    /// Adds `v`. What rounding loses is computed without asking which of the two is larger (Knuth's exact sum of two):
    /// the same bits as with the question, and no branch that values decide.
    #[inline]
    pub(crate) fn add(&mut self, v: f64) {
        let t = self.sum + v;
        if t.is_infinite() {
            self.c = 0.0;
        } else {
            let added = t - self.sum;
            self.c += (self.sum - (t - added)) + (v - added);
        }
        self.sum = t;
    }

    /// The sum with its correction.
    #[inline]
    pub(crate) fn total(self) -> f64 {
        self.sum + self.c
    }
}

/// The compensated sum of `f` of each value. Four sums run side by side, so that one addition need not wait for the
/// one before it; they are joined in a fixed order. Where the sum is not finite, the values are added one by one.
#[inline]
pub(crate) fn kahan_sum(values: &[f64], f: impl Fn(f64) -> f64) -> Kahan {
    let mut total = Kahan::default();
    let (fours, rest) = values.as_chunks::<4>();
    let (mut sums, mut lost) = ([0.0f64; 4], [0.0f64; 4]);
    for four in fours {
        for lane in 0..4 {
            let v = f(four[lane]);
            let t = sums[lane] + v;
            let added = t - sums[lane];
            lost[lane] += (sums[lane] - (t - added)) + (v - added);
            sums[lane] = t;
        }
    }
    sums.into_iter().chain(rest.iter().map(|v| f(*v))).chain(lost).for_each(|v| total.add(v));
    if total.sum.is_finite() && total.c.is_finite() {
        return total;
    }
    let mut total = Kahan::default();
    values.iter().for_each(|v| total.add(f(*v)));
    total
}

/// A running mean: the mean of the sum as long as the sum does not overflow, then an incremental one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    acc: Kahan,
    count: f64,
    incremental: bool,
}

impl Mean {
    /// Adds `v`.
    #[inline]
    pub(crate) fn add(&mut self, v: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.acc = Kahan { sum: v, c: 0.0 };
            return;
        }
        if !self.incremental {
            let mut next = self.acc;
            next.add(v);
            if !next.sum.is_infinite() {
                self.acc = next;
                return;
            }
            self.incremental = true;
            self.acc.sum /= self.count - 1.0;
            self.acc.c /= self.count - 1.0;
        }
        let q = (self.count - 1.0) / self.count;
        self.acc = Kahan { sum: q * self.acc.sum, c: q * self.acc.c };
        self.acc.add(v / self.count);
    }

    /// The mean.
    #[inline]
    pub(crate) fn mean(self) -> f64 {
        if self.incremental { self.acc.total() } else { self.acc.sum / self.count + self.acc.c / self.count }
    }
}

/// The smaller one; NaN if either is.
pub(crate) fn nan_min(a: f64, b: f64) -> f64 {
    if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY {
        f64::NEG_INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

/// The larger one; NaN if either is.
pub(crate) fn nan_max(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// Order by value with NaN before all others.
pub(crate) fn nan_first(a: &f64, b: &f64) -> std::cmp::Ordering {
    a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Like [`nan_first`], and equal values by their bits: the value of a rank is the same whatever order they came in.
pub(crate) fn by_rank(a: &f64, b: &f64) -> std::cmp::Ordering {
    nan_first(a, b).then_with(|| a.total_cmp(b))
}

/// The `q`-quantile of `values`, which are reordered on the way: linear between the two nearest ranks.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    let (lower, weight) = match rank(q, values.len()) {
        Ok(rank) => rank,
        Err(value) => return value,
    };
    let (_, below, above) = values.select_nth_unstable_by(lower, by_rank);
    let below = *below;
    let above = above.iter().copied().min_by(by_rank).unwrap_or(below);
    below * (1.0 - weight) + above * weight
}

/// The `q`-quantile of values in the order of [`by_rank`]; the same bits as [`quantile`].
pub(crate) fn quantile_of_sorted(q: f64, values: &[f64]) -> f64 {
    let (lower, weight) = match rank(q, values.len()) {
        Ok(rank) => rank,
        Err(value) => return value,
    };
    let below = values[lower];
    let above = values.get(lower + 1).copied().unwrap_or(below);
    below * (1.0 - weight) + above * weight
}

/// The rank below the `q`-quantile of `count` values, and how much the one above counts; or what a quantile is where
/// there is none.
fn rank(q: f64, count: usize) -> Result<(usize, f64), f64> {
    let Some(last) = count.checked_sub(1) else { return Err(f64::NAN) };
    if q.is_nan() {
        return Err(f64::NAN);
    }
    if q < 0.0 {
        return Err(f64::NEG_INFINITY);
    }
    if q > 1.0 {
        return Err(f64::INFINITY);
    }
    let rank = q * last as f64;
    Ok(((rank.floor().max(0.0) as usize).min(last), rank - rank.floor()))
}

/// The lesser of two; NaN only where both are.
pub(crate) fn least(least: &mut f64, v: f64) {
    if *least > v || least.is_nan() {
        *least = v;
    }
}

/// The greater of two; NaN only where both are.
pub(crate) fn greatest(most: &mut f64, v: f64) {
    if *most < v || most.is_nan() {
        *most = v;
    }
}

/// The population variance (Welford's algorithm).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Variance {
    /// Takes a value in.
    pub(crate) fn add(&mut self, v: f64) {
        self.count += 1.0;
        if self.count == 1.0 {
            self.mean = v;
            self.squares = if v.is_finite() { 0.0 } else { f64::NAN };
            return;
        }
        let delta = v - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (v - self.mean);
    }

    /// What it comes to.
    pub(crate) fn variance(&self) -> f64 {
        self.squares / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_go_writes() {
        let cases = [
            (0.0, "0"),
            (1.5, "1.5"),
            (-0.001, "-0.001"),
            (0.000012, "1.2e-05"),
            (123456.0, "123456"),
            (1234567.0, "1.234567e+06"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (v, want) in cases {
            assert_eq!(go_g(v), want);
        }
        assert_eq!(go_v(1e20), "100000000000000000000");
        assert_eq!(go_v(1e21), "1e+21");
        assert_eq!((go_g2(0.0), go_g2(12.345), go_g2(123.0)), ("0".into(), "12".into(), "1.2e+02".into()));
        assert_eq!((go_f(1e21), go_f(f64::INFINITY)), ("1000000000000000000000".into(), "+Inf".into()));
    }

    #[test]
    fn what_is_lost_is_the_same_with_and_without_comparing() {
        let values = [1.0, 1e-17, -3.5, 1e16, 0.1, -1e16, 2.5e-300, 7e299, -7e299, 0.0, -0.0, 1e-320];
        let (mut ours, mut sum, mut c) = (Kahan::default(), 0.0f64, 0.0f64);
        for v in values {
            ours.add(v);
            let t = sum + v;
            c += if sum.abs() >= v.abs() { (sum - t) + v } else { (v - t) + sum };
            sum = t;
            assert_eq!((ours.sum.to_bits(), ours.c.to_bits()), (sum.to_bits(), c.to_bits()), "at {v}");
        }
    }

    #[test]
    fn sums_side_by_side_lose_nothing_either() {
        let values: Vec<f64> = (0..1003).map(|i| [1.0, 1e100, 1.0, 3.0, -1e100][i % 5]).collect();
        let one_by_one = |values: &[f64]| {
            let mut sum = Kahan::default();
            values.iter().for_each(|v| sum.add(*v));
            sum.total()
        };
        for n in [0, 1, 4, 5, 10, 1000] {
            assert_eq!(kahan_sum(&values[..n], |v| v).total(), one_by_one(&values[..n]), "{n} values");
        }
        assert_eq!(kahan_sum(&[f64::MAX, 0.0, 0.0, 0.0, -f64::MAX], |v| v).total(), 0.0);
        assert_eq!(kahan_sum(&[f64::INFINITY; 9], |v| v).sum, f64::INFINITY);
    }

    #[test]
    fn small_terms_are_kept() {
        let mut sum = Kahan::default();
        for v in [1.0, 1e100, 1.0, -1e100] {
            sum.add(v);
        }
        assert_eq!(sum.total(), 2.0);
        let mut mean = Mean::default();
        for v in [f64::MAX, f64::MAX, f64::MAX] {
            mean.add(v);
        }
        assert!((mean.mean() / f64::MAX - 1.0).abs() < 1e-12, "no overflow");
    }

    #[test]
    fn quantiles_are_linear_and_clipped() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0, 2.0, 4.0]), 2.5);
        assert_eq!(quantile(-0.1, &mut [1.0]), f64::NEG_INFINITY);
        assert_eq!(quantile(1.1, &mut [1.0]), f64::INFINITY);
        assert!(quantile(f64::NAN, &mut [1.0]).is_nan());
        assert!(quantile(0.0, &mut [1.0, f64::NAN]).is_nan(), "NaN comes first");
    }
}
