//! Lumberjack: windows of events, acknowledged once they are durable.

use std::io;
use std::time::Duration;

use model::Result;
use wire::lumberjack::{Frame, acknowledgement, frame, read, read_pairs, unpack};

use super::door::Batch;
use super::link::{Filled, Link};

/// A client that waits hears of us so often.
const ALIVE: Duration = Duration::from_secs(10);
/// A batch of so many bytes is written before its window is complete.
const FULL: usize = 4 << 20;

/// The window under way.
#[derive(Debug, Default)]
struct Window {
    version: u8,
    size: u32,
    /// Events of it so far.
    seen: u32,
    /// Number of the last event.
    last: u32,
    /// Whether events came since the last acknowledgement.
    owed: bool,
}

impl Window {
    const fn is_complete(&self) -> bool {
        self.owed && self.seen >= self.size
    }
}

/// Reads until the client ends.
pub(super) async fn run(mut link: Link) -> io::Result<()> {
    let mut window = Window::default();
    let mut batch = Batch::default();
    loop {
        let filled = link.fill().await?;
        loop {
            // Up to the end of a window: what is behind it is not to be waited for by those before.
            match next(&mut link, &mut window, &mut batch) {
                Ok(true) if window.is_complete() || batch.records.text_bytes() >= FULL => {
                    let taken = std::mem::take(&mut batch);
                    if !acknowledge(&mut link, &mut window, taken).await? {
                        return Ok(());
                    }
                }
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    // What was understood is kept; it is not acknowledged, so it may come again.
                    link.malformed("frame", &error);
                    link.deliver(batch).await;
                    return Ok(());
                }
            }
        }
        if filled != Filled::More {
            if filled == Filled::End && !link.unread().is_empty() {
                link.malformed("incomplete", &"the connection ended within a frame");
            }
            // The window was not completed: the client sends it again.
            link.deliver(batch).await;
            return Ok(());
        }
    }
}

/// Takes the next frame; `false`: more bytes are needed.
fn next(link: &mut Link, window: &mut Window, batch: &mut Batch) -> Result<bool> {
    let door = link.door.clone();
    let unread = link.unread();
    let Some((found, len)) = frame(unread, link.most)? else { return Ok(false) };
    window.version = unread.first().copied().unwrap_or(b'2');
    let mut texts = 0;
    match found {
        Frame::Compressed(bytes) => {
            let plain = unpack(bytes, link.most)?;
            let mut rest: &[u8] = &plain;
            while let Some((inner, len)) = frame(rest, link.most)? {
                if matches!(inner, Frame::Compressed(_)) {
                    return Err(model::Error::invalid("a compressed frame within another"));
                }
                door.fill(batch, |rows| take(&inner, window, rows, &mut texts));
                rest = rest.get(len..).unwrap_or_default();
            }
            if !rest.is_empty() {
                return Err(model::Error::invalid("a frame goes on behind its compressed frame"));
            }
        }
        plain => door.fill(batch, |rows| take(&plain, window, rows, &mut texts)),
    }
    door.metrics.malformed(link.input, "not_json", texts);
    link.advance(len);
    Ok(true)
}

fn take(found: &Frame<'_>, window: &mut Window, rows: &mut wire::logs::Rows<'_>, texts: &mut u64) {
    let number = match found {
        Frame::Window(size) => {
            (window.size, window.seen) = (*size, 0);
            return;
        }
        Frame::Json(number, event) => {
            *texts += u64::from(!read(event, rows));
            *number
        }
        Frame::Pairs(number, pairs) => {
            read_pairs(pairs, rows);
            *number
        }
        Frame::Compressed(_) => return,
    };
    window.seen = window.seen.saturating_add(1);
    (window.last, window.owed) = (number, true);
}

/// Writes what there is and acknowledges it; meanwhile the client is told that we are alive. `false`: the server stops.
async fn acknowledge(link: &mut Link, window: &mut Window, batch: Batch) -> io::Result<bool> {
    let (door, stop, input) = (link.door.clone(), link.stop.clone(), link.input);
    let version = window.version;
    let write = door.deliver(input, batch, &stop);
    tokio::pin!(write);
    let written = loop {
        tokio::select! {
            written = &mut write => break written,
            () = tokio::time::sleep(ALIVE) => link.send(&acknowledgement(version, 0)).await?,
        }
    };
    if written && window.owed {
        window.owed = false;
        link.send(&acknowledgement(version, window.last)).await?;
    }
    Ok(written)
}
