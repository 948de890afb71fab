//! Hash tables in parts that do not all grow at one moment.

/// Which of 16 tables a hash belongs to. The shares differ by a factor of two in even steps, so that of tables that
/// double when they are full one or the other is about to, never all: together they take a steady number of bytes an
/// entry, and growing one is short.
#[derive(Debug, Clone)]
pub struct Parts([u8; 256]);

impl Parts {
    /// How many tables there are.
    pub const COUNT: usize = 16;

    /// The division.
    pub fn new() -> Self {
        let weight = |part: usize| (part as f64 / Self::COUNT as f64).exp2();
        let all: f64 = (0..Self::COUNT).map(weight).sum();
        let (mut of, mut part, mut end) = ([0; 256], 0, weight(0));
        for (byte, of) in of.iter_mut().enumerate() {
            while part + 1 < Self::COUNT && (byte as f64 + 0.5) / 256.0 * all > end {
                part += 1;
                end += weight(part);
            }
            *of = part as u8;
        }
        Self(of)
    }

    /// The table of a hash with this byte. Take one by which the table itself does not sort.
    #[inline]
    pub fn of(&self, byte: u8) -> usize {
        usize::from(self.0[usize::from(byte)])
    }
}

impl Default for Parts {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_grow_to_twice_the_smallest() {
        let parts = Parts::new();
        let mut bytes = [0; Parts::COUNT];
        (0..=255).for_each(|byte| bytes[parts.of(byte)] += 1);
        assert!(bytes.iter().all(|n| (10..=23).contains(n)), "{bytes:?}");
        assert!(bytes[15] * 10 >= bytes[0] * 17, "{bytes:?}");
    }
}
