//! Reads the stored results of scikit-learn, scipy, lifelines and scikit-survival (`cases/cases.json`) for the unit tests. It does not
//! know the models.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use serde_json::Value;

/// The cases of one topic.
pub(crate) fn topic(name: &str) -> Value {
    let all: Value = serde_json::from_str(include_str!("../cases/cases.json")).expect("cases.json is valid");
    all.get(name).expect("a known topic").clone()
}

/// The numbers at a key of a case.
pub(crate) fn numbers(case: &Value, key: &str) -> Vec<f64> {
    case[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// The rows of numbers at a key of a topic.
pub(crate) fn rows(topic_name: &str, key: &str) -> Vec<Vec<f64>> {
    columns(&topic(topic_name), key)
}

/// The lists of numbers at a key of a case.
pub(crate) fn columns(case: &Value, key: &str) -> Vec<Vec<f64>> {
    let list = |v: &Value| v.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    case[key].as_array().unwrap().iter().map(list).collect()
}
