//! A message as a template and variables, after CLP (OSDI '21): words that have a digit, or look like hexadecimal
//! numbers, change from line to line; the rest is what the program was written to say.
//!
//! A word is a run of ASCII letters and digits. Everything else, other alphabets included, always belongs to the template.
//! That is what searches rely on: see [`super::needle`].

/// Stands for a variable in a template. A message that has this byte itself is not split.
pub(super) const HOLE: u8 = 0x11;
/// Longer messages are not split, and none with more variables.
pub(super) const MOST_BYTES: usize = 64 << 10;
pub(super) const MOST_HOLES: usize = 400;

const DIGIT: u8 = 1;
const HEX_LOWER: u8 = 2;
const HEX_UPPER: u8 = 4;
const LETTER: u8 = 8;
const WORD: u8 = DIGIT | HEX_LOWER | HEX_UPPER | LETTER;
const RESERVED: u8 = 16;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => HEX_LOWER,
            b'A'..=b'F' => HEX_UPPER,
            b'g'..=b'z' | b'G'..=b'Z' => LETTER,
            HOLE => RESERVED,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Whether a byte is part of a word.
pub(super) fn is_word(byte: u8) -> bool {
    CLASS[byte as usize] & WORD != 0
}

/// Whether a whole word is a variable.
pub(super) fn is_variable(word: &[u8]) -> bool {
    changes(word.iter().fold(0, |seen, byte| seen | CLASS[*byte as usize]), word.len())
}

fn changes(seen: u8, len: usize) -> bool {
    seen & DIGIT != 0 || ((seen == HEX_LOWER || seen == HEX_UPPER) && len >= 4)
}

/// The length of the variable that a text begins with; 0: it begins with none.
#[inline]
pub(super) fn variable_len(text: &[u8]) -> usize {
    let (mut seen, mut len) = (0, 0);
    while let Some(&byte) = text.get(len) {
        let class = CLASS[byte as usize];
        if class & WORD == 0 {
            break;
        }
        seen |= class;
        len += 1;
    }
    if changes(seen, len) { len } else { 0 }
}

/// Appends the template of `text`, and the variables as places in `text` (start and length). `false`: it is not split, and
/// nothing was added.
pub(super) fn split(text: &[u8], template: &mut Vec<u8>, variables: &mut Vec<(u32, u32)>) -> bool {
    if text.len() > MOST_BYTES {
        return false;
    }
    let (template_len, variables_len) = (template.len(), variables.len());
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = text.get(at) {
        let class = CLASS[byte as usize];
        if class & WORD == 0 {
            if class == RESERVED {
                template.truncate(template_len);
                variables.truncate(variables_len);
                return false;
            }
            at += 1;
            continue;
        }
        let (start, mut seen) = (at, 0);
        while let Some(&byte) = text.get(at) {
            let class = CLASS[byte as usize];
            if class & WORD == 0 {
                break;
            }
            seen |= class;
            at += 1;
        }
        if changes(seen, at - start) {
            template.extend_from_slice(&text[copied..start]);
            template.push(HOLE);
            variables.push((start as u32, (at - start) as u32));
            copied = at;
        }
    }
    if variables.len() - variables_len > MOST_HOLES {
        template.truncate(template_len);
        variables.truncate(variables_len);
        return false;
    }
    template.extend_from_slice(&text[copied..]);
    true
}

/// What people read of a template: `<_>` for what changes; numbers that a mark joins, as in addresses and times, are one.
pub(super) fn pattern(template: &[u8]) -> String {
    const SIGN: &[u8] = b"<_>";
    let mut out: Vec<u8> = Vec::with_capacity(template.len() + 32);
    let mut at = 0;
    while let Some(&byte) = template.get(at) {
        if byte != HOLE {
            out.push(byte);
            at += 1;
            continue;
        }
        out.extend_from_slice(SIGN);
        at += 1;
        while let [mark, HOLE, ..] = template[at..]
            && matches!(mark, b'.' | b':' | b'-' | b'/' | b',' | b'+' | b'_')
        {
            at += 2;
        }
    }
    // Holes are put between whole words, so that the rest is still UTF-8.
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// The same for equal patterns, wherever and whenever.
pub(super) fn pattern_hash(pattern: &str) -> u64 {
    xxhash_rust::xxh3::xxh3_64(pattern.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, Vec<String>)> {
        let (mut template, mut variables) = (Vec::new(), Vec::new());
        if !split(text.as_bytes(), &mut template, &mut variables) {
            assert!(template.is_empty() && variables.is_empty());
            return None;
        }
        let place = |&(start, len): &(u32, u32)| text[start as usize..(start + len) as usize].to_owned();
        Some((
            String::from_utf8(template).unwrap().replace('\u{11}', "*"),
            variables.iter().map(place).collect(),
        ))
    }

    #[test]
    fn words_with_digits_and_hexadecimal_ones_are_variables() {
        let (template, variables) = parts("GET /a/007 took 5ms id=deadBEEF beef 결제 실패3").unwrap();
        assert_eq!(template, "GET /a/* took * id=deadBEEF * 결제 실패*");
        assert_eq!(variables, ["007", "5ms", "beef", "3"]);
        assert_eq!(parts("").unwrap().0, "");
        assert_eq!(parts("a\u{11}b 1"), None);
        assert_eq!(parts(&"1 ".repeat(401)), None);
        assert_eq!(parts(&"x".repeat(65537)), None);
    }

    #[test]
    fn patterns_join_addresses_and_times() {
        let of = |text: &str| {
            let mut template = Vec::new();
            assert!(split(text.as_bytes(), &mut template, &mut Vec::new()));
            pattern(&template)
        };
        assert_eq!(of("from 10.0.0.1:80 at 12:30:01, 3 left"), "from <_> at <_>, <_> left");
        assert_eq!(of("주문 17 완료"), "주문 <_> 완료");
        assert_eq!(pattern_hash(&of("n=1")), pattern_hash(&of("n=22")));
    }
}
