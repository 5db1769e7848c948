//! What other parts of a run keep: only what was written comes back, and what is not used goes.

use std::fs;

use super::Folder;
use crate::KeptBytes;

#[test]
fn only_what_was_written_comes_back() {
    let dir = Folder::new(&[]);
    let kept = KeptBytes::new(&dir.0);
    kept.put("a-1", b"first").unwrap();
    kept.put("a-1", b"second").unwrap();
    kept.put("b", b"").unwrap();
    assert_eq!(kept.get("a-1").unwrap(), b"second");
    assert_eq!(kept.get("b").unwrap(), b"");
    let path = dir.0.join("computed/a-1");
    let written = fs::read(&path).unwrap();
    for at in 0..written.len() {
        let mut spoiled = written.clone();
        spoiled[at] ^= 1;
        fs::write(&path, &spoiled).unwrap();
        assert_eq!(kept.get("a-1"), None, "byte {at}");
        fs::write(&path, &written[..at]).unwrap();
        assert_eq!(kept.get("a-1"), None, "cut at {at}");
    }
}

#[test]
fn what_is_not_used_goes() {
    let dir = Folder::new(&[]);
    let first = KeptBytes::new(&dir.0);
    for name in ["old", "new", "newest"] {
        first.put(name, b"x").unwrap();
    }
    let second = KeptBytes::new(&dir.0);
    assert!(second.get("new").is_some() && second.get("missing").is_none());
    second.put("newest", b"y").unwrap();
    second.forget_the_rest();
    assert_eq!((second.get("old"), second.get("new").is_some()), (None, true));
    assert_eq!(second.get("newest").unwrap(), b"y");
    for name in ["", "a/b", "..", "ä", "a.b"] {
        assert!(second.put(name, b"x").is_err() && second.get(name).is_none(), "{name}");
    }
}
