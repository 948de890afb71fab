//! `logs`, `logs query`: lines, page after page.

use query::logql::Expr;

use super::client::Loki;
use super::entries::{Entry, of_streams};
use super::output::Shown;
use super::{Asked, nothing, numbers, question};
use crate::{Context, Exit, Failed, Outcome};

/// Lines of one answer.
const PAGE: usize = 2_000;
/// Lines of one answer where more than a page have the same time: what servers allow.
const MOST: usize = 5_000;

pub(super) fn run(asked: &Asked, words: &[String], context: &mut Context<'_>) -> Outcome {
    let loki = asked.server()?;
    let bounds = asked.between.bounds();
    let (query, expr) = question(&loki, words, bounds)?;
    if matches!(expr, Expr::Metric(_)) {
        return numbers::range(asked, &loki, &query, bounds, context);
    }
    let mut shown = asked.shown(context);
    let mut pages = Pages::new(&loki, &query, bounds, asked);
    let mut any = false;
    while let Some(entries) = pages.next()? {
        any |= !entries.is_empty();
        print(&mut shown, &entries, context)?;
    }
    if pages.skipped {
        asked.say(
            context,
            &format!("more than {MOST} lines have the same time; some of them are not shown"),
        )?;
    }
    if !any {
        return nothing(asked, context, &query);
    }
    Ok(Exit::Success)
}

fn print(shown: &mut Shown, entries: &[Entry], context: &mut Context<'_>) -> Result<(), Failed> {
    for entry in entries {
        shown.entry(entry, context.out)?;
    }
    Ok(())
}

/// A long answer, asked for piece by piece.
struct Pages<'a> {
    loki: &'a Loki,
    query: &'a str,
    start: i64,
    end: i64,
    forward: bool,
    /// How many lines are still wanted.
    left: usize,
    /// Lines that were shown of the time at which the next page begins.
    seen: Vec<Entry>,
    page: usize,
    done: bool,
    skipped: bool,
}

impl<'a> Pages<'a> {
    fn new(loki: &'a Loki, query: &'a str, (start, end): (i64, i64), asked: &Asked) -> Self {
        let left = if asked.limit == 0 { usize::MAX } else { asked.limit };
        let (seen, forward) = (Vec::new(), asked.forward);
        Self { loki, query, start, end, forward, left, seen, page: PAGE, done: false, skipped: false }
    }

    /// The next lines; `None`: no more.
    fn next(&mut self) -> Result<Option<Vec<Entry>>, Failed> {
        if self.done || self.left == 0 || self.start >= self.end {
            return Ok(None);
        }
        let limit = self.left.saturating_add(self.seen.len()).min(self.page);
        let direction = if self.forward { "forward" } else { "backward" };
        let asked = [
            ("query", self.query.to_owned()),
            ("start", self.start.to_string()),
            ("end", self.end.to_string()),
            ("limit", limit.to_string()),
            ("direction", direction.to_owned()),
        ];
        let all = of_streams(&self.loki.data("query_range", &asked)?["result"], self.forward);
        self.done = all.len() < limit;
        let Some(last) = all.last().map(|entry| entry.time) else { return Ok(Some(all)) };
        let mut seen = std::mem::take(&mut self.seen);
        let mut new: Vec<Entry> = Vec::with_capacity(all.len());
        for entry in &all {
            match seen.iter().position(|one| one == entry) {
                Some(at) => drop(seen.swap_remove(at)),
                None => new.push(entry.clone()),
            }
        }
        new.truncate(self.left);
        self.left -= new.len();
        if new.is_empty() && !self.done {
            // A page of one time only: a larger one, then past it.
            self.seen = all;
            match self.page {
                PAGE => self.page = MOST,
                _ => self.pass(last),
            }
            return Ok(Some(new));
        }
        // The time of the last line may have more: it is asked for again.
        self.seen = all.into_iter().filter(|entry| entry.time == last).collect();
        match self.forward {
            true => self.start = last,
            false => self.end = last.saturating_add(1),
        }
        Ok(Some(new))
    }

    fn pass(&mut self, last: i64) {
        (self.skipped, self.page) = (true, PAGE);
        self.seen.clear();
        match self.forward {
            true => self.start = last.saturating_add(1),
            false => self.end = last,
        }
    }
}
