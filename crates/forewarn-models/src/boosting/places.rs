//! Which leaf of a tree each row falls into, for all rows at once: fork by fork down the columns, so that no step waits for
//! another. It does not know how forks were found.

use rayon::prelude::*;

/// Rows handled by one task; their places stay in the cache.
const CHUNK_ROWS: usize = 4096;

/// A leaf that was split. The tree begins as one leaf, of place 0; what goes left keeps the place of the leaf, what goes right
/// takes the number of forks made so far, this one included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fork<'a> {
    /// The code of each row in the column of the split, 0 = missing.
    codes: &'a [u8],
    place: u8,
    /// Taken from a code, so that a missing value becomes the largest where it goes right.
    shift: u8,
    /// A shifted code from here on goes right.
    from: u8,
}

impl<'a> Fork<'a> {
    /// Codes below `code`, 1 to 256, go left.
    pub(super) fn new(codes: &'a [u8], place: u8, code: u16, missing_left: bool) -> Self {
        let shift = u8::from(!missing_left);
        Self { codes, place, shift, from: (code - u16::from(shift)).min(255) as u8 }
    }

    /// Whether a row of the leaf goes right.
    pub(super) fn right(&self, row: usize) -> bool {
        self.codes[row].wrapping_sub(self.shift) >= self.from
    }
}

/// Adds to each row's `z` the value of its place; there is one value more than forks, 256 at most.
pub(super) fn add_values(forks: &[Fork<'_>], values: &[f64], z: &mut [f64]) {
    z.par_chunks_mut(CHUNK_ROWS).enumerate().for_each(|(k, z)| {
        let mut places = [0_u8; CHUNK_ROWS];
        let places = &mut places[..z.len()];
        let first = k * CHUNK_ROWS;
        for (fork, right) in forks.iter().zip(1_u8..=255) {
            let codes = &fork.codes[first..first + z.len()];
            for (place, code) in places.iter_mut().zip(codes) {
                let goes = (*place == fork.place) & (code.wrapping_sub(fork.shift) >= fork.from);
                *place = if goes { right } else { *place };
            }
        }
        for (z, place) in z.iter_mut().zip(places) {
            *z += values[usize::from(*place)];
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_fall_where_their_codes_say() {
        let (a, b) = ([0, 1, 2, 3, 255], [1, 0, 5, 5, 5]);
        for (code, missing_left, want) in [
            (2, false, [true, false, true, true, true]),
            (2, true, [false, false, true, true, true]),
            (3, true, [false, false, false, true, true]),
            // Missing values alone are told apart.
            (256, false, [true, false, false, false, false]),
        ] {
            let fork = Fork::new(&a, 0, code, missing_left);
            assert_eq!([0, 1, 2, 3, 4].map(|i| fork.right(i)), want, "{code} {missing_left}");
        }
        // The left side of the first fork, codes 0 and 1, is split again.
        let forks = [Fork::new(&a, 0, 2, true), Fork::new(&b, 0, 1, true)];
        let mut z = [10.0; 5];
        add_values(&forks, &[1.0, 2.0, 3.0], &mut z);
        assert_eq!(z, [13.0, 11.0, 12.0, 12.0, 12.0]);
        // More rows than one task has.
        let many = vec![3_u8; 10_000];
        let mut z = vec![0.0; 10_000];
        add_values(&[Fork::new(&many, 0, 3, false)], &[1.0, 2.0], &mut z);
        assert!(z.iter().all(|z| *z == 2.0));
    }
}
