//! Many sources in one order: each is opened when its turn comes, and read once.

use std::cmp::Ordering;

use model::records::{ABSENT, ColumnStream, Columns, FieldColumn, TextColumn, Values};
use model::{Ctx, Order, Reservation, Result};

use super::columns::{Type, memory, pad, push, push_text, rows_of};
use super::parallel;

/// Rows of a batch, and bytes of its messages, after which it is handed over.
const BATCH_ROWS: usize = 4096;
const BATCH_BYTES: usize = 1 << 20;
/// The most sources that are opened at one time.
const MOST_AHEAD: usize = 64;
/// So many sources are asked at first, before any is opened, and at most so many; a thread takes so many of them.
const LEAST_SIFTED: usize = 64;
const MOST_SIFTED: usize = 4096;
const SIFTED: usize = 16;
/// A source that has so many rows before all others is taken by itself.
const RUN: usize = 64;

/// Where a source stands among others that have rows of the same time: what was written later has a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(pub(super) u64, pub(super) u32);

/// A source that is not open yet.
pub(super) struct Lazy<S> {
    /// No row of it comes before this time, in the asked order.
    pub(super) bound: i64,
    pub(super) rank: Rank,
    pub(super) source: S,
}

/// Opens sources.
pub(super) trait Open: Send + Sync {
    type Source: Send + Sync;

    /// Whether it can say of a source that there is nothing, without opening it.
    fn sifts(&self) -> bool {
        false
    }

    /// Whether a source may have rows that are wanted: `false` is certain.
    fn may_have(&self, _source: &Self::Source) -> Result<bool> {
        Ok(true)
    }

    /// The rows of a source that are wanted, in the asked order; `None`: there are none.
    fn open(&self, source: Self::Source) -> Result<Option<Columns>>;
}

/// An open source.
struct Piece {
    columns: Columns,
    at: usize,
    rank: Rank,
    /// For each stream of it, its place in the batch under construction.
    streams: Vec<u32>,
    /// For each column of fields the column of the batch, and for each word there its number.
    fields: Vec<(usize, Vec<u32>)>,
    /// Of which batch `streams` and `fields` speak.
    batch: u64,
    _reserved: Reservation,
}

/// The merged rows.
pub(super) struct Merge<O: Open> {
    ctx: Ctx,
    order: Order,
    opener: O,
    /// The next one last.
    lazy: Vec<Lazy<O::Source>>,
    /// The next one last.
    open: Vec<Piece>,
    /// How many rows are still to come, if there is a limit.
    left: usize,
    batch: u64,
    /// How many of the next sources are not to be asked any more whether they may have something.
    sifted: usize,
    /// How many sources are asked at one time.
    sieve: usize,
    /// How many sources are opened at one time.
    ahead: usize,
    /// For [`Merge::weave`], kept for its memory.
    keys: Vec<Key>,
}

/// A row of an open source.
#[derive(Clone, Copy)]
struct Key {
    time: i64,
    rank: Rank,
    piece: u32,
    row: u32,
}

fn compare(order: Order, a: (i64, Rank), b: (i64, Rank)) -> Ordering {
    match order {
        Order::Ascending => a.cmp(&b),
        Order::Descending => b.cmp(&a),
    }
}

impl Piece {
    fn key(&self) -> (i64, Rank) {
        (self.columns.times[self.at], self.rank)
    }
}

impl<O: Open> Merge<O> {
    pub(super) fn new(
        ctx: &Ctx,
        order: Order,
        limit: usize,
        opener: O,
        mut lazy: Vec<Lazy<O::Source>>,
    ) -> Self {
        lazy.sort_by(|a, b| compare(order, (b.bound, b.rank), (a.bound, a.rank)));
        let left = if limit == 0 { usize::MAX } else { limit };
        let sifts = opener.sifts();
        Self {
            ctx: ctx.clone(),
            order,
            opener,
            lazy,
            open: Vec::new(),
            left,
            batch: 0,
            sifted: if sifts { 0 } else { usize::MAX },
            sieve: LEAST_SIFTED,
            ahead: 1,
            keys: Vec::new(),
        }
    }

    /// Opens every source that may have the next row, several at one time: more and more of them while they have nothing.
    fn settle(&mut self) -> Result<()> {
        loop {
            let mut due = Vec::new();
            while due.len() < self.ahead && self.is_due() {
                if self.sifted == 0 {
                    self.sift()?;
                    continue;
                }
                due.extend(self.lazy.pop());
                self.sifted -= 1;
            }
            if due.is_empty() {
                return Ok(());
            }
            let found = self.open_all(due)?;
            self.ahead = match found.is_empty() {
                true => (self.ahead * 2).min(MOST_AHEAD),
                false if self.left == usize::MAX => parallel::threads(),
                false => 1,
            };
            found.into_iter().for_each(|piece| self.insert(piece));
        }
    }

