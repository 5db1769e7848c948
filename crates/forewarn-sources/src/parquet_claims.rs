//! What a Parquet file says of its own size, read from its footer and page headers before a reader makes room for it. It does
//! not decode a value.
//!
//! The reader believes a footer: columns that nest thousands deep overflow its stack, and a page header that claims
//! gigabytes gets them. Neither can be caught, so both are refused here.

use crate::error::SourceError;
use crate::limits::{Limits, MAX_DEPTH};

/// Thrift's compact protocol, as far as footers and page headers need it. `None`: the bytes are none of it.
struct Thrift<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

/// Types of the compact protocol.
const BOOLS: [u8; 2] = [1, 2];
const LIST: u8 = 9;
const STRUCT: u8 = 12;
/// Structs of Parquet's footer lie no deeper in one another.
const MOST_STRUCTS: usize = 32;

impl<'a> Thrift<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    fn byte(&mut self) -> Option<u8> {
        let b = self.bytes.get(self.at).copied();
        self.at += 1;
        b
    }

    fn pass(&mut self, n: usize) -> Option<()> {
        self.at = self.at.checked_add(n).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for k in 0..10 {
            let b = self.byte()?;
            value |= u64::from(b & 0x7f) << (7 * k).min(63);
            if b & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    /// A number from 0: what is below stands for nothing sensible in a size, and becomes the greatest.
    fn size(&mut self) -> Option<u64> {
        let v = self.unsigned()?;
        Some(if v & 1 == 1 { u64::MAX } else { v >> 1 })
    }

    /// The number and type of a list's elements; each takes a byte at least.
    fn list(&mut self) -> Option<(usize, u8)> {
        let head = self.byte()?;
        let n = if head >> 4 == 15 { self.unsigned()? } else { u64::from(head >> 4) };
        let n = usize::try_from(n).ok().filter(|n| *n <= self.bytes.len() - self.at.min(self.bytes.len()))?;
        Some((n, head & 15))
    }

    /// Reads a struct: `field` takes one by its number and type and says whether it did; the others are passed over.
    fn fields(&mut self, field: &mut dyn FnMut(&mut Self, i64, u8) -> Option<bool>) -> Option<()> {
        self.depth += 1;
        if self.depth > MOST_STRUCTS {
            return None;
        }
        let mut id = 0_i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.depth -= 1;
                return Some(());
            }
            id = if head >> 4 == 0 {
                let v = self.unsigned()?;
                (v >> 1) as i64 ^ -((v & 1) as i64)
            } else {
                id.checked_add(i64::from(head >> 4))?
            };
            let kind = head & 15;
            if !BOOLS.contains(&kind) && !field(self, id, kind)? {
                self.skip(kind)?;
            }
        }
    }

    /// Reads a list of structs.
    fn each(&mut self, field: &mut dyn FnMut(&mut Self) -> Option<()>) -> Option<()> {
        let (n, kind) = self.list()?;
        if kind != STRUCT && n > 0 {
            return None;
        }
        (0..n).try_for_each(|_| field(self))
    }

    fn skip(&mut self, kind: u8) -> Option<()> {
        match kind {
            1..=3 => self.pass(1),
            4..=6 => self.unsigned().map(|_| ()),
            7 => self.pass(8),
            8 => {
                let n = self.unsigned()?;
                self.pass(usize::try_from(n).ok()?)
            }
            LIST | 10 => self.within(|t| {
                let (n, kind) = t.list()?;
                (0..n).try_for_each(|_| t.skip(kind))
            }),
            11 => self.within(|t| {
                let n = t.unsigned()?;
                if n == 0 {
                    return Some(());
                }
                let kinds = t.byte()?;
                (0..n).try_for_each(|_| {
                    t.skip(kinds >> 4)?;
                    t.skip(kinds & 15)
                })
            }),
            STRUCT => self.fields(&mut |_, _, _| Some(false)),
            13 => self.pass(16),
            _ => None,
        }
    }

    fn within(&mut self, work: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.depth += 1;
        if self.depth > MOST_STRUCTS {
            return None;
        }
        work(self)?;
        self.depth -= 1;
        Some(())
    }
}

/// What a footer says.
#[derive(Debug, Default)]
struct Footer {
    rows: u64,
    /// Columns that hold values, and how deep the deepest lies.
    columns: u64,
    depth: usize,
    /// Where the pages of each column of each row group lie.
    chunks: Vec<Chunk>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Chunk {
    values: u64,
    unpacked: u64,
    packed: u64,
    data: u64,
    dictionary: u64,
}

impl Footer {
    fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_suffix(b"PAR1")?;
        let (rest, n) = rest.split_last_chunk::<4>()?;
        let start = rest.len().checked_sub(u32::from_le_bytes(*n) as usize)?;
        let mut out = Self::default();
        let (mut rows_of_groups, mut children) = (0_u64, Vec::<u64>::new());
        Thrift::new(rest.get(start..)?).fields(&mut |t, id, kind| {
            match (id, kind) {
                (2, LIST) => t.each(&mut |t| {
                    let mut n_children = 0;
                    t.fields(&mut |t, id, kind| {
                        let taken = (id, kind) == (5, 5);
                        if taken {
                            n_children = t.size()?;
                        }
                        Some(taken)
                    })?;
                    out.element(&mut children, n_children);
                    Some(())
                })?,
                (3, 6) => out.rows = t.size()?,
                (4, LIST) => t.each(&mut |t| {
                    t.fields(&mut |t, id, kind| {
                        match (id, kind) {
                            (1, LIST) => t.each(&mut |t| {
                                let mut chunk = Chunk::default();
                                t.fields(&mut |t, id, kind| {
                                    let taken = (id, kind) == (3, STRUCT);
                                    if taken {
                                        chunk.read(t)?;
                                    }
                                    Some(taken)
                                })?;
                                out.chunks.push(chunk);
                                Some(())
                            })?,
                            (3, 6) => rows_of_groups = rows_of_groups.saturating_add(t.size()?),
                            _ => return Some(false),
                        }
                        Some(true)
                    })
                })?,
                _ => return Some(false),
            }
            Some(true)
        })?;
        out.rows = out.rows.max(rows_of_groups);
        Some(out)
    }

