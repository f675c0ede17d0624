/// Tells a person on standard error what goes on; standard output is for results.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
