use std::collections::BTreeMap;

use seed_primitives::System;
use serde::Deserialize;
use serde_json::Value;

use super::NixVersion;
use crate::Error;

/// What is written into our own `nix.conf` and required of the effective settings; an empty text is an empty
/// list or text. Every one of these goes into the statement.
const REQUIRED: [(&str, &str); 26] = [
    ("accept-flake-config", "false"),
    ("allow-import-from-derivation", "false"),
    ("allow-new-privileges", "false"),
    ("allowed-impure-host-deps", ""),
    ("build-users-group", ""),
    ("builders", ""),
    ("builders-use-substitutes", "false"),
    ("extra-platforms", ""),
    ("fallback", "false"),
    ("filter-syscalls", "true"),
    ("hashed-mirrors", ""),
    ("keep-failed", "false"),
    ("plugin-files", ""),
    ("post-build-hook", ""),
    ("pre-build-hook", ""),
    ("pure-eval", "true"),
    ("require-sigs", "true"),
    ("sandbox", "true"),
    ("sandbox-fallback", "false"),
    ("sandbox-paths", ""),
    ("secret-key-files", ""),
    ("substitute", "false"),
    ("substituters", ""),
    ("system-features", "benchmark big-parallel"),
    ("trusted-substituters", ""),
    ("use-registries", "false"),
];

/// Settings that say how fast, where or how loudly, and cannot change what a build gives.
const FREE: [&str; 11] = [
    // A path of the installation. With no remote builders it declines every build.
    "build-hook",
    // Nix changes these three by itself when it finds no network, as it must here.
    "connect-timeout",
    "download-attempts",
    "tarball-ttl",
    "cores",
    "eval-cache",
    "max-jobs",
    "netrc-file",
    "ssl-cert-file",
    "trusted-public-keys",
    "warn-large-path-threshold",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Setting {
    value: Value,
    default_value: Option<Value>,
}

/// The text of our `nix.conf` for building on `system` with `cores` cores a build.
pub(super) fn conf(system: &System, cores: u32) -> String {
    let mut text = format!(
        "experimental-features = nix-command flakes\nsystem = {system}\ncores = {cores}\nmax-jobs = auto\n"
    );
    for (name, value) in REQUIRED {
        text.push_str(&format!("{name} = {value}\n"));
    }
    text
}

/// Checks every effective setting Nix reports: the required ones have their value, the free ones any, and all
/// others, known to us or not, the default of this Nix. Returns what goes into the statement.
pub(super) fn gate(
    json: &[u8],
    system: &System,
    version: NixVersion,
) -> Result<BTreeMap<String, String>, Error> {
    let answer = |reason: String| Error::NixAnswer {
        command: "nix config show --json",
        reason,
    };
    let settings: BTreeMap<String, Setting> =
        serde_json::from_slice(json).map_err(|error| answer(error.to_string()))?;
    let mut stated = BTreeMap::new();
    for (name, setting) in &settings {
        let refuse = |required: &str| Error::NixSetting {
            name: name.clone(),
            found: setting.value.to_string(),
            required: if required.is_empty() {
                "empty".to_owned()
            } else {
                required.to_owned()
            },
        };
        if name == "experimental-features" {
            let features =
                features(&setting.value, version).ok_or_else(|| refuse("nix-command flakes"))?;
            stated.insert(name.clone(), features);
        } else if name == "system" {
            if text(&setting.value).as_deref() != Some(system.as_str()) {
                return Err(refuse(system.as_str()));
            }
        } else if let Some((_, required)) = REQUIRED.iter().find(|(required, _)| required == name) {
            let found = text(&setting.value).filter(|found| found == required);
            stated.insert(name.clone(), found.ok_or_else(|| refuse(required))?);
        } else if !FREE.contains(&name.as_str()) && !is_default(setting) {
            let default = setting
                .default_value
                .as_ref()
                .map_or("its default".to_owned(), Value::to_string);
            return Err(refuse(&default));
        }
    }
    if let Some((name, _)) = REQUIRED
        .iter()
        .find(|(name, _)| !settings.contains_key(*name))
    {
        return Err(answer(format!("it does not report the setting `{name}`")));
    }
    Ok(stated)
}

/// A setting that may be unset has `null` for its default, which reads like none.
fn is_default(setting: &Setting) -> bool {
    setting.default_value.as_ref().unwrap_or(&Value::Null) == &setting.value
}

/// A setting as text: lists joined by spaces in byte order, so that honest builders state the same.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let mut words = items
                .iter()
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()?;
            words.sort();
            Some(words.join(" "))
        }
        Value::Object(map) if map.is_empty() => Some(String::new()),
        _ => None,
    }
}

