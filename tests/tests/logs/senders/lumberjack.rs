//! Lumberjack, as Beats speak it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use serde_json::json;

use super::{Answer, Send, Target};

/// A window of events, and its frames compressed or not.
pub fn window(lines: &[String], compressed: bool) -> Vec<u8> {
    let mut out = b"2W".to_vec();
    out.extend((lines.len() as u32).to_be_bytes());
    let mut frames = Vec::new();
    for (number, line) in (1u32..).zip(lines) {
        let event = json!({"message": line, "host": {"name": "box"}}).to_string();
        frames.extend(b"2J");
        frames.extend(number.to_be_bytes());
        frames.extend((event.len() as u32).to_be_bytes());
        frames.extend(event.as_bytes());
    }
    if compressed {
        let packed = zlib(&frames);
        out.extend(b"2C");
        out.extend((packed.len() as u32).to_be_bytes());
        out.extend(packed);
    } else {
        out.extend(frames);
    }
    out
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn sender(target: &Target, compressed: bool) -> Send {
    let (address, patience) = (target.address("beats", 0), target.patience);
    let mut connection: Option<TcpStream> = None;
    Box::new(move |lines| {
        let mut talk = || -> std::io::Result<bool> {
            let mut stream = match connection.take() {
                Some(stream) => stream,
                None => TcpStream::connect(address)?,
            };
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            stream.write_all(&window(lines, compressed))?;
            let begun = Instant::now();
            let mut acknowledged = 0;
            // While it waits it is told that the other side is alive, by an acknowledgement of what was before.
            while acknowledged < lines.len() as u32 {
                if begun.elapsed() > patience {
                    return Err(std::io::ErrorKind::TimedOut.into());
                }
                let mut frame = [0; 6];
                stream.read_exact(&mut frame)?;
                assert_eq!(&frame[..2], b"2A");
                acknowledged = u32::from_be_bytes([frame[2], frame[3], frame[4], frame[5]]);
            }
            connection = Some(stream);
            Ok(true)
        };
        match talk() {
            Ok(_) => Answer::Acknowledged,
            Err(error) => super::streams::of_error(&error),
        }
    })
}

pub fn plain(target: &Target) -> Send {
    sender(target, false)
}

pub fn compressed(target: &Target) -> Send {
    sender(target, true)
}
