//! What somebody does to a bundle between the one who captured it and the one who reads it.

use alloy_primitives::hex;
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use seed_attestation::{Attestation, Domain, EvidenceManifest, LayerKind};
use seed_primitives::Digest;
use seed_testkit::keys;
use serde_json::{Value, json};

use crate::{
    Seed, Word, World,
    bundle_case::Terms,
    bundles::{At, Part, Which},
    parts::{Parts, base64, bytes, list},
    words::Words,
    world::BUILDERS,
};

/// A bundle that is about to be changed.
#[derive(Debug)]
pub(crate) struct Stuff<'a> {
    pub(crate) world: &'a World,
    pub(crate) which: Which,
    pub(crate) part: Part,
}

/// One way of changing a bundle.
#[derive(Debug)]
pub(crate) struct BundleLie {
    /// What it is called in the file of runs.
    pub(crate) name: &'static str,
    /// What may be said about it.
    pub(crate) words: Words,
    /// The rows of the threat model.
    pub(crate) rows: &'static [&'static str],
    /// Whether it counts where signatures are enough: lies about the chain do not.
    pub(crate) signed: bool,
    make: fn(&Stuff<'_>, &mut Seed) -> Vec<u8>,
}

/// It is no bundle any more: nothing was found out.
const UNREADABLE: Words = Words::only(Word::Undecidable);
/// Anything but a yes.
const NO: Words = Words::only(Word::Rejected)
    .or(Words::only(Word::Undecidable))
    .or(Words::only(Word::Revoked));
const YES: Words = Words::only(Word::Verified);

type Make = fn(&Stuff<'_>, &mut Seed) -> Vec<u8>;

const fn lie(
    name: &'static str,
    words: Words,
    rows: &'static [&'static str],
    make: Make,
) -> BundleLie {
    BundleLie {
        name,
        words,
        rows,
        signed: false,
        make,
    }
}

/// A lie that also counts where signatures are enough.
const fn signed(
    name: &'static str,
    words: Words,
    rows: &'static [&'static str],
    make: Make,
) -> BundleLie {
    BundleLie {
        name,
        words,
        rows,
        signed: true,
        make,
    }
}

/// The one change that is none: what remains is what others would have captured.
pub(crate) static WITHOUT_ENDORSEMENT: BundleLie =
    signed("without-endorsement", YES, &["REG-16"], |stuff, _| {
        silence(stuff, &["cy"])
    });

