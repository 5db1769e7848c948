//! Why an asset stands where it stands: contributions in log odds that add up, one reason for one thing, in words with value,
//! unit and how unusual it is among peers. It does not know how contributions are reckoned.

use std::collections::BTreeMap;

use forewarn_features::FeatureTable;
use forewarn_frames::output::Reason;
use forewarn_frames::{Code, History};
use forewarn_models::{Contributions, Matrix, rank_correlation};

use crate::degradation::Said;
use crate::fit::ModelSet;

/// Reasons told one by one; the rest is summed as `other`.
const MAX_REASONS: usize = 6;
/// Less than this is not worth a line of its own.
const WORTH_TELLING: f64 = 0.02;
/// Fewer peers than this make no comparison.
const MIN_PEERS: usize = 20;
/// Part of a family's greatest contribution that a count must have to be told instead: people count more readily than they
/// weigh.
const TELLING: f64 = 0.2;
/// Families whose leading columns have such a rank correlation over the fleet tell of one thing.
const ALIKE: f64 = 0.8;
/// Assets that correlations are taken over, at most.
const SAMPLE: usize = 4_000;
/// Other families that a reason names.
const MAX_NAMED: usize = 2;

/// Of columns with what each adds, all above zero, the one to tell: that which adds most, or a count that adds a good part of
/// it.
pub(crate) fn most_telling(model: &ModelSet, added: &[(usize, f64)]) -> Option<usize> {
    let mut by: Vec<(usize, f64)> = added.to_vec();
    by.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let most = by.first()?.1;
    let is_count = |j: usize| j < model.columns.n_numbers && model.catalog.features()[j].is_count();
    let counted = by.iter().find(|(j, v)| is_count(*j) && *v >= TELLING * most);
    counted.or(by.first()).map(|t| t.0)
}

/// Sorted values of a column among an asset's peers, made once per (column, peer group).
struct Peers<'a> {
    x: &'a Matrix,
    group: &'a [Option<(&'a str, &'a str)>],
    sorted: BTreeMap<(usize, &'a str), Vec<f64>>,
}

impl Peers<'_> {
    /// `higher than 99 % of ST4000DM000`, where that is worth saying.
    fn say(&mut self, row: usize, column: usize) -> Option<String> {
        let (_, name) = self.group[row]?;
        let v = self.x.column(column)[row];
        if v.is_nan() {
            return None;
        }
        let sorted = self.sorted.entry((column, name)).or_insert_with(|| {
            let mut all: Vec<f64> = (0..self.x.n_rows())
                .filter(|&i| self.group[i].is_some_and(|g| g.1 == name))
                .map(|i| self.x.column(column)[i])
                .filter(|v| !v.is_nan())
                .collect();
            all.sort_by(f64::total_cmp);
            all
        });
        let n = sorted.len();
        if n < MIN_PEERS {
            return None;
        }
        let below = sorted.partition_point(|x| *x < v) as f64 / n as f64;
        let above = (n - sorted.partition_point(|x| *x <= v)) as f64 / n as f64;
        // Rounded down, so that nothing is said to be rarer than it is.
        let percent = |share: f64| (share * 100.0).floor();
        if below >= 0.8 {
            Some(format!("higher than {:.0} % of {name}", percent(below)))
        } else if above >= 0.8 {
            Some(format!("lower than {:.0} % of {name}", percent(above)))
        } else {
            None
        }
    }
}

/// A family, what its columns add together, and the one of them that is told.
#[derive(Clone, Copy)]
struct Part<'a> {
    family: &'a str,
    sum: f64,
    lead: usize,
}

/// Parts that tell of one thing: their columns rise and fall together.
struct Thing<'a> {
    parts: Vec<Part<'a>>,
    sum: f64,
}

/// Reasons of one night's ranking.
pub(crate) struct Reasons<'a> {
    model: &'a ModelSet,
    table: &'a FeatureTable,
    peers: Peers<'a>,
    worse: &'a Said,
    /// Columns of each family.
    families: BTreeMap<&'a str, Vec<usize>>,
    sample: Vec<usize>,
    alike: BTreeMap<(usize, usize), bool>,
}

/// The peers that each asset is compared with: those of its model, else of its kind.
pub(crate) fn compared_with<'a>(
    history: &History<'a>,
    assets: &[usize],
) -> Vec<Option<(&'static str, &'a str)>> {
    let word = |code: Option<Code>| code.map(|c| history.word(c));
    let of = |a: &usize| {
        let asset = history.asset(*a);
        word(asset.model).map(|m| ("model", m)).or_else(|| word(asset.kind).map(|k| ("kind", k)))
    };
    assets.iter().map(of).collect()
}

impl<'a> Reasons<'a> {
    /// `x` holds the columns of the table's rows, and `group` the peers that each is compared with: what they have in common,
    /// and its name; `worse` is what was found to get worse, which reasons refer to.
    pub(crate) fn new(
        model: &'a ModelSet,
        table: &'a FeatureTable,
        x: &'a Matrix,
        group: &'a [Option<(&'a str, &'a str)>],
        worse: &'a Said,
    ) -> Self {
        let mut families: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (j, family) in model.columns.families.iter().enumerate() {
            families.entry(family).or_default().push(j);
        }
        let n = x.n_rows();
        let sample = (0..n.min(SAMPLE)).map(|k| k * n / n.min(SAMPLE)).collect();
        let peers = Peers { x, group, sorted: BTreeMap::new() };
        Self { model, table, peers, worse, families, sample, alike: BTreeMap::new() }
    }