/// Flakes and the new command line, and what flakes themselves switch on. Nix 2.8 reports numbers.
fn features(value: &Value, version: NixVersion) -> Option<String> {
    let numbers = !version.at_least(2, 9);
    let mut words = value
        .as_array()?
        .iter()
        .map(|item| match (item.as_str(), item.as_u64()) {
            (Some(name @ ("flakes" | "nix-command" | "fetch-tree")), _) => Some(name),
            (None, Some(2)) if numbers => Some("flakes"),
            (None, Some(3)) if numbers => Some("nix-command"),
            _ => None,
        })
        .collect::<Option<Vec<_>>>()?;
    words.retain(|word| *word != "fetch-tree");
    words.sort_unstable();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system() -> System {
        "x86_64-linux".parse().unwrap()
    }

    fn version(text: &str) -> NixVersion {
        text.parse().unwrap()
    }

    fn good() -> Value {
        let mut settings = serde_json::Map::new();
        for (name, value) in REQUIRED {
            let value = match value {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "" => Value::Array(vec![]),
                text => text.split(' ').rev().collect::<Vec<_>>().into(),
            };
            settings.insert(
                name.to_owned(),
                serde_json::json!({ "value": value, "defaultValue": "other" }),
            );
        }
        settings.insert(
            "system".to_owned(),
            serde_json::json!({ "value": "x86_64-linux" }),
        );
        settings.insert(
            "experimental-features".to_owned(),
            serde_json::json!({ "value": ["flakes", "nix-command", "fetch-tree"] }),
        );
        settings.insert(
            "cores".to_owned(),
            serde_json::json!({ "value": 2, "defaultValue": 0 }),
        );
        settings.insert(
            "timeout".to_owned(),
            serde_json::json!({ "value": 0, "defaultValue": 0 }),
        );
        Value::Object(settings)
    }

    fn check(settings: &Value) -> Result<BTreeMap<String, String>, Error> {
        gate(
            settings.to_string().as_bytes(),
            &system(),
            version("2.26.3"),
        )
    }

    #[test]
    fn states_what_is_required() {
        let stated = check(&good()).unwrap();
        assert_eq!(stated["substituters"], "");
        assert_eq!(stated["sandbox"], "true");
        assert_eq!(stated["experimental-features"], "flakes nix-command");
        assert_eq!(stated["system-features"], "benchmark big-parallel");
        assert!(!stated.contains_key("cores"));
    }

    #[test]
    fn refuses_every_required_setting_with_another_value() {
        for (name, _) in REQUIRED {
            for bad in [
                serde_json::json!("/evil"),
                serde_json::json!(["x"]),
                serde_json::json!(7),
            ] {
                let mut settings = good();
                settings[name]["value"] = bad;
                assert!(
                    matches!(check(&settings), Err(Error::NixSetting { .. })),
                    "{name}"
                );
            }
            let mut settings = good();
            settings.as_object_mut().unwrap().remove(name);
            assert!(
                matches!(check(&settings), Err(Error::NixAnswer { .. })),
                "{name}"
            );
        }
    }

    #[test]
    fn refuses_unknown_settings_that_are_not_at_their_default() {
        let mut settings = good();
        settings["timeout"]["value"] = 5.into();
        assert!(
            matches!(check(&settings), Err(Error::NixSetting { name, .. }) if name == "timeout")
        );
        let mut settings = good();
        settings["impure-env"] = serde_json::json!({ "value": { "A": "b" }, "defaultValue": {} });
        assert!(check(&settings).is_err());
        let mut settings = good();
        settings["experimental-features"]["value"] =
            serde_json::json!(["flakes", "nix-command", "ca-derivations"]);
        assert!(check(&settings).is_err());
        settings["experimental-features"]["value"] = serde_json::json!([2, 3]);
        assert!(check(&settings).is_err());
        assert!(gate(settings.to_string().as_bytes(), &system(), version("2.8.0")).is_ok());
        let mut settings = good();
        settings["system"]["value"] = "aarch64-linux".into();
        assert!(check(&settings).is_err());
    }
}