/// Every other change.
pub(crate) static BUNDLE_LIES: &[BundleLie] = &[
    // Bytes.
    lie("flipped-bit", NO, &["PAR-11", "RPC-04"], |stuff, seed| {
        let mut changed = stuff.honest().to_vec();
        let at = seed.below(changed.len() * 8);
        changed[at / 8] ^= 1 << (at % 8);
        changed
    }),
    lie("flipped-bits", NO, &["PAR-11", "RPC-04"], |stuff, seed| {
        let mut changed = stuff.honest().to_vec();
        for _ in 0..2 + seed.below(6) {
            let at = seed.below(changed.len());
            changed[at] ^= 1 << seed.below(8);
        }
        changed
    }),
    signed("cut", UNREADABLE, &["PAR-03"], |stuff, seed| {
        let honest = stuff.honest();
        honest[..seed.below(honest.len())].to_vec()
    }),
    signed("cut-at-the-end", UNREADABLE, &["PAR-03"], |stuff, seed| {
        let honest = stuff.honest();
        honest[..honest.len() - 1 - seed.below(40)].to_vec()
    }),
    signed(
        "something-behind",
        UNREADABLE,
        &["PAR-03"],
        |stuff, seed| {
            let what: &[&[u8]] = &[b"\n", b" ", b"\0", b"{}", b",", b"\r\n", b"//"];
            [stuff.honest(), *seed.choose(what)].concat()
        },
    ),
    signed(
        "something-before",
        UNREADABLE,
        &["PAR-03"],
        |stuff, seed| {
            let what: &[&[u8]] = &[b"\n", b" ", b"\xef\xbb\xbf", b"\0", b"[", b"{}"];
            [*seed.choose(what), stuff.honest()].concat()
        },
    ),
    signed("twice", UNREADABLE, &["PAR-03"], |stuff, _| {
        [stuff.honest(), stuff.honest()].concat()
    }),
    signed("compressed", UNREADABLE, &["PAR-03"], |stuff, _| {
        zstd::bulk::compress(stuff.honest(), 1).unwrap_or_default()
    }),
    signed(
        "other-document",
        UNREADABLE,
        &["PAR-08", "PAR-06"],
        |stuff, seed| {
            let second = &stuff.world.second;
            match seed.below(8) {
                0 => Vec::new(),
                1 => b"{}".to_vec(),
                2 => b"null".to_vec(),
                3 => b"[]".to_vec(),
                4 => second.images.index.clone(),
                5 => second.images.manifests[0].clone(),
                6 => second.locator.to_json().unwrap_or_default(),
                _ => b"version = 1\n[anchor]\n".to_vec(),
            }
        },
    ),
    // Spelling.
    signed("indented", UNREADABLE, &["PAR-10"], |stuff, _| {
        serde_json::to_vec_pretty(&stuff.value()).unwrap_or_default()
    }),
    signed("space-within", UNREADABLE, &["PAR-10"], |stuff, seed| {
        let text = stuff.text();
        let commas: Vec<_> = text.match_indices(",\"").map(|(at, _)| at).collect();
        let at = *seed.choose(&commas);
        let space = seed.choose(&[" ", "\n", "\t", "\r"]);
        format!("{}{space}{}", &text[..at], &text[at..]).into_bytes()
    }),
    signed("other-order", UNREADABLE, &["PAR-10"], |stuff, _| {
        let text = stuff.text();
        let kind = format!("\"mediaType\":{},", stuff.value()["mediaType"]);
        let rest = text.replacen(&kind, "", 1);
        format!("{{{kind}{}", &rest[1..]).into_bytes()
    }),
    signed(
        "escaped",
        UNREADABLE,
        &["PAR-02", "PAR-10"],
        |stuff, seed| {
            let (old, new) = *seed.choose(&[
                ("application/", "application\\/"),
                ("\"record\"", "\"\\u0072ecord\""),
                ("\"0x", "\"\\u0030x"),
                ("\"chain\"", "\"\\u0063hain\""),
                ("https:", "\\u0068ttps:"),
            ]);
            stuff.text().replacen(old, new, 1).into_bytes()
        },
    ),
    signed("key-twice", UNREADABLE, &["PAR-01"], |stuff, seed| {
        let value = stuff.value();
        let key = *seed.choose(&["record", "attestations", "chain", "source", "mediaType"]);
        let again = match seed.below(2) {
            0 => value[key].clone(),
            _ => json!("0x00"),
        };
        let text = stuff.text();
        match seed.below(2) {
            0 => format!("{{\"{key}\":{again},{}", &text[1..]),
            _ => format!("{},\"{key}\":{again}}}", &text[..text.len() - 1]),
        }
        .into_bytes()
    }),
    signed(
        "key-twice-within",
        UNREADABLE,
        &["PAR-01"],
        |stuff, seed| {
            let (old, new) = *seed.choose(&[
                ("\"chain\":{", "\"chain\":{\"rulesCode\":\"0x\","),
                ("\"source\":{", "\"source\":{\"target\":\"seed\","),
                ("\"images\":[{", "\"images\":[{\"config\":\"\","),
            ]);
            stuff.text().replacen(old, new, 1).into_bytes()
        },
    ),
    signed("other-key", UNREADABLE, &["PAR-02"], |stuff, seed| {
        let (old, new) = *seed.choose(&[
            ("\"record\"", "\"Record\""),
            ("\"rulesCode\"", "\"rules_code\""),
            ("\"chain\"", "\"сhain\""),
            ("\"statements\"", "\"statements \""),
            ("\"header\"", "\"HEADER\""),
        ]);
        stuff.text().replacen(old, new, 1).into_bytes()
    }),
    signed(
        "smuggled",
        UNREADABLE,
        &["PAR-11", "PAR-02"],
        |stuff, seed| {
            let field = *seed.choose(&[
                ("threshold", "1"),
                ("keys", "[\"0x1111111111111111111111111111111111111111\"]"),
                ("policy", "{\"require\":\"signatures\"}"),
                ("checkpoints", "[{\"block\":1,\"hash\":\"0x00\"}]"),
                ("finalized", "true"),
                ("endpoints", "[]"),
                ("anchor", "{\"chainId\":1}"),
                ("verified", "true"),
            ]);
            stuff.edit(|parts| {
                let place = match seed.below(5) {
                    0 => &mut parts.0["chain"],
                    1 => &mut parts.0["attestations"][0],
                    2 => &mut parts.0["source"],
                    3 => &mut parts.0["images"][0],
                    _ => &mut parts.0,
                };
                place[field.0] = serde_json::from_str(field.1).unwrap_or_default();
            })
        },
    ),
    signed("odd-value", UNREADABLE, &["PAR-03"], |stuff, seed| {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let value = match seed.below(7) {
            0 => "NaN",
            1 => "1e400",
            2 => "\"\\ud800\"",
            3 => "18446744073709551616",
            4 => "-1",
            5 => "null",
            _ => &deep,
        };
        let (old, end) = *seed.choose(&[
            ("\"account\":[", "\"account\":["),
            ("\"record\":", "\"record\":"),
            ("\"path\":[", "\"path\":["),
        ]);
        let text = stuff.text();
        let at = text.find(old).unwrap_or_default() + end.len();
        let rest = &text[at..];
        let next = rest.find([',', ']', '}']).unwrap_or_default();
        format!("{}{value}{}", &text[..at], &rest[next..]).into_bytes()
    }),
    signed(
        "other-version",
        UNREADABLE,
        &["PAR-02", "PAR-06"],
        |stuff, seed| {
            stuff.edit(|parts| {
                parts.0["mediaType"] = match seed.below(5) {
                    0 => json!("application/vnd.nix-seed.bundle.v2+json"),
                    1 => json!("application/vnd.nix-seed.bundle.v0+json"),
                    2 => json!("application/json"),
                    3 => json!("APPLICATION/vnd.nix-seed.bundle.v1+json"),
                    _ => json!(1),
                }
            })
        },
    ),
    signed("field-missing", UNREADABLE, &["PAR-08"], |stuff, seed| {
        let names = [
            "attestations",
            "chain",
            "evidence",
            "images",
            "mediaType",
            "record",
            "source",
            "statements",
        ];
        let name = *seed.choose(&names);
        let mut value = stuff.value();
        if seed.one_in(1, 2) {
            value[name] = Value::Null;
        } else if let Some(fields) = value.as_object_mut() {
            fields.remove(name);
        }
        value.to_string().into_bytes()
    }),
    signed("loose-base64", UNREADABLE, &["PAR-04"], |stuff, seed| {
        let mut value = stuff.value();
        let name = *seed.choose(&["evidence", "statements"]);
        let document = bytes(&value[name][0]);
        let text = value[name][0].as_str().unwrap_or_default().to_owned();
        value[name][0] = match seed.below(4) {
            0 => {
                let open = STANDARD_NO_PAD.encode(&document);
                json!(if open == text {
                    format!("{open}=")
                } else {
                    open
                })
            }
            1 => json!(format!("{text}\n")),
            2 => json!(text.replacen('e', "-", 1)),
            _ => json!(format!(" {text}")),
        };
        value.to_string().into_bytes()
    }),
    signed("other-digits", UNREADABLE, &["PAR-04"], |stuff, seed| {
        let mut value = stuff.value();
        let place = match seed.below(3) {
            0 => &mut value["record"],
            1 => &mut value["chain"]["header"],
            _ => &mut value["chain"]["rulesCode"],
        };
        let text = place.as_str().unwrap_or_default().to_owned();
        *place = match seed.below(4) {
            0 => json!(text.to_uppercase().replacen("0X", "0x", 1)),
            1 => json!(text.replacen("0x", "0X", 1)),
            2 => json!(text.replacen("0x", "", 1)),
            _ => json!(format!("{text}0")),
        };
        value.to_string().into_bytes()
    }),
    // Sizes.
    signed(
        "too-large",
        UNREADABLE,
        &["PAR-03", "REG-13"],
        |stuff, seed| {
            let mut changed = stuff.honest().to_vec();
            match seed.below(2) {
                0 => changed.resize((4 << 20) + 1, b' '),
                _ => {
                    let text = format!("{{\"aaa\":\"{}\",", "a".repeat(4 << 20));
                    changed.splice(..1, text.into_bytes());
                }
            }
            changed
        },
    ),
    signed(
        "too-many",
        UNREADABLE,
        &["PAR-05", "REG-14"],
        |stuff, seed| {
            let mut value = stuff.value();
            let (place, count) = match seed.below(5) {
                0 => (&mut value["attestations"], 65),
                1 => (&mut value["images"], 65),
                2 => (&mut value["chain"]["nodes"], 4097),
                3 => (&mut value["chain"]["account"], 66),
                _ => (&mut value["chain"]["slots"], 4097),
            };
            let one = place[0].clone();
            list(place).resize(count, one);
            value.to_string().into_bytes()
        },
    ),
    signed("nothing-in-it", UNREADABLE, &["PAR-08"], |stuff, seed| {
        let name = *seed.choose(&["attestations", "evidence", "images", "statements"]);
        stuff.edit(|parts| parts.list(name).clear())
    }),
    signed("node-nowhere", UNREADABLE, &["RPC-06"], |stuff, seed| {
        let mut value = stuff.value();
        let count = list(&mut value["chain"]["nodes"]).len();
        let place = *seed.choose(&[count, 4095, usize::MAX >> 1]);
        match seed.below(2) {
            0 => value["chain"]["account"][0] = json!(place),
            _ => value["chain"]["slots"][0]["path"][0] = json!(place),
        }
        value.to_string().into_bytes()
    }),
    signed("node-unused", UNREADABLE, &["RPC-06"], |stuff, _| {
        let mut value = stuff.value();
        list(&mut value["chain"]["nodes"]).push(json!("AAAA"));
        value.to_string().into_bytes()
    }),
    signed(
        "nodes-in-another-order",
        UNREADABLE,
        &["PAR-10"],
        |stuff, _| {
            let mut value = stuff.value();
            let nodes = list(&mut value["chain"]["nodes"]);
            nodes.reverse();
            let last = nodes.len() as u64 - 1;
            let turn = |path: &mut Value| {
                for at in list(path) {
                    *at = json!(last - at.as_u64().unwrap_or_default());
                }
            };
            turn(&mut value["chain"]["account"]);
            for slot in list(&mut value["chain"]["slots"]) {
                turn(&mut slot["path"]);
            }
            value.to_string().into_bytes()
        },
    ),
    // Parts added, twice, in another order, or left out.
    signed("part-twice", UNREADABLE, &["PAR-05"], |stuff, seed| {
        let name = *seed.choose(&["attestations", "evidence", "images", "statements", "slots"]);
        let at = seed.next();
        stuff.edit(|parts| {
            let all = parts.any(name);
            let at = at as usize % all.len();
            all.insert(at, all[at].clone());
        })
    }),
    signed("parts-swapped", UNREADABLE, &["PAR-10"], |stuff, seed| {
        let name = *seed.choose(&["attestations", "evidence", "statements", "slots"]);
        stuff.edit(|parts| parts.any(name).swap(0, 1))
    }),
    signed("part-left-out", UNREADABLE, &["REG-16"], |stuff, seed| {
        let name = *seed.choose(&["attestations", "evidence", "images", "statements", "slots"]);
        let at = seed.next();
        stuff.edit(|parts| {
            let all = parts.any(name);
            all.remove(at as usize % all.len());
        })
    }),
    signed(
        "foreign-part-added",
        UNREADABLE,
        &["REG-15"],
        |stuff, seed| {
            let name = *seed.choose(&["attestations", "evidence", "images", "statements", "slots"]);
            let mut other = stuff.other();
            stuff.edit(|parts| {
                let theirs = other.any(name);
                let mine = parts.any(name);
                let foreign = theirs.iter().find(|one| !mine.contains(one)).cloned();
                mine.push(foreign.unwrap_or_default());
                parts.tidy();
            })
        },
    ),
    lie("signer-silent", UNREADABLE, &["REG-16"], |stuff, seed| {
        silence(stuff, &[*seed.choose(&["ada", "bo"])])
    }),
    signed(
        "one-signer-left",
        NO,
        &["REG-16", "PAR-08"],
        |stuff, seed| {
            let names = [["ada", "bo"], ["bo", "cy"], ["ada", "cy"]];
            silence(stuff, &seed.choose(&names)[..])
        },
    ),
    lie("stranger-signs", NO, &["PAR-05", "PAR-11"], |stuff, _| {
        stuff.edit(|parts| {
            let mut stranger = parts.list("attestations")[0].clone();
            sign(stuff.world, &mut stranger, "mallory");
            parts.list("attestations").push(stranger);
            let slot = stuff.world.bundles.stranger.clone();
            parts.slots().push(slot);
            parts
                .slots()
                .sort_by_cached_key(|one| one["slot"].to_string());
            parts.tidy();
        })
    }),
    signed("stranger-instead", NO, &["PAR-05", "PAR-11"], |stuff, _| {
        stuff.edit(|parts| {
            for one in parts.list("attestations") {
                let builder = one["builder"].clone();
                sign(stuff.world, one, "mallory");
                one["builder"] = builder;
            }
            parts.tidy();
        })
    }),
    // Signatures and what is signed.
    signed("signature-changed", NO, &["PAR-05"], |stuff, seed| {
        let (all, at) = (seed.one_in(1, 2), seed.below(64));
        stuff.edit(|parts| {
            let count = if all { 3 } else { 1 };
            for one in parts.list("attestations").iter_mut().take(count) {
                change(&mut one["signature"], 2 + 2 * at);
            }
            parts.tidy();
        })
    }),
    signed("signatures-exchanged", NO, &["PAR-05"], |stuff, _| {
        stuff.edit(|parts| {
            let all = parts.list("attestations");
            let (first, second) = (all[0]["signature"].clone(), all[1]["signature"].clone());
            all[0]["signature"] = second;
            all[1]["signature"] = first;
            parts.tidy();
        })
    }),
    signed(
        "signatures-of-another-release",
        NO,
        &["PAR-05", "PAR-12"],
        |stuff, _| {
            let mut other = stuff.other();
            stuff.edit(|parts| {
                let theirs = other.list("attestations").clone();
                for one in parts.list("attestations") {
                    let mut same = theirs.iter().filter(|it| it["builder"] == one["builder"]);
                    if let Some(found) = same.next() {
                        one["signature"] = found["signature"].clone();
                    }
                }
                parts.tidy();
            })
        },
    ),
    signed(
        "attestation-for-others",
        NO,
        &["PAR-12", "PAR-22"],
        |stuff, seed| {
            let field = *seed.choose(&["chainId", "ledger", "rules"]);
            stuff.edit(|parts| {
                for one in parts.list("attestations") {
                    match field {
                        "chainId" => one[field] = json!(10),
                        _ => change(&mut one[field], 10),
                    }
                }
                parts.tidy();
            })
        },
    ),
    signed(
        "statement-changed",
        NO,
        &["REG-02", "REG-15"],
        |stuff, seed| {
            let (name, at) = (*seed.choose(&["statements", "evidence"]), seed.next());
            stuff.edit(|parts| {
                let all = parts.list(name);
                let one = &mut all[at as usize % 2];
                let mut document = bytes(one);
                let place = at as usize / 2 % document.len();
                document[place] ^= 1 << (at >> 60 & 7);
                *one = base64(&document);
                parts.tidy();
            })
        },
    ),
    signed("image-changed", NO, &["REG-02"], |stuff, seed| {
        let (name, at) = (*seed.choose(&["manifest", "config"]), seed.next());
        stuff.edit(|parts| {
            let one = &mut parts.list("images")[0][name];
            let mut document = bytes(one);
            let place = at as usize % document.len();
            document[place] ^= 1 << (at >> 60 & 7);
            *one = base64(&document);
        })
    }),
    signed("strange-image", NO, &["REG-19", "REG-15"], |stuff, _| {
        let strange = &stuff.world.strange;
        stuff.edit(|parts| {
            let image = |at: usize| {
                let (config, manifest) = (&strange.configs[at], &strange.manifests[at]);
                json!({ "config": base64(config), "manifest": base64(manifest) })
            };
            *parts.list("images") = vec![image(0), image(1)];
        })
    }),
    lie(
        "strange-image-in-record",
        NO,
        &["REG-19", "RPC-05"],
        |stuff, _| {
            let strange = &stuff.world.strange;
            stuff.edit(|parts| {
                let image = |at: usize| {
                    let (config, manifest) = (&strange.configs[at], &strange.manifests[at]);
                    json!({ "config": base64(config), "manifest": base64(manifest) })
                };
                *parts.list("images") = vec![image(0), image(1)];
                let Some(mut record) = parts.record() else {
                    return;
                };
                record.digests = (0..2).map(|at| strange.manifest(at)).collect();
                parts.0["record"] = json!(format!("0x{}", hex::encode(record.to_bytes())));
                for one in parts.list("attestations") {
                    for at in 0..2 {
                        one["systems"][at]["digest"] = json!(strange.manifest(at));
                    }
                }
                parts.tidy();
            })
        },
    ),
    // The record and the chain.
    lie("record-changed", NO, &["RPC-05"], |stuff, seed| {
        let at = seed.next();
        stuff.edit(|parts| {
            let digits = parts.0["record"].as_str().unwrap_or_default().len() - 2;
            change(&mut parts.0["record"], 2 + at as usize % digits);
        })
    }),
    lie("record-of-fewer", NO, &["RPC-05", "PAR-08"], |stuff, _| {
        stuff.edit(|parts| {
            let Some(mut record) = parts.record() else {
                return;
            };
            record.entries.pop();
            parts.0["record"] = json!(format!("0x{}", hex::encode(record.to_bytes())));
            parts.trim();
        })
    }),
    lie(
        "record-renumbered",
        NO,
        &["REG-20", "RPC-09"],
        |stuff, _| {
            stuff.edit(|parts| {
                let Some(mut record) = parts.record() else {
                    return;
                };
                record.sequence += 7;
                record.timestamp += 60;
                parts.0["record"] = json!(format!("0x{}", hex::encode(record.to_bytes())));
            })
        },
    ),
    lie("spliced", NO, &["REG-15", "RPC-05"], |stuff, seed| {
        let names = [
            "attestations",
            "evidence",
            "statements",
            "images",
            "record",
            "source",
        ];
        let name = *seed.choose(&names);
        let other = stuff.other();
        stuff.edit(|parts| parts.0[name] = other.0[name].clone())
    }),
    lie(
        "spliced-documents",
        NO,
        &["REG-15", "RPC-05"],
        |stuff, seed| {
            let all: &[&[&str]] = &[
                &["attestations", "evidence", "statements"],
                &["record", "source", "attestations", "evidence", "statements"],
                &["images", "statements"],
                &["record", "source"],
                &["source", "attestations", "evidence", "statements", "images"],
            ];
            let names = *seed.choose(all);
            let (other, world) = (stuff.other(), stuff.world);
            let slots = world
                .bundles
                .bytes(stuff.other_release(), At::Final, stuff.part);
            let mut slots = Parts::open(slots);
            stuff.edit(|parts| {
                for name in names {
                    parts.0[name] = other.0[name].clone();
                }
                // The proofs that such a mixture would need.
                for one in slots.slots() {
                    if !parts.slots().contains(one) {
                        parts.slots().push(one.clone());
                    }
                }
                parts
                    .slots()
                    .sort_by_cached_key(|one| one["slot"].to_string());
                parts.trim();
            })
        },
    ),
    lie("spliced-chain", NO, &["RPC-05", "RPC-03"], |stuff, seed| {
        let at = *seed.choose(&[At::Forged, At::Latest]);
        let name = *seed.choose(&["header", "account", "slots"]);
        let other = Parts::open(stuff.world.bundles.bytes(stuff.which, at, Part::Index));
        stuff.edit(|parts| parts.0["chain"][name] = other.0["chain"][name].clone())
    }),
    lie(
        "forged-below-an-honest-header",
        NO,
        &["RPC-03", "RPC-06"],
        |stuff, _| {
            let other = stuff
                .world
                .bundles
                .bytes(stuff.which, At::Forged, Part::Index);
            let other = Parts::open(other);
            stuff.edit(|parts| {
                parts.0["chain"]["account"] = other.0["chain"]["account"].clone();
                parts.0["chain"]["slots"] = other.0["chain"]["slots"].clone();
            })
        },
    ),
    lie(
        "header-changed",
        NO,
        &["RPC-01", "RPC-07"],
        |stuff, seed| {
            let at = seed.next();
            stuff.edit(|parts| {
                let header = &mut parts.0["chain"]["header"];
                let digits = header.as_str().unwrap_or_default().len() - 8;
                change(header, 8 + at as usize % digits);
            })
        },
    ),
    lie("other-rules", NO, &["RPC-05"], |stuff, seed| {
        let at = seed.next();
        stuff.edit(|parts| {
            let code = &mut parts.0["chain"]["rulesCode"];
            let digits = code.as_str().unwrap_or_default().len() - 2;
            change(code, 2 + at as usize % digits);
        })
    }),
    // Proofs.
    lie("node-changed", NO, &["RPC-04"], |stuff, seed| {
        let (at, which) = (seed.next(), seed.next());
        stuff.edit(|parts| {
            let path = parts.path(which);
            let node = at as usize % path.len();
            let mut node_bytes = bytes(&path[node]);
            let place = (at >> 8) as usize % node_bytes.len();
            node_bytes[place] ^= 1 << (at >> 60 & 7);
            path[node] = base64(&node_bytes);
        })
    }),
    lie("node-left-out", NO, &["RPC-06"], |stuff, seed| {
        let (at, which) = (seed.next(), seed.next());
        stuff.edit(|parts| {
            let path = parts.path(which);
            path.remove(at as usize % path.len());
        })
    }),
    lie("proof-cut", NO, &["RPC-06", "RPC-12"], |stuff, seed| {
        let which = seed.next();
        stuff.edit(|parts| drop(parts.path(which).pop()))
    }),
    lie("node-behind", NO, &["RPC-06"], |stuff, seed| {
        let which = seed.next();
        stuff.edit(|parts| {
            let path = parts.path(which);
            let extra = match which >> 32 & 1 {
                0 => path[0].clone(),
                _ => json!("gA=="),
            };
            path.push(extra);
        })
    }),
    lie("no-proof", NO, &["RPC-12"], |stuff, seed| {
        let which = seed.next();
        stuff.edit(|parts| parts.path(which).clear())
    }),
    lie("proof-of-other-slot", NO, &["RPC-05"], |stuff, seed| {
        let at = seed.next();
        stuff.edit(|parts| {
            let slots = parts.slots();
            let (one, other) = (at as usize % slots.len(), (at >> 8) as usize % slots.len());
            let other = if one == other {
                (one + 1) % slots.len()
            } else {
                other
            };
            slots[one]["path"] = slots[other]["path"].clone();
        })
    }),
    lie("proofs-exchanged", NO, &["RPC-06", "RPC-05"], |stuff, _| {
        stuff.edit(|parts| {
            let account = parts.0["chain"]["account"].clone();
            let slots = parts.slots();
            let theirs = slots[0]["path"].clone();
            slots[0]["path"] = account;
            parts.0["chain"]["account"] = theirs;
        })
    }),
];

