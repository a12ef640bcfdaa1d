//! What the machine itself does when all software fails: facts of the kernel that a radio depends on.

use std::fs;
use std::path::Path;

use super::report::Finding;
use crate::config::Ptt;

/// Drivers of the Raspberry Pi's pins, as modules of the kernel.
const DRIVERS: [&str; 2] = ["pinctrl_bcm2835", "pinctrl_rp1"];

/// Looks at the machine below `root`, which is `/` except in tests.
#[must_use]
pub(super) fn look(root: &Path, ptt: &Ptt) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ptt::Gpio(_) = ptt {
        findings.push(persistence(root));
    }
    findings.extend(watchdog(root));
    findings
}

/// Whether the kernel keeps a pin's level after its program has gone.
fn persistence(root: &Path) -> Finding {
    let read = |driver: &&'static str| {
        let file = root.join(format!("sys/module/{driver}/parameters/persist_gpio_outputs"));
        let driver = *driver;
        fs::read_to_string(file).ok().map(|value| (driver, value.trim().to_owned()))
    };
    match DRIVERS.iter().find_map(read) {
        None => Finding::ok(
            "kernel",
            "has no persist_gpio_outputs: what a pin does when its program is gone is its driver's choice",
        ),
        Some((driver, value)) if matches!(value.as_str(), "N" | "n" | "0") => {
            Finding::ok("kernel", format!("lets go of a pin when its program is gone ({driver})"))
        }
        Some((driver, _)) => Finding::warning(
            "kernel",
            "keeps the level of a pin when its program is gone (persist_gpio_outputs): only guard, `ptt off` and the \
             next start unkey then",
            format!(
                "add dtparam=strict_gpiod to /boot/firmware/config.txt, or {driver}.persist_gpio_outputs=n to \
                 /boot/firmware/cmdline.txt, and restart the machine"
            ),
        ),
    }
}

/// Whether anything resets a kernel that hangs. Nothing is told where the kernel tells nothing.
fn watchdog(root: &Path) -> Option<Finding> {
    let device = root.join("sys/class/watchdog/watchdog0");
    let read = |name: &str| fs::read_to_string(device.join(name)).ok().map(|text| text.trim().to_owned());
    let name = read("identity").unwrap_or_else(|| "watchdog0".to_owned());
    match read("state")?.as_str() {
        "active" => Some(Finding::ok("watchdog", format!("a kernel that hangs is reset ({name})"))),
        _ => Some(Finding::warning(
            "watchdog",
            format!("nothing resets a kernel that hangs while the radio is keyed ({name} is not used)"),
            "RuntimeWatchdogSec=14 in /etc/systemd/system.conf, and restart the machine",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{GpioLine, GpioOut, Polarity};

    fn pin() -> Ptt {
        Ptt::Gpio(GpioOut { chip: None, line: GpioLine::Offset(17), active: Polarity::High })
    }

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn told(ptt: &Ptt, files: &[(&str, &str)]) -> String {
        let findings = look(machine(files).path(), ptt);
        findings.iter().fold(String::new(), |text, finding| text + &finding.to_string() + "\n")
    }

    const BCM: &str = "sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs";
    const RP1: &str = "sys/module/pinctrl_rp1/parameters/persist_gpio_outputs";
    const STATE: &str = "sys/class/watchdog/watchdog0/state";
    const NAME: &str = "sys/class/watchdog/watchdog0/identity";

    #[test]
    fn raspberry_pi_os_is_warned_of_with_the_exact_remedy() {
        let pi =
            told(&pin(), &[(BCM, "Y\n"), (STATE, "inactive\n"), (NAME, "Broadcom BCM2835 Watchdog timer\n")]);
        let expected = "\
warning   kernel    keeps the level of a pin when its program is gone (persist_gpio_outputs): only guard, `ptt off` and \
the next start unkey then -> add dtparam=strict_gpiod to /boot/firmware/config.txt, or \
pinctrl_bcm2835.persist_gpio_outputs=n to /boot/firmware/cmdline.txt, and restart the machine
warning   watchdog  nothing resets a kernel that hangs while the radio is keyed (Broadcom BCM2835 Watchdog timer is not \
used) -> RuntimeWatchdogSec=14 in /etc/systemd/system.conf, and restart the machine
";
        assert_eq!(pi, expected);
        assert!(told(&pin(), &[(RP1, "Y\n")]).contains("pinctrl_rp1.persist_gpio_outputs=n"));
    }

    #[test]
    fn a_machine_that_lets_go_and_has_a_watchdog_is_well() {
        let text =
            told(&pin(), &[(RP1, "N\n"), (STATE, "active\n"), (NAME, "Broadcom BCM2835 Watchdog timer\n")]);
        let expected = "\
ok        kernel    lets go of a pin when its program is gone (pinctrl_rp1)
ok        watchdog  a kernel that hangs is reset (Broadcom BCM2835 Watchdog timer)
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_line_that_is_no_pin_does_not_depend_on_it_and_an_unknown_machine_is_no_fault() {
        assert_eq!(told(&Ptt::None, &[(BCM, "Y\n")]), "");
        assert!(told(&pin(), &[]).starts_with("ok        kernel"));
    }
}