    /// Whether two columns of different families tell of one thing.
    fn alike(&mut self, a: usize, b: usize) -> bool {
        let of = |j: usize| self.model.columns.families[j].as_str();
        // What model it is and how its model fares are one thing.
        let bare = |family: &'a str| family.strip_prefix("asset.").or(family.strip_prefix("same "));
        if let (Some(a), Some(b)) = (bare(of(a)), bare(of(b))) {
            return a == b;
        }
        let n = self.model.columns.n_numbers;
        if a >= n || b >= n {
            // The numbers of words have no order.
            return false;
        }
        let (x, sample) = (self.peers.x, &self.sample);
        *self.alike.entry((a.min(b), a.max(b))).or_insert_with(|| {
            let column = |j: usize| sample.iter().map(|&i| x.column(j)[i]).collect::<Vec<_>>();
            rank_correlation(&column(a), &column(b)).ok().flatten().is_some_and(|r| r.abs() >= ALIKE)
        })
    }

    fn contradicts(&self, column: usize, sum: f64, x_row: usize) -> bool {
        column < self.model.columns.n_numbers
            && self.model.catalog.features()[column].contradicts(self.table.numbers[column][x_row], sum)
    }

    /// The reasons of a row: `row` of the contributions, `x_row` of the table.
    pub(crate) fn of(&mut self, c: &Contributions, row: usize, x_row: usize) -> Vec<Reason> {
        let mut sums: Vec<(&'a str, f64)> = self
            .families
            .iter()
            .map(|(f, columns)| (*f, columns.iter().map(|&j| c.values.column(j)[row]).sum()))
            .collect();
        sums.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(b.0)));
        let mut things: Vec<Thing<'a>> = Vec::new();
        let mut rest = 0.0;
        for (family, sum) in sums {
            let added: Vec<(usize, f64)> = self.families[family]
                .iter()
                .map(|&j| (j, c.values.column(j)[row] * sum.signum()))
                .filter(|a| a.1 > 0.0 && !self.contradicts(a.0, sum, x_row))
                .collect();
            let Some(lead) = most_telling(self.model, &added).filter(|_| sum.abs() >= WORTH_TELLING) else {
                rest += sum;
                continue;
            };
            let part = Part { family, sum, lead };
            // Of two columns that say the same, a model may count one up and the other down: only their sum means anything.
            if let Some(k) = things.iter().position(|t| self.alike(t.parts[0].lead, lead)) {
                things[k].parts.push(part);
                things[k].sum += sum;
            } else {
                things.push(Thing { parts: vec![part], sum });
            }
        }
        things
            .sort_by(|a, b| b.sum.abs().total_cmp(&a.sum.abs()).then(a.parts[0].lead.cmp(&b.parts[0].lead)));
        let told = things.iter().take(MAX_REASONS).take_while(|t| t.sum.abs() >= WORTH_TELLING).count();
        rest += things.drain(told..).map(|t| t.sum).sum::<f64>();
        for t in &mut things {
            // What says most in the direction of the sum comes first.
            t.parts.sort_by(|a, b| (b.sum * t.sum).total_cmp(&(a.sum * t.sum)));
        }
        let mut out: Vec<Reason> = things.iter().map(|t| self.say(t, x_row)).collect();
        let plain = |feature: &str, contribution: f64, text: &str| Reason {
            feature: feature.into(),
            value: None,
            unit: String::new(),
            contribution,
            text: text.into(),
        };
        if rest.abs() > 0.0 {
            out.push(plain("other", rest, "everything else together"));
        }
        out.push(plain("base", c.base, "a typical asset"));
        out
    }

    fn say(&mut self, thing: &Thing<'a>, x_row: usize) -> Reason {
        let (columns, j) = (&self.model.columns, thing.parts[0].lead);
        let (value, unit, mut text) = if j < columns.n_numbers {
            let spec = &self.model.catalog.features()[j];
            let v = self.table.numbers[j][x_row];
            let mut text = spec.say(v);
            // A share, a chance or a time since says by itself how unusual it is.
            let by_itself = matches!(spec.unit, "share" | "days" | "log odds");
            if let Some(p) = self.peers.say(x_row, j).filter(|_| !by_itself) {
                text = format!("{text}; {p}");
            }
            (v.is_finite().then_some(v), spec.unit.to_owned(), text)
        } else {
            let name = &columns.names[j];
            let word = self.table.words[j - columns.n_numbers][x_row].as_deref().unwrap_or("not known");
            (None, String::new(), format!("{} is {word}", name.strip_prefix("asset.").unwrap_or(name)))
        };
        let bare = |f: &'a str| f.trim_start_matches("asset.").trim_start_matches("same ");
        let mut others: Vec<&str> = thing.parts.iter().map(|p| bare(p.family)).collect();
        others.dedup();
        let others: Vec<&str> = others.into_iter().skip(1).take(MAX_NAMED).collect();
        if !others.is_empty() {
            text = format!("{text}; told together with {}", others.join(" and "));
        }
        let family = thing.parts[0].family;
        if let Some(found) = self.worse.on(self.table.assets[x_row], family).filter(|_| thing.sum > 0.0) {
            text = format!("{text}; {found}");
        }
        Reason { feature: columns.names[j].clone(), value, unit, contribution: thing.sum, text }
    }
}
