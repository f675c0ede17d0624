use serde::Serialize;

/// The canonical JSON of `value`: keys sorted bytewise, no white space, one line.
///
/// Takes anything serde can turn into a JSON value without floating-point numbers; returns the UTF-8 bytes.
///
/// # Errors
/// When `value` cannot be represented in JSON (a map with keys that are not strings).
pub fn canonical_json<T: Serialize>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    // serde_json's object is an ordered map by key (its insertion-order feature is off), so one pass through
    // `Value` sorts every level.
    serde_json::to_vec(&serde_json::to_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_keys_at_every_level_without_white_space() {
        #[derive(Serialize)]
        struct Inner {
            z: u8,
            a: Option<u8>,
        }
        #[derive(Serialize)]
        struct Outer {
            second: Inner,
            first: &'static str,
        }
        let bytes = canonical_json(&Outer {
            second: Inner { z: 1, a: None },
            first: "é",
        })
        .unwrap();
        assert_eq!(
            bytes,
            "{\"first\":\"é\",\"second\":{\"a\":null,\"z\":1}}".as_bytes()
        );
    }
}
