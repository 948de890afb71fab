//! Lists of numbers, those of one length side by side in pages: no allocation and no slack for each.

/// Lists of a page.
const LISTS: usize = 1024;

#[derive(Default)]
struct Pool {
    pages: Vec<Vec<u32>>,
    free: Vec<u32>,
    lists: u32,
}

/// Pools by length.
#[derive(Default)]
pub(super) struct Lists(Vec<Pool>);

impl Lists {
    /// A list of `len` zeros.
    pub(super) fn add(&mut self, len: usize) -> u32 {
        while self.0.len() <= len {
            self.0.push(Pool::default());
        }
        let pool = &mut self.0[len];
        if let Some(at) = pool.free.pop() {
            return at;
        }
        let at = pool.lists;
        pool.lists += 1;
        if at as usize / LISTS >= pool.pages.len() {
            pool.pages.push(Vec::with_capacity(LISTS * len));
        }
        if let Some(page) = pool.pages.last_mut() {
            page.resize(page.len() + len, 0);
        }
        at
    }

    /// The list at `at` among those of `len` numbers.
    pub(super) fn get(&self, len: usize, at: u32) -> &[u32] {
        let from = at as usize % LISTS * len;
        let page = self.0.get(len).and_then(|pool| pool.pages.get(at as usize / LISTS));
        page.and_then(|page| page.get(from..from + len)).unwrap_or_default()
    }

    /// The same, to be written.
    pub(super) fn get_mut(&mut self, len: usize, at: u32) -> &mut [u32] {
        let from = at as usize % LISTS * len;
        let page = self.0.get_mut(len).and_then(|pool| pool.pages.get_mut(at as usize / LISTS));
        page.and_then(|page| page.get_mut(from..from + len)).unwrap_or_default()
    }

    /// Gives a list back.
    pub(super) fn remove(&mut self, len: usize, at: u32) {
        if let Some(pool) = self.0.get_mut(len) {
            pool.free.push(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_what_they_hold_and_are_used_again() {
        let mut lists = Lists::default();
        let all: Vec<(usize, u32)> = (0..5_000).map(|n| (n % 7, lists.add(n % 7))).collect();
        for (number, (len, at)) in all.iter().enumerate() {
            lists.get_mut(*len, *at).fill(number as u32);
        }
        for (number, (len, at)) in all.iter().enumerate() {
            assert_eq!(lists.get(*len, *at), vec![number as u32; *len]);
        }
        lists.remove(3, all[3].1);
        assert_eq!(lists.add(3), all[3].1);
        assert!(lists.get(100, 0).is_empty());
    }
}