/// Changes that one check alone notices, and the policy under which they are read. They are made to the bundle of all
/// images of the release, of which one is asked for.
pub(crate) static POINTED: &[(BundleLie, Terms)] = &[
    (
        signed("images-swapped", UNREADABLE, &["PAR-10"], |stuff, _| {
            stuff.edit_all(|parts| parts.list("images").swap(0, 1))
        }),
        Terms::Pinned,
    ),
    (
        signed(
            "strange-image-beside",
            UNREADABLE,
            &["REG-15"],
            |stuff, _| {
                let (strange, at) = (&stuff.world.strange, stuff.beside());
                stuff.edit_all(|parts| {
                    parts.list("images")[at] = json!({
                        "config": base64(&strange.configs[at]),
                        "manifest": base64(&strange.manifests[at]),
                    });
                })
            },
        ),
        Terms::Pinned,
    ),
    (
        signed(
            "other-config-beside",
            UNREADABLE,
            &["REG-15"],
            |stuff, _| {
                let (strange, at) = (&stuff.world.strange, stuff.beside());
                stuff.edit_all(|parts| {
                    parts.list("images")[at]["config"] = base64(&strange.configs[at]);
                })
            },
        ),
        Terms::Pinned,
    ),
    (
        signed(
            "vote-for-another-source",
            UNREADABLE,
            &["REG-15", "PAR-05"],
            |stuff, _| {
                stuff.edit_all(|parts| {
                    let mut vote = parts.list("attestations")[0].clone();
                    vote["source"]["commit"] = json!("e".repeat(40));
                    sign_again(stuff.world, &mut vote);
                    parts.list("attestations").push(vote);
                    parts.tidy();
                })
            },
        ),
        Terms::Signatures,
    ),
    (
        signed(
            "vote-for-other-images",
            UNREADABLE,
            &["REG-15", "PAR-05"],
            |stuff, _| {
                stuff.edit_all(|parts| {
                    let mut vote = parts.list("attestations")[0].clone();
                    for at in 0..2 {
                        vote["systems"][at]["digest"] = json!(stuff.world.strange.manifest(at));
                    }
                    sign_again(stuff.world, &mut vote);
                    parts.list("attestations").push(vote);
                    parts.tidy();
                })
            },
        ),
        Terms::Signatures,
    ),
    (
        signed(
            "vote-with-borrowed-evidence",
            UNREADABLE,
            &["REG-15", "PAR-12"],
            |stuff, _| {
                let release = stuff.which.release(stuff.world);
                let (own, statements) = &release.evidence["cy"];
                let gone: Vec<_> = statements.iter().chain([own]).collect();
                let lent = release.evidence["ada"].0;
                stuff.edit_all(|parts| {
                    let cy = json!(keys::builder("cy"));
                    let votes = parts.list("attestations").iter_mut();
                    for vote in votes.filter(|one| one["builder"] == cy) {
                        vote["evidence"] = json!(lent);
                        sign_again(stuff.world, vote);
                    }
                    for name in ["evidence", "statements"] {
                        parts
                            .list(name)
                            .retain(|one| !gone.contains(&&crate::parts::digest(one)));
                    }
                    parts.tidy();
                })
            },
        ),
        Terms::Signatures,
    ),
    (
        signed(
            "too-many-votes",
            UNREADABLE,
            &["PAR-05", "REG-14"],
            |stuff, _| {
                let evidence = stuff.which.release(stuff.world).evidence["ada"].0;
                stuff.edit_all(|parts| {
                    let ada = json!(keys::builder("ada"));
                    let document = parts.list("evidence").iter().map(bytes);
                    let document = document.into_iter().find(|one| Digest::of(one) == evidence);
                    let vote = parts.list("attestations").iter();
                    let vote = vote.into_iter().find(|one| one["builder"] == ada).cloned();
                    let (Some(document), Some(vote)) = (document, vote) else {
                        return;
                    };
                    for number in parts.list("attestations").len() as u64..65 {
                        let other = with_another_size(&document, number);
                        let mut vote = vote.clone();
                        vote["evidence"] = json!(Digest::of(&other));
                        sign_again(stuff.world, &mut vote);
                        parts.list("attestations").push(vote);
                        parts.list("evidence").push(base64(&other));
                    }
                    parts.tidy();
                })
            },
        ),
        Terms::Pinned,
    ),
    (
        lie("record-earlier", NO, &["REG-20", "RPC-05"], |stuff, _| {
            stuff.edit_all(|parts| {
                let Some(mut record) = parts.record() else {
                    return;
                };
                record.timestamp -= 60;
                parts.0["record"] = json!(format!("0x{}", hex::encode(record.to_bytes())));
            })
        }),
        Terms::Pinned,
    ),
];

