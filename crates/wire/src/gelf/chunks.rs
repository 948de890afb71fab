//! Messages of several datagrams: a magic, an id of eight bytes, a place, how many there are, a piece.

use std::borrow::Cow;
use std::collections::HashMap;

const MAGIC: [u8; 2] = [0x1e, 0x0f];
const HEADER: usize = 12;
/// Pieces a message may have.
const MOST_PIECES: usize = 128;
/// Messages that may be incomplete at one time.
const MOST_OPEN: usize = 1024;
/// After so long a message is given up.
pub(super) const PATIENCE_NS: i64 = 5_000_000_000;

/// What a datagram led to.
#[derive(Debug, PartialEq, Eq)]
pub enum Whole<'a> {
    /// A message is complete.
    Message(Cow<'a, [u8]>),
    /// More pieces are to come.
    More,
    /// It is no piece of any message.
    Malformed,
}

/// Puts pieces together, within bounds.
#[derive(Debug)]
pub struct Chunks {
    pub(super) open: HashMap<[u8; 8], Open>,
    pub(super) bytes: usize,
    most_bytes: usize,
    /// Messages that were given up: too late, or there was no room for them.
    pub given_up: u64,
}

#[derive(Debug)]
pub(super) struct Open {
    since_ns: i64,
    pieces: Vec<Option<Vec<u8>>>,
    missing: usize,
    bytes: usize,
}

impl Chunks {
    /// Pieces take at most `most_bytes` together.
    pub fn new(most_bytes: usize) -> Self {
        Self { open: HashMap::new(), bytes: 0, most_bytes, given_up: 0 }
    }

    /// Takes a datagram.
    pub fn add<'a>(&mut self, datagram: &'a [u8], now_ns: i64) -> Whole<'a> {
        if !datagram.starts_with(&MAGIC) {
            return Whole::Message(Cow::Borrowed(datagram));
        }
        let Some((header, piece)) = datagram.split_at_checked(HEADER) else { return Whole::Malformed };
        let (place, count) = (usize::from(header[10]), usize::from(header[11]));
        let Ok(id) = <[u8; 8]>::try_from(&header[2..10]) else { return Whole::Malformed };
        if count == 0 || count > MOST_PIECES || place >= count {
            return Whole::Malformed;
        }
        self.forget_old(now_ns);
        if self.bytes + piece.len() > self.most_bytes
            || (self.open.len() == MOST_OPEN && !self.open.contains_key(&id))
        {
            self.given_up += 1;
            self.forget(id);
            return Whole::More;
        }
        let open = self.open.entry(id).or_insert_with(|| Open {
            since_ns: now_ns,
            pieces: vec![None; count],
            missing: count,
            bytes: 0,
        });
        match open.pieces.get_mut(place) {
            Some(empty @ None) => *empty = Some(piece.to_vec()),
            // Once more, as UDP may do.
            Some(Some(_)) => return Whole::More,
            None => return Whole::Malformed,
        }
        open.missing -= 1;
        open.bytes += piece.len();
        self.bytes += piece.len();
        if open.missing > 0 {
            return Whole::More;
        }
        let whole = open.pieces.iter().flatten().flatten().copied().collect::<Vec<u8>>();
        self.forget(id);
        Whole::Message(whole.into())
    }

    fn forget(&mut self, id: [u8; 8]) {
        if let Some(open) = self.open.remove(&id) {
            self.bytes -= open.bytes;
        }
    }

    fn forget_old(&mut self, now_ns: i64) {
        let before = self.open.len();
        let bytes = &mut self.bytes;
        self.open.retain(|_, open| {
            let stays = now_ns.saturating_sub(open.since_ns) < PATIENCE_NS;
            if !stays {
                *bytes -= open.bytes;
            }
            stays
        });
        self.given_up += (before - self.open.len()) as u64;
    }
}
