//! Label sets in one canonical, immutable string.
//!
//! Canonical form: for each label, in byte order of the names, `len(name) name len(value) value`. A length is the
//! number of bytes in base 64, least digit first, one ASCII byte a digit: `0x40 | digit` while more digits follow,
//! the bare `digit` (`0x00..=0x3f`) for the last. Every length byte is ASCII, so the whole form is valid UTF-8 and
//! slices of it need no second check. Empty values are absent labels and never stored. docs/formats/labels.md draws
//! it; the persisted series hash is xxh3-128 over exactly these bytes.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeMap;

/// The label that carries a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// An immutable label set; cloning shares it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels(Arc<str>);

impl Labels {
    /// The empty label set.
    pub fn empty() -> Self {
        Self(Arc::from(""))
    }

    /// Builds a set from pairs in any order. Empty values are left out; of equal names the last wins.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut builder = LabelsBuilder::new();
        for (name, value) in pairs {
            builder.set(name, value);
        }
        builder.build()
    }

    /// Reads a canonical form, e.g. from disk. `None` if it is not one (order, lengths, empty values, UTF-8 borders).
    pub fn from_canonical(text: &str) -> Option<Self> {
        is_canonical(text).then(|| Self(Arc::from(text)))
    }

    /// The canonical form.
    pub fn canonical(&self) -> &str {
        &self.0
    }

    /// xxh3-128 of the canonical form: the persisted identity of a series.
    pub fn hash128(&self) -> u128 {
        xxhash_rust::xxh3::xxh3_128(self.0.as_bytes())
    }

    /// The value of `name`, if the label is there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    /// The value of `name`, or `""`: an absent and an empty label are the same.
    pub fn get_or_empty(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// The metric's name (`__name__`), or `""`.
    pub fn metric_name(&self) -> &str {
        self.get_or_empty(METRIC_NAME)
    }

    /// Names and values in byte order of the names.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.0 }
    }

    /// How many labels there are.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether there is no label.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A builder that starts with these labels.
    pub fn to_builder(&self) -> LabelsBuilder {
        LabelsBuilder { pairs: self.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }

    /// The same labels without the metric's name.
    pub fn without_name(&self) -> Self {
        self.filter(|name| name != METRIC_NAME)
    }

    /// Only the labels whose name `keep` accepts.
    pub fn filter(&self, mut keep: impl FnMut(&str) -> bool) -> Self {
        let mut text = String::with_capacity(self.0.len());
        for (name, value) in self.iter() {
            if keep(name) {
                put(&mut text, name);
                put(&mut text, value);
            }
        }
        Self(Arc::from(text))
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::empty()
    }
}

