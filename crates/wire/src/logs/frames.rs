//! Where one message ends and the next begins on a stream of bytes.

/// How messages are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A byte ends each message.
    EndsWith(u8),
    /// Syslog (RFC 6587): each message comes after its length and a blank, or ends with a line feed or a zero byte;
    /// told apart message by message, as nothing else begins with a digit.
    Syslog,
}

/// Finds messages. What is longer than allowed is cut and the rest skipped, so that nothing else is lost.
#[derive(Debug)]
pub struct Frames {
    framing: Framing,
    most: usize,
    skip: Skip,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    Bytes(usize),
    ToEnd,
}

/// Digits of the longest length.
const DIGITS: usize = 9;

impl Frames {
    /// Messages of at most `most` bytes.
    pub fn new(framing: Framing, most: usize) -> Self {
        Self { framing, most, skip: Skip::Nothing }
    }

    /// How many bytes of `buffer` are done with, and the message that they hold. `(0, None)`: more bytes are needed,
    /// never more than `most` and a few.
    pub fn next<'a>(&mut self, buffer: &'a [u8]) -> (usize, Option<&'a [u8]>) {
        match self.skip {
            Skip::Bytes(n) if n > buffer.len() => {
                self.skip = Skip::Bytes(n - buffer.len());
                return (buffer.len(), None);
            }
            Skip::Bytes(n) => {
                self.skip = Skip::Nothing;
                return (n, None);
            }
            Skip::ToEnd => {
                let end = buffer.iter().position(|b| self.ends(*b));
                if end.is_some() {
                    self.skip = Skip::Nothing;
                }
                return (end.map_or(buffer.len(), |end| end + 1), None);
            }
            Skip::Nothing => {}
        }
        if self.framing == Framing::Syslog && buffer.first().is_some_and(|b| (b'1'..=b'9').contains(b)) {
            let digits = buffer.iter().take(DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
            match buffer.get(digits) {
                None if digits <= DIGITS => return (0, None),
                Some(b' ') if digits <= DIGITS => return self.counted(buffer, digits),
                // A message that begins with a number.
                _ => {}
            }
        }
        self.ended(buffer)
    }

    /// Whether what is left in `buffer` at the end of the stream is a message that lacks only its end.
    pub fn last<'a>(&self, buffer: &'a [u8]) -> Option<&'a [u8]> {
        let counted = self.framing == Framing::Syslog && buffer.first().is_some_and(u8::is_ascii_digit);
        (self.skip == Skip::Nothing && !buffer.is_empty() && !counted).then_some(buffer)
    }

    fn ends(&self, byte: u8) -> bool {
        match self.framing {
            Framing::EndsWith(end) => byte == end,
            Framing::Syslog => matches!(byte, b'\n' | 0),
        }
    }

    fn counted<'a>(&mut self, buffer: &'a [u8], digits: usize) -> (usize, Option<&'a [u8]>) {
        // At most nine digits.
        let len = buffer[..digits].iter().fold(0, |n, b| n * 10 + usize::from(b - b'0'));
        let start = digits + 1;
        let kept = len.min(self.most);
        let Some(frame) = buffer.get(start..start + kept) else { return (0, None) };
        if len > kept {
            self.skip = Skip::Bytes(len - kept);
        }
        (start + kept, Some(frame))
    }

    fn ended<'a>(&mut self, buffer: &'a [u8]) -> (usize, Option<&'a [u8]>) {
        let within = buffer.get(..=self.most).unwrap_or(buffer);
        match within.iter().position(|b| self.ends(*b)) {
            Some(end) => (end + 1, Some(&buffer[..end])),
            None if buffer.len() > self.most => {
                self.skip = Skip::ToEnd;
                (self.most, Some(&buffer[..self.most]))
            }
            None => (0, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All messages, however the bytes arrive.
    fn read(framing: Framing, most: usize, bytes: &[u8], step: usize) -> Vec<String> {
        let mut frames = Frames::new(framing, most);
        let (mut buffer, mut found) = (Vec::new(), Vec::new());
        for piece in bytes.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                let (done, frame) = frames.next(&buffer);
                found.extend(frame.map(|f| String::from_utf8_lossy(f).into_owned()));
                buffer.drain(..done);
                if done == 0 {
                    break;
                }
            }
            assert!(buffer.len() <= most + DIGITS + 2);
        }
        found.extend(frames.last(&buffer).map(|f| String::from_utf8_lossy(f).into_owned()));
        found
    }

    #[test]
    fn messages_are_found_however_they_arrive() {
        for step in [1, 2, 3, 7, 1000] {
            let stream = b"6 <1>a\nb<2>c\n3 xyz<3>long line\n13 <4>long lines<5>d\n1234567890 e\n<6>end";
            let found = read(Framing::Syslog, 6, stream, step);
            assert_eq!(
                found,
                ["<1>a\nb", "<2>c", "xyz", "<3>lon", "<4>lon", "<5>d", "123456", "<6>end"],
                "{step}"
            );
            assert_eq!(read(Framing::EndsWith(0), 4, b"a\0bcdefg\0\0h", step), ["a", "bcde", "", "h"]);
            assert_eq!(read(Framing::Syslog, 6, b"5 abc", step), [""; 0]);
        }
    }
}
