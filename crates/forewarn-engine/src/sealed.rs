//! Bytes in an envelope that says how many they are and what they hash to, so that what was cut off or damaged is found. It
//! does not know what they hold.
//!
//! `…"bytes":N,"fnv64":"…","KEY":…}`: `fnv64` is 16 lower-case hexadecimal digits of FNV-1a of the bytes behind the key.
//! The hash keeps no one out: what it lets through is checked as if no one had written it here.

/// Why an envelope is not as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// What stands before the bytes.
    Head,
    /// So many bytes are there, and so many were written.
    Length(u64, u64),
    /// The checksum of what is there, and the one that was written.
    Checksum(String, String),
}

/// FNV-1a of 64 bits: any change of one byte changes it.
pub(crate) fn fnv64(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016x}")
}

/// The bytes up to `end`, which is near, and those behind it.
pub(crate) fn before<'a>(bytes: &'a [u8], end: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = bytes.windows(end.len()).take(64).position(|w| w == end)?;
    Some((&bytes[..at], &bytes[at + end.len()..]))
}

/// The first bytes, as text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned()
}

/// A whole file: `start`, the version, the envelope.
pub(crate) fn seal(start: &[u8], version: u32, key: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("{version},\"bytes\":{},\"fnv64\":\"{}\",\"{key}\":", bytes.len(), fnv64(bytes));
    [start, head.as_bytes(), bytes, b"}"].concat()
}

/// The bytes behind `"version":N,`, which must be those that were written.
pub(crate) fn open<'a>(rest: &'a [u8], key: &str) -> Result<&'a [u8], Broken> {
    let head = || Broken::Head;
    let (stated_bytes, rest) =
        rest.strip_prefix(b"\"bytes\":").and_then(|r| before(r, b",\"fnv64\":\"")).ok_or_else(head)?;
    let end = format!("\",\"{key}\":");
    let (stated, rest) = before(rest, end.as_bytes()).ok_or_else(head)?;
    let n: u64 = std::str::from_utf8(stated_bytes).ok().and_then(|t| t.parse().ok()).ok_or_else(head)?;
    let length = Broken::Length(rest.len().saturating_sub(1) as u64, n);
    let inner = rest.strip_suffix(b"}").filter(|m| m.len().to_string().as_bytes() == stated_bytes);
    let inner = inner.ok_or(length)?;
    let found = fnv64(inner);
    if found.as_bytes() != stated {
        return Err(Broken::Checksum(found, text(stated)));
    }
    Ok(inner)
}
