use crate::{Fault, report::Page};

/// The table of codes, compiled in.
const ERRORS: &str = include_str!("../../../docs/errors.md");

/// What a code means and what to do about it, as `--explain CODE` prints it.
///
/// Codes of the verdict come from `seed-verdict` itself; the others from the table of this crate.
///
/// # Errors
/// [`Fault::UnknownCode`].
pub fn explain(code: &str) -> Result<String, Fault> {
    use seed_verdict::RejectionCode;
    if let Some(known) = RejectionCode::ALL
        .iter()
        .find(|known| known.as_str() == code)
    {
        let class = known.class();
        return Ok(text(
            code,
            &format!("{} ({})", class.exit_code(), class.as_str()),
            known.why(),
            known.help(),
        ));
    }
    ERRORS
        .lines()
        .filter_map(row)
        .find(|[name, ..]| *name == code)
        .map(|[name, exit, why, help]| text(name, exit, why, help))
        .ok_or_else(|| Fault::UnknownCode(code.to_owned()))
}

fn text(code: &str, exit: &str, why: &str, help: &str) -> String {
    let mut page = Page::new(false);
    page.line("code", code);
    page.line("exit", exit);
    page.line("why", why);
    page.line("what to do", help);
    page.into_text()
}

/// The four cells of a row ``| `code` | exit | why | what to do |``.
fn row(line: &str) -> Option<[&str; 4]> {
    let cells: Vec<_> = line
        .strip_prefix("| `")?
        .strip_suffix(" |")?
        .splitn(4, " | ")
        .collect();
    let [code, exit, why, help] = cells.try_into().ok()?;
    Some([code.strip_suffix('`')?, exit, why, help])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn explains_codes_of_the_verdict_and_of_the_command() {
        assert!(explain("head-stale").unwrap().contains("exit        3"));
        assert!(explain("policy-missing").unwrap().contains("policy init"));
        assert_eq!(
            explain("nonsense"),
            Err(Fault::UnknownCode("nonsense".into()))
        );
    }
}
