//! Labels as clients of Loki write them: `{app="web", "a.b"="c"}`, values quoted as in Go.

/// The pairs, in the order written.
///
/// # Errors
/// What is expected, with the byte where.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut reader = Reader { text, at: 0 };
    let mut pairs = Vec::new();
    reader.expect('{')?;
    loop {
        if reader.eat('}') {
            break;
        }
        let name = match reader.peek() {
            Some('"' | '`') => reader.quoted()?,
            _ => reader.name()?,
        };
        reader.expect('=')?;
        pairs.push((name, reader.quoted()?));
        if !reader.eat(',') {
            reader.expect('}')?;
            break;
        }
    }
    reader.blanks();
    if reader.at < text.len() { Err(reader.wrong("nothing more")) } else { Ok(pairs) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn peek(&mut self) -> Option<char> {
        self.blanks();
        self.rest().chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let is = self.peek() == Some(c);
        if is {
            self.at += c.len_utf8();
        }
        is
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        if self.eat(c) { Ok(()) } else { Err(self.wrong(&format!("{c:?}"))) }
    }

    fn wrong(&self, wanted: &str) -> String {
        format!("expected {wanted} at byte {}", self.at)
    }

    fn name(&mut self) -> Result<String, String> {
        self.blanks();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | ':' | '/');
        let len = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        if len == 0 {
            return Err(self.wrong("the name of a label"));
        }
        let name = self.rest()[..len].to_owned();
        self.at += len;
        Ok(name)
    }

    fn quoted(&mut self) -> Result<String, String> {
        if self.eat('`') {
            let len = self.rest().find('`').ok_or_else(|| self.wrong("a closing '`'"))?;
            let text = self.rest()[..len].to_owned();
            self.at += len + 1;
            return Ok(text);
        }
        if !self.eat('"') {
            return Err(self.wrong("a quoted text"));
        }
        let mut bytes = Vec::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\']).ok_or_else(|| self.wrong("a closing '\"'"))?;
            bytes.extend_from_slice(&rest.as_bytes()[..plain]);
            let quote = rest.as_bytes()[plain] == b'"';
            self.at += plain + 1;
            if quote {
                break;
            }
            self.escape(&mut bytes)?;
        }
        String::from_utf8(bytes).map_err(|_| self.wrong("UTF-8 in the text that ends"))
    }

    /// What stands behind a backslash.
    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        let known = |c| {
            Some(match c {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                b'a' => 7,
                b'b' => 8,
                b'f' => 12,
                b'v' => 11,
                b'\\' | b'"' | b'\'' => c,
                _ => return None,
            })
        };
        let Some(&c) = self.rest().as_bytes().first() else { return Err(self.wrong("an escape")) };
        if let Some(byte) = known(c) {
            out.push(byte);
            self.at += 1;
            return Ok(());
        }
        let (skip, digits, radix) = match c {
            b'x' => (1, 2, 16),
            b'u' => (1, 4, 16),
            b'U' => (1, 8, 16),
            b'0'..=b'7' => (0, 3, 8),
            _ => return Err(self.wrong("an escape of Go")),
        };
        let number = self.rest().get(skip..skip + digits).filter(|t| !t.starts_with('+'));
        let number = number.and_then(|t| u32::from_str_radix(t, radix).ok());
        let number = number.ok_or_else(|| self.wrong("an escape of Go"))?;
        if matches!(c, b'u' | b'U') {
            let char = char::from_u32(number).ok_or_else(|| self.wrong("a character of Unicode"))?;
            out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            out.push(u8::try_from(number).map_err(|_| self.wrong("an escape of one byte"))?);
        }
        self.at += skip + digits;
        Ok(())
    }
}
