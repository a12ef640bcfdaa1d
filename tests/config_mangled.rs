//! Whatever a file holds, the reader ends with a configuration or with complaints that can be shown.

#[path = "support/desk.rs"]
mod desk;

use std::path::Path;
use std::sync::LazyLock;

use desk::Desk;
use proptest::prelude::*;
use zello_gateway::config;

static EXAMPLE: LazyLock<Vec<String>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("boards/example.toml");
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("boards/example.toml: {error}"));
    text.lines().filter(|line| !line.is_empty()).map(|line| line.trim_start_matches('#').to_owned()).collect()
});

/// A line of the example, whole or with a value that does not belong there, or no TOML at all.
fn line() -> impl Strategy<Value = String> {
    let line = || (0..EXAMPLE.len()).prop_map(|nth| EXAMPLE.get(nth).cloned().unwrap_or_default());
    let value = prop_oneof![
        Just("true".to_owned()),
        Just("-1".to_owned()),
        Just("1e400".to_owned()),
        Just("99999999999999999999999".to_owned()),
        Just("\"\"".to_owned()),
        Just("\"\u{e9}\u{1F4FB}\\u0000\"".to_owned()),
        Just("[1, {a = 2}]".to_owned()),
        Just("{none = {}}".to_owned()),
        Just("1979-05-27".to_owned()),
        "\\PC{0,12}",
    ];
    prop_oneof![
        4 => line(),
        3 => (line(), value).prop_map(|(line, value)| match line.split_once('=') {
            Some((key, _)) => format!("{key}= {value}"),
            None => line,
        }),
        1 => "\\PC{0,30}",
    ]
}

fn shown(text: &[u8]) -> Result<(), TestCaseError> {
    let desk = Desk::new();
    let path = desk.write("gw.toml", text, 0o644);
    let report = config::read(&path);
    match report.config {
        Ok(_) => prop_assert!(!report.effective.is_empty()),
        Err(complaints) => {
            prop_assert!(!complaints.is_empty());
            prop_assert!(!complaints.to_string().contains("hunter2"));
            for complaint in &complaints {
                prop_assert!(!complaint.what.contains("could not be put together"), "{complaint}");
            }
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn lines_of_the_example_in_disorder_are_told_what_is_wrong(lines in prop::collection::vec(line(), 0..40)) {
        shown(lines.join("\n").as_bytes())?;
    }

    #[test]
    fn bytes_without_sense_are_told_so(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        shown(&bytes)?;
    }

    #[test]
    fn a_password_in_the_file_is_never_shown(lines in prop::collection::vec(line(), 0..10)) {
        let text = format!("{}\npassword = hunter2 hunter2\n{}", lines.join("\n"), lines.join("\n"));
        shown(text.as_bytes())?;
    }
}
