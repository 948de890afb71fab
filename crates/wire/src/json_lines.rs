//! Lines of JSON, an object each, as loggers and shippers write them.

use model::LabelsBuilder;

use crate::logs::{Rows, Shape, lossy};
use crate::tree::Tree;

/// Adds one line of JSON: an object as shippers send them. Any other text is a message of its own; `false` then.
pub fn read(line: &[u8], labels: &[(&str, &str)], rows: &mut Rows<'_>) -> bool {
    match Tree::of_json(line) {
        Ok(tree @ Tree::Map(_)) => {
            Shape::SHIPPED.add(rows, &tree, labels, None);
            true
        }
        _ => {
            let mut stream = LabelsBuilder::new();
            for (name, value) in labels {
                stream.set(*name, rows.label(value));
            }
            rows.begin(&stream.build(), None, &lossy(line));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use model::records::Records;

    use super::*;
    use crate::logs::Limits;

    #[test]
    fn objects_are_read_and_texts_are_kept() {
        let mut records = Records::new();
        let mut rows = Rows::new(&mut records, Limits::default(), 0);
        let labels = [("input", "json")];
        assert!(read(br#"{"msg":"hello","ts":1767323045.25,"level":"info"}"#, &labels, &mut rows));
        for text in ["{\"msg\":", "[1]", "plain"] {
            assert!(!read(text.as_bytes(), &labels, &mut rows));
        }
        let found: Vec<_> = records.iter().map(|row| (row.body(), row.fields().count())).collect();
        assert_eq!(found, [("hello", 1), ("{\"msg\":", 0), ("[1]", 0), ("plain", 0)]);
        assert_eq!(records.get(0).unwrap().time_ns(), 1_767_323_045_250_000_000);
    }
}
