//! Bytes that fuzzing found to break a reader: rows of cases through one `check()`.

use super::*;
use crate::check_parquet;

/// A valid table with one bit of it flipped: the sign of the number of values that the first page says it has. Polars
/// reserved a bit for each of 2^64 and the process ended.
fn values_below_zero() -> Vec<u8> {
    let mut bytes = parquet(vec![Column::new("ticket_id".into(), [Some("a"), None])]);
    // Field 5 of the page header, the header of a data page, and in it field 1: 2, zigzag.
    let at = bytes.windows(3).position(|w| w == [0x2c, 0x15, 0x04]).unwrap();
    bytes[at + 2] ^= 1;
    bytes
}

#[test]
fn what_broke_a_reader_is_an_error_of_its_file() {
    let check = |name: &str, bytes: Vec<u8>, expected: &str| {
        let found = run(&[(name, bytes.clone())], &format!("[tickets]\npath = \"{name}\"\n")).unwrap_err();
        assert!(found.to_string().starts_with(expected), "{found}");
        if name.ends_with("parquet") {
            assert_eq!(check_parquet(&bytes, name), Err(found));
        }
    };
    check("t.parquet", values_below_zero(), "`t.parquet`: found 18446744073709551615 cells in ");
}

#[test]
fn a_column_longer_than_its_table_is_an_error_of_the_file() {
    // One byte of a footer is zero, and the reader gives more values of a column than rows.
    let folder = Folder::new(&[("t.parquet", include_bytes!("uneven.parquet").to_vec())]);
    let settings = settings(&folder.0, "[[telemetry]]\npath = \"t.parquet\"\n").unwrap();
    let plan = ReadPlan { slice_cells: 64, ..ReadPlan::default() };
    let found = load(&settings, &plan, &|_| ()).unwrap_err().to_string();
    // Polars itself looks at the lengths where it is built with its own assertions.
    let ours = "column `asset_id` holds 100 values in a table of 12 rows";
    assert!(found.contains(ours) || found.contains("(100) does not match height"), "{found}");
}
