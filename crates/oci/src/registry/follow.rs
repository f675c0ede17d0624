use reqwest::{Response, Url, header::LOCATION};

use super::{auth::Right, call::Call, http::Http};
use crate::{
    Error,
    host::{is_inner_address, is_loopback},
    text::shown,
};

/// Where a registry may lead: redirects, upload addresses, next pages.
impl Http {
    /// Where a redirect leads, if that may be followed.
    pub(super) fn redirect(
        &self,
        call: &Call,
        from: &Url,
        response: &Response,
    ) -> Result<Url, Error> {
        if call.right == Right::Push {
            return Err(self.malformed(&call.what, "a push was redirected".to_owned()));
        }
        let to = self.location(&call.what, from, response)?;
        if to.origin() == self.base.origin() {
            return Ok(to);
        }
        let host = to.host_str().unwrap_or_default();
        let here = self.base.host_str().is_some_and(is_loopback);
        let why = match to.scheme() {
            "http" if here && is_loopback(host) => None,
            "https" if is_inner_address(host) => Some("the address is not on the public internet"),
            "https" if here => Some("a registry on this machine may only lead to this machine"),
            "https" => None,
            _ => Some("it is not https"),
        };
        match why {
            Some(why) => Err(self.astray(call, &to, why)),
            None => Ok(to),
        }
    }

    /// The `Location` of a response, made absolute.
    pub(super) fn location(
        &self,
        what: &str,
        from: &Url,
        response: &Response,
    ) -> Result<Url, Error> {
        let header = response
            .headers()
            .get(LOCATION)
            .and_then(|value| value.to_str().ok());
        // Nothing was answered about what was asked for, so that it is not called malformed.
        let Some(mut url) = header.and_then(|text| from.join(text).ok()) else {
            let to = "nowhere".to_owned();
            return Err(self.astray_to(what, to, "a usable Location header is missing"));
        };
        // A user and password in a URL would be sent as a login.
        let stripped = url.set_username("").and_then(|()| url.set_password(None));
        match stripped {
            Ok(()) => Ok(url),
            Err(()) => {
                let to = shown(&format!("{}:", url.scheme()));
                Err(self.astray_to(what, to, "it is no web address"))
            }
        }
    }

    /// Whether `url` is on the registry itself.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.base.origin()
    }

    pub(super) fn astray(&self, call: &Call, to: &Url, why: &'static str) -> Error {
        let to = shown(&format!("{}://{}", to.scheme(), to.authority()));
        self.astray_to(&call.what, to, why)
    }

    fn astray_to(&self, what: &str, to: String, why: &'static str) -> Error {
        Error::LedAstray {
            place: self.place().to_owned(),
            what: what.to_owned(),
            to,
            why,
        }
    }
}
