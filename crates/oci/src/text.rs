/// `text` from an outsider, cut to 160 characters and with control characters escaped, fit to be printed.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(160)
        .flat_map(char::escape_debug)
        .collect()
}

/// An error and its causes on one line, fit to be printed.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = error.source();
    }
    // How the TLS library says that something else than TLS came back. It is a wrong port far more often than a deed.
    if line.contains("received corrupt message") {
        return "what answers there does not speak TLS".to_owned();
    }
    shown(&line)
}