impl BundleLie {
    /// The bundle as it is read. Never the honest one, unless that may be said yes to.
    pub(crate) fn tell(&self, stuff: &Stuff<'_>, dice: u64) -> Vec<u8> {
        let mut changed = (self.make)(stuff, &mut Seed::of_run(dice, 0));
        if self.words != YES && changed == stuff.honest() {
            changed.pop();
        }
        changed
    }
}

impl Stuff<'_> {
    fn honest(&self) -> &[u8] {
        self.world.bundles.bytes(self.which, At::Final, self.part)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(self.honest()).into_owned()
    }

    fn value(&self) -> Value {
        serde_json::from_slice(self.honest()).unwrap_or_default()
    }

    fn edit(&self, change: impl FnOnce(&mut Parts)) -> Vec<u8> {
        let mut parts = Parts::open(self.honest());
        change(&mut parts);
        parts.close()
    }

    /// Changes the bundle of all images.
    fn edit_all(&self, change: impl FnOnce(&mut Parts)) -> Vec<u8> {
        let whole = self.world.bundles.bytes(self.which, At::Final, Part::Index);
        let mut parts = Parts::open(whole);
        change(&mut parts);
        parts.close()
    }

    /// The image that nobody asked for.
    const fn beside(&self) -> usize {
        match self.part {
            Part::Image(1) => 0,
            _ => 1,
        }
    }

    fn other_release(&self) -> Which {
        match self.which {
            Which::First => Which::Second,
            _ => Which::First,
        }
    }

    /// The same part of another release.
    fn other(&self) -> Parts {
        let bytes = self
            .world
            .bundles
            .bytes(self.other_release(), At::Final, self.part);
        Parts::open(bytes)
    }
}

