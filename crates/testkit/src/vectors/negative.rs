use alloy_primitives::U256;
use serde_json::{Value, json};

use super::{
    Scene,
    configuration::{Configuration, system_word},
    documents, hex0x,
};

/// One file per corruption: `negative/<kind>/<corruption>.json` with the input that must be refused.
pub(super) fn all() -> Vec<(String, Value)> {
    let mut files = records();
    files.extend(configurations());
    files.extend(signatures());
    files.extend(texts());
    let networks = super::network::negative().into_iter();
    files.extend(networks.map(|(corruption, input)| file("network", corruption, input)));
    files
}

fn file(kind: &str, corruption: &str, input: String) -> (String, Value) {
    let path = format!("negative/{kind}/{corruption}.json");
    (
        path,
        json!({ "kind": kind, "corruption": corruption, "input": input }),
    )
}

fn records() -> Vec<(String, Value)> {
    let good = Scene::record().to_bytes();
    let set = |offset: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[offset] = value;
        bytes
    };
    let clear = |from: usize, to: usize| {
        let mut bytes = good.clone();
        bytes[from..to].fill(0);
        bytes
    };
    let mut swapped = good.clone();
    let (first, second) = swapped[128..256].split_at_mut(64);
    first.swap_with_slice(second);
    [
        ("unknown-version", set(0, 2)),
        ("no-systems", set(1, 0)),
        ("more-systems-than-words", set(1, 3)),
        ("no-entries", set(2, 0)),
        ("fewer-entries-than-words", set(2, 2)),
        ("reserved-byte-set", set(3, 1)),
        ("zero-sequence", clear(16, 24)),
        ("zero-root", clear(32, 64)),
        ("zero-code-hash", clear(64, 96)),
        ("zero-rules", clear(96, 128)),
        ("dirty-rules-address", set(96, 1)),
        ("dirty-entry", set(129, 1)),
        ("zero-builder", clear(132, 152)),
        ("entry-without-systems", clear(152, 160)),
        ("entry-for-an-unknown-system", set(159, 0b111)),
        ("zero-evidence", clear(160, 192)),
        ("swapped-entries", swapped),
        ("repeated-index", set(192, 0)),
        ("zero-image-digest", clear(320, 352)),
        ("truncated", good[..good.len() - 32].to_vec()),
        ("truncated-inside-a-word", good[..good.len() - 1].to_vec()),
        ("trailing-word", [&good[..], &[0; 32]].concat()),
        ("trailing-byte", [&good[..], &[0]].concat()),
        ("empty", Vec::new()),
    ]
    .into_iter()
    .map(|(corruption, bytes)| file("record", corruption, hex0x(bytes)))
    .collect()
}

