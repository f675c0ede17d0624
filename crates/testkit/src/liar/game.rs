use std::str::FromStr;

use serde_json::{Value, json};

/// An answer that JSON-RPC 2.0 does not allow, or that strict readers refuse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Game {
    /// The id of another question.
    Id,
    /// The id as a text.
    StringId,
    /// Another protocol version.
    Version,
    /// A result and an error.
    Both,
    /// Neither a result nor an error.
    Neither,
    /// A list of one answer, where no batch was sent.
    Array,
    /// Two results.
    Duplicate,
    /// Something after the answer.
    Trailing,
    /// A byte order mark before it.
    Mark,
    /// A result nested ten thousand deep.
    Deep,
    /// More bytes than anybody reads.
    Huge,
    /// A text that is no JSON.
    Text,
    /// Nothing.
    Empty,
}

impl Game {
    /// Every game with its name.
    pub const ALL: [(&str, Self); 13] = [
        ("id", Self::Id),
        ("string-id", Self::StringId),
        ("version", Self::Version),
        ("both", Self::Both),
        ("neither", Self::Neither),
        ("array", Self::Array),
        ("duplicate", Self::Duplicate),
        ("trailing", Self::Trailing),
        ("mark", Self::Mark),
        ("deep", Self::Deep),
        ("huge", Self::Huge),
        ("text", Self::Text),
        ("empty", Self::Empty),
    ];

    /// The bytes sent instead of `answer`, an object with `jsonrpc`, `id` and `result`.
    pub(super) fn play(self, answer: &Value) -> Vec<u8> {
        let mut other = answer.clone();
        let text = answer.to_string();
        match self {
            Self::Id => other["id"] = json!(4_294_967_297_u64),
            Self::StringId => other["id"] = json!(answer["id"].to_string()),
            Self::Version => other["jsonrpc"] = json!("1.0"),
            Self::Both => other["error"] = json!({ "code": -32000, "message": "and an error" }),
            Self::Neither => {
                if let Some(fields) = other.as_object_mut() {
                    fields.remove("result");
                }
            }
            Self::Array => other = json!([answer]),
            Self::Duplicate => return doubled(&text, &answer["result"]).into_bytes(),
            Self::Trailing => return format!("{text}{{}}").into_bytes(),
            Self::Mark => return format!("\u{feff}{text}").into_bytes(),
            Self::Deep => return nested(answer).into_bytes(),
            Self::Huge => {
                return text
                    .replacen('{', &format!("{{{}", " ".repeat(17 << 20)), 1)
                    .into_bytes();
            }
            Self::Text => return b"<html>busy</html>".to_vec(),
            Self::Empty => return Vec::new(),
        }
        other.to_string().into_bytes()
    }
}

fn doubled(text: &str, result: &Value) -> String {
    let whole = text.trim_end_matches('}').len();
    let (start, end) = text.split_at(whole);
    // One brace less than was trimmed closes the answer itself.
    let inner = end.len().saturating_sub(1);
    format!("{start}{},\"result\":{result}}}", "}".repeat(inner))
}

fn nested(answer: &Value) -> String {
    let depth = 10_000;
    let result = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{},\"result\":{result}}}",
        answer["id"]
    )
}

impl FromStr for Game {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = Self::ALL.iter().find(|(name, _)| *name == text);
        found.map(|(_, game)| *game).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_game_gives_the_answer_and_every_name_is_its_own() {
        let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": { "a": { "b": "0x1" } } });
        for (name, game) in Game::ALL {
            assert_eq!(name.parse(), Ok(game));
            assert_ne!(
                game.play(&answer),
                answer.to_string().into_bytes(),
                "{name}"
            );
        }
        let doubled = String::from_utf8(Game::Duplicate.play(&answer)).unwrap();
        assert_eq!(doubled.matches("\"result\"").count(), 2, "{doubled}");
        assert!(serde_json::from_str::<Value>(&doubled).is_ok(), "{doubled}");
    }
}