    /// Counts one element of the schema, which lists each group before what is in it.
    fn element(&mut self, open: &mut Vec<u64>, n_children: u64) {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if n_children == 0 {
            self.columns += 1;
        } else {
            open.push(n_children);
            self.depth = self.depth.max(open.len());
        }
    }
}

impl Chunk {
    fn read(&mut self, t: &mut Thrift<'_>) -> Option<()> {
        t.fields(&mut |t, id, kind| {
            let to = match (id, kind) {
                (5, 6) => &mut self.values,
                (6, 6) => &mut self.unpacked,
                (7, 6) => &mut self.packed,
                (9, 6) => &mut self.data,
                (11, 6) => &mut self.dictionary,
                _ => return Some(false),
            };
            *to = t.size()?;
            Some(true)
        })
    }

    /// Bytes that the pages unpack to, and values in them, as the page headers say.
    fn pages(&self, bytes: &[u8]) -> Option<(u64, u64)> {
        // Some writers give a dictionary at 0, which means none.
        let start = if (1..self.data).contains(&self.dictionary) { self.dictionary } else { self.data };
        let mut at = usize::try_from(start).ok()?;
        let end = usize::try_from(start.saturating_add(self.packed)).unwrap_or(usize::MAX).min(bytes.len());
        let (mut unpacked, mut values) = (0_u64, 0_u64);
        while at < end {
            let mut t = Thrift::new(bytes.get(at..)?);
            let (mut of_page, mut packed) = (0, 0);
            t.fields(&mut |t, id, kind| {
                match (id, kind) {
                    (2, 5) => of_page = t.size()?,
                    (3, 5) => packed = t.size()?,
                    // Data, dictionary, data of the second version: each has the number of its values first.
                    (5 | 7 | 8, STRUCT) => t.fields(&mut |t, id, kind| {
                        let taken = (id, kind) == (1, 5);
                        if taken {
                            values = values.saturating_add(t.size()?);
                        }
                        Some(taken)
                    })?,
                    _ => return Some(false),
                }
                Some(true)
            })?;
            unpacked = unpacked.saturating_add(of_page);
            at = at.checked_add(t.at)?.checked_add(usize::try_from(packed).ok()?)?;
        }
        Some((unpacked, values))
    }
}

/// Refuses a Parquet file that claims more of itself than [`Limits`] allow by default: before any other reader believes it,
/// since what is claimed is reserved, and what cannot be reserved ends the process. `path` is its name in the error.
///
/// # Errors
///
/// Its footer or a page header cannot be read, or claims more rows, columns, bytes or values than such a file may hold.
///
/// # Example
///
/// ```
/// let error = forewarn_sources::check_parquet(b"PAR1", "risk.parquet").unwrap_err();
/// assert_eq!(error.to_string(), "`risk.parquet`: its footer cannot be read");
/// ```
pub fn check_parquet(bytes: &[u8], path: &str) -> Result<(), SourceError> {
    check(bytes, path, bytes.len() as u64, &Limits::default())
}

/// Refuses a file that claims more than it may hold. `n_packed` is its size on disk.
pub(crate) fn check(bytes: &[u8], path: &str, n_packed: u64, limits: &Limits) -> Result<(), SourceError> {
    let malformed = |message: String| SourceError::Malformed { path: path.to_owned(), row: None, message };
    let footer = Footer::read(bytes).ok_or_else(|| malformed("its footer cannot be read".into()))?;
    if footer.depth > MAX_DEPTH {
        return Err(SourceError::TooDeep { path: path.to_owned(), row: None, cap: MAX_DEPTH });
    }
    let columns = footer.columns.max(1);
    limits.table(footer.rows, columns, n_packed, path)?;
    let (mut unpacked, mut values) = (0_u64, 0_u64);
    for (i, chunk) in footer.chunks.iter().enumerate() {
        let (u, v) = chunk.pages(bytes).ok_or_else(|| {
            let column = i as u64 % columns + 1;
            malformed(format!("the pages of column {column} cannot be read"))
        })?;
        unpacked = unpacked.saturating_add(u.max(chunk.unpacked));
        values = values.saturating_add(v.max(chunk.values));
    }
    limits.unpacked(unpacked, n_packed, path)?;
    // Of a column that is cut into pages, a page may claim more values than there are rows; lists have more.
    limits.values(values, n_packed, path)
}
