//! Text to words: lower case, with ids, numbers, paths, addresses and host names left out. It does not know languages:
//! whatever separates its words by spaces will do.

use std::collections::HashMap;

use rayon::prelude::*;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Characters of a text that are read; what follows says nothing about what a ticket is about.
const MAX_CHARS: usize = 20_000;
/// A longer run of letters is a key or a hash, not a word.
const MAX_WORD: usize = 40;
/// A markup tag is at most this long.
const MAX_TAG: usize = 200;
/// Last labels by which two labels joined by a dot are a host name; `sentence.Next` must stay two words.
const DOMAINS: [&str; 24] = [
    "com", "net", "org", "edu", "gov", "int", "local", "lan", "internal", "intranet", "corp", "home", "info",
    "biz", "io", "cloud", "eu", "de", "at", "ch", "uk", "fr", "nl", "pl",
];

/// The words of a text in their order, each as often as it stands there.
///
/// Unicode compatibility forms become one (NFKC), letters become small. Left out, because they tell one ticket from the
/// next rather than what both are about, and may name a person: whatever holds a digit (numbers, dates, ids, addresses of
/// machines), mail addresses, URLs, paths, host names, markup, single letters, and runs of more than 40 letters. Only the
/// first 20,000 characters are read.
///
/// ```
/// use forewarn_models::text::words;
/// assert_eq!(words("VPN drops on LAP-00042 after 5 min"), ["vpn", "drops", "on", "after", "min"]);
/// assert_eq!(words("Ｄrucker\u{308} – „Straße“"), ["drucker\u{308}", "straße"]);
/// assert!(words("4711 10.0.0.1 a@b.example C:\\x \\\\srv\\share https://x.y/z 0x80070005").is_empty());
/// ```
pub fn words(text: &str) -> Vec<String> {
    let cut = text.char_indices().nth(MAX_CHARS).map_or(text, |(at, _)| &text[..at]);
    let plain = without_markup(cut);
    let mut out = Vec::new();
    for chunk in plain.split_whitespace() {
        let chunk: String = chunk.nfkc().collect();
        // Compatibility forms may hold white space of their own.
        for part in chunk.split_whitespace() {
            words_of_chunk(part, &mut out);
        }
    }
    out
}

/// The text with tags and character references as spaces.
fn without_markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['<', '&']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let end = if tail.starts_with('<') { '>' } else { ';' };
        let opens =
            tail[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '#' || c == '!');
        let limit = if end == '>' { MAX_TAG } else { 10 };
        let close = if opens { tail.char_indices().take(limit).find(|(_, c)| *c == end) } else { None };
        let fits = close.filter(|(k, _)| end == '>' || !tail[..*k].contains(char::is_whitespace));
        out.push(' ');
        rest = &tail[fits.map_or(1, |(k, c)| k + c.len_utf8())..];
    }
    out.push_str(rest);
    out
}

fn is_letter(c: char) -> bool {
    c.is_alphabetic() || is_combining_mark(c)
}

/// What may stand inside an id, an address or a host name.
fn is_inside(c: char) -> bool {
    is_letter(c) || c.is_numeric() || matches!(c, '_' | '-' | '.' | ':' | '#')
}

fn words_of_chunk(chunk: &str, out: &mut Vec<String>) {
    let slashes = chunk.matches('/').count();
    let is_place = chunk.contains("://")
        || chunk.contains('\\')
        || slashes >= 2
        || chunk.trim_start_matches(['(', '"', '\'', '[']).starts_with(['/', '~']);
    let is_mail = chunk.contains('@');
    if is_place || is_mail {
        return;
    }
    for run in chunk.split(|c| !is_inside(c)) {
        let run = run.trim_matches(|c: char| !is_letter(c) && !c.is_numeric());
        if run.contains(char::is_numeric) || is_host(run) {
            continue;
        }
        for word in run.split(|c| !is_letter(c)) {
            let n = word.chars().count();
            if (2..=MAX_WORD).contains(&n) {
                out.push(word.to_lowercase());
            }
        }
    }
}

