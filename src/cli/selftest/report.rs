//! What a doctor writes: one finding a line, and a verdict.

use std::fmt;

/// How a finding is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// As it should be.
    Ok,
    /// Works, and will hurt one day.
    Warning,
    /// Does not work.
    Fault,
    /// Not tried: nothing is proven.
    LeftOut,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Fault => "fault",
            Self::LeftOut => "left out",
        })
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// How it is to be taken.
    pub(super) mark: Mark,
    /// What was looked at: one word.
    pub(super) about: &'static str,
    /// What was seen.
    pub(super) text: String,
    /// What to do about it; none where all is well.
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(about: &'static str, text: impl Into<String>) -> Self {
        Self { mark: Mark::Ok, about, text: text.into(), remedy: None }
    }

    pub(super) fn warning(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::Warning, about, text: text.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn fault(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::Fault, about, text: text.into(), remedy: Some(remedy.into()) }
    }

    /// A fault whose text says itself what to do.
    pub(super) fn failed(about: &'static str, text: impl Into<String>) -> Self {
        Self { mark: Mark::Fault, about, text: text.into(), remedy: None }
    }

    pub(super) fn left_out(about: &'static str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { mark: Mark::LeftOut, about, text: text.into(), remedy: Some(remedy.into()) }
    }
}

impl fmt::Display for Finding {
    /// One line, whatever the system said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        write!(f, "{:<8}  {:<8}  {}", self.mark, self.about, one_line(&self.text))?;
        match &self.remedy {
            Some(remedy) => write!(f, " -> {}", one_line(remedy)),
            None => Ok(()),
        }
    }
}

/// The findings so far; each is shown when it is made.
pub(super) struct Report<S> {
    show: S,
    findings: Vec<Finding>,
}

impl<S: FnMut(&str)> Report<S> {
    /// An empty one. `show` gets whole lines.
    pub(super) fn new(show: S) -> Self {
        Self { show, findings: Vec::new() }
    }

    /// Adds a line.
    pub(super) fn add(&mut self, finding: Finding) {
        (self.show)(&format!("{finding}\n"));
        self.findings.push(finding);
    }

    /// Shows the verdict; true if all has been tried, and nothing is a fault.
    pub(super) fn conclude(mut self) -> bool {
        let count = |mark| self.findings.iter().filter(|finding| finding.mark == mark).count();
        let (faults, warnings, left_out) = (count(Mark::Fault), count(Mark::Warning), count(Mark::LeftOut));
        let passed = faults == 0 && left_out == 0;
        let told = |n: usize, what: &str| match n {
            0 => None,
            1 => Some(format!("1 {what}")),
            n => Some(format!("{n} {what}s")),
        };
        let left_out = (left_out > 0).then(|| format!("{left_out} left out"));
        let parts: Vec<String> =
            [told(faults, "fault"), left_out, told(warnings, "warning")].into_iter().flatten().collect();
        let details = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        (self.show)(&format!("\n{}{details}\n", if passed { "passed" } else { "not passed" }));
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(findings: Vec<Finding>) -> (String, bool) {
        let mut text = String::new();
        let mut report = Report::new(|line: &str| text.push_str(line));
        for finding in findings {
            report.add(finding);
        }
        let passed = report.conclude();
        (text, passed)
    }

    #[test]
    fn each_finding_is_one_line_with_what_to_do() {
        let finding = Finding::fault("sound", "hw:0 is\nbusy", "stop\n   the other program");
        assert_eq!(finding.to_string(), "fault     sound     hw:0 is busy -> stop the other program");
        assert_eq!(Finding::ok("ptt", "fine").to_string(), "ok        ptt       fine");
    }

    #[test]
    fn warnings_pass_and_faults_and_what_was_left_out_do_not() {
        let warning = || Finding::warning("kernel", "keeps levels", "change it");
        let (text, passed) = shown(vec![Finding::ok("ptt", "fine"), warning(), warning()]);
        assert!(passed && text.ends_with("\npassed: 2 warnings\n"), "{text}");
        let (text, passed) = shown(vec![warning(), Finding::left_out("key", "not keyed", "--yes")]);
        assert!(!passed && text.ends_with("\nnot passed: 1 left out, 1 warning\n"), "{text}");
        let (text, passed) = shown(vec![Finding::failed("ptt", "gone"), warning()]);
        assert!(!passed && text.ends_with("\nnot passed: 1 fault, 1 warning\n"), "{text}");
        let (text, passed) = shown(vec![Finding::ok("ptt", "fine")]);
        assert!(passed && text.ends_with("\npassed\n"), "{text}");
    }
}
