//! A second reading of what was accepted.

use serde::de::IgnoredAny;
use serde_json::Value;

/// All of `bytes`; `None` where something in them that no parser of ours looks at cannot be kept (half of a surrogate
/// pair, a number beyond any type), so that only who reads everything refuses it.
pub(crate) fn whole(bytes: &[u8]) -> Option<Value> {
    let whole = serde_json::from_slice(bytes).ok();
    assert!(whole.is_some() || serde_json::from_slice::<IgnoredAny>(bytes).is_ok());
    whole
}
