//! Runs scenarios one after another and reports them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use tokio::runtime::Handle;

use crate::figures::Figures;
use crate::junit::{Case, suite};
use crate::server;
use crate::tape::Tape;
use crate::trace::{self, Moved};

/// More than the slow machine needs for anything that is no promise.
pub(crate) const AMPLE: Duration = Duration::from_secs(60);

/// No scenario takes so long but those of traffic, whose length is chosen.
const LONGEST: Duration = Duration::from_secs(900);

/// Something to prove.
#[derive(Clone, Copy)]
pub(crate) struct Scenario {
    /// In lower case, words joined by `-`.
    pub(crate) name: &'static str,
    /// A sentence.
    pub(crate) about: &'static str,
    pub(crate) body: fn(&mut Lab) -> Result<()>,
}

/// What scenarios share.
pub(crate) struct Lab {
    pub(crate) network: Handle,
    /// What the kernel tells of the radio's lines, from the program's start.
    pub(crate) lines: Tape<Moved>,
    pub(crate) figures: Figures,
    out: PathBuf,
    /// What the running scenario has to tell.
    notes: Vec<String>,
    /// What the running scenario leaves for whom it fails: journals.
    pub(crate) evidence: String,
}

impl Lab {
    pub(crate) fn new(out: &Path) -> Result<Self> {
        fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        Ok(Self {
            network: server::runtime()?,
            lines: trace::start()?,
            figures: Figures::default(),
            out: out.to_owned(),
            notes: Vec::new(),
            evidence: String::new(),
        })
    }

    /// A line of the report.
    pub(crate) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        println!("     {text}");
        self.notes.push(text);
    }

    /// Runs the scenarios; how many passed and failed.
    pub(crate) fn run(&mut self, scenarios: &[&Scenario]) -> Result<(usize, usize)> {
        let mut cases = Vec::new();
        for scenario in scenarios {
            println!("run  {}: {}", scenario.name, scenario.about);
            let hang = Hang::watch(scenario.name, self.out.clone(), longest());
            let case = self.case(scenario);
            drop(hang);
            match &case.failure {
                None => println!("pass {} ({:.1} s)", case.name, case.took.as_secs_f64()),
                Some(why) => println!("FAIL {} ({:.1} s)\n{why}", case.name, case.took.as_secs_f64()),
            }
            cases.push(case);
            // After each, so that a machine that dies leaves what it has proven.
            self.write_reports(&cases)?;
        }
        let failed = cases.iter().filter(|case| case.failure.is_some()).count();
        Ok((cases.len() - failed, failed))
    }

    fn case(&mut self, scenario: &Scenario) -> Case {
        (self.notes, self.evidence) = (Vec::new(), String::new());
        let before = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| (scenario.body)(self)))
            .unwrap_or_else(|panic| Err(anyhow!("the scenario panicked: {}", words(panic.as_ref()))));
        let failure = result.err().map(|error| self.failure(scenario.name, &error));
        let notes = std::mem::take(&mut self.notes);
        Case { name: scenario.name, took: before.elapsed(), failure, notes }
    }

    fn failure(&self, name: &str, error: &anyhow::Error) -> String {
        let mut text = format!("{error:#}");
        if !self.evidence.is_empty() {
            let _ = write!(text, "\n--- journal\n{}", self.evidence);
        }
        let path = self.out.join(format!("{name}.log"));
        drop(fs::write(path, &text));
        text
    }

    fn write_reports(&self, cases: &[Case]) -> Result<()> {
        let write = |name: &str, text: &str| {
            let path = self.out.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("junit.xml", &suite("lab", cases))?;
        write("figures.json", &self.figures.json())?;
        write("figures.txt", &self.figures.table())
    }
}

fn longest() -> Duration {
    let minutes = std::env::var("LAB_MINUTES").ok().and_then(|text| text.parse::<u64>().ok());
    LONGEST + Duration::from_secs(60 * minutes.unwrap_or(0).max(30))
}

/// Ends the program when a scenario does not end: its waits are bounded, so something in the machine hangs.
struct Hang(#[expect(dead_code, reason = "its end is the message")] mpsc::Sender<()>);

impl Hang {
    fn watch(name: &'static str, out: PathBuf, longest: Duration) -> Self {
        let (alive_tx, alive) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            if alive.recv_timeout(longest) == Err(mpsc::RecvTimeoutError::Timeout) {
                println!("FAIL {name}: hangs since {longest:?}; the run ends here\n{}", threads());
                let case = Case { name, took: longest, failure: Some("hangs".to_owned()), notes: Vec::new() };
                drop(fs::write(out.join("junit.xml"), suite("lab", &[case])));
                std::process::exit(1);
            }
        });
        Self(alive_tx)
    }
}

/// What each thread of this program waits for, in the kernel's words.
fn threads() -> String {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().filter_map(Result::ok);
    let told = |task: fs::DirEntry| {
        let read = |file: &str| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        format!("  {}: {}\n", read("comm").trim(), read("wchan"))
    };
    tasks.map(told).collect()
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}

/// These take many minutes of the host's time, and run only when they are named.
const BY_NAME_ALONE: [&str; 4] = ["endurance", "soak", "threads-hid", "threads-serial"];

/// The scenarios that are asked for, in the order of the list; no name means all.
pub(crate) fn choose<'a>(all: &'a [Scenario], names: &[String]) -> Result<Vec<&'a Scenario>> {
    let known: BTreeMap<&str, &Scenario> = all.iter().map(|scenario| (scenario.name, scenario)).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains_key(name.as_str())) {
        return Err(anyhow!("there is no scenario {unknown:?}; --list names them all"));
    }
    Ok(all
        .iter()
        .filter(|scenario| match names {
            [] => !BY_NAME_ALONE.contains(&scenario.name),
            names => names.iter().any(|name| name == scenario.name),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Scenario; 2] = [
        Scenario { name: "one", about: "One.", body: |_| Ok(()) },
        Scenario { name: "two", about: "Two.", body: |_| Ok(()) },
    ];

    #[test]
    fn no_name_means_all_and_an_unknown_one_is_refused() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            choose(&ALL, &names).map(|chosen| chosen.iter().map(|scenario| scenario.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&[]).ok(), Some(vec!["one", "two"]));
        assert_eq!(names(&["two", "one"]).ok(), Some(vec!["one", "two"]));
        assert!(names(&["three"]).is_err());
    }
}
