//! Masking: what nobody should read later is replaced before anything reaches the disk.
//!
//! One pass over a text looks for a few dozen short anchors (`AKIA`, `://`, `assw` ...); only where one is found, a
//! verifier looks at what is around it. What has no anchor (resident registration numbers) hangs on its dash. Texts
//! without suspects, which are nearly all, are neither copied nor looked at twice.
//!
//! The messages of a batch lie one behind the other, and anchors are looked for in all of them at once: most messages have
//! none, and are not searched by themselves.
//!
//! Masking a masked text changes nothing: what stands in place of a secret is known to the verifiers.

mod anchors;
mod keys;
mod korean;
mod pairs;
mod personal;
mod places;
mod replace;
#[cfg(test)]
mod tests;
mod tokens;

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, Input, MatchKind};
use model::pattern::Search;
use model::{Error, Result};

use super::config::{Masking, Mode};
use anchors::Anchor;
pub use keys::Keys;
use personal::Personal;
pub use replace::Key;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Amazon's access keys.
    AwsKey,
    /// Google's keys and tokens.
    GcpKey,
    /// GitHub's tokens.
    GithubToken,
    /// Slack's tokens and webhooks.
    SlackToken,
    /// Keys of other services with a prefix of their own.
    ServiceKey,
    /// JSON web tokens.
    Jwt,
    /// Private keys in PEM.
    PrivateKey,
    /// The value of a name such as `password`.
    Password,
    /// The password of an address.
    UrlPassword,
    /// Bearer tokens and other values of `Authorization`.
    Authorization,
    /// Korean resident registration numbers.
    ResidentNumber,
    /// E-mail addresses.
    Email,
    /// Card numbers.
    Card,
    /// International bank account numbers.
    Iban,
    /// Phone numbers.
    Phone,
    /// IP addresses.
    Ip,
    /// A pattern of the configuration, by its place there.
    Custom(u16),
}

/// A place in a text, and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    place: Range<usize>,
    kind: Kind,
    /// Whether quotation marks must be put around the replacement, so that JSON stays JSON.
    quote: bool,
}

impl Found {
    fn new(place: Range<usize>, kind: Kind) -> Self {
        Self { place, kind, quote: false }
    }
}

/// Room for what a pass finds, kept between texts.
#[derive(Debug, Default)]
pub struct Scratch {
    found: Vec<Found>,
    text: String,
}

/// How often a text with secrets is looked at: a replacement ends differently from what it replaces, so that a secret
/// behind it may only now stand alone.
const PASSES: usize = 8;

/// Finds and replaces.
#[derive(Debug, Clone)]
pub struct Masker {
    anchors: Option<AhoCorasick>,
    /// The same, those of three bytes apart from longer ones: a search that compares four bytes of each is stopped by far
    /// fewer places that have no anchor.
    apart: [Option<AhoCorasick>; 2],
    resident_numbers: bool,
    personal: Personal,
    custom: Arc<[(String, Search)]>,
    mode: Mode,
    key: Option<Key>,
}

impl Masker {
    /// A masker of these settings; `key` is what hashes are made with. Fails where a pattern is wrong or a hash has no
    /// key.
    pub fn new(config: &Masking, key: Option<Key>) -> Result<Self> {
        let mut custom = Vec::new();
        for pattern in &config.patterns {
            pattern.check()?;
            custom.push((pattern.name.clone(), Search::new(&pattern.regex)?));
        }
        if config.mode == Mode::Hash && key.is_none() {
            return Err(Error::invalid("masking with hashes needs a key: set `logs.masking.key_file`"));
        }
        let of = |lengths: std::ops::RangeInclusive<usize>| {
            let texts = anchors::ALL.iter().map(|(text, _)| text);
            (config.credentials)
                .then(|| {
                    AhoCorasickBuilder::new()
                        .match_kind(MatchKind::LeftmostFirst)
                        .build(texts.filter(|text| lengths.contains(&text.len())))
                })
                .transpose()
                .map_err(|e| Error::internal("the anchors of masking cannot be compiled").with_detail(e))
        };
        Ok(Self {
            anchors: of(0..=usize::MAX)?,
            apart: [of(0..=3)?, of(4..=usize::MAX)?],
            resident_numbers: config.resident_registration_numbers,
            personal: Personal::new(config),
            custom: custom.into(),
            mode: config.mode,
            key,
        })
    }

    /// Whether each of some pieces of a text, which lie in order and do not overlap, has an anchor; without one
    /// [`mask_plain`](Self::mask_plain) does what [`mask`](Self::mask) does.
    pub fn have_anchors<I: ExactSizeIterator<Item = Range<usize>>>(
        &self,
        text: &str,
        pieces: impl Fn() -> I,
        out: &mut Vec<bool>,
    ) {
        out.clear();
        out.resize(pieces().len(), false);
        for anchors in self.apart.iter().flatten() {
            let (mut numbered, mut at) = (pieces().enumerate().peekable(), 0);
            while let Some(hit) = anchors.find(Input::new(text).range(at..)) {
                while numbered.next_if(|(_, piece)| piece.end <= hit.start()).is_some() {}
                let Some((number, piece)) = numbered.peek() else { break };
                if piece.start <= hit.start() && hit.end() <= piece.end {
                    out[*number] = true;
                    at = piece.end;
                } else {
                    // What lies across a border may hide one behind it.
                    at = hit.start() + 1;
                }
            }
        }
    }