impl Parts {
    /// A list of one part, by its name.
    fn any(&mut self, name: &str) -> &mut Vec<Value> {
        match name {
            "slots" => self.slots(),
            _ => self.list(name),
        }
    }

    /// The nodes of the account or of one of the slots.
    fn path(&mut self, which: u64) -> &mut Vec<Value> {
        let slots = self.slots().len() as u64;
        match which % (slots + 1) {
            0 => list(&mut self.0["chain"]["account"]),
            at => list(&mut self.slots()[at as usize - 1]["path"]),
        }
    }
}

/// Everything without the votes of these builders, and what is only about them.
fn silence(stuff: &Stuff<'_>, names: &[&str]) -> Vec<u8> {
    let silent: Vec<Value> = names
        .iter()
        .map(|name| json!(keys::builder(name)))
        .collect();
    let release = stuff.which.release(stuff.world);
    let gone = names.iter().filter_map(|name| release.evidence.get(*name));
    let gone: Vec<_> = gone
        .flat_map(|(evidence, statements)| statements.iter().chain([evidence]))
        .collect();
    stuff.edit(|parts| {
        parts
            .list("attestations")
            .retain(|one| !silent.contains(&one["builder"]));
        for name in ["evidence", "statements"] {
            parts
                .list(name)
                .retain(|one| !gone.contains(&&crate::parts::digest(one)));
        }
        parts.trim();
    })
}