fn configurations() -> Vec<(String, Value)> {
    let with = |edit: &dyn Fn(&mut Configuration)| {
        let mut configuration = Configuration::good();
        edit(&mut configuration);
        configuration.to_bytes()
    };
    let good = Configuration::good().to_bytes();
    let mut dirty_padding = system_word(b"x86_64-linux");
    dirty_padding[31] = 1;
    let mut long = [b'a'; 32];
    long[0] = 29;
    long[10] = b'-';
    long[30..].fill(0);
    [
        ("version-zero", with(&|c| c.version = 0)),
        ("version-two", with(&|c| c.version = 2)),
        ("flag-set", with(&|c| c.flags[23] = 1)),
        ("length-one-short", with(&|c| c.length_error = -1)),
        ("length-one-long", with(&|c| c.length_error = 1)),
        ("no-systems", with(&|c| c.systems.clear())),
        ("no-builders", with(&|c| c.builders.clear())),
        ("threshold-zero", with(&|c| c.threshold = 0)),
        ("threshold-one", with(&|c| c.threshold = 1)),
        ("threshold-above-all-builders", with(&|c| c.threshold = 4)),
        (
            "threshold-not-a-majority",
            with(&|c| {
                let key = Scene::rules().to_vec();
                c.builders
                    .push((key, U256::from(8) | U256::from(1) << 60, 0b11));
            }),
        ),
        ("builder-zero", with(&|c| c.builders[1].0 = vec![0; 20])),
        (
            "builder-twice",
            with(&|c| c.builders[1].0 = c.builders[0].0.clone()),
        ),
        (
            "own-bit-missing",
            with(&|c| c.builders[1].1 &= !U256::from(0b10)),
        ),
        (
            "own-bit-of-another",
            with(&|c| c.builders[1].1 |= U256::from(1)),
        ),
        ("builder-without-systems", with(&|c| c.builders[2].2 = 0)),
        (
            "builder-for-an-unknown-system",
            with(&|c| c.builders[2].2 = 0b111),
        ),
        (
            "system-with-one-eligible-builder",
            with(&|c| {
                c.builders[1].2 = 0b01;
                c.builders[2].2 = 0b01;
            }),
        ),
        ("systems-swapped", with(&|c| c.systems.swap(0, 1))),
        ("system-twice", with(&|c| c.systems[1] = c.systems[0])),
        (
            "system-upper-case",
            with(&|c| c.systems[1] = system_word(b"X86_64-linux")),
        ),
        (
            "system-without-dash",
            with(&|c| c.systems[1] = system_word(b"x86_64_linux")),
        ),
        (
            "system-with-two-dashes",
            with(&|c| c.systems[1] = system_word(b"x86-64-linux")),
        ),
        ("system-empty", with(&|c| c.systems[0] = [0; 32])),
        (
            "system-empty-os",
            with(&|c| c.systems[1] = system_word(b"x86_64-")),
        ),
        ("system-too-long", with(&|c| c.systems[0] = long)),
        (
            "system-dirty-padding",
            with(&|c| c.systems[1] = dirty_padding),
        ),
        ("truncated", good[1..].to_vec()),
        ("leading-byte", [&[0], &good[..]].concat()),
        ("empty", Vec::new()),
    ]
    .into_iter()
    .map(|(corruption, bytes)| file("configuration", corruption, hex0x(bytes)))
    .collect()
}

