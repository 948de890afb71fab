//! Numbers from what a template passes.

use gotmpl::Value;

use super::value::type_name;

/// A number, or a text that is one.
pub(super) fn of(value: &Value) -> Result<f64, String> {
    match value {
        Value::Float(v) => Ok(*v),
        Value::Int(v) => Ok(*v as f64),
        Value::Uint(v) => Ok(*v as f64),
        Value::String(text) => {
            let invalid = || format!("strconv.ParseFloat: parsing {text:?}: invalid syntax");
            if text.trim() != &**text {
                return Err(invalid());
            }
            text.parse().map_err(|_| invalid())
        }
        Value::Nil => Err("can't convert <nil> to float".to_owned()),
        other => Err(format!("can't convert {} to float", type_name(other))),
    }
}
