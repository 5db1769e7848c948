//! One number for all that was known before a cutoff: as long as it stays the same, so does whatever is made of it. It does
//! not know what that is.

use xxhash_rust::xxh3::Xxh3;

use crate::history::{History, TicketView};
use crate::store::{Code, NO_TIME, TicketColumn};
use crate::time::Micros;

/// A hash that is told where one thing ends and the next begins.
#[derive(Default)]
struct Digest(Xxh3);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
        self
    }

    fn number(&mut self, n: u64) -> &mut Self {
        self.0.update(&n.to_le_bytes());
        self
    }

    fn time(&mut self, at: Micros) -> &mut Self {
        self.number(at as u64)
    }

    fn float(&mut self, v: f64) -> &mut Self {
        self.number(v.to_bits())
    }

    /// A word by its letters: its number depends on words that may come later.
    fn word(&mut self, history: &History<'_>, code: Option<Code>) -> &mut Self {
        match code {
            Some(c) => self.bytes(history.word(c).as_bytes()),
            None => self.number(u64::MAX),
        }
    }

    fn floats(&mut self, values: &[f64]) -> &mut Self {
        self.number(values.len() as u64);
        let mut block = [0; 8 * 64];
        for part in values.chunks(64) {
            for (to, v) in block.chunks_exact_mut(8).zip(part) {
                to.copy_from_slice(&v.to_bits().to_le_bytes());
            }
            self.0.update(&block[..8 * part.len()]);
        }
        self
    }

    fn counts(&mut self, values: impl ExactSizeIterator<Item = u32>) -> &mut Self {
        self.number(values.len() as u64);
        let mut block = [0; 4 * 64];
        let mut n = 0;
        for v in values {
            block[n..n + 4].copy_from_slice(&v.to_le_bytes());
            n += 4;
            if n == block.len() {
                self.0.update(&block);
                n = 0;
            }
        }
        self.0.update(&block[..n]);
        self
    }

    fn ticket(&mut self, history: &History<'_>, t: &TicketView<'_>) -> &mut Self {
        self.time(t.opened_at()).time(t.resolved_at().unwrap_or(NO_TIME));
        for word in
            [t.kind(), t.category(), t.subcategory(), t.group(), t.service(), t.site(), t.resolution_code()]
        {
            self.word(history, word);
        }
        for v in [
            t.priority(),
            t.reassignment_count(),
            t.reopen_count(),
            t.downtime_minutes(),
            t.csat(),
            t.made_sla(),
        ] {
            self.float(v);
        }
        self
    }

    fn end(&self) -> u128 {
        self.0.digest128()
    }
}

impl History<'_> {
    /// A hash (XXH3, 128 bits) of everything that was known before the cutoff: of every history up to here, and of what
    /// [`Frames::outcomes_known`](crate::Frames::outcomes_known) says by then. What comes later (days, tickets, assets, words)
    /// leaves it as it is, unless it changes something of before.
    ///
    /// It finds what changed, and keeps no one out who means to deceive.
    #[must_use]
    pub fn digest(&self) -> u128 {
        let mut all = Digest::default();
        all.number(u64::from(self.failures_are_terminal())).number(u64::from(self.has_inventory()));
        for (column, name) in TicketColumn::ALL {
            if self.is_known_late(column) {
                all.bytes(name.as_bytes());
            }
        }
        for metric in 0..self.n_metrics() {
            if (0..self.n_assets()).any(|a| !self.series(a, metric).is_empty()) {
                all.bytes(self.metric_name(metric).as_bytes());
                all.number(u64::from(self.metric_is_counter(metric)));
            }
        }
        for asset in 0..self.n_assets() {
            if let Some(digest) = self.digest_of(asset) {
                all.bytes(&digest.to_le_bytes());
            }
        }
        // Tickets whose asset is not known, in whatever order they come.
        let sum = self.tickets_of_no_asset().fold(0_u128, |sum, (named, t)| {
            sum.wrapping_add(Digest::default().number(u64::from(named)).ticket(self, &t).end())
        });
        all.bytes(&sum.to_le_bytes());
        all.end()
    }

    /// Of one asset; `None` where nothing of it was known.
    fn digest_of(&self, asset: usize) -> Option<u128> {
        let mut d = Digest::default();
        let a = self.asset(asset);
        let mut known = a.ran_before || a.in_service_at.is_some() || a.first_record_at.is_some();
        d.bytes(self.asset_id(asset).as_bytes());
        d.word(self, a.kind).word(self, a.model).word(self, a.vendor).float(a.capacity);
        d.number(u64::from(a.ran_before)).time(a.in_service_at.unwrap_or(NO_TIME));
        d.time(a.first_record_at.unwrap_or(NO_TIME)).time(self.retired_at(asset).unwrap_or(NO_TIME));
        for t in self.tickets(asset) {
            d.bytes(b"ticket").ticket(self, &t);
        }
        for e in self.events(asset) {
            d.bytes(b"event").time(e.at);
            d.word(self, e.kind).word(self, e.code).word(self, e.component);
        }
        for (at, known_at, mode, mode_known_at) in self.failure_rows(asset) {
            d.bytes(b"failure").time(at).time(known_at).word(self, mode).time(mode_known_at);
        }
        for r in self.actions(asset) {
            known = true;
            d.bytes(b"action").time(r.at).number(r.kind as u64);
            d.time(r.until.unwrap_or(NO_TIME)).word(self, r.ticket);
        }
        for (attribute, value, from) in self.attribute_rows(asset) {
            known = true;
            d.bytes(b"attribute").bytes(attribute.as_bytes()).word(self, value).time(from);
        }
        for metric in 0..self.n_metrics() {
            let s = self.series(asset, metric);
            if s.is_empty() {
                continue;
            }
            d.bytes(self.metric_name(metric).as_bytes()).number(u64::from(s.on_change()));
            d.counts(s.day().iter().map(|day| *day as u32)).floats(s.last()).floats(s.cum_increase());
            d.counts(s.cum_changes().iter().copied()).counts(s.cum_resets().iter().copied());
            // Where no day holds more than one reading, the rest follows from the last value.
            if let Some((n, m2)) = s.counts_and_m2().filter(|(n, _)| n.iter().any(|n| *n != 1)) {
                d.floats(s.mean()).floats(s.min()).floats(s.max()).floats(m2).counts(n.iter().copied());
            }
        }
        known.then(|| d.end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_things_end_is_part_of_it() {
        let of = |parts: &[&str]| {
            let mut d = Digest::default();
            for p in parts {
                d.bytes(p.as_bytes());
            }
            d.end()
        };
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
        let floats = |v: &[f64]| Digest::default().floats(v).end();
        let long: Vec<f64> = (0..200).map(f64::from).collect();
        assert_ne!(floats(&long), floats(&long[..199]));
        assert_ne!(floats(&[0.0]), floats(&[-0.0]));
        let counts = |n: u32| Digest::default().counts((0..n).collect::<Vec<_>>().into_iter()).end();
        assert_ne!(counts(64), counts(65));
        assert_eq!(counts(130), counts(130));
    }
}
