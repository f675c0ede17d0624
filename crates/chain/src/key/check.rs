use serde_json::Value;

/// Refuses parameters that the decrypting library would index past or work on for hours.
pub(super) fn check_keystore(bytes: &[u8]) -> Result<(), &'static str> {
    let json: Value = serde_json::from_slice(bytes).map_err(|_| "it is not a keystore (JSON)")?;
    let crypto = json
        .get("crypto")
        .ok_or("it is not a keystore (no `crypto`)")?;
    let params = crypto
        .get("kdfparams")
        .ok_or("it is not a keystore (no `kdfparams`)")?;
    let number = |name: &str| params.get(name).and_then(Value::as_u64);
    let length = |pointer: &str| {
        let text = crypto.pointer(pointer).and_then(Value::as_str);
        text.map(str::len)
    };
    if number("dklen") != Some(32) {
        return Err("its derived key does not have 32 bytes");
    }
    if length("/cipherparams/iv") != Some(32) {
        return Err("its initialisation vector does not have 16 bytes");
    }
    if length("/ciphertext") != Some(64) {
        return Err("its content does not have 32 bytes");
    }
    let scrypt = number("n").is_some_and(|n| n.is_power_of_two() && (2..=1 << 20).contains(&n))
        && number("r").is_some_and(|r| (1..=16).contains(&r))
        && number("p").is_some_and(|p| (1..=16).contains(&p));
    let pbkdf2 = number("c").is_some_and(|c| (1..=10_000_000).contains(&c));
    match scrypt || pbkdf2 {
        true => Ok(()),
        false => Err("its key derivation is unknown or beyond all measure"),
    }
}
