//! Numbers for asset ids in the order in which they are first read. It does not know what the assets do.

use std::collections::HashMap;

const NONE: u32 = u32::MAX;

/// Codes of ids.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub all: Vec<String>,
    /// Whether a code still means its id: an asset that is read anew gets a new one.
    pub alive: Vec<bool>,
    by_name: HashMap<String, u32>,
    /// The id that followed each one last time: exports repeat their order, so the guess is mostly right and costs one
    /// comparison instead of a look-up.
    next: Vec<u32>,
    last: u32,
}

impl Names {
    pub(super) fn new() -> Self {
        Self { all: Vec::new(), alive: Vec::new(), by_name: HashMap::new(), next: Vec::new(), last: NONE }
    }

    /// The names of a saved state, in their order.
    pub(super) fn of(all: Vec<String>, alive: Vec<bool>) -> Self {
        let living = all.iter().zip(&alive).enumerate().filter(|(_, (_, alive))| **alive);
        let by_name = living.map(|(i, (name, _))| (name.clone(), i as u32)).collect();
        Self { next: vec![NONE; all.len()], by_name, all, alive, last: NONE }
    }

    fn means(&self, code: u32, id: &str) -> bool {
        self.all.get(code as usize).is_some_and(|n| n == id) && self.alive[code as usize]
    }

    /// The code of an id, a new one where it was never read.
    pub(super) fn code(&mut self, id: &str) -> u32 {
        // The same asset again, as in a file by asset, or the one that came next before.
        if self.means(self.last, id) {
            return self.last;
        }
        let guess = self.next.get(self.last as usize).copied().unwrap_or(NONE);
        let code = if self.means(guess, id) { guess } else { self.look_up(id) };
        if let Some(next) = self.next.get_mut(self.last as usize) {
            *next = code;
        }
        self.last = code;
        code
    }

    fn look_up(&mut self, id: &str) -> u32 {
        match self.by_name.get(id) {
            Some(code) => *code,
            None => self.renew(id),
        }
    }

    /// The code that an id has, where it was read.
    pub(super) fn get(&self, id: &str) -> Option<u32> {
        self.by_name.get(id).copied()
    }

    /// A new code for an id; an old one means nothing from now on.
    pub(super) fn renew(&mut self, id: &str) -> u32 {
        let code = self.all.len() as u32;
        if let Some(old) = self.by_name.insert(id.to_owned(), code) {
            self.alive[old as usize] = false;
        }
        self.all.push(id.to_owned());
        self.alive.push(true);
        self.next.push(NONE);
        code
    }

    /// The codes that mean an id, in the order of the ids.
    pub(super) fn sorted(&self) -> Vec<u32> {
        let mut out: Vec<u32> = (0..self.all.len() as u32).filter(|c| self.alive[*c as usize]).collect();
        out.sort_by(|a, b| self.all[*a as usize].cmp(&self.all[*b as usize]));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_code_until_it_is_read_anew() {
        let mut names = Names::new();
        let codes = |names: &mut Names, ids: &[&str]| ids.iter().map(|i| names.code(i)).collect::<Vec<_>>();
        assert_eq!(codes(&mut names, &["b", "a", "b", "a", "a", "c", "b"]), [0, 1, 0, 1, 1, 2, 0]);
        assert_eq!(names.renew("a"), 3);
        assert_eq!(codes(&mut names, &["b", "a", "b", "a", "a", "c", "b"]), [0, 3, 0, 3, 3, 2, 0]);
        assert_eq!(names.sorted(), [3, 0, 2]);
        assert_eq!(names.get("d"), None);
    }
}
