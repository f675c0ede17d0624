use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use seed_primitives::ParseError;

/// A registry's host and optional port: `registry.example`, `127.0.0.1:5000`, `[::1]:5000`, `localhost`.
///
/// Lower case. A name needs a dot or a port unless it is `localhost`, so that `alpine/x` is never taken for a
/// host: there is no default registry. Loopback hosts are spoken to in plain HTTP, all others in HTTPS.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// The host without its port; an IPv6 address keeps its brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if one was given.
    #[must_use]
    pub const fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether this is this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.name)
    }

    /// `https`, or `http` on loopback.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.is_loopback() { "http" } else { "https" }
    }

    /// Host and port where the registry's API is: Docker Hub's is elsewhere than its name says.
    pub(crate) fn api_authority(&self) -> String {
        match (self.name.as_str(), self.port) {
            ("docker.io" | "index.docker.io", None) => "registry-1.docker.io".to_owned(),
            _ => self.to_string(),
        }
    }
}

/// Whether a URL's host is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    host == "localhost" || address(host).is_some_and(|address| address.is_loopback())
}

/// Whether a URL's host is an address literal that is not on the public internet.
pub(crate) fn is_inner_address(host: &str) -> bool {
    if is_loopback(host) {
        return true;
    }
    match address(host) {
        Some(IpAddr::V4(address)) => is_inner_v4(address),
        Some(IpAddr::V6(address)) => is_inner_v6(address),
        None => false,
    }
}

fn is_inner_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_private()
        || address.is_link_local()
        || address.is_loopback()
        || address.is_broadcast()
        || address.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
}

fn is_inner_v6(address: Ipv6Addr) -> bool {
    address.to_ipv4().is_some_and(is_inner_v4)
        || address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

fn address(host: &str) -> Option<IpAddr> {
    let bare = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(host);
    bare.parse().ok()
}

fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(label) && !is_strange_address(name)
}

/// `127.1`, `0300.1`, `2130706433`: texts that some resolvers read as addresses and we do not.
fn is_strange_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    numeric && name.parse::<Ipv4Addr>().is_err()
}

fn split(text: &str) -> Option<(&str, Option<u16>)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            rest[..end].parse::<Ipv6Addr>().ok()?;
            let (name, tail) = text.split_at(end + 2);
            match tail {
                "" => (name, None),
                tail => (name, Some(tail.strip_prefix(':')?)),
            }
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) if port.starts_with('0') || !port.bytes().all(|b| b.is_ascii_digit()) => {
            return None;
        }
        Some(port) => Some(port.parse().ok()?),
    };
    Some((name, port))
}

impl FromStr for Host {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        split(text)
            .filter(|(name, port)| {
                let named = name.contains('.') || port.is_some() || *name == "localhost";
                name.starts_with('[') || (named && is_name(name))
            })
            .map(|(name, port)| Self {
                name: name.to_owned(),
                port,
            })
            .ok_or_else(|| {
                ParseError::new(
                    "a registry's host",
                    "host[:port] in lower case, with a dot or a port in it, or localhost",
                    text,
                )
            })
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_plain_http_to_this_machine_only() {
        for text in [
            "localhost",
            "localhost:5000",
            "127.0.0.1:5000",
            "127.9.9.9",
            "[::1]:1",
        ] {
            assert_eq!(text.parse::<Host>().unwrap().scheme(), "http", "{text}");
        }
        for text in [
            "localhost.example",
            "127.0.0.1.example",
            "registry.example:5000",
            "10.0.0.1",
            "[fd00::1]:5000",
            "128.0.0.1",
        ] {
            assert_eq!(text.parse::<Host>().unwrap().scheme(), "https", "{text}");
        }
    }

    #[test]
    fn refuses_other_hosts() {
        for text in [
            "",
            "alpine",
            "Registry.example",
            "a..b",
            "-a.b",
            "a.b:",
            "a.b:0",
            "a.b:080",
            "a.b:65536",
            "a.b:5x",
            "user@a.b",
            "a.b/c",
            "a b.c",
            "[::1",
            "[::1]x",
            "[zz]:1",
            "127.1",
            "0x7f.1",
            "2130706433:80",
            "1.2.3.4.5",
            "a.b\n",
            "a_b.c",
        ] {
            assert!(text.parse::<Host>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn knows_addresses_that_are_not_public() {
        for host in [
            "169.254.169.254",
            "10.1.1.1",
            "[::ffff:10.0.0.1]",
            "[fe80::1]",
            "localhost",
            "0.0.0.0",
            "100.64.0.1",
        ] {
            assert!(is_inner_address(host), "{host}");
        }
        for host in ["8.8.8.8", "registry.example", "[2600::1]"] {
            assert!(!is_inner_address(host), "{host}");
        }
    }
}
