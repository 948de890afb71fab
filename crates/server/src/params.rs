//! Parameters from the query string and from a form body.

use model::{Error, Result};

/// Parameters in the order given; of a POST those of the body first, as Go's `Request.Form` has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query string.
    pub(crate) fn of_query(query: Option<&str>) -> Result<Self> {
        let mut params = Self::default();
        params.read(query.unwrap_or("").as_bytes())?;
        Ok(params)
    }

    /// Reads a form body and the query string.
    pub(crate) fn of_form(body: &[u8], query: Option<&str>) -> Result<Self> {
        let mut params = Self::default();
        params.read(body)?;
        params.read(query.unwrap_or("").as_bytes())?;
        Ok(params)
    }

    fn read(&mut self, text: &[u8]) -> Result<()> {
        for pair in text.split(|b| *b == b'&').filter(|p| !p.is_empty()) {
            if pair.contains(&b';') {
                return Err(Error::invalid(
                    "error parsing form values: invalid semicolon separator in query",
                ));
            }
            let mut halves = pair.splitn(2, |b| *b == b'=');
            let name = decode(halves.next().unwrap_or_default())?;
            let value = decode(halves.next().unwrap_or_default())?;
            self.0.push((name, value));
        }
        Ok(())
    }

    /// The first value of `name`, or `""`.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v)
    }

    /// Every value of `name`.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The value of `name` as a whole number, `default` where it is missing or empty.
    pub(crate) fn integer(&self, name: &str, default: i64) -> Result<i64> {
        match self.get(name) {
            "" => Ok(default),
            text => text.parse().map_err(|_| {
                Error::invalid(format_args!("invalid parameter {name:?}: {text:?} is not a whole number"))
            }),
        }
    }

    /// The value of `name` as a switch: `1`, `true` or nothing after the name switch it on.
    pub(crate) fn switch(&self, name: &str) -> Result<bool> {
        match self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str()) {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(text) => Err(Error::invalid(format_args!(
                "invalid parameter {name:?}: {text:?} is neither true nor false"
            ))),
        }
    }
}

/// Undoes form encoding: `+` is a blank, `%2B` a byte.
pub(crate) fn decode(text: &[u8]) -> Result<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => out.push(b' '),
            b'%' => {
                let byte = rest.get(..2).and_then(hex_byte);
                let Some(byte) = byte else {
                    let bad = String::from_utf8_lossy(rest.get(..2).unwrap_or(rest)).into_owned();
                    return Err(Error::invalid(format_args!(
                        "error parsing form values: invalid URL escape \"%{bad}\""
                    )));
                };
                out.push(byte);
                rest = rest.get(2..).unwrap_or_default();
            }
            other => out.push(*other),
        }
    }
    String::from_utf8(out).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        Error::invalid(format_args!("error parsing form values: invalid UTF-8 at byte {at} of a parameter"))
    })
}

/// Two hex digits; unlike `from_str_radix` it takes no sign.
fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let [high, low] = digits else { return None };
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_comes_first_and_blanks_and_escapes_are_undone() {
        let params =
            Params::of_form(b"query=a+b%2B1&match[]=x", Some("query=other&match%5B%5D=y&flag")).unwrap();
        assert_eq!(params.get("query"), "a b+1");
        assert_eq!(params.all("match[]").collect::<Vec<_>>(), ["x", "y"]);
        assert!(params.switch("flag").unwrap() && !params.switch("none").unwrap());
    }

    #[test]
    fn broken_input_is_named() {
        let text = |q: &str| Params::of_query(Some(q)).unwrap_err().message;
        assert!(text("a=%zz").contains("invalid URL escape \"%zz\""));
        assert!(text("a=%f").contains("invalid URL escape"));
        assert!(text("a=%+1").contains("invalid URL escape"));
        assert!(text("a=b%ff").contains("invalid UTF-8 at byte 1"));
        assert!(text("a=1;b=2").contains("semicolon"));
        assert!(Params::of_query(Some("n=x")).unwrap().integer("n", 1).is_err());
    }
}
