//! A keep-alive HTTP/1.1 client that costs next to nothing, so that the measured process has the machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// One connection.
pub(crate) struct Client {
    address: String,
    stream: Option<BufReader<TcpStream>>,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// More than any answer here.
const MAX_BODY: usize = 1 << 30;

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None }
    }

    /// Sends a request; a stale connection is opened anew once.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        let reused = self.stream.is_some();
        match self.try_send(method, path, headers, body) {
            Err(_) if reused => {
                self.stream = None;
                self.try_send(method, path, headers, body)
            }
            other => other,
        }
    }

    /// A GET.
    pub(crate) fn get(&mut self, path: &str) -> Result<Answer> {
        self.send("GET", path, "", b"")
    }

    fn try_send(&mut self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
        let mut reader = match self.stream.take() {
            Some(reader) => reader,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(300)))?;
                BufReader::with_capacity(1 << 16, stream)
            }
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n{headers}\r\n",
            self.address,
            body.len()
        );
        let mut message = head.into_bytes();
        message.extend_from_slice(body);
        reader.get_mut().write_all(&message)?;
        let (answer, keep) = read_answer(&mut reader)?;
        if keep {
            self.stream = Some(reader);
        }
        Ok(answer)
    }
}

fn read_answer(reader: &mut BufReader<TcpStream>) -> Result<(Answer, bool)> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).context("no status line")?;
    let (mut length, mut chunked, mut keep) = (None, false, true);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let header = line.trim().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = Some(value.trim().parse::<usize>()?);
        }
        chunked |= header == "transfer-encoding: chunked";
        keep &= header != "connection: close";
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let size = usize::from_str_radix(line.trim(), 16)?;
            take(reader, size, &mut body)?;
            line.clear();
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else if let Some(length) = length {
        take(reader, length, &mut body)?;
    } else if status != 204 {
        bail!("answer without a length");
    }
    Ok((Answer { status, body }, keep))
}

fn take(reader: &mut BufReader<TcpStream>, size: usize, body: &mut Vec<u8>) -> Result<()> {
    if body.len() + size > MAX_BODY {
        bail!("answer over {MAX_BODY} bytes");
    }
    let from = body.len();
    body.resize(from + size, 0);
    reader.read_exact(&mut body[from..])?;
    Ok(())
}
