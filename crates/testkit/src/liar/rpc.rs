use axum::{body::Bytes, http::Method};
use serde_json::{Value, json};

use super::{Lie, Shared, forgery::rehash, pick};

/// The method of a JSON-RPC request, those of a batch joined by commas; `None` when it is none.
pub(super) fn methods(method: &Method, body: &[u8]) -> Option<String> {
    if *method != Method::POST {
        return None;
    }
    let names: Option<Vec<String>> = requests(body)?.iter().map(method_of).collect();
    names.map(|names| names.join(","))
}

fn requests(body: &[u8]) -> Option<Vec<Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Array(batch) => Some(batch),
        value @ Value::Object(_) => Some(vec![value]),
        _ => None,
    }
}

fn method_of(request: &Value) -> Option<String> {
    request.get("method")?.as_str().map(str::to_owned)
}

/// The question that is put to the upstream instead of the one that was asked.
pub(super) fn asked(shared: &Shared, lies: &[Lie], request: &[u8]) -> Option<Vec<u8>> {
    let renamed = shared.scene().renamed.clone();
    if renamed.is_empty() && !lies.iter().any(asks_otherwise) {
        return None;
    }
    let text = renamed.iter().fold(
        String::from_utf8_lossy(request).into_owned(),
        |text, (forged, hash)| text.replace(forged, hash),
    );
    let mut value = serde_json::from_str::<Value>(&text).ok()?;
    let requests = match &mut value {
        Value::Array(batch) => batch.iter_mut().collect(),
        one => vec![one],
    };
    for request in requests {
        let method = method_of(request).unwrap_or_default();
        for lie in lies {
            ask_otherwise(lie, &method, &mut request["params"]);
        }
    }
    Some(value.to_string().into_bytes())
}

const fn asks_otherwise(lie: &Lie) -> bool {
    matches!(
        lie,
        Lie::HeadAt(_)
            | Lie::LatestAsFinal
            | Lie::ProofOfOtherSlot
            | Lie::ProofOfOtherAccount
            | Lie::ProofOfOtherBlock
    )
}

fn ask_otherwise(lie: &Lie, method: &str, params: &mut Value) {
    let finalized = is_block(method) && params[0] == "finalized";
    match lie {
        Lie::HeadAt(number) if finalized => params[0] = json!(format!("{number:#x}")),
        Lie::LatestAsFinal if finalized => params[0] = json!("latest"),
        Lie::ProofOfOtherAccount if method == "eth_getProof" => {
            params[0] = json!(format!("0x{}", "11".repeat(20)));
        }
        Lie::ProofOfOtherSlot if method == "eth_getProof" => {
            each(&mut params[1], |slot| flip(1, slot));
        }
        Lie::ProofOfOtherBlock if method == "eth_getProof" => params[2] = json!("0x1"),
        _ => {}
    }
}

/// The answer with every lie told about each response in it.
pub(super) async fn distort(shared: &Shared, lies: &[Lie], request: &[u8], answer: Bytes) -> Bytes {
    let Some(requests) = requests(request) else {
        return answer;
    };
    let Ok(mut value) = serde_json::from_slice::<Value>(&answer) else {
        return answer;
    };
    let responses = match &mut value {
        Value::Array(batch) => batch.iter_mut().collect(),
        one => vec![one],
    };
    for response in responses {
        // The responses of a batch may come in any order: the id says which request it was.
        let request = requests
            .iter()
            .find(|request| request.get("id") == response.get("id"));
        for lie in lies {
            match (request, lie) {
                (Some(request), Lie::Forged(forgery)) => {
                    if let Some(result) = response.get_mut("result") {
                        forgery.tell(shared, request, result).await;
                    }
                }
                (Some(request), lie) => distort_one(shared, lie, request, response),
                (None, _) => {}
            }
        }
    }
    let game = lies.iter().find_map(|lie| match lie {
        Lie::Envelope(game) => Some(*game),
        _ => None,
    });
    game.map_or_else(|| value.to_string().into(), |game| game.play(&value).into())
}

