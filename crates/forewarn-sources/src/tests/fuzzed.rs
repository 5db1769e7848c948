//! Bytes that fuzzing found to break a reader, each kept as it was found: rows of cases through one `check()`.
