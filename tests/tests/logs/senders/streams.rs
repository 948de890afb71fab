//! Protocols without acknowledgements: syslog, GELF, JSON lines over TCP, and datagrams.

use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use serde_json::json;

use super::{Answer, Send, Target};

pub fn of_error(error: &io::Error) -> Answer {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Answer::Silence,
        _ => Answer::Broken,
    }
}

fn tcp(
    address: SocketAddr,
    patience: Duration,
    frame: impl Fn(&str) -> Vec<u8> + std::marker::Send + 'static,
) -> Send {
    let mut connection: Option<TcpStream> = None;
    Box::new(move |lines| {
        let mut talk = || -> io::Result<()> {
            if connection.is_none() {
                let stream = TcpStream::connect(address)?;
                stream.set_write_timeout(Some(patience))?;
                connection = Some(stream);
            }
            let all: Vec<u8> = lines.iter().flat_map(|line| frame(line)).collect();
            connection.as_mut().unwrap().write_all(&all)
        };
        match talk() {
            Ok(()) => Answer::Sent,
            // Whoever is not read stays connected: what the kernel holds still goes its way.
            Err(error) => of_error(&error),
        }
    })
}

fn udp(address: SocketAddr, datagram: impl Fn(&str) -> Vec<Vec<u8>> + std::marker::Send + 'static) -> Send {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    Box::new(move |lines| {
        for piece in lines.iter().flat_map(|line| datagram(line)) {
            if let Err(error) = socket.send_to(&piece, address) {
                return of_error(&error);
            }
        }
        Answer::Sent
    })
}

fn syslog(line: &str) -> Vec<u8> {
    format!("<14>1 - box proof - - - {line}").into_bytes()
}

pub fn syslog_counted(target: &Target) -> Send {
    let counted = |line: &str| {
        let message = syslog(line);
        [format!("{} ", message.len()).into_bytes(), message].concat()
    };
    tcp(target.address("syslog", 0), target.patience, counted)
}

pub fn syslog_udp(target: &Target) -> Send {
    udp(target.address("syslog", 1), |line| vec![syslog(line)])
}

fn gelf(line: &str) -> Vec<u8> {
    json!({"version": "1.1", "host": "box", "short_message": line}).to_string().into_bytes()
}

pub fn gelf_tcp(target: &Target) -> Send {
    tcp(target.address("gelf", 0), target.patience, |line| [gelf(line), vec![0]].concat())
}

/// In pieces, if it is longer than a few hundred bytes.
pub fn gelf_udp(target: &Target) -> Send {
    udp(target.address("gelf", 1), |line| {
        let message = gelf(line);
        if message.len() <= 300 {
            return vec![message];
        }
        let id = crate::clock::next_ns().to_be_bytes();
        let parts: Vec<&[u8]> = message.chunks(message.len().div_ceil(100).max(250)).collect();
        let piece = |(at, part): (usize, &&[u8])| {
            [&[0x1e, 0x0f][..], &id, &[at as u8, parts.len() as u8], part].concat()
        };
        parts.iter().enumerate().map(piece).collect()
    })
}

pub fn json_tcp(target: &Target) -> Send {
    let line = |line: &str| format!("{}\n", json!({"message": line})).into_bytes();
    tcp(target.address("json", 0), target.patience, line)
}
