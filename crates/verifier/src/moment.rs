use jiff::Timestamp;
use seed_primitives::ParseError;

/// `2026-11-21 06:30:00 UTC` for Unix seconds; the bare number where no calendar has a name for it.
pub(crate) fn date(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .map_or_else(
            || format!("{seconds} s after the epoch"),
            |time| time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        )
}

/// The same in the form of RFC 3339: `2026-11-21T06:30:00Z`.
pub(crate) fn timestamp(seconds: u64) -> String {
    let time = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.unwrap_or(Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

/// Unix seconds of a time in the form of RFC 3339, or of the number itself.
pub(crate) fn seconds(text: &str) -> Result<u64, ParseError> {
    let refused = || {
        ParseError::new(
            "a time",
            "RFC 3339, such as 2027-06-01T00:00:00Z, or Unix seconds",
            text,
        )
    };
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let time: Timestamp = text.parse().map_err(|_| refused())?;
    u64::try_from(time.as_second()).map_err(|_| refused())
}

/// A duration in its largest whole unit: `59 s`, `3 min`, `5 h`, `12 d`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Now, in Unix seconds; 0 for a clock before the epoch, which every check calls wrong.
pub(crate) fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_dates_and_ages() {
        assert_eq!(date(1_795_242_600), "2026-11-21 06:30:00 UTC");
        assert_eq!(date(u64::MAX), format!("{} s after the epoch", u64::MAX));
        assert_eq!(timestamp(1_795_242_600), "2026-11-21T06:30:00Z");
        assert!(timestamp(u64::MAX).starts_with("9999-12-"));
        for (seconds, text) in [
            (119, "119 s"),
            (120, "2 min"),
            (7200, "2 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }
}
