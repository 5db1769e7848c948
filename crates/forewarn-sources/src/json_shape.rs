//! Looks over lines of NDJSON before they are parsed: how deep they nest, how many columns their keys make, how long their
//! texts are. It does not check that they are JSON.

use std::collections::BTreeSet;

use crate::error::SourceError;
use crate::limits::{Limits, MAX_DEPTH};

/// What the lines of one file have shown so far.
#[derive(Debug, Default)]
pub(crate) struct JsonShape {
    /// A hash for each key with the keys that it lies in.
    columns: BTreeSet<u64>,
    /// The hashes of the line before, in order: most lines have the same keys.
    last: Vec<u64>,
}

/// An object or list that is open, and the hash of the key that holds it.
struct Open {
    is_object: bool,
    key: u64,
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

fn hash(from: u64, bytes: &[u8]) -> u64 {
    // A byte that no text has parts a key from the one it lies in.
    bytes.iter().chain(&[0xff]).fold(from, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl JsonShape {
    /// How many columns the keys make.
    pub(crate) fn n_columns(&self) -> u64 {
        self.columns.len() as u64
    }

    /// Looks over one line.
    pub(crate) fn line(
        &mut self,
        text: &str,
        row: u64,
        path: &str,
        limits: &Limits,
    ) -> Result<(), SourceError> {
        if text.len() as u64 > limits.max_cell_bytes {
            return Err(limits.cell(path, row, "line", Some(text.len() as u64)));
        }
        let bytes = text.as_bytes();
        let mut open: Vec<Open> = Vec::new();
        let (mut key, mut is_key, mut n_keys, mut i) = (START, false, 0, 0);
        while let Some(c) = bytes.get(i) {
            i += 1;
            match c {
                b'"' => {
                    let from = i;
                    while let Some(c) = bytes.get(i).filter(|c| **c != b'"') {
                        i += 1 + usize::from(*c == b'\\');
                    }
                    let inside = bytes.get(from..i).unwrap_or_default();
                    i += 1;
                    if is_key {
                        key = hash(open.last().map_or(START, |o| o.key), inside);
                        if self.last.get(n_keys) != Some(&key) {
                            self.last.truncate(n_keys);
                            self.last.push(key);
                            self.columns.insert(key);
                        }
                        n_keys += 1;
                        if self.n_columns() > limits.max_columns {
                            return Err(limits.columns(path, Some(row)));
                        }
                    }
                    is_key = false;
                }
                b'{' | b'[' => {
                    if open.len() == MAX_DEPTH {
                        return Err(SourceError::TooDeep {
                            path: path.to_owned(),
                            row: Some(row),
                            cap: MAX_DEPTH,
                        });
                    }
                    is_key = *c == b'{';
                    // All elements of a list lie in the key that holds the list.
                    let holder = open.last().filter(|o| !o.is_object).map_or(key, |o| o.key);
                    open.push(Open { is_object: is_key, key: holder });
                }
                b'}' | b']' => {
                    open.pop();
                    is_key = false;
                }
                b',' => is_key = open.last().is_some_and(|o| o.is_object),
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_depth_and_length_are_counted() {
        let limits = Limits { max_columns: 4, max_cell_bytes: 200, ..Limits::default() };
        let check = |lines: &[&str], want: &str| {
            let mut shape = JsonShape::default();
            let bad = lines.iter().zip(1..).find_map(|(l, row)| shape.line(l, row, "f", &limits).err());
            let found = bad.map_or_else(|| shape.n_columns().to_string(), |e| e.to_string());
            assert_eq!(found, want, "{lines:?}");
        };
        check(&[r#"{"a":1,"b":"x"}"#, r#"{"b":"a,\"c\":","a":[1,{"d":2}]}"#], "3");
        check(
            &[r#"{"a":{"b":{"c":1}},"b":{"b":2}}"#],
            "`f`, row 1: found more columns, `limits.max_columns` allows 4",
        );
        check(&[r#"{"a":{"b":{"c":1}},"b":2}"#, r#"{"a":"{\"x\":1}"}"#], "4");
        // What is no JSON is for the parser to name.
        check(&["}}]]\"", "{\"a", "\\\"{\"b\\"], "1");
        let deep = |n: usize| format!("{{\"a\":{}1{}}}", "[".repeat(n - 1), "]".repeat(n - 1));
        check(&[&deep(64)], "1");
        check(&[&deep(65)], "`f`, row 1: found objects and lists in one another more than 64 deep");
        check(&[&"x".repeat(200)], "0");
        check(
            &["{}", &"x".repeat(201)],
            "`f`, row 2: found a line of 201 bytes, `limits.max_cell_bytes` allows 200",
        );
    }
}
