//! JSON objects of this protocol: read with patience, written in a fixed order.

use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

use super::{CodecHeader, ErrorCode, StreamId, WireError};
use crate::secret::Secret;

/// The fields of an object that arrived. `null` is absent; numbers are also read from strings.
pub(in crate::zello) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a text frame, which is always one object.
    pub(in crate::zello) fn parse(text: &str) -> Result<Self, WireError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(other) => Err(WireError::NotAnObject(format!("it is {}", kind(&other)))),
            Err(error) => Err(WireError::NotAnObject(error.to_string())),
        }
    }

    /// The value, unless it is absent or `null`.
    pub(in crate::zello) fn get(&self, key: &str) -> Option<&Value> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    /// A text; a number is read as its digits.
    pub(in crate::zello) fn text(&self, key: &str) -> Option<String> {
        self.get(key).and_then(text_of)
    }

    /// The addressee: `false` and an empty text mean nobody in particular.
    pub(in crate::zello) fn addressee(&self) -> Option<String> {
        self.text("for").filter(|name| !name.is_empty())
    }

    /// Text that must not be shown.
    pub(in crate::zello) fn secret(&self, key: &str) -> Option<Secret> {
        self.text(key).map(Secret::new)
    }

    /// A whole number of 64 bits.
    pub(in crate::zello) fn unsigned(&self, key: &str) -> Option<u64> {
        let value = self.get(key)?;
        match value {
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => {
                let text = text.trim();
                text.parse().ok().or_else(|| whole(text.parse().ok()?))
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A whole number of 32 bits.
    pub(in crate::zello) fn short(&self, key: &str) -> Option<u32> {
        self.unsigned(key).and_then(|number| number.try_into().ok())
    }

    /// A whole number with a sign.
    pub(in crate::zello) fn signed(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// Any finite number.
    pub(in crate::zello) fn float(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
        .filter(|number| number.is_finite())
    }

    /// A flag; absent is `false`.
    pub(in crate::zello) fn flag(&self, key: &str) -> bool {
        match self.get(key) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::Number(number)) => number.as_f64().is_some_and(|number| number != 0.0),
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => false,
        }
    }

    /// The stream's number, in either spelling.
    pub(in crate::zello) fn stream_id(&self) -> Option<StreamId> {
        self.short("stream_id").or_else(|| self.short("streamId")).map(StreamId)
    }

    /// The codec header, if it can be read.
    pub(in crate::zello) fn codec_header(&self) -> Option<CodecHeader> {
        CodecHeader::from_base64(self.get("codec_header")?.as_str()?)
    }

    /// The error, if there is one: `false` and an empty text are none.
    pub(in crate::zello) fn error(&self) -> Option<ErrorCode> {
        match self.get("error")? {
            Value::Null | Value::Bool(false) => None,
            Value::String(text) => (!text.is_empty()).then(|| ErrorCode::from_wire(text)),
            other @ (Value::Bool(true) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Some(ErrorCode::Other(other.to_string()))
            }
        }
    }

    /// One text or a list of them.
    pub(in crate::zello) fn texts(&self, key: &str) -> Vec<String> {
        match self.get(key) {
            Some(Value::Array(items)) => items.iter().filter_map(text_of).collect(),
            Some(other) => text_of(other).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// The objects of a list; what is no object is left out.
    pub(in crate::zello) fn objects(&self, key: &str) -> Vec<Self> {
        let Some(Value::Array(items)) = self.get(key) else {
            return Vec::new();
        };
        items.iter().filter_map(|item| item.as_object().cloned().map(Self)).collect()
    }
}

/// What a person calls a value of this kind.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A float without fraction, as some JSON writers make of every number.
fn whole(number: f64) -> Option<u64> {
    // 2^53: beyond it a float no longer says which whole number was meant.
    let exact = (0.0..=9_007_199_254_740_992.0).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "range and fraction are checked"
    )]
    exact.then_some(number as u64)
}

/// An object to be written; its keys keep the order in which they are put.
#[derive(Default)]
pub(in crate::zello) struct Object(Vec<(&'static str, Value)>);

impl Object {
    /// Begins an object with one field.
    pub(in crate::zello) fn of(key: &'static str, value: impl Into<Value>) -> Self {
        Self::default().put(key, value)
    }

    /// Adds a field.
    pub(in crate::zello) fn put(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.0.push((key, value.into()));
        self
    }

    /// Adds a field if there is a value: an absent key is left out, never `null`.
    pub(in crate::zello) fn maybe(self, key: &'static str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Adds a secret: here it goes to the one who may know it.
    pub(in crate::zello) fn reveal(self, key: &'static str, secret: Option<&Secret>) -> Self {
        self.maybe(key, secret.map(|secret| secret.reveal().to_string()))
    }

    /// Adds a number, without a fraction where it has none.
    pub(in crate::zello) fn number(self, key: &'static str, value: Option<f64>) -> Self {
        let value =
            value.and_then(|value| whole(value).map(Number::from).or_else(|| Number::from_f64(value)));
        self.maybe(key, value)
    }

    /// Adds where an event was sent, by whom, and to whom alone: a name or `false`.
    pub(in crate::zello) fn sent(self, channel: &str, from: &str, to: Option<&str>) -> Self {
        self.put("channel", channel).put("from", from).put("for", to.map_or(Value::Bool(false), Value::from))
    }

    /// The text frame.
    pub(in crate::zello) fn to_json(&self) -> String {
        // Keys are texts and values are JSON already: nothing here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}