    /// Whether the next source may have the next row.
    fn is_due(&self) -> bool {
        self.lazy.last().is_some_and(|next| {
            let first = self.open.last();
            first.is_none_or(|p| !compare(self.order, p.key(), (next.bound, next.rank)).is_lt())
        })
    }

    /// Drops those of the next sources that have nothing: more and more at one time, as asking costs little.
    fn sift(&mut self) -> Result<()> {
        let asked = self.lazy.split_off(self.lazy.len().saturating_sub(self.sieve));
        self.sieve = (self.sieve * 4).min(MOST_SIFTED);
        let (ctx, opener) = (&self.ctx, &self.opener);
        let threads = parallel::threads().min(asked.len() / LEAST_SIFTED).max(1);
        let none =
            parallel::each(asked.chunks(SIFTED).enumerate(), threads, Vec::new, |none, (chunk, some)| {
                ctx.check()?;
                for (at, lazy) in some.iter().enumerate() {
                    if !opener.may_have(&lazy.source)? {
                        none.push(chunk * SIFTED + at);
                    }
                }
                Ok::<_, model::Error>(())
            })?;
        let mut keep = vec![true; asked.len()];
        none.into_iter().flatten().for_each(|at| keep[at] = false);
        let before = self.lazy.len();
        self.lazy.extend(asked.into_iter().zip(keep).filter_map(|(lazy, keep)| keep.then_some(lazy)));
        self.sifted = self.lazy.len() - before;
        Ok(())
    }

    fn open_all(&self, due: Vec<Lazy<O::Source>>) -> Result<Vec<Piece>> {
        let (ctx, opener) = (&self.ctx, &self.opener);
        let threads = parallel::threads().min(due.len());
        let found = parallel::each(due, threads, Vec::new, |found, Lazy { rank, source, .. }| {
            ctx.check()?;
            let Some(columns) = opener.open(source)?.filter(|c| !c.is_empty()) else { return Ok(()) };
            let _reserved = ctx.budget.reserve(memory(&columns))?;
            let (streams, fields) = (Vec::new(), Vec::new());
            found.push(Piece { columns, at: 0, rank, streams, fields, batch: 0, _reserved });
            Ok::<_, model::Error>(())
        })?;
        Ok(found.into_iter().flatten().collect())
    }

    fn insert(&mut self, piece: Piece) {
        let (order, key) = (self.order, piece.key());
        let at = self.open.partition_point(|p| compare(order, p.key(), key).is_gt());
        self.open.insert(at, piece);
    }

    /// Moves rows of many sources, of which each has few in a row, by sorting some of each at once. Gives how many; none
    /// where the first rows of all are of one time.
    fn weave(&mut self, out: &mut Columns) -> usize {
        let (order, room) = (self.order, (BATCH_ROWS - out.len()).min(self.left));
        let most = (2 * room / self.open.len().max(1)).max(16);
        // Only what comes before the first row that is not looked at is in its place.
        let mut end = self.lazy.last().map(|l| (l.bound, l.rank));
        self.keys.clear();
        for (piece, p) in self.open.iter().enumerate() {
            let (times, rank) = (&p.columns.times, p.rank);
            let upto = (p.at + most).min(times.len());
            let key = |row: usize| Key { time: times[row], rank, piece: piece as u32, row: row as u32 };
            self.keys.extend((p.at..upto).map(key));
            if let Some(time) = times.get(upto) {
                let next = (*time, rank);
                end = Some(end.map_or(next, |e| if compare(order, next, e).is_lt() { next } else { e }));
            }
        }
        if let Some(end) = end {
            self.keys.retain(|k| compare(order, (k.time, k.rank), end).is_lt());
        }
        self.keys.sort_unstable_by(|a, b| {
            compare(order, (a.time, a.rank), (b.time, b.rank)).then((a.piece, a.row).cmp(&(b.piece, b.row)))
        });
        let mut moved = 0;
        for key in self.keys.iter().take(room) {
            if out.body.as_ref().is_some_and(|body| body.words.bytes() >= BATCH_BYTES) {
                break;
            }
            // Rows of a source are in order, so that this one is its next.
            take(&mut self.open[key.piece as usize], 1, out, self.batch);
            moved += 1;
        }
        self.open.retain(|p| p.at < p.columns.len());
        self.open.sort_by(|a, b| compare(order, b.key(), a.key()));
        moved
    }

    fn first_run(&self) -> usize {
        self.open.split_last().map_or(0, |(piece, others)| self.run(piece, others))
    }

