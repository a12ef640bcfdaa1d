//! Which chip and which line the settings mean, and why the kernel refused one. Decides on facts; opens nothing.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use crate::config::GpioLine;
use crate::lines::LineError;

/// Labels of the chip that carries a board's header, in the order of looking: Raspberry Pi 0 to 3, 4, 5.
/// Some older kernels call a Pi 4's chip by the first.
pub const MAIN_CHIPS: [&str; 3] = ["pinctrl-bcm2835", "pinctrl-bcm2711", "pinctrl-rp1"];

/// A GPIO chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    /// Its device.
    pub path: PathBuf,
    /// The kernel's name, `gpiochip0`; may differ after the next boot.
    pub name: String,
    /// The driver's name; stays.
    pub label: String,
    /// Its lines, by offset.
    pub lines: Vec<Line>,
}

/// A line of a chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the chip.
    pub offset: u32,
    /// Given by the device tree.
    pub name: Option<String>,
    /// Who holds it; `None`: it is free.
    pub used_by: Option<String>,
}

impl Chip {
    /// For messages.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{} ({})", self.name, self.label)
    }
}

impl Line {
    /// For messages.
    #[must_use]
    pub fn describe(&self) -> String {
        self.name.as_ref().map_or_else(|| self.offset.to_string(), |name| format!("{} ({name})", self.offset))
    }
}

/// The chip with name or label `wanted`; without it, the board's main chip.
///
/// # Errors
/// [`LineError::NoChip`] and [`LineError::ManyChips`], with the chips that there are.
pub fn choose_chip<'a>(chips: &'a [Chip], wanted: Option<&str>) -> Result<&'a Chip, LineError> {
    let Some(wanted) = wanted else {
        let main = MAIN_CHIPS.iter().find_map(|label| chips.iter().find(|chip| chip.label == *label));
        return main.ok_or_else(|| LineError::NoChip {
            wanted: format!("is known as the board's main one ({})", MAIN_CHIPS.join(", ")),
            found: describe_all(chips),
        });
    };
    if let Some(chip) = chips.iter().find(|chip| chip.name == wanted) {
        return Ok(chip);
    }
    let labelled: Vec<&Chip> = chips.iter().filter(|chip| chip.label == wanted).collect();
    match labelled.as_slice() {
        [chip] => Ok(chip),
        [] => Err(LineError::NoChip {
            wanted: format!("is named or labelled {wanted:?}"),
            found: describe_all(chips),
        }),
        [_, ..] => Err(LineError::ManyChips {
            label: wanted.to_owned(),
            found: describe_all(labelled.iter().copied()),
        }),
    }
}

fn describe_all<'a>(chips: impl IntoIterator<Item = &'a Chip>) -> String {
    let all: Vec<String> = chips.into_iter().map(Chip::describe).collect();
    if all.is_empty() { "none that can be opened".to_owned() } else { all.join(", ") }
}

/// The line that the settings mean.
///
/// # Errors
/// [`LineError::NoLine`], with the lines that there are.
pub fn choose_line<'a>(chip: &'a Chip, wanted: &GpioLine) -> Result<&'a Line, LineError> {
    let missing = |line: String, has: String| LineError::NoLine { chip: chip.describe(), line, has };
    match wanted {
        GpioLine::Offset(offset) => chip.lines.iter().find(|line| line.offset == *offset).ok_or_else(|| {
            let last = chip.lines.last().map_or(0, |line| line.offset);
            missing(offset.to_string(), format!("its lines are 0 to {last}"))
        }),
        GpioLine::Name(name) => chip
            .lines
            .iter()
            .find(|line| line.name.as_deref() == Some(name))
            .ok_or_else(|| missing(format!("{name:?}"), nearest_names(chip, name))),
    }
}

/// The names of a chip that look most like `wanted`.
fn nearest_names(chip: &Chip, wanted: &str) -> String {
    let mut names: Vec<&str> = chip.lines.iter().filter_map(|line| line.name.as_deref()).collect();
    if names.is_empty() {
        return "its lines have no names on this kernel: set `line` to the offset (on a Pi the BCM number)"
            .to_owned();
    }
    names.sort_by(|a, b| strsim::jaro_winkler(b, wanted).total_cmp(&strsim::jaro_winkler(a, wanted)));
    names.truncate(3);
    format!("the nearest names are {}", names.join(", "))
}

/// What a line was asked for when the kernel refused it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Output, or input with the pull as it is.
    Plain,
    /// Input with a pull resistor of the chip.
    WithBias,
}

/// `ENOTSUPP` of the kernel, which GPIO drivers return for a bias that they cannot set; user space has no name for it.
const ENOTSUPP: i32 = 524;

/// Why the kernel did not hand out `line`, with the remedy.
#[must_use]
pub fn refusal(chip: &Chip, line: &Line, asked: Asked, source: io::Error) -> LineError {
    match (source.kind(), asked) {
        (io::ErrorKind::ResourceBusy, _) => LineError::Busy {
            chip: chip.describe(),
            line: line.describe(),
            by: line.used_by.clone().unwrap_or_else(|| "a driver that gives no name".to_owned()),
        },
        (_, Asked::WithBias) if refuses_bias(&source) => {
            LineError::NoBias { chip: chip.describe(), line: line.describe(), source }
        }
        _ => LineError::Open {
            what: format!("line {} of GPIO chip {}", line.describe(), chip.describe()),
            source,
        },
    }
}