fn distort_one(shared: &Shared, lie: &Lie, request: &Value, response: &mut Value) {
    let method = method_of(request).unwrap_or_default();
    if *lie == Lie::RpcError {
        let error = json!({"code": -32603, "message": "the liar does not want to"});
        *response = json!({"jsonrpc": "2.0", "id": response.get("id"), "error": error});
        return;
    }
    let Some(result) = response.get_mut("result") else {
        return;
    };
    let seed = shared.scene().seed;
    let flip = |value: &mut Value| flip(seed, value);
    match (lie, method.as_str()) {
        (Lie::RpcNull, _) => *result = Value::Null,
        (Lie::ChainId(id), "eth_chainId") => *result = json!(format!("{id:#x}")),
        (Lie::ChainId(id), "net_version") => *result = json!(id.to_string()),
        (Lie::Genesis, method) if is_block(method) && result["number"] == "0x0" => {
            flip(&mut result["hash"]);
        }
        (Lie::BlockHash, method) if is_block(method) => flip(&mut result["hash"]),
        (Lie::Header(field), method) if is_block(method) => flip(&mut result[field.as_str()]),
        (Lie::ForkedHead, method) if is_block(method) && result["number"] != "0x0" => {
            flip(&mut result["receiptsRoot"]);
            rehash(result).unwrap_or_default();
        }
        (Lie::Storage, "eth_getStorageAt")
        | (Lie::Code, "eth_getCode")
        | (Lie::Call, "eth_call") => flip(result),
        (Lie::Storage, "eth_getProof") => {
            each(&mut result["storageProof"], |slot| flip(&mut slot["value"]))
        }
        (lie, "eth_getProof") => distort_proof(lie, result, flip),
        (Lie::NoLogs, "eth_getLogs") => *result = json!([]),
        (Lie::Logs, "eth_getLogs") => each(result, |log| flip(&mut log["data"])),
        (Lie::FrozenHead, method) if is_head(method, request) => {
            let key = format!("{method} {}", request.get("params").unwrap_or(&Value::Null));
            *result = shared
                .scene()
                .frozen
                .entry(key)
                .or_insert_with(|| result.clone())
                .clone();
        }
        _ => {}
    }
}

/// Lies about the nodes of a proof.
fn distort_proof(lie: &Lie, result: &mut Value, flip: impl Fn(&mut Value)) {
    let change: fn(&mut Vec<Value>) = match lie {
        Lie::Proof => |_| {},
        Lie::ProofCut => |nodes| drop(nodes.pop()),
        Lie::ProofExtra => |nodes| nodes.push(json!("0xc22080")),
        Lie::ProofReversed => |nodes| nodes.reverse(),
        Lie::ProofMixed => {
            let account = result["accountProof"].take();
            result["accountProof"] = result["storageProof"][0]["proof"].take();
            result["storageProof"][0]["proof"] = account;
            return;
        }
        Lie::NoSlots => {
            result["storageProof"] = json!([]);
            return;
        }
        _ => return,
    };
    let every = |nodes: &mut Value| {
        if let Value::Array(nodes) = nodes {
            change(nodes);
            if *lie == Lie::Proof {
                nodes.iter_mut().for_each(&flip);
            }
        }
    };
    every(&mut result["accountProof"]);
    each(&mut result["storageProof"], |slot| {
        every(&mut slot["proof"])
    });
}

fn is_block(method: &str) -> bool {
    method.starts_with("eth_getBlockBy") || method == "eth_getHeaderByNumber"
}

/// Whether a request asks about the head rather than about a block of a known number or hash.
fn is_head(method: &str, request: &Value) -> bool {
    let tag = request
        .pointer("/params/0")
        .and_then(Value::as_str)
        .unwrap_or_default();
    method == "eth_blockNumber"
        || (is_block(method) && matches!(tag, "latest" | "safe" | "finalized" | "pending"))
}

fn each(list: &mut Value, change: impl FnMut(&mut Value)) {
    if let Value::Array(items) = list {
        items.iter_mut().for_each(change);
    }
}

/// Changes one digit of a hex text, never its length; an empty one becomes one byte.
fn flip(seed: u64, value: &mut Value) {
    let Value::String(text) = value else { return };
    let digits = text.strip_prefix("0x").unwrap_or_default();
    if digits.is_empty() {
        *text = "0x01".to_owned();
        return;
    }
    let place = pick(seed, digits, digits.len());
    let changed: String = digits
        .chars()
        .enumerate()
        .map(|(index, digit)| match digit.to_digit(16) {
            // A leading digit of a quantity must not become zero.
            Some(number) if index == place => match number {
                1 => '3',
                number => char::from_digit(number ^ 1, 16).unwrap_or('0'),
            },
            _ => digit,
        })
        .collect();
    *text = format!("0x{changed}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_a_hex_text_and_keeps_its_length() {
        for seed in 0..64 {
            for text in ["0x1", "0xab", "0x0", "0xffffffffffffffff"] {
                let mut value = json!(text);
                flip(seed, &mut value);
                let changed = value.as_str().unwrap();
                assert_ne!(changed, text);
                assert_eq!(changed.len(), text.len());
                assert!(text.len() == 3 || !changed.starts_with("0x0"), "{changed}");
            }
        }
        let mut value = json!("0x");
        flip(0, &mut value);
        assert_eq!(value, "0x01");
    }

    #[test]
    fn names_the_methods_of_a_batch() {
        let batch = br#"[{"method":"a","id":1},{"method":"b","id":2}]"#;
        assert_eq!(methods(&Method::POST, batch).as_deref(), Some("a,b"));
        assert_eq!(methods(&Method::POST, b"blob"), None);
        assert_eq!(methods(&Method::POST, b"{}"), None);
        assert_eq!(methods(&Method::GET, batch), None);
    }
}