    /// How many rows of the piece come before everything else.
    fn run(&self, piece: &Piece, others: &[Piece]) -> usize {
        let others = others.last().map(Piece::key).into_iter();
        let lazies = self.lazy.last().map(|l| (l.bound, l.rank)).into_iter();
        let Some(next) = others.chain(lazies).min_by(|a, b| compare(self.order, *a, *b)) else {
            return piece.columns.len() - piece.at;
        };
        let before = |time: &i64| compare(self.order, (*time, piece.rank), next).is_lt();
        // At least its first row does: the piece was the first of all.
        piece.columns.times[piece.at..].partition_point(before).max(1)
    }
}

impl<O: Open> ColumnStream for Merge<O> {
    fn next(&mut self, out: &mut Columns) -> Result<bool> {
        out.clear();
        out.exact = true;
        self.batch += 1;
        while out.len() < BATCH_ROWS && self.left > 0 {
            if out.body.as_ref().is_some_and(|body| body.words.bytes() >= BATCH_BYTES) {
                break;
            }
            self.settle()?;
            if self.open.len() > 1 {
                let moved = if self.first_run() < RUN { self.weave(out) } else { 0 };
                self.left -= moved;
                if moved > 0 {
                    continue;
                }
            }
            let Some(mut piece) = self.open.pop() else { break };
            let run = self.run(&piece, &self.open).min(self.left);
            if out.is_empty() && piece.at == 0 && run == piece.columns.len() && run <= 4 * BATCH_ROWS {
                self.left -= run;
                *out = piece.columns;
                return Ok(true);
            }
            let run = run.min(BATCH_ROWS - out.len());
            take(&mut piece, run, out, self.batch);
            self.left -= run;
            if piece.at < piece.columns.len() {
                self.insert(piece);
            }
        }
        out.fields.iter_mut().for_each(|f| pad(&mut f.values, out.times.len()));
        Ok(!out.is_empty())
    }
}

/// Moves the next rows of a piece into a batch.
fn take(piece: &mut Piece, run: usize, out: &mut Columns, batch: u64) {
    if piece.batch != batch {
        piece.batch = batch;
        piece.streams = vec![ABSENT; piece.columns.streams.len()];
        piece.fields = piece.columns.fields.iter().map(|from| (field_of(out, from), Vec::new())).collect();
    }
    for row in piece.at..piece.at + run {
        out.times.push(piece.columns.times[row]);
        let stream = piece.columns.stream[row] as usize;
        if piece.streams[stream] == ABSENT {
            let labels = &piece.columns.streams[stream];
            piece.streams[stream] = match out.streams.iter().rposition(|s| s == labels) {
                Some(at) => at as u32,
                None => {
                    out.streams.push(labels.clone());
                    (out.streams.len() - 1) as u32
                }
            };
        }
        out.stream.push(piece.streams[stream]);
    }
    let rows = piece.at..piece.at + run;
    if let Some(from) = &piece.columns.body {
        let to = out.body.get_or_insert_with(TextColumn::default);
        rows.clone().for_each(|row| push_text(to, from.get(row).unwrap_or_default()));
    }
    let before = out.times.len() - run;
    for (from, (at, words)) in piece.columns.fields.iter().zip(&mut piece.fields) {
        let to = &mut out.fields[*at].values;
        match (&from.values, to) {
            (Values::Text(from), Values::Text(to)) => {
                words.resize(from.words.len(), ABSENT);
                for (number, row) in rows.clone().enumerate() {
                    let id = from.ids[row];
                    if id == ABSENT {
                        continue;
                    }
                    let word = &mut words[id as usize];
                    if *word == ABSENT {
                        *word = to.words.push(from.words.get(id));
                    }
                    // A batch has one column of a name, an origin and a type, and so has a piece.
                    to.ids.resize(before + number, ABSENT);
                    to.ids.push(*word);
                }
            }
            (_, to) => {
                for (number, row) in rows.clone().enumerate() {
                    if let Some(value) = from.get(row)
                        && rows_of(to) <= before + number
                    {
                        pad(to, before + number);
                        push(to, value);
                    }
                }
            }
        }
    }
    piece.at += run;
}

/// The batch's column for values like these.
fn field_of(out: &mut Columns, from: &FieldColumn) -> usize {
    let kind = Type::of_values(&from.values);
    let same = |f: &FieldColumn| {
        f.origin == from.origin && f.name == from.name && Type::of_values(&f.values) == kind
    };
    out.fields.iter().position(same).unwrap_or_else(|| {
        out.fields.push(FieldColumn { name: from.name.clone(), origin: from.origin, values: kind.empty() });
        out.fields.len() - 1
    })
}
