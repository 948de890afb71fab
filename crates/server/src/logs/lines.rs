//! Protocols without acknowledgements over a stream: syslog, GELF, JSON lines.

use std::io;

use jiff::tz::TimeZone;
use wire::logs::{Frames, Framing, Rows};
use wire::syslog::Beside;

use super::config::Protocol;
use super::door::Batch;
use super::link::{Filled, Link};

/// Bytes that stand before a message of syslog.
const HEADER: usize = 4096;

/// Reads until the client ends.
pub(super) async fn run(
    mut link: Link,
    protocol: Protocol,
    zone: TimeZone,
    line_bytes: usize,
) -> io::Result<()> {
    let mut frames = match protocol {
        Protocol::Syslog => Frames::new(Framing::Syslog, line_bytes + HEADER),
        Protocol::Gelf => Frames::new(Framing::EndsWith(0), link.most),
        _ => Frames::new(Framing::EndsWith(b'\n'), link.most),
    };
    let reader = Reader { protocol, peer: link.peer.clone(), zone };
    loop {
        let filled = link.fill().await?;
        let mut batch = Batch::default();
        let door = link.door.clone();
        let mut bad = 0;
        let done = door.fill(&mut batch, |rows| {
            let mut at = 0;
            loop {
                let unread = link.unread().get(at..).unwrap_or_default();
                let (done, frame) = frames.next(unread);
                bad += u64::from(frame.is_some_and(|frame| !reader.read(frame, rows)));
                if done == 0 {
                    break;
                }
                at += done;
            }
            if filled == Filled::End
                && let Some(last) = frames.last(link.unread().get(at..).unwrap_or_default())
            {
                bad += u64::from(!reader.read(last, rows));
            }
            at
        });
        link.advance(done);
        door.metrics.malformed(link.input, "message", bad);
        if !link.deliver(batch).await || filled != Filled::More {
            return Ok(());
        }
    }
}

/// Makes records of messages.
pub(super) struct Reader {
    pub(super) protocol: Protocol,
    pub(super) peer: String,
    pub(super) zone: TimeZone,
}

impl Reader {
    /// `false`: it was malformed.
    pub(super) fn read(&self, message: &[u8], rows: &mut Rows<'_>) -> bool {
        if message.trim_ascii().is_empty() {
            return true;
        }
        match self.protocol {
            Protocol::Syslog => {
                let now = jiff::Timestamp::from_nanosecond(i128::from(rows.now_ns())).unwrap_or_default();
                let offset_s = i64::from(self.zone.to_offset(now).seconds());
                wire::syslog::read(message, Beside { peer: &self.peer, offset_s }, rows);
                true
            }
            Protocol::Gelf => wire::gelf::read(message, &self.peer, rows).is_ok(),
            _ => wire::json_lines::read(message, &[("input", "json")], rows),
        }
    }
}
