//! One series: labels and how its value moves.

use super::random::Random;
use crate::protobuf;

/// How a value moves from scrape to scrape.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Constant,
    /// Seconds counted in hundredths, as the kernel counts time of processors.
    Ticks,
    /// Seconds counted in nanoseconds, as control groups count them.
    Nanoseconds,
    /// A counter of bytes or packets that moves with every scrape.
    Bytes,
    /// A counter that stands still in most scrapes.
    Events,
    /// A gauge of memory, in pages.
    Pages,
    /// A small whole number that changes now and then.
    Level,
    /// A gauge with two decimals.
    Hundredths,
    /// A gauge that uses all its bits.
    Float,
    /// The time of the scrape in seconds.
    Now,
    /// A bucket of a histogram, by its place, the sum of the observations, or their number.
    Bucket(usize),
    Sum,
}

pub(crate) const BUCKETS: [&str; 12] =
    ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"];

pub(crate) struct Series {
    pub(crate) labels: Vec<u8>,
    shape: Shape,
    value: f64,
    rate: f64,
}

/// What the series of a target share at one step.
pub(crate) struct Moment {
    /// How busy the target is, 0 to 1.
    pub(crate) load: f64,
    /// Time of the scrape, ms.
    pub(crate) t: i64,
    pub(crate) observations: [u64; BUCKETS.len()],
    pub(crate) sum: f64,
}

impl Series {
    pub(crate) fn new(pairs: &mut [(&str, &str)], shape: Shape, random: &mut Random) -> Self {
        pairs.sort_unstable();
        let (value, rate) = match shape {
            Shape::Constant => ((random.next() % 1_000_000) as f64, 0.0),
            Shape::Ticks => ((random.next() % 100_000) as f64, 2.0 * random.unit()),
            Shape::Nanoseconds => (random.unit() * 1e4, random.unit()),
            Shape::Bytes => ((random.next() % 1_000_000_000) as f64, 10f64.powf(1.0 + 5.0 * random.unit())),
            Shape::Events => ((random.next() % 10_000) as f64, 0.02 + 0.2 * random.unit().powi(2)),
            Shape::Pages => ((random.next() % 1_000_000) as f64, 10f64.powf(1.0 + 3.0 * random.unit())),
            Shape::Level => ((random.next() % 200) as f64, 0.1 * random.unit()),
            Shape::Hundredths => (random.unit() * 4.0, 0.3),
            Shape::Float => (random.unit(), 0.02),
            Shape::Now | Shape::Bucket(_) | Shape::Sum => (0.0, 0.0),
        };
        Self { labels: protobuf::labels(pairs), shape, value, rate }
    }

    /// Begins at zero again, where it counts.
    pub(crate) fn reset(&mut self) {
        if matches!(self.shape, Shape::Ticks | Shape::Nanoseconds | Shape::Bytes | Shape::Events) {
            self.value = 0.0;
        }
    }

    /// The value of the next scrape.
    pub(crate) fn advance(&mut self, moment: &Moment, random: &mut Random) -> f64 {
        let seconds = super::STEP_MS as f64 / 1000.0;
        let grown = self.rate * seconds * moment.load * (0.6 + 0.8 * random.unit());
        match self.shape {
            Shape::Constant => {}
            Shape::Ticks => self.value += (grown * 50.0).round(),
            Shape::Nanoseconds => self.value += grown,
            Shape::Bytes => self.value += grown.round(),
            Shape::Events => {
                if random.chance(self.rate) {
                    self.value += (1 + random.next() % 3) as f64;
                }
            }
            Shape::Pages => {
                self.value = (self.value + ((random.unit() - 0.5) * self.rate).round()).max(0.0);
            }
            Shape::Level => {
                if random.chance(self.rate) {
                    self.value = (self.value + (random.next() % 5) as f64 - 2.0).max(0.0);
                }
            }
            Shape::Hundredths => {
                self.value =
                    (self.value * 0.97 + moment.load * 0.12 + (random.unit() - 0.5) * self.rate).max(0.0);
            }
            Shape::Float => {
                self.value = (self.value + (random.unit() - 0.5) * self.rate).clamp(0.0, 1.0);
            }
            Shape::Now => return moment.t as f64 / 1000.0,
            Shape::Bucket(place) => return moment.observations[place] as f64,
            Shape::Sum => return moment.sum,
        }
        match self.shape {
            Shape::Ticks => self.value / 100.0,
            Shape::Hundredths => (self.value * 100.0).round() / 100.0,
            Shape::Nanoseconds => (self.value * 1e9).round() / 1e9,
            Shape::Pages => self.value * 4096.0,
            _ => self.value,
        }
    }
}
