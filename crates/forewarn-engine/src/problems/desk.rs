//! The tickets of the desk as rows of words: what a group is made of. It does not know how they are grouped.

use std::collections::BTreeMap;

use forewarn_frames::Frames;
use forewarn_frames::time::Micros;
use forewarn_models::text::{Bag, Lexicon};
use polars::prelude::*;

use crate::EngineError;

/// What no word from a text begins with: it marks words that stand for a category.
pub(super) const CATEGORY: char = '\u{1}';
/// A subcategory counts as a word that is said twice: the desk chose it to say what the ticket is about.
const SUBCATEGORY_WEIGHT: u32 = 2;
/// Cells that say nothing, as exports write them.
const NOTHING: [&str; 7] = ["", "?", "-", "n/a", "null", "none", "unknown"];

/// The tickets, by time and then by id; the columns are parallel.
pub(super) struct Desk {
    pub id: Vec<String>,
    pub opened_at: Vec<Micros>,
    pub asset: Vec<Option<String>>,
    pub caller: Vec<Option<String>>,
    pub title: Vec<Option<String>>,
    /// `Network / VPN`: the category and subcategory, as far as they are known.
    pub category: Vec<Option<String>>,
    /// The words of title, text, category and subcategory.
    pub bag: Vec<Bag>,
    /// Whether title or text holds a word.
    pub has_text: Vec<bool>,
    pub lexicon: Lexicon,
}

fn known(cell: Option<&str>) -> Option<&str> {
    cell.map(str::trim).filter(|c| !NOTHING.contains(&c.to_lowercase().as_str()))
}

impl Desk {
    /// The tickets of the frames; none where there is no such table.
    pub(super) fn new(frames: &Frames) -> Result<Self, EngineError> {
        let mut desk = Self {
            id: Vec::new(),
            opened_at: Vec::new(),
            asset: Vec::new(),
            caller: Vec::new(),
            title: Vec::new(),
            category: Vec::new(),
            bag: Vec::new(),
            has_text: Vec::new(),
            lexicon: Lexicon::default(),
        };
        let Some(tickets) = frames.tickets() else { return Ok(desk) };
        let df = tickets.df();
        let text = |name: &str| -> Result<StringChunked, EngineError> {
            Ok(df.column(name)?.str()?.rechunk().into_owned())
        };
        let [id, asset, caller, title, body, category, subcategory] =
            ["ticket_id", "asset_id", "caller", "title", "text", "category", "subcategory"].map(text);
        let (id, asset, caller, title) = (id?, asset?, caller?, title?);
        let (body, category, subcategory) = (body?, category?, subcategory?);
        let at: Vec<Micros> = df
            .column("opened_at")?
            .cast(&DataType::Int64)?
            .i64()?
            .iter()
            .map(Option::unwrap_or_default)
            .collect();
        let end = frames.end().micros();
        let mut order: Vec<usize> = (0..df.height()).filter(|&i| at[i] < end).collect();
        order.sort_by_key(|&i| (at[i], id.get(i)));
        let texts: Vec<Vec<&str>> =
            order.iter().map(|&i| [title.get(i), body.get(i)].into_iter().flatten().collect()).collect();
        desk.bag = desk.lexicon.bags(&texts);
        desk.has_text = desk.bag.iter().map(|b| !b.is_empty()).collect();
        let owned = |cell: Option<&str>| known(cell).map(str::to_owned);
        for (row, &i) in order.iter().enumerate() {
            let parts = [
                ("category", known(category.get(i)), 1),
                ("subcategory", known(subcategory.get(i)), SUBCATEGORY_WEIGHT),
            ];
            for (name, cell, times) in parts {
                if let Some(cell) = cell {
                    let word = desk.lexicon.id(&format!("{CATEGORY}{name} {}", cell.to_lowercase()));
                    desk.bag[row].push((word, times));
                }
            }
            desk.bag[row].sort_unstable();
            desk.id.push(id.get(i).unwrap_or_default().to_owned());
            desk.opened_at.push(at[i]);
            desk.asset.push(owned(asset.get(i)));
            desk.caller.push(owned(caller.get(i)));
            desk.title.push(owned(title.get(i)));
            let both: Vec<&str> = parts.iter().filter_map(|p| p.1).collect();
            desk.category.push((!both.is_empty()).then(|| both.join(" / ")));
        }
        Ok(desk)
    }

    pub(super) fn len(&self) -> usize {
        self.id.len()
    }

    /// How the asset of each ticket looks: kind and model where the inventory knows them, else the letters that its id
    /// begins with.
    pub(super) fn asset_patterns(&self, frames: &Frames) -> Result<Vec<Option<String>>, EngineError> {
        let mut looks: BTreeMap<String, String> = BTreeMap::new();
        if let Some(inventory) = frames.inventory() {
            let df = inventory.df();
            let column = |name: &str| -> Result<StringChunked, EngineError> {
                Ok(df.column(name)?.str()?.rechunk().into_owned())
            };
            let (id, kind, model) = (column("asset_id")?, column("kind")?, column("model")?);
            for i in 0..df.height() {
                let parts: Vec<&str> = [kind.get(i), model.get(i)].into_iter().filter_map(known).collect();
                if let (Some(id), false) = (id.get(i), parts.is_empty()) {
                    looks.insert(id.to_owned(), parts.join(" "));
                }
            }
        }
        Ok(self
            .asset
            .iter()
            .map(|a| {
                let a = a.as_ref()?;
                looks.get(a).cloned().or_else(|| {
                    let letters: String = a.chars().take_while(|c| c.is_alphabetic()).take(20).collect();
                    (!letters.is_empty()).then_some(letters)
                })
            })
            .collect())
    }
}
