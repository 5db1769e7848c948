//! Versions compared as versions: 3.9 is before 3.10, `SX04` before `SX05`. It does not know what carries one.

use std::cmp::Ordering;

/// A part of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// Digits, without zeros in front.
    Number(String),
    /// Letters, in lower case.
    Word(String),
}

/// A version, cut where digits and letters meet and at every other character.
#[derive(Debug, Clone)]
pub(super) struct Version {
    parts: Vec<Part>,
}

impl Version {
    /// `None` for a text without a digit: there is nothing to count by.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<Part> = Vec::new();
        let mut open = false;
        for c in text.chars() {
            if c.is_ascii_digit() {
                match parts.last_mut() {
                    Some(Part::Number(n)) if open => n.push(c),
                    _ => parts.push(Part::Number(c.to_string())),
                }
                open = true;
            } else if c.is_alphabetic() {
                match parts.last_mut() {
                    Some(Part::Word(w)) if open => w.extend(c.to_lowercase()),
                    _ => parts.push(Part::Word(c.to_lowercase().collect())),
                }
                open = true;
            } else {
                open = false;
            }
        }
        for part in &mut parts {
            if let Part::Number(n) = part {
                *n = n.trim_start_matches('0').to_owned();
            }
        }
        // `v2` and `version 2` are 2.
        if matches!(parts.first(), Some(Part::Word(w)) if matches!(w.as_str(), "v" | "ver" | "version" | "r" | "rev"))
        {
            parts.remove(0);
        }
        parts.iter().any(|p| matches!(p, Part::Number(_))).then_some(Self { parts })
    }

    /// What stands before the first number: versions are of one scheme where it is the same.
    pub(super) fn scheme(&self) -> String {
        let words = self.parts.iter().map_while(|p| match p {
            Part::Word(w) => Some(w.as_str()),
            Part::Number(_) => None,
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Version {}

impl Ord for Version {
    /// Part by part, zeros without end behind both. At one place a word of two letters or more (`rc`, `beta`) comes before
    /// zero, a single letter after it (`1.0b` is after `1.0`), and every other number after that.
    fn cmp(&self, other: &Self) -> Ordering {
        let zero = Part::Number(String::new());
        let at = |v: &'_ Self, i: usize| v.parts.get(i).cloned().unwrap_or_else(|| zero.clone());
        (0..self.parts.len().max(other.parts.len()))
            .map(|i| compared(&at(self, i), &at(other, i)))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Where a part stands before its size or spelling counts.
fn class(part: &Part) -> u8 {
    match part {
        Part::Word(w) if w.chars().count() > 1 => 0,
        Part::Number(n) if n.is_empty() => 1,
        Part::Word(_) => 2,
        Part::Number(_) => 3,
    }
}

fn compared(a: &Part, b: &Part) -> Ordering {
    class(a).cmp(&class(b)).then_with(|| match (a, b) {
        // Without zeros in front, more digits are more.
        (Part::Number(a), Part::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
        (Part::Word(a), Part::Word(b)) => a.cmp(b),
        _ => Ordering::Equal,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn versions_are_no_text() {
        let check = |old: &str, new: &str| {
            let (old, new) = (Version::parse(old).unwrap(), Version::parse(new).unwrap());
            assert_eq!(
                (old.cmp(&new), new.cmp(&old)),
                (Ordering::Less, Ordering::Greater),
                "{old:?} {new:?}"
            );
        };
        check("3.9", "3.10");
        check("5.10.0-27", "5.15.0-94");
        check("5.15.0-94", "6.1.0-18");
        check("SX04", "SX05");
        check("KB4988", "KB5051");
        check("2.5", "2.5.1");
        check("1.0-rc1", "1.0");
        check("1.0-rc1", "1.0-rc2");
        check("1.0", "1.0b");
        check("15.2(4)E7", "15.2(4)E10");
        check("10.0.19045", "10.0.22631");
        check("99999999999999999999998", "99999999999999999999999");
    }

    #[test]
    fn some_versions_are_the_same() {
        let check = |a: &str, b: &str| {
            assert_eq!(Version::parse(a).unwrap(), Version::parse(b).unwrap());
        };
        check("2.5", "2.5.0");
        check("v1.2", "1.2");
        check("3.02", "3.2");
        check("U41 \u{1f600}", "u41");
        assert_eq!(Version::parse("SX05").unwrap().scheme(), "sx");
        assert_eq!(Version::parse("1.2").unwrap().scheme(), "");
        for none in ["", "latest", "\u{1f600}", "…", "\u{665}"] {
            assert!(Version::parse(none).is_none(), "{none:?}");
        }
    }

    #[test]
    fn the_order_is_total() {
        let texts = [
            "", "0", "1", "a", "1a", "a1", "1.a", "1.0", "1.0.0", "1rc", "1.rc1", "1b", "1.10", "1.9",
            "a.1.b", "1..2", "01", "1ab2",
        ];
        let all: Vec<Version> = texts.iter().filter_map(|t| Version::parse(t)).collect();
        for x in &all {
            for y in &all {
                assert_eq!(x.cmp(y), y.cmp(x).reverse(), "{x:?} {y:?}");
                for z in &all {
                    let through = x <= y && y <= z;
                    assert!(!through || x <= z, "{x:?} {y:?} {z:?}");
                }
            }
        }
    }
}