impl Borrow<str> for Labels {
    /// The canonical form, so that maps keyed by `Labels` can be asked with a scratch buffer.
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Ord for Labels {
    /// By pairs (name, then value) in byte order, a prefix first: the order of Prometheus' results.
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (self.0.as_bytes(), other.0.as_bytes());
        let differs = first_difference(a, b);
        if differs == a.len().min(b.len()) {
            return a.len().cmp(&b.len()); // one is the beginning of the other, or both are the same
        }
        // Up to the string that differs, or whose length does, both are the same.
        let mut at = 0;
        loop {
            let mut rest = self.0.get(at..).unwrap_or_default();
            let Some(part) = take_checked(&mut rest) else { return a.cmp(b) }; // a canonical form has no other parts
            let end = a.len() - rest.len();
            if differs < end {
                let mut other = other.0.get(at..).unwrap_or_default();
                return part.cmp(take_checked(&mut other).unwrap_or_default());
            }
            at = end;
        }
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Labels {
    /// `name{a="b"}` as Prometheus writes it; names that are not plain identifiers are quoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.metric_name();
        let plain = is_plain_metric_name(name);
        if plain {
            f.write_str(name)?;
            if self.len() == 1 {
                return Ok(());
            }
        }
        f.write_str("{")?;
        let mut first = true;
        if !plain && !name.is_empty() {
            write!(f, "{}", Quoted(name))?;
            first = false;
        }
        for (label, value) in self.iter().filter(|(n, _)| *n != METRIC_NAME) {
            if !first {
                f.write_str(", ")?;
            }
            first = false;
            if is_plain_label_name(label) {
                write!(f, "{label}={}", Quoted(value))?;
            } else {
                write!(f, "{}={}", Quoted(label), Quoted(value))?;
            }
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Labels {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(iter: T) -> Self {
        Self::from_pairs(iter)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;
    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Whether a text is a canonical form.
pub fn is_canonical(text: &str) -> bool {
    fn check(mut rest: &str) -> Option<()> {
        let mut last: Option<&str> = None;
        while !rest.is_empty() {
            let name = take_checked(&mut rest)?;
            let value = take_checked(&mut rest)?;
            if value.is_empty() || last.is_some_and(|l| l >= name) {
                return None;
            }
            last = Some(name);
        }
        Some(())
    }
    check(text).is_some()
}

/// Names and values of a canonical form, which need not become [`Labels`] for that.
pub fn pairs(canonical: &str) -> Iter<'_> {
    Iter { rest: canonical }
}

/// Walks a canonical form.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rest: &'a str,
}

impl<'a> Iter<'a> {
    /// What was not walked yet.
    pub fn rest(&self) -> &'a str {
        self.rest
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let name = take_checked(&mut self.rest)?;
        let value = take_checked(&mut self.rest)?;
        Some((name, value))
    }
}

/// A label set under construction: few labels, linear search.
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a label; an empty value removes it.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        if value.is_empty() {
            return self.remove(&name);
        }
        match self.pairs.iter_mut().find(|(n, _)| *n == name) {
            Some(pair) => pair.1 = value,
            None => self.pairs.push((name, value)),
        }
        self
    }

    /// Removes a label.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    /// Keeps the labels whose name `keep` accepts.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) -> &mut Self {
        self.pairs.retain(|(n, _)| keep(n));
        self
    }

    /// The value of `name`, or `""`.
    pub fn get(&self, name: &str) -> &str {
        self.pairs.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// Names and values in the order of insertion.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }

    /// The finished set.
    pub fn build(&self) -> Labels {
        let mut sorted: Vec<&(String, String)> = self.pairs.iter().collect();
        sorted.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
        let mut text = String::with_capacity(sorted.iter().map(|(n, v)| n.len() + v.len() + 4).sum());
        for (name, value) in sorted {
            put(&mut text, name);
            put(&mut text, value);
        }
        Labels(Arc::from(text))
    }
}

/// Appends one length-prefixed string of the canonical form. Callers that build whole forms must keep its order.
pub fn put(out: &mut String, part: &str) {
    let mut len = part.len();
    while len >= 0x40 {
        out.push(char::from(0x40 | (len & 0x3f) as u8));
        len >>= 6;
    }
    out.push(char::from(len as u8));
    out.push_str(part);
}

fn take_checked<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let mut len = 0usize;
    let mut at = 0usize;
    loop {
        let byte = *rest.as_bytes().get(at)?;
        if byte >= 0x80 || at > 5 {
            return None;
        }
        len |= usize::from(byte & 0x3f) << (6 * at);
        at += 1;
        if byte & 0x40 == 0 {
            if byte == 0 && at > 1 {
                return None; // a longer spelling of the same length would break equality by bytes
            }
            break;
        }
    }
    let end = at.checked_add(len)?;
    let part = rest.get(at..end)?;
    *rest = rest.get(end..)?;
    Some(part)
}