/// Signatures over the attestation digest of `ada` in `typed-data.json` that must not count as hers.
fn signatures() -> Vec<(String, Value)> {
    let good = Scene::attestation("ada", 0b11).signature;
    let bytes = good.as_bytes();
    let order = U256::from_be_bytes(
        alloy_primitives::b256!("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
            .0,
    );
    let parity = bytes[32] >> 7;
    let mut low = *bytes;
    low[32] &= 0x7f;
    let s = U256::from_be_slice(&low[32..]);
    // The same signature in its upper form has 65 bytes: r, n - s, and the other parity.
    let mut upper = bytes[..32].to_vec();
    upper.extend_from_slice(&(order - s).to_be_bytes::<32>());
    upper.push(27 + (1 - parity));
    // The lowest s above the half that still fits 255 bits.
    let half: U256 = order >> 1;
    let mut just_above = bytes[..32].to_vec();
    just_above.extend_from_slice(&(half + U256::from(1)).to_be_bytes::<32>());
    let mut other_parity = *bytes;
    other_parity[32] ^= 0x80;
    let full = [&low[..], &[27 + parity]].concat();
    let with_r = |r: U256| [&r.to_be_bytes::<32>()[..], &bytes[32..]].concat();
    [
        ("upper-s-65-bytes", upper),
        ("upper-s-64-bytes", just_above),
        ("65-bytes", full),
        ("63-bytes", bytes[..63].to_vec()),
        ("empty", Vec::new()),
        ("zero", vec![0; 64]),
        ("zero-r", with_r(U256::ZERO)),
        ("zero-s", [&bytes[..32], &[0; 32]].concat()),
        ("r-is-the-order", with_r(order)),
        ("other-parity", other_parity.to_vec()),
        (
            "of-another-builder",
            Scene::attestation("bo", 0b11).signature.as_bytes().to_vec(),
        ),
        (
            "over-fewer-systems",
            Scene::attestation("ada", 0b10)
                .signature
                .as_bytes()
                .to_vec(),
        ),
    ]
    .into_iter()
    .map(|(corruption, bytes)| file("signature", corruption, hex0x(bytes)))
    .collect()
}

fn texts() -> Vec<(String, Value)> {
    let attestation = string(Scene::attestation("ada", 0b11).to_json());
    let statement = string(Scene::statement("ada").to_json());
    let envelope = string(documents::envelope("ada").to_json());
    let evidence = string(documents::evidence("ada").to_json());
    let unordered = attestation
        .replace("aarch64-linux", "-")
        .replace("x86_64-linux", "aarch64-linux")
        .replace("\"-\"", "\"x86_64-linux\"");
    let cases = [
        (
            "attestation",
            "unknown-field",
            attestation.replacen('{', "{\"x\":1,", 1),
        ),
        (
            "attestation",
            "duplicate-field",
            attestation.replacen('{', "{\"chainId\":31337,", 1),
        ),
        (
            "attestation",
            "trailing-bytes",
            format!("{attestation} {{}}"),
        ),
        (
            "attestation",
            "missing-evidence",
            attestation.replace("\"evidence\":", "\"evidenc\":"),
        ),
        ("attestation", "unordered-systems", unordered),
        (
            "attestation",
            "upper-case-digest",
            attestation.replace("sha256:", "SHA256:"),
        ),
        (
            "attestation",
            "mixed-case-address",
            attestation.replace("\"builder\":\"0x", "\"builder\":\"0X"),
        ),
        (
            "attestation",
            "uri-with-git-suffix",
            attestation.replace("acme/App", "acme/App.git"),
        ),
        (
            "attestation",
            "uri-with-parent-segment",
            attestation.replace("acme/App", "acme/../App"),
        ),
        (
            "attestation",
            "uri-over-http",
            attestation.replace("https://", "http://"),
        ),
        (
            "statement",
            "two-subjects",
            statement.replace("\"subject\":[", "\"subject\":[{\"digest\":{}},"),
        ),
        (
            "statement",
            "other-predicate",
            statement.replace("provenance/v1", "provenance/v0.2"),
        ),
        (
            "statement",
            "other-build-type",
            statement.replace("build-types/seed/v1", "build-types/seed/v2"),
        ),
        (
            "statement",
            "recipe-not-of-the-source",
            statement.replace("\"reissue\":0", "\"reissue\":1"),
        ),
        (
            "statement",
            "release-not-of-the-source",
            statement.replace(
                "\"target\":\"examples/bootstrap#seed\"",
                "\"target\":\"seed\"",
            ),
        ),
        (
            "statement",
            "dependency-contradicts-source",
            statement.replace(
                "git+https://example.org/acme/App",
                "git+https://example.org/acme/Bpp",
            ),
        ),
        (
            "statement",
            "not-canonical",
            statement.replacen(':', ": ", 1),
        ),
        (
            "statement",
            "duplicate-setting",
            statement.replace(
                "\"substituters\":\"\"",
                "\"substituters\":\"x\",\"substituters\":\"\"",
            ),
        ),
        (
            "envelope",
            "no-signature",
            envelope.replace("\"signatures\":[{", "\"signatures\":[],\"x\":[{"),
        ),
        (
            "envelope",
            "other-payload-type",
            envelope.replace("vnd.in-toto+json", "json"),
        ),
        (
            "envelope",
            "key-inside",
            envelope.replacen('{', "{\"key\":\"0x\",", 1),
        ),
        (
            "envelope",
            "base64-without-padding",
            envelope.replace("==\"", "\"").replace("=\"", "\""),
        ),
        (
            "evidence",
            "with-subject",
            evidence.replacen('{', "{\"subject\":{},", 1),
        ),
        (
            "evidence",
            "other-artifact-type",
            evidence.replace("evidence.v1", "evidence.v2"),
        ),
        (
            "evidence",
            "unknown-layer",
            evidence.replace("vnd.nix-seed.audit.v1+json", "octet-stream"),
        ),
        (
            "evidence",
            "system-missing",
            evidence.replacen("dev.nix-seed.system", "dev.nix-seed.x", 1),
        ),
        ("evidence", "zero-digest", zero_first_digest(&evidence)),
    ];
    cases
        .into_iter()
        .map(|(kind, corruption, input)| file(kind, corruption, input))
        .collect()
}

fn zero_first_digest(text: &str) -> String {
    let start = text
        .find("\"layers\"")
        .and_then(|at| text[at..].find("sha256:").map(|d| at + d + 7));
    let start = start.expect("a layer");
    format!(
        "{}{}{}",
        &text[..start],
        "0".repeat(64),
        &text[start + 64..]
    )
}

fn string(bytes: Result<Vec<u8>, seed_attestation::FormatError>) -> String {
    String::from_utf8(bytes.expect("fixed")).expect("JSON is UTF-8")
}
