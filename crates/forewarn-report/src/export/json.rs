//! Tables as JSON documents, and the JSON Schema (2020-12) that says what they hold. It does not know what a table means
//! beyond its schema.

use forewarn_frames::output::{RunFacts, SCHEMA_VERSION, TableSchema};
use polars::prelude::*;
use serde_json::{Map, Value, json};

use super::{EXPORTED, Sheet};
use crate::error::{ReportError, table};
use crate::tables::row_json;

/// A table as one document, one line a row, so that two nights can be compared by line.
pub(super) fn rows(sheet: &Sheet, facts: &RunFacts) -> Result<Vec<u8>, ReportError> {
    let name = sheet.schema.name;
    let mut out = format!(
        "{{\"schema_version\":{SCHEMA_VERSION},\"table\":{},\"as_of\":{},\"version\":{},\"rows\":[",
        json!(name),
        json!(facts.as_of),
        json!(facts.version)
    );
    // Row by row: the objects of a large fleet's rows would take many times the room of their text.
    for i in 0..sheet.df.height() {
        out.push_str(if i == 0 { "\n" } else { ",\n" });
        out.push_str(&row_json(&sheet.df, i).map_err(table(name))?.to_string());
    }
    out.push_str("\n]}\n");
    Ok(out.into_bytes())
}

/// The JSON Schema of the exported tables, the text of `tables/schema.json`: a document is one of the tables, and each
/// table is a definition under `$defs`.
///
/// # Example
///
/// ```
/// let schema: serde_json::Value = serde_json::from_str(&forewarn_report::export_schema())?;
/// let risk = &schema["$defs"]["risk"]["properties"]["rows"]["items"]["properties"];
/// assert_eq!(risk["probability"]["type"], serde_json::json!(["number", "null"]));
/// assert!(risk.get("reasons").is_none(), "that column is of another table");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn export_schema() -> String {
    let one_of: Vec<Value> =
        EXPORTED.iter().map(|t| json!({ "$ref": format!("#/$defs/{}", t.name) })).collect();
    let defs: Map<String, Value> = EXPORTED.iter().map(|t| (t.name.to_owned(), document(t))).collect();
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("urn:forewarn:tables:{SCHEMA_VERSION}"),
        "title": "Tables of a forewarn run",
        "description": "One document holds one table. A cell that is not known is null; times are UTC.",
        "oneOf": one_of,
        "$defs": defs,
    });
    format!("{schema:#}\n")
}

fn document(schema: &TableSchema) -> Value {
    let columns: Map<String, Value> = schema
        .columns
        .iter()
        .map(|(name, kind, meaning)| {
            let mut column = of_type(&kind.dtype());
            column["description"] = json!(meaning);
            ((*name).to_owned(), column)
        })
        .collect();
    let properties = json!({
        "schema_version": { "const": SCHEMA_VERSION },
        "table": { "const": schema.name },
        "as_of": { "type": "string", "format": "date", "description": "where observation ends" },
        "version": { "type": "string", "description": "of the program that made the run" },
        "rows": { "type": "array", "items": object(&columns) },
    });
    match properties {
        Value::Object(properties) => object(&properties),
        other => other,
    }
}

/// An object with all of these properties and no other.
fn object(properties: &Map<String, Value>) -> Value {
    let required: Vec<&String> = properties.keys().collect();
    json!({ "type": "object", "required": required, "properties": properties, "additionalProperties": false })
}

/// What a cell of that type is in JSON. Any cell may be null.
fn of_type(dtype: &DataType) -> Value {
    match dtype {
        DataType::Float64 => json!({ "type": ["number", "null"] }),
        DataType::Int64 => json!({ "type": ["integer", "null"] }),
        DataType::Boolean => json!({ "type": ["boolean", "null"] }),
        DataType::Datetime(..) => json!({ "type": ["string", "null"], "format": "date-time" }),
        DataType::List(items) => {
            let items = match &**items {
                DataType::Struct(fields) => object(
                    &fields.iter().map(|f| (f.name().to_string(), of_type(f.dtype()))).collect::<Map<_, _>>(),
                ),
                other => of_type(other),
            };
            json!({ "type": ["array", "null"], "items": items })
        }
        _ => json!({ "type": ["string", "null"] }),
    }
}