/// How many bytes at the beginning are the same.
fn first_difference(a: &[u8], b: &[u8]) -> usize {
    let ((fast_a, _), (fast_b, _)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let same = fast_a.iter().zip(fast_b).take_while(|(a, b)| a == b).count() * 8;
    same + a[same..].iter().zip(&b[same..]).take_while(|(a, b)| a == b).count()
}

/// Whether `name` is a metric name of the classic syntax `[a-zA-Z_:][a-zA-Z0-9_:]*`.
pub fn is_plain_metric_name(name: &str) -> bool {
    is_plain(name, |b| b == b':')
}

/// Whether `name` is a label name of the classic syntax `[a-zA-Z_][a-zA-Z0-9_]*`.
pub fn is_plain_label_name(name: &str) -> bool {
    is_plain(name, |_| false)
}

fn is_plain(name: &str, extra: impl Fn(u8) -> bool) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || extra(b))
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || extra(b))
}

/// Writes a string the way Go's `%q` does for what label values hold: quotes, backslashes and controls escaped.
pub struct Quoted<'a>(pub &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\u{7}' => f.write_str("\\a")?,
                '\u{8}' => f.write_str("\\b")?,
                '\u{b}' => f.write_str("\\v")?,
                '\u{c}' => f.write_str("\\f")?,
                c if u32::from(c) < 0x20 || c == '\u{7f}' => write!(f, "\\x{:02x}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_insertion_does_not_matter_and_empty_values_vanish() {
        let a = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", "")]);
        let b = Labels::from_pairs([("a", "1"), ("b", "2")]);
        assert_eq!(a, b);
        assert_eq!(a.hash128(), b.hash128());
        assert_eq!(a.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    }

    #[test]
    fn canonical_form_is_the_drawn_one_and_reads_back() {
        let long = "가".repeat(50); // 150 bytes: two length digits
        let labels = Labels::from_pairs([("a", "1"), ("k", long.as_str())]);
        assert_eq!(&labels.canonical().as_bytes()[..4], b"\x01a\x011");
        assert_eq!(&labels.canonical().as_bytes()[6..8], &[0x40 | (150 & 0x3f), 150 >> 6]);
        assert_eq!(Labels::from_canonical(labels.canonical()), Some(labels));
    }

    #[test]
    fn foreign_bytes_are_not_canonical() {
        for bad in ["\x01b\x011\x01a\x011", "\x01a\x00", "\x05a", "\x01a", "\x41\x00a\x011", "\u{80}"] {
            assert_eq!(Labels::from_canonical(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn written_as_prometheus_writes_them() {
        assert_eq!(Labels::from_pairs([(METRIC_NAME, "up")]).to_string(), "up");
        assert_eq!(
            Labels::from_pairs([(METRIC_NAME, "up"), ("job", "a\"b")]).to_string(),
            "up{job=\"a\\\"b\"}"
        );
        assert_eq!(
            Labels::from_pairs([(METRIC_NAME, "a.b"), ("c d", "e")]).to_string(),
            "{\"a.b\", \"c d\"=\"e\"}"
        );
        assert_eq!(Labels::empty().to_string(), "{}");
    }

    #[test]
    fn order_is_that_of_the_pairs() {
        let parts = ["", "a", "aa", "b", "ab", "\u{1}", "é", "zz"];
        let long = "x".repeat(70);
        let mut all = vec![Labels::empty(), Labels::from_pairs([("a", long.as_str())])];
        for name in &parts[1..] {
            for value in &parts[1..] {
                for more in &parts {
                    all.push(Labels::from_pairs([
                        (*name, *value),
                        ("b", *more),
                        ("long", &long[..more.len() * 20]),
                    ]));
                }
            }
        }
        for a in &all {
            for b in &all {
                assert_eq!(a.cmp(b), a.iter().cmp(b.iter()), "{a} and {b}");
            }
        }
    }

    #[test]
    fn sorted_by_pairs_not_by_canonical_bytes() {
        let short = Labels::from_pairs([("a", "zz")]);
        let long = Labels::from_pairs([("a", "aaaa")]);
        assert!(long < short);
    }
}
