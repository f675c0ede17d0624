use std::str::FromStr;

use seed_oci::{Credentials, Host, Options};
use seed_primitives::ParseError;

use crate::Fault;

/// A registry, and the host whose token service may be shown the login to it: `REGISTRY=HOST`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct TokenService {
    registry: Host,
    service: Host,
}

impl FromStr for TokenService {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refused = || {
            ParseError::new(
                "a token service",
                "REGISTRY=HOST, each with its port if it has one",
                text,
            )
        };
        let (registry, service) = text.split_once('=').ok_or_else(refused)?;
        Ok(Self {
            registry: registry.parse()?,
            service: service.parse()?,
        })
    }
}

/// How registries are spoken to: with the logins of whoever runs this, which go where `services` allows besides.
pub(super) fn options(services: &[TokenService]) -> Result<Options, Fault> {
    let credentials =
        Credentials::from_environment().map_err(|error| Fault::Usage(error.to_string()))?;
    let options = Options {
        credentials,
        ..Options::default()
    };
    let with = |options: Options, one: &TokenService| {
        options.with_token_service(&one.registry, &one.service)
    };
    Ok(services.iter().fold(options, with))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_service_is_a_registry_and_a_host() {
        let named = options(&["registry.example:5000=auth.example".parse().unwrap()]).unwrap();
        assert_eq!(named.token_hosts["registry.example:5000"], "auth.example");
        assert_eq!(named.token_hosts["registry-1.docker.io"], "auth.docker.io");
        for text in [
            "",
            "registry.example",
            "a=b",
            "registry.example=",
            "a.b=https://auth.example",
            "a.b=c.d/e",
            "a.b=u@c.d",
        ] {
            assert!(text.parse::<TokenService>().is_err(), "{text}");
        }
    }
}