/// `www.example`, `mail.firm.example`, `firm.com`, or the address of a network card.
fn is_host(run: &str) -> bool {
    let labels: Vec<&str> = run.split('.').collect();
    let pairs: Vec<&str> = run.split([':', '-']).collect();
    let hex = |p: &&str| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit());
    if pairs.len() == 6 && pairs.iter().all(hex) {
        return true;
    }
    let last = labels[labels.len() - 1].to_lowercase();
    let full = labels.iter().all(|l| l.chars().count() >= 2);
    full && (labels.len() >= 3 || (labels.len() == 2 && DOMAINS.contains(&last.as_str())))
}

/// Words by number: what the rest of this crate counts with. The numbers follow the order in which words were first
/// seen.
#[derive(Debug, Clone, Default)]
pub struct Lexicon {
    ids: HashMap<String, u32>,
    words: Vec<String>,
}

/// The words of one text by number, sorted, each with how often it stands there.
pub type Bag = Vec<(u32, u32)>;

impl Lexicon {
    /// The number of a word, which is new where it was not seen before.
    pub fn id(&mut self, word: &str) -> u32 {
        if let Some(&id) = self.ids.get(word) {
            return id;
        }
        let id = self.words.len() as u32;
        self.ids.insert(word.to_owned(), id);
        self.words.push(word.to_owned());
        id
    }

    /// The word of a number that [`Lexicon::id`] gave; an empty one for any other.
    pub fn word(&self, id: u32) -> &str {
        self.words.get(id as usize).map_or("", String::as_str)
    }

    /// The bags of texts, in their order. A text may be given in parts (title, description).
    pub fn bags(&mut self, texts: &[Vec<&str>]) -> Vec<Bag> {
        // Cutting into words takes the time and is done by all threads; numbering is done in order.
        const PART: usize = 4096;
        let mut out = Vec::with_capacity(texts.len());
        for part in texts.chunks(PART) {
            let cut: Vec<Vec<String>> =
                part.par_iter().map(|t| t.iter().flat_map(|t| words(t)).collect()).collect();
            out.extend(cut.iter().map(|words| {
                let mut ids: Vec<u32> = words.iter().map(|w| self.id(w)).collect();
                ids.sort_unstable();
                ids.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u32)).collect::<Bag>()
            }));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_identifies_is_left_out() {
        let check = |text: &str, want: &[&str]| assert_eq!(words(text), want, "{text:?}");
        check("", &[]);
        check("12345 67-89 3.14 2025-12-31 12:30", &[]);
        check("Drucker", &["drucker"]);
        check("SRV-0042 is down", &["is", "down"]);
        check("host srv.prod.example and mail.firm.com", &["host", "and"]);
        check("it stopped.Then it ran", &["it", "stopped", "then", "it", "ran"]);
        check("see /var/log/syslog or C:\\Temp\\x.log or and/or", &["see", "or", "or", "and", "or"]);
        check("mail bob.smith@firm.example now", &["mail", "now"]);
        check("<p>Hello&nbsp;world</p> a < b & c", &["hello", "world"]);
        check("aa:bb:cc:dd:ee:ff port", &["port"]);
        check("3f2504e0-4f89-11d3-9a0c-0305e82c3301 guid", &["guid"]);
        check("Home-Office", &["home", "office"]);
        check("ПРИНТЕР не печатает", &["принтер", "не", "печатает"]);
        check("मुद्रक काम नहीं करता", &["मुद्रक", "काम", "नहीं", "करता"]);
        check("Ünïcödé ÄÖÜ", &["ünïcödé", "äöü"]);
        check(&"x".repeat(50), &[]);
        assert_eq!(words(&"ab ".repeat(400_000)).len(), MAX_CHARS / 3 + 1);
        assert!(words(&"<".repeat(100_000)).is_empty());
    }

    #[test]
    fn bags_count() {
        let mut lexicon = Lexicon::default();
        let bags = lexicon.bags(&[vec!["b a b"], vec!["", "AA bb"], vec!["bb", "bb aa"]]);
        assert_eq!(bags[0], []);
        assert_eq!(bags[1], [(0, 1), (1, 1)]);
        assert_eq!(bags[2], [(0, 1), (1, 2)]);
        assert_eq!((lexicon.word(1), lexicon.word(9)), ("bb", ""));
    }
}
