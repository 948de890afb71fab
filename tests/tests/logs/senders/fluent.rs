//! Fluentd's forward protocol, as far as a sender needs it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use super::http::gzip;
use super::{Answer, Send, Target};
use crate::clock::next_ns;

/// A text or bytes, with a length of four bytes.
fn long(out: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    out.push(kind);
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend_from_slice(bytes);
}

const TEXT: u8 = 0xdb;
const BYTES: u8 = 0xc6;

fn entries(lines: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    for line in lines {
        let ns = next_ns();
        out.extend([0x92, 0xd7, 0]);
        out.extend(((ns / 1_000_000_000) as u32).to_be_bytes());
        out.extend(((ns % 1_000_000_000) as u32).to_be_bytes());
        out.push(0x81);
        long(&mut out, TEXT, b"log");
        long(&mut out, TEXT, line.as_bytes());
    }
    out
}

enum Mode {
    Forward,
    Packed,
    Compressed,
}

fn message(mode: &Mode, lines: &[String], chunk: &str) -> Vec<u8> {
    let mut out = vec![0x93];
    long(&mut out, TEXT, b"proof.fluent");
    match mode {
        Mode::Forward => {
            out.push(0xdd);
            out.extend((lines.len() as u32).to_be_bytes());
            out.extend(entries(lines));
        }
        Mode::Packed => long(&mut out, BYTES, &entries(lines)),
        Mode::Compressed => long(&mut out, BYTES, &gzip(&entries(lines))),
    }
    out.push(if matches!(mode, Mode::Compressed) { 0x82 } else { 0x81 });
    long(&mut out, TEXT, b"chunk");
    long(&mut out, TEXT, chunk.as_bytes());
    if matches!(mode, Mode::Compressed) {
        long(&mut out, TEXT, b"compressed");
        long(&mut out, TEXT, b"gzip");
    }
    out
}

fn sender(target: &Target, mode: Mode) -> Send {
    let (address, patience): (SocketAddr, _) = (target.address("fluent", 0), target.patience);
    let mut connection: Option<TcpStream> = None;
    Box::new(move |lines| {
        let chunk = format!("{:032x}", next_ns());
        let mut talk = || -> std::io::Result<bool> {
            let mut stream = match connection.take() {
                Some(stream) => stream,
                None => TcpStream::connect(address)?,
            };
            stream.set_read_timeout(Some(patience))?;
            stream.set_write_timeout(Some(patience))?;
            stream.write_all(&message(&mode, lines, &chunk))?;
            let mut heard = Vec::new();
            // {"ack": chunk}
            while !heard.windows(chunk.len()).any(|part| part == chunk.as_bytes()) {
                let mut some = [0; 256];
                let count = stream.read(&mut some)?;
                if count == 0 {
                    return Ok(false);
                }
                heard.extend_from_slice(&some[..count]);
            }
            connection = Some(stream);
            Ok(true)
        };
        match talk() {
            Ok(true) => Answer::Acknowledged,
            Ok(false) => Answer::Broken,
            Err(error) => super::streams::of_error(&error),
        }
    })
}

pub fn forward(target: &Target) -> Send {
    sender(target, Mode::Forward)
}

pub fn packed(target: &Target) -> Send {
    sender(target, Mode::Packed)
}

pub fn compressed(target: &Target) -> Send {
    sender(target, Mode::Compressed)
}