/// By number: which numbers are `ErrorKind::Unsupported` differs between versions of Rust.
fn refuses_bias(error: &io::Error) -> bool {
    let number = error.raw_os_error();
    number == Some(ENOTSUPP)
        || [Errno::INVAL, Errno::OPNOTSUPP].iter().any(|one| number == Some(one.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chip(number: u32, label: &str) -> Chip {
        let lines = (0..28)
            .map(|offset| Line { offset, name: Some(format!("GPIO{offset}")), used_by: None })
            .collect();
        let name = format!("gpiochip{number}");
        Chip { path: format!("/dev/{name}").into(), name, label: label.to_owned(), lines }
    }

    fn pi_4() -> Vec<Chip> {
        vec![chip(1, "raspberrypi-exp-gpio"), chip(0, "pinctrl-bcm2711")]
    }

    #[test]
    fn a_chip_is_found_by_label_or_name_and_the_main_one_without_either() {
        let chips = pi_4();
        for (wanted, name) in [
            (None, "gpiochip0"),
            (Some("pinctrl-bcm2711"), "gpiochip0"),
            (Some("gpiochip1"), "gpiochip1"),
            (Some("raspberrypi-exp-gpio"), "gpiochip1"),
        ] {
            assert_eq!(choose_chip(&chips, wanted).unwrap().name, name, "{wanted:?}");
        }
    }

    #[test]
    fn the_main_chip_of_a_pi_5_is_the_rp1_wherever_the_kernel_put_it() {
        let chips = [chip(10, "gpio-brcmstb@107d508500"), chip(4, "pinctrl-rp1")];
        assert_eq!(choose_chip(&chips, None).unwrap().name, "gpiochip4");
    }

    #[test]
    fn a_chip_that_is_not_there_is_answered_with_those_that_are() {
        let text = choose_chip(&pi_4(), Some("pinctrl-bcm2835")).unwrap_err().to_string();
        assert!(
            text.contains("\"pinctrl-bcm2835\"") && text.contains("gpiochip0 (pinctrl-bcm2711)"),
            "{text}"
        );
        let text = choose_chip(&[], None).unwrap_err().to_string();
        assert!(text.contains("pinctrl-rp1") && text.contains("none that can be opened"), "{text}");
    }

    #[test]
    fn two_chips_with_one_label_are_not_guessed_between() {
        let chips = [chip(2, "mcp23017"), chip(3, "mcp23017")];
        let text = choose_chip(&chips, Some("mcp23017")).unwrap_err().to_string();
        assert!(text.contains("gpiochip2") && text.contains("gpiochip3"), "{text}");
        assert_eq!(choose_chip(&chips, Some("gpiochip3")).unwrap().name, "gpiochip3");
    }

    #[test]
    fn a_line_is_found_by_offset_or_name() {
        let chip = chip(0, "pinctrl-rp1");
        assert_eq!(choose_line(&chip, &GpioLine::Offset(17)).unwrap().offset, 17);
        assert_eq!(choose_line(&chip, &GpioLine::Name("GPIO27".to_owned())).unwrap().offset, 27);
    }

    #[test]
    fn a_line_that_is_not_there_is_answered_with_the_nearest() {
        let mut chip = chip(0, "pinctrl-rp1");
        let text = choose_line(&chip, &GpioLine::Offset(99)).unwrap_err().to_string();
        assert!(text.contains("no line 99: its lines are 0 to 27"), "{text}");
        let text = choose_line(&chip, &GpioLine::Name("GPIO_17".to_owned())).unwrap_err().to_string();
        assert!(text.contains("GPIO17"), "{text}");
        chip.lines.iter_mut().for_each(|line| line.name = None);
        let text = choose_line(&chip, &GpioLine::Name("GPIO17".to_owned())).unwrap_err().to_string();
        assert!(text.contains("BCM number"), "{text}");
    }

    #[test]
    fn a_busy_line_says_who_holds_it() {
        let chip = chip(0, "pinctrl-rp1");
        let line = Line { offset: 17, name: Some("GPIO17".to_owned()), used_by: Some("svxlink".to_owned()) };
        let busy = io::Error::from_raw_os_error(16);
        let text = refusal(&chip, &line, Asked::Plain, busy).to_string();
        assert!(text.contains("17 (GPIO17)") && text.contains("in use by svxlink"), "{text}");
    }

    #[test]
    fn a_refused_pull_resistor_is_told_apart_from_other_refusals() {
        let chip = chip(0, "20200000.gpio");
        for errno in [22, 95, 524] {
            let refused = |asked| refusal(&chip, &chip.lines[5], asked, io::Error::from_raw_os_error(errno));
            assert!(matches!(refused(Asked::WithBias), LineError::NoBias { .. }), "{errno}");
            assert!(matches!(refused(Asked::Plain), LineError::Open { .. }), "{errno}");
        }
    }
}
