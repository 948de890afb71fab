//! Templates that were met, as a tree of what stands between variables: a message of a known template is split by comparing
//! whole stretches of it instead of looking at each byte.
//!
//! It finds what [`super::split::split`] would: a stretch ends where a word begins, and that word, as long as it goes, must
//! be a variable. At most one stretch of a node fits a text.

use super::split::{HOLE, MOST_BYTES, variable_len};

/// Stretches that one node may have; messages that go on in yet another way are split byte by byte.
const MOST_EDGES: usize = 40;
const MOST_NODES: usize = 1 << 14;

/// The tree.
pub(super) struct Shapes {
    /// What may follow a variable; the first: how messages begin.
    nodes: Vec<Vec<Edge>>,
    text: Vec<u8>,
}

/// A stretch, and what comes behind it.
#[derive(Clone, Copy)]
struct Edge {
    start: u32,
    len: u32,
    /// Its first bytes, and which of the eight are there: most edges are told apart by them.
    head: u64,
    mask: u64,
    to: To,
}

/// The first eight bytes of a text; zeros behind its end.
#[inline]
fn head(text: &[u8]) -> u64 {
    match text.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => text.iter().rev().fold(0, |head, byte| head << 8 | u64::from(*byte)),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum To {
    /// The end of messages of this template.
    End(u32),
    /// A variable, and then this node.
    Node(u32),
}

impl Default for Shapes {
    fn default() -> Self {
        Self { nodes: vec![Vec::new()], text: Vec::new() }
    }
}

impl Shapes {
    pub(super) fn clear(&mut self) {
        self.nodes.truncate(1);
        self.nodes[0].clear();
        self.text.clear();
    }

    /// The template of a text, with its variables added as places (start and length); `None`: it is not known.
    pub(super) fn find(&mut self, text: &[u8], variables: &mut Vec<(u32, u32)>) -> Option<u32> {
        if text.len() > MOST_BYTES {
            return None;
        }
        let before = variables.len();
        let (mut node, mut at) = (0usize, 0usize);
        loop {
            let Some((to, behind, len)) = self.step(node, text, at) else {
                variables.truncate(before);
                return None;
            };
            match to {
                To::End(id) => return Some(id),
                To::Node(next) => {
                    variables.push((behind as u32, len as u32));
                    (node, at) = (next as usize, behind + len);
                }
            }
        }
    }

    /// The stretch of a node that is there from `at` on, where it ends, and the length of the variable behind it.
    fn step(&mut self, node: usize, text: &[u8], at: usize) -> Option<(To, usize, usize)> {
        let (edges, rest) = (&mut self.nodes[node], &text[at..]);
        let first = head(rest);
        for number in 0..edges.len() {
            let edge = edges[number];
            let len = edge.len as usize;
            if first & edge.mask != edge.head || rest.len() < len {
                continue;
            }
            let stretch = &self.text[edge.start as usize..edge.start as usize + len];
            if len > 8 && rest[8..len] != stretch[8..] {
                continue;
            }
            let variable = match edge.to {
                To::End(_) if rest.len() == len => 0,
                To::End(_) => continue,
                To::Node(_) => variable_len(&rest[len..]),
            };
            if variable > 0 || matches!(edge.to, To::End(_)) {
                // What is frequent comes to be looked at first.
                if number > 0 {
                    edges.swap(number, number - 1);
                }
                return Some((edge.to, at + len, variable));
            }
        }
        None
    }

    /// Adds a template, where there is room.
    pub(super) fn add(&mut self, template: &[u8], id: u32) {
        let mut node = 0;
        let mut stretches = template.split(|b| *b == HOLE).peekable();
        while let Some(stretch) = stretches.next() {
            let ends = stretches.peek().is_none();
            let known = self.nodes[node].iter().find(|e| {
                matches!(e.to, To::End(_)) == ends
                    && self.text[e.start as usize..(e.start + e.len) as usize] == *stretch
            });
            node = match known.map(|e| e.to) {
                Some(To::End(_)) => return,
                Some(To::Node(next)) => next as usize,
                None if self.nodes[node].len() >= MOST_EDGES || self.nodes.len() >= MOST_NODES => return,
                None => {
                    let next = self.nodes.len();
                    let to = if ends { To::End(id) } else { To::Node(next as u32) };
                    let (start, len) = (self.text.len() as u32, stretch.len() as u32);
                    self.text.extend_from_slice(stretch);
                    let mask = u64::MAX.checked_shr(64 - 8 * len.min(8)).unwrap_or(0);
                    self.nodes[node].push(Edge { start, len, head: head(stretch) & mask, mask, to });
                    if ends {
                        return;
                    }
                    self.nodes.push(Vec::new());
                    next
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wide::split::split;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_what_splitting_finds(
            texts in prop::collection::vec("([a-f]{0,4}|x|12|[ =.\\x11가-]|deadbeef|0x1f){0,7}", 1..40),
        ) {
            let (mut shapes, mut templates) = (Shapes::default(), Vec::<Vec<u8>>::new());
            for text in texts.iter().chain(&texts) {
                let (mut template, mut variables, mut found) = (Vec::new(), Vec::new(), vec![(7, 7)]);
                let splits = split(text.as_bytes(), &mut template, &mut variables);
                match shapes.find(text.as_bytes(), &mut found) {
                    Some(id) => {
                        prop_assert!(splits);
                        prop_assert_eq!(&templates[id as usize], &template);
                        prop_assert_eq!(&found[1..], &variables);
                    }
                    None => {
                        prop_assert_eq!(found.len(), 1);
                        if splits {
                            shapes.add(&template, templates.len() as u32);
                            templates.push(template);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_message_of_a_known_template_is_found() {
        let mut shapes = Shapes::default();
        let mut variables = Vec::new();
        assert_eq!(shapes.find(b"took 5 ms", &mut variables), None);
        shapes.add(b"took \x11 ms", 0);
        shapes.add(b"took \x11", 1);
        shapes.add(b"\x11", 2);
        assert_eq!(shapes.find(b"took 15 ms", &mut variables), Some(0));
        assert_eq!(shapes.find(b"took 5", &mut variables), Some(1));
        assert_eq!(shapes.find(b"77", &mut variables), Some(2));
        assert_eq!(variables, [(5, 2), (5, 1), (0, 2)]);
        assert_eq!(shapes.find(b"took long ms", &mut variables), None);
        shapes.clear();
        assert_eq!(shapes.find(b"77", &mut variables), None);
    }
}
