use std::fmt;

use nix_derivation::{Derivation, Output};

/// Something in a derivation that lets the outside into a build.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Impurity {
    /// The builder is neither in the store among the inputs nor a known builtin.
    BuilderOutsideStore(String),
    /// An attribute that asks Nix to loosen the sandbox.
    Attribute(String),
    /// A system feature that lets a build reach Nix itself.
    Feature(String),
    /// An output whose path is not known before it is built, or that need not be the same twice.
    FloatingOutput(String),
}

impl fmt::Display for Impurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuilderOutsideStore(builder) => {
                write!(f, "its builder {builder} is not in the store")
            }
            Self::Attribute(name) => write!(f, "it sets {name}"),
            Self::Feature(name) => write!(f, "it requires the system feature {name}"),
            Self::FloatingOutput(name) => write!(f, "its output {name} has no fixed path"),
        }
    }
}

/// Attributes that loosen the sandbox of any derivation.
const LOOSENING: [&str; 6] = [
    "__noChroot",
    "__impure",
    "__impureHostDeps",
    "__propagatedImpureHostDeps",
    "__sandboxProfile",
    "__contentAddressed",
];

/// Builtin builders: they run inside Nix, and only for fixed outputs do they reach further.
const BUILTINS: [&str; 3] = [
    "builtin:fetchurl",
    "builtin:buildenv",
    "builtin:unpack-channel",
];

/// Everything in `derivation` that lets the outside in; empty for a pure one.
pub(crate) fn impurities(derivation: &Derivation) -> Vec<Impurity> {
    let fixed = derivation
        .outputs()
        .values()
        .any(|output| output.fixed_content_address().is_some());
    let mut found = Vec::new();
    if !builder_is_known(derivation) {
        found.push(Impurity::BuilderOutsideStore(
            derivation.builder().chars().take(200).collect(),
        ));
    }
    for name in LOOSENING {
        if is_set(derivation, name) {
            found.push(Impurity::Attribute(name.to_owned()));
        }
    }
    if !fixed && is_set(derivation, "impureEnvVars") {
        found.push(Impurity::Attribute("impureEnvVars".to_owned()));
    }
    for feature in features(derivation) {
        if feature.contains("recursive-nix") {
            found.push(Impurity::Feature(feature));
        }
    }
    for (name, output) in derivation.outputs() {
        if matches!(
            output,
            Output::Floating { .. } | Output::Impure { .. } | Output::Deferred
        ) {
            found.push(Impurity::FloatingOutput(name.clone()));
        }
    }
    found
}

/// The builder must be an input (or inside one): Nix then has it from this very graph.
fn builder_is_known(derivation: &Derivation) -> bool {
    let builder = derivation.builder();
    if BUILTINS.contains(&builder) {
        return true;
    }
    let Some(inside) = builder.strip_prefix("/nix/store/") else {
        return false;
    };
    let climbs = inside
        .split('/')
        .any(|part| matches!(part, "" | "." | ".."));
    let object = inside.split('/').next().unwrap_or_default();
    !climbs && nix_derivation::StorePath::from_basename(object.as_bytes()).is_ok()
}

fn is_set(derivation: &Derivation, name: &str) -> bool {
    let plain = derivation
        .environment()
        .get(name)
        .is_some_and(|value| !value.is_empty() && value != b"0");
    let structured = derivation
        .structured_attrs()
        .and_then(|attrs| attrs.get(name))
        .is_some_and(|value| {
            !matches!(
                value,
                serde_json::Value::Null | serde_json::Value::Bool(false)
            )
        });
    plain || structured
}

fn features(derivation: &Derivation) -> Vec<String> {
    let name = "requiredSystemFeatures";
    let mut found: Vec<String> = derivation
        .environment()
        .get(name)
        .map(|value| {
            String::from_utf8_lossy(value)
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    if let Some(value) = derivation
        .structured_attrs()
        .and_then(|attrs| attrs.get(name))
    {
        found.push(value.to_string());
    }
    found
}

#[cfg(test)]
mod tests {
    use nix_derivation::DerivationBuilder;

    use super::*;

    const BUILDER: &str = "/nix/store/19nqpqx067snm5w964hmkjh3ak8mlzwz-tree/run";

    fn of(builder: &str, env: &[(&str, &str)]) -> Vec<Impurity> {
        let mut derivation =
            DerivationBuilder::new("x", "x86_64-linux", builder).input_addressed_output("out");
        for (name, value) in env {
            derivation = derivation.environment(*name, value.as_bytes());
        }
        impurities(derivation.build().unwrap().as_derivation())
    }

    #[test]
    fn a_plain_derivation_is_pure() {
        assert_eq!(
            of(
                BUILDER,
                &[("requiredSystemFeatures", "kvm"), ("__noChroot", "")]
            ),
            []
        );
    }

    #[test]
    fn names_each_way_out_of_the_sandbox() {
        for builder in [
            "/bin/sh",
            "/nix/store/../../bin/sh",
            "/nix/store/x",
            "sh",
            "builtin:other",
        ] {
            assert!(
                matches!(of(builder, &[])[..], [Impurity::BuilderOutsideStore(_)]),
                "{builder}"
            );
        }
        for name in LOOSENING.into_iter().chain(["impureEnvVars"]) {
            assert_eq!(
                of(BUILDER, &[(name, "1")]),
                [Impurity::Attribute(name.to_owned())]
            );
        }
        let found = of(BUILDER, &[("requiredSystemFeatures", "kvm recursive-nix")]);
        assert_eq!(found, [Impurity::Feature("recursive-nix".to_owned())]);
    }
}
