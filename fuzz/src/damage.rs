//! Damages valid files: what a fuzzer would have to be very lucky to write from nothing. It does not know formats.

/// Changes `file` as `plan` says, four bytes a change: where (two bytes, counted from the front, or from the end where the
/// lowest bit of the third is set), what to do, and with which byte.
pub(crate) fn damage(file: &mut Vec<u8>, plan: &[u8]) {
    for step in plan.chunks_exact(4).take(64) {
        let place = usize::from(u16::from_le_bytes([step[0], step[1]]));
        if file.is_empty() {
            return;
        }
        let last = file.len() - 1;
        let at = if step[2] & 1 == 1 { last - place.min(last) } else { place.min(last) };
        match step[2] >> 1 & 3 {
            0 => file[at] = step[3],
            1 => file[at] ^= 1 << (step[3] & 7),
            2 => file.insert(at, step[3]),
            _ => {
                file.remove(at);
            }
        }
    }
}

/// The same, and the length of the footer, which ends a Parquet file, put right again.
pub(crate) fn damage_parquet(file: &mut Vec<u8>, plan: &[u8]) {
    let footer = |f: &[u8]| -> Option<usize> {
        let n = f.len().checked_sub(8)?;
        Some(u32::from_le_bytes(f.get(n..n + 4)?.try_into().ok()?) as usize)
    };
    let start = footer(file).and_then(|n| (file.len() - 8).checked_sub(n));
    damage(file, plan);
    if let (Some(start), Some(end)) = (start, file.len().checked_sub(8))
        && start <= end
    {
        file[end..end + 4].copy_from_slice(&((end - start) as u32).to_le_bytes());
        file[end + 4..].copy_from_slice(b"PAR1");
    }
}
