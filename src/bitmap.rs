//! A set of ids as text in JSON: base64 of roaring's portable form, some bits for each of a million ids.
//!
//! For `#[serde(with = "crate::bitmap")]`.

use base64::{Engine, engine::general_purpose::STANDARD};
use roaring::RoaringTreemap;
use serde::{Deserialize, Deserializer, Serializer, de::Error, ser};

/// The set as one string, its containers in their smallest form.
pub fn serialize<S: Serializer>(ids: &RoaringTreemap, serializer: S) -> Result<S::Ok, S::Error> {
    let mut ids = ids.clone();
    ids.optimize();
    let mut bytes = Vec::with_capacity(ids.serialized_size());
    ids.serialize_into(&mut bytes).map_err(ser::Error::custom)?;
    serializer.serialize_str(&STANDARD.encode(bytes))
}

/// The set of such a string.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoaringTreemap, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
    RoaringTreemap::deserialize_from(bytes.as_slice()).map_err(D::Error::custom)
}
