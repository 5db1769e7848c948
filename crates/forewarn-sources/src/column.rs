//! What a column map may say: a source column, a template, an SQL expression, a constant, or the first of several that
//! exists. It does not know files or tables.

use std::fmt;

use serde::de::{self, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Where the cells of one canonical column come from.
///
/// In TOML: `"serial_number"`, `"S{System:02}-N{nodenum:04}"`, `{ sql = "COALESCE(a, b)" }`, `{ value = "incident" }`, or a
/// list of these of which the first that the file can serve is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnSource {
    /// A column of the file.
    Column(String),
    /// A template over columns of the file.
    Template(Template),
    /// A Polars SQL expression over the columns of the file (all text where the file is CSV).
    Sql(String),
    /// The same text in every row; an empty text leaves the column empty.
    Value(String),
    /// The first of these that the file can serve.
    FirstOf(Vec<ColumnSource>),
}

/// A text with places: `{name}` is the trimmed cell of a column, `{name:04}` the same with zeros in front up to 4
/// characters, `{copy}` the ordinal (1, 2, …) among rows of the file whose rest of the template is equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// The template as it was written.
    pub text: String,
    #[serde(skip)]
    pub(crate) pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    Cell { column: String, width: usize },
    Copy,
}

impl Template {
    /// Reads a template; `{{` and `}}` stand for braces.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '{' | '}' if chars.peek() == Some(&c) => {
                    chars.next();
                    plain.push(c);
                }
                '}' => return Err(format!("`{text}`: a `}}` without its `{{`")),
                '{' => {
                    let mut inner = String::new();
                    loop {
                        match chars.next() {
                            Some('}') => break,
                            Some(c) => inner.push(c),
                            None => return Err(format!("`{text}`: a `{{` without its `}}`")),
                        }
                    }
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    let (column, width) = match inner.rsplit_once(':') {
                        Some((column, w)) => match w.parse::<usize>() {
                            Ok(width) if width <= 64 => (column, width),
                            _ => {
                                return Err(format!(
                                    "`{text}`: `{w}` is no width; expected a number up to 64, like `{{nodenum:04}}`"
                                ));
                            }
                        },
                        None => (inner.as_str(), 0),
                    };
                    pieces.push(match column.trim() {
                        "" => return Err(format!("`{text}`: `{{}}` names no column")),
                        "copy" => Piece::Copy,
                        column => Piece::Cell { column: column.to_owned(), width },
                    });
                }
                c => plain.push(c),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The columns it names, in order.
    #[must_use]
    pub fn columns(&self) -> Vec<&str> {
        let mut out = Vec::new();
        for piece in &self.pieces {
            if let Piece::Cell { column, .. } = piece {
                out.push(column.as_str());
            }
        }
        out
    }
}

impl ColumnSource {
    /// Reads a text as a column name, or as a template where it holds a brace.
    ///
    /// # Errors
    ///
    /// What is wrong with the template, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains(['{', '}']) {
            Template::parse(text).map(Self::Template)
        } else {
            Ok(Self::Column(text.trim().to_owned()))
        }
    }

    /// The source as the config writes it, for messages.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Column(c) => c.clone(),
            Self::Template(t) => t.text.clone(),
            Self::Sql(s) => s.clone(),
            Self::Value(v) => format!("value {v:?}"),
            Self::FirstOf(all) => all.first().map(Self::label).unwrap_or_default(),
        }
    }
}

struct SourceVisitor;

const EXPECTED: &str = "a source column (\"serial_number\"), a template (\"S{System:02}\"), { sql = \"…\" }, { value = \"…\" } or a list of these";

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = ColumnSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ColumnSource, E> {
        ColumnSource::parse(text).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ColumnSource, A::Error> {
        let Some((key, text)) = map.next_entry::<String, String>()? else {
            return Err(de::Error::custom(format!("found an empty table, expected {EXPECTED}")));
        };
        if map.next_key::<String>()?.is_some() {
            return Err(de::Error::custom("found more than one key, expected one of `sql`, `value`"));
        }
        match key.as_str() {
            "sql" => Ok(ColumnSource::Sql(text)),
            "value" => Ok(ColumnSource::Value(text)),
            other => Err(de::Error::unknown_field(other, &["sql", "value"])),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ColumnSource, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element()? {
            all.push(one);
        }
        if all.is_empty() {
            Err(de::Error::custom("found an empty list"))
        } else {
            Ok(ColumnSource::FirstOf(all))
        }
    }
}

impl<'de> Deserialize<'de> for ColumnSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}