/// Lets the builder of an attestation sign it as it is now.
fn sign_again(world: &World, attestation: &mut Value) {
    let mut names = BUILDERS.iter();
    let own = names.find(|name| attestation["builder"] == json!(keys::builder(name)));
    if let Some(name) = own {
        sign(world, attestation, name);
    }
}

/// An evidence manifest that differs from another in a size that says nothing.
fn with_another_size(document: &[u8], number: u64) -> Vec<u8> {
    let layers = EvidenceManifest::from_json(document).map(|manifest| manifest.layers().to_vec());
    let mut layers = layers.unwrap_or_default();
    for layer in layers.iter_mut().filter(|one| one.kind == LayerKind::Sbom) {
        layer.size += number;
    }
    let manifest = EvidenceManifest::new(layers).and_then(|manifest| manifest.to_json());
    manifest.unwrap_or_default()
}

/// Lets `name` sign an attestation as its own.
fn sign(world: &World, attestation: &mut Value, name: &str) {
    let Ok(mut one) = serde_json::from_value::<Attestation>(attestation.clone()) else {
        return;
    };
    let domain = Domain {
        chain_id: one.chain_id,
        ledger: world.deployment.ledger,
    };
    let Ok(leaves) = one.leaves() else { return };
    let release = one.source.release();
    let digest = domain.attestation_digest(&release, &leaves.root(), &one.evidence, one.rules);
    one.builder = keys::builder(name);
    one.signature = keys::sign(name, &digest);
    *attestation = json!(one);
}

/// Another hexadecimal digit at one place of a text.
fn change(text: &mut Value, at: usize) {
    let mut digits = text.as_str().unwrap_or_default().as_bytes().to_vec();
    if let Some(digit) = digits.get_mut(at) {
        *digit = if *digit == b'1' { b'2' } else { b'1' };
    }
    *text = json!(String::from_utf8_lossy(&digits));
}