    /// Writes `text` with every secret replaced to the end of `out`, and calls `each` for each of them. `false`: there
    /// is none, and nothing was written.
    pub fn mask(&self, text: &str, scratch: &mut Scratch, out: &mut String, each: impl FnMut(Kind)) -> bool {
        self.mask_from(text, true, scratch, out, each)
    }

    /// As [`mask`](Self::mask), for a text that has no anchor.
    pub fn mask_plain(
        &self,
        text: &str,
        scratch: &mut Scratch,
        out: &mut String,
        each: impl FnMut(Kind),
    ) -> bool {
        self.mask_from(text, false, scratch, out, each)
    }

    fn mask_from(
        &self,
        text: &str,
        has_anchor: bool,
        scratch: &mut Scratch,
        out: &mut String,
        mut each: impl FnMut(Kind),
    ) -> bool {
        let start = out.len();
        if !self.pass(text, has_anchor, &mut scratch.found, out, &mut each) {
            return false;
        }
        for _ in 1..PASSES {
            scratch.text.clear();
            if !self.pass(&out[start..], true, &mut scratch.found, &mut scratch.text, &mut each) {
                break;
            }
            out.truncate(start);
            out.push_str(&scratch.text);
        }
        true
    }

    fn pass(
        &self,
        text: &str,
        has_anchor: bool,
        found: &mut Vec<Found>,
        out: &mut String,
        each: &mut impl FnMut(Kind),
    ) -> bool {
        found.clear();
        self.look(text, has_anchor, found);
        places::settle(found);
        let mut at = 0;
        for found in found.iter() {
            out.push_str(&text[at..found.place.start]);
            self.replace(&text[found.place.clone()], found, out);
            each(found.kind);
            at = found.place.end;
        }
        if at > 0 {
            out.push_str(&text[at..]);
        }
        !found.is_empty()
    }

    /// As [`mask`](Self::mask), for the value of a field called `name`: what is called `password` is one.
    pub fn mask_field(
        &self,
        name: &str,
        text: &str,
        scratch: &mut Scratch,
        out: &mut String,
        mut each: impl FnMut(Kind),
    ) -> bool {
        if self.anchors.is_some() && pairs::is_secret(name, text) {
            self.replace(text, &Found::new(0..text.len(), Kind::Password), out);
            each(Kind::Password);
            return true;
        }
        self.mask(text, scratch, out, each)
    }

    /// Whether credentials are masked, and so keys that come line by line.
    pub fn masks_keys(&self) -> bool {
        self.anchors.is_some()
    }

    /// Whether what a field of this name has may be a secret whatever it looks like.
    pub fn suspects(&self, name: &str) -> bool {
        self.anchors.is_some() && pairs::is_suspect(name)
    }

    /// Whether a field of this name may have no number in it either.
    pub fn hides_numbers_of(&self, name: &str) -> bool {
        self.anchors.is_some() && pairs::is_strong(name)
    }

    /// What a kind is called in replacements and counters.
    pub fn name(&self, kind: Kind) -> &str {
        match kind {
            Kind::AwsKey => "aws-key",
            Kind::GcpKey => "gcp-key",
            Kind::GithubToken => "github-token",
            Kind::SlackToken => "slack-token",
            Kind::ServiceKey => "service-key",
            Kind::Jwt => "jwt",
            Kind::PrivateKey => "private-key",
            Kind::Password => "password",
            Kind::UrlPassword => "url-password",
            Kind::Authorization => "authorization",
            Kind::ResidentNumber => "resident-number",
            Kind::Email => "email",
            Kind::Card => "card",
            Kind::Iban => "iban",
            Kind::Phone => "phone",
            Kind::Ip => "ip",
            Kind::Custom(at) => self.custom.get(usize::from(at)).map_or("custom", |(name, _)| name),
        }
    }

    fn look(&self, text: &str, has_anchor: bool, found: &mut Vec<Found>) {
        if let Some(anchors) = self.anchors.as_ref().filter(|_| has_anchor) {
            self.look_at_anchors(anchors, text, found);
        }
        if self.resident_numbers {
            korean::look(text, found);
        }
        let certain = found.len();
        if self.personal.any() {
            self.personal.look(text, found);
        }
        for (at, (_, pattern)) in self.custom.iter().enumerate() {
            let kind = Kind::Custom(at as u16);
            pattern.places(text, |place| {
                if !place.is_empty() {
                    found.push(Found::new(place, kind));
                }
            });
        }
        places::leave_masked(text, found, certain);
    }

    fn look_at_anchors(&self, anchors: &AhoCorasick, text: &str, found: &mut Vec<Found>) {
        let mut at = 0;
        while let Some(hit) = anchors.find(Input::new(text).range(at..)) {
            let (_, anchor) = anchors::ALL[hit.pattern().as_usize()];
            let here = hit.range();
            let next = match anchor {
                Anchor::Key => pairs::look(text, here.clone()),
                Anchor::Word => pairs::look_word(text, here.clone()),
                Anchor::Resident if self.resident_numbers => korean::look_near(text, here.end),
                Anchor::Resident => None,
                other => tokens::look(text, here.clone(), other),
            };
            at = here.end;
            if let Some(next) = next {
                at = at.max(next.place.end);
                found.push(next);
            }
        }
    }
}
