//! The words that tell one group of texts from the others. It does not know the words, only their numbers.

use super::words::Bag;

/// Words that may name a group, at most.
const MAX_WORDS: usize = 40;
/// The least share of a group's texts that a naming word stands in.
const MIN_SHARE: f64 = 0.08;

/// A word that may name a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NameWord {
    /// The word's number.
    pub word: u32,
    /// The texts of the group that hold it.
    pub n_texts: u32,
    /// How well it tells the group from the others, in nats: its share of the group's texts times the logarithm of that
    /// share over its share of all texts (a term of the Kullback–Leibler divergence).
    pub score: f64,
}

/// For each group, the words that tell it from the others, the best first.
///
/// # Panics
/// Never: a text whose group is not below `n_groups` is counted among the others.
///
/// ```
/// use forewarn_models::text::name_words;
/// let bags = [vec![(0, 1), (1, 1)], vec![(0, 1), (1, 2)], vec![(0, 1), (2, 1)]];
/// let names = name_words(&bags, &[Some(0), Some(0), Some(1)], 2);
/// assert_eq!((names[0][0].word, names[1][0].word), (1, 2));
/// assert_eq!(names[0].len(), 1, "the word that all hold names nothing");
/// ```
pub fn name_words(bags: &[Bag], groups: &[Option<u32>], n_groups: usize) -> Vec<Vec<NameWord>> {
    let n_words = bags.iter().flatten().map(|(w, _)| *w as usize + 1).max().unwrap_or(0);
    let mut of_all = vec![0_u32; n_words];
    bags.iter().flatten().for_each(|(w, _)| of_all[*w as usize] += 1);
    let n = bags.len() as f64;
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); n_groups];
    for (i, g) in groups.iter().enumerate().take(bags.len()) {
        if let Some(list) = g.and_then(|g| members.get_mut(g as usize)) {
            list.push(i);
        }
    }
    let mut count = vec![0_u32; n_words];
    members
        .iter()
        .map(|list| {
            let mut seen: Vec<u32> = Vec::new();
            for (w, _) in list.iter().flat_map(|&i| &bags[i]) {
                if count[*w as usize] == 0 {
                    seen.push(*w);
                }
                count[*w as usize] += 1;
            }
            let mut words: Vec<NameWord> = seen
                .iter()
                .map(|&word| {
                    let n_texts = count[word as usize];
                    let share = f64::from(n_texts) / list.len() as f64;
                    let score = share * (share * n / f64::from(of_all[word as usize])).ln();
                    NameWord { word, n_texts, score: if share < MIN_SHARE { 0.0 } else { score } }
                })
                .filter(|w| w.score > 0.0)
                .collect();
            for w in &seen {
                count[*w as usize] = 0;
            }
            words.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.word.cmp(&b.word)));
            words.truncate(MAX_WORDS);
            words
        })
        .collect()
}
