//! All counters as one JSON object, for demonstrations, tests and benchmarks.

use std::path::Path;

use super::Error;
use crate::counters::Counters;

pub(super) fn write(path: &Path, counters: &Counters) -> Result<(), Error> {
    let object: serde_json::Map<_, _> =
        counters.all().map(|(name, count)| (name.to_owned(), count.into())).collect();
    let text = format!("{:#}\n", serde_json::Value::Object(object));
    std::fs::write(path, text).map_err(|source| Error::Figures { path: path.to_owned(), source })
}
