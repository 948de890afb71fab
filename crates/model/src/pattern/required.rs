//! Texts that every match of an expression has within it, found without an automaton: a search for plain text is much faster
//! than one for an expression, and a store may know where a text cannot be.

use regex_syntax::hir::{Hir, HirKind};

/// Alternatives that are more than this are not listed.
const MOST: usize = 16;

/// Of each list, every match has at least one text within it.
pub(super) fn required(hir: &Hir) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    collect(hir, &mut all);
    // One letter rules little out.
    all.retain(|texts| texts.iter().all(|text| text.len() > 1));
    all
}

fn collect(hir: &Hir, all: &mut Vec<Vec<String>>) {
    match hir.kind() {
        HirKind::Literal(literal) => {
            if let Ok(text) = std::str::from_utf8(&literal.0) {
                all.push(vec![text.to_owned()]);
            }
        }
        HirKind::Capture(capture) => collect(&capture.sub, all),
        HirKind::Repetition(repetition) if repetition.min > 0 => collect(&repetition.sub, all),
        HirKind::Concat(parts) => parts.iter().for_each(|part| collect(part, all)),
        HirKind::Alternation(parts) => {
            // Of each alternative the most telling list: the one whose shortest text is longest.
            let best = |part: &Hir| {
                let shortest = |texts: &Vec<String>| texts.iter().map(String::len).min().unwrap_or(0);
                required(part).into_iter().max_by_key(shortest)
            };
            if let Some(lists) = parts.iter().map(best).collect::<Option<Vec<_>>>()
                && lists.iter().map(Vec::len).sum::<usize>() <= MOST
            {
                all.push(lists.concat());
            }
        }
        HirKind::Empty | HirKind::Look(_) | HirKind::Class(_) | HirKind::Repetition(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::pattern::Search;

    #[test]
    fn what_a_match_must_have_is_found() {
        let of = |text: &str| {
            let search = Search::new(text).unwrap();
            search.required().iter().map(|texts| texts.join("|")).collect::<Vec<_>>()
        };
        assert_eq!(of("exec-1[0-9]. .*cart 77 "), ["exec-1", "cart 77 "]);
        assert_eq!(of("(GET|POST) /api"), ["GET|POST", " /api"]);
        assert_eq!(of("(time(d )?out|refused)+!?"), ["time|refused"]);
        assert_eq!(of("(?i)error"), [""; 0]);
        assert_eq!(of("a.*b|cd"), [""; 0]);
        assert_eq!(of("(ab)*[0-9]{3}x?"), [""; 0]);
        assert_eq!(of("^실패: "), ["실패: "]);
    }
}
