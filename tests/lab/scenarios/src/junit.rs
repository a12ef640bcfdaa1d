//! The report that test tools read.

use std::fmt::Write as _;
use std::time::Duration;

/// What became of a scenario.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) took: Duration,
    pub(crate) failure: Option<String>,
    pub(crate) notes: Vec<String>,
}

/// All cases as XML.
pub(crate) fn suite(name: &str, cases: &[Case]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let time: f64 = cases.iter().map(|case| case.took.as_secs_f64()).sum();
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" time=\"{time:.3}\">\n",
        escaped(name),
        cases.len(),
    );
    for case in cases {
        let _ = writeln!(
            xml,
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\">",
            escaped(name),
            escaped(case.name),
            case.took.as_secs_f64()
        );
        if let Some(why) = &case.failure {
            let first = why.lines().next().unwrap_or_default();
            let _ = writeln!(xml, "    <failure message=\"{}\">{}</failure>", escaped(first), escaped(why));
        }
        if !case.notes.is_empty() {
            let _ = writeln!(xml, "    <system-out>{}</system-out>", escaped(&case.notes.join("\n")));
        }
        xml += "  </testcase>\n";
    }
    xml + "</testsuite>\n"
}

/// Text as XML takes it, without the control characters that it does not.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe += "&amp;",
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '"' => safe += "&quot;",
            '\n' | '\t' => safe.push(character),
            other if other.is_control() => safe.push('\u{fffd}'),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_and_its_text_are_in_the_report() {
        let case = |name, failure: Option<&str>| Case {
            name,
            took: Duration::from_millis(1_500),
            failure: failure.map(str::to_owned),
            notes: vec!["p99 < 5 ms".to_owned()],
        };
        let xml = suite("lab", &[case("good", None), case("bad", Some("no \"edge\" & no sound\n\u{1b}[0m"))]);
        assert!(xml.contains("tests=\"2\" failures=\"1\" time=\"3.000\""), "{xml}");
        assert!(xml.contains("message=\"no &quot;edge&quot; &amp; no sound\""), "{xml}");
        assert!(xml.contains("p99 &lt; 5 ms") && !xml.contains('\u{1b}'), "{xml}");
    }
}
