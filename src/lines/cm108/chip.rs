//! The chips that are known by vendor and product number, and the pins that they have.

use super::report::Pin;
use crate::lines::LineError;

/// A kind of chip.
#[derive(Debug, PartialEq, Eq)]
pub struct Chip {
    /// As far as the product number tells.
    pub name: &'static str,
    /// Numbers of its GPIO pins.
    pub gpios: &'static [u8],
}

const EIGHT: &[u8] = &[1, 2, 3, 4, 5, 6, 7, 8];

/// Without GPIO2, whose pin is something else in these.
const THREE: &[u8] = &[1, 3, 4];

/// The number that a chip with pins shares with one that has none.
pub(super) const SHARED: (u16, u16) = (0x0d8c, 0x013c);

// Numbers from direwolf, AllStarLink, SvxLink and the AIOC's firmware.
const CHIPS: [(u16, std::ops::RangeInclusive<u16>, Chip); 13] = [
    // The product number is strapped: a CM108 has four pins, the others eight.
    (0x0d8c, 0x0008..=0x000f, Chip { name: "CM108, CM109 or CM119", gpios: EIGHT }),
    (0x0d8c, 0x0012..=0x0012, Chip { name: "CM108B", gpios: THREE }),
    (0x0d8c, 0x0013..=0x0013, Chip { name: "CM119B", gpios: EIGHT }),
    (0x0d8c, 0x0014..=0x0014, Chip { name: "C-Media, chip not known", gpios: EIGHT }),
    (0x0d8c, 0x0139..=0x0139, Chip { name: "CM108AH", gpios: THREE }),
    (0x0d8c, 0x013a..=0x013a, Chip { name: "CM119A", gpios: EIGHT }),
    (0x0d8c, 0x013b..=0x013b, Chip { name: "C-Media, chip not known", gpios: EIGHT }),
    (SHARED.0, SHARED.1..=SHARED.1, Chip { name: "CM108AH, or an HS100, which has no lines", gpios: THREE }),
    (0x0d8c, 0x6a00..=0x6aff, Chip { name: "CM119 re-programmed by N1KDO or NHRC", gpios: EIGHT }),
    (0x0c76, 0x1605..=0x1605, Chip { name: "SSS1621 or SSS1623", gpios: &[1, 2] }),
    (0x0c76, 0x1607..=0x1607, Chip { name: "SSS1621 or SSS1623", gpios: &[1, 2] }),
    (0x0c76, 0x160b..=0x160b, Chip { name: "SSS1621 or SSS1623", gpios: &[1, 2] }),
    (0x1209, 0x7388..=0x7388, Chip { name: "AIOC", gpios: &[1, 2, 3, 4] }),
];

/// The chip of a vendor and product number; `None`: not a radio interface.
#[must_use]
pub fn chip(vendor: u16, product: u16) -> Option<&'static Chip> {
    CHIPS
        .iter()
        .find(|(of, products, _)| *of == vendor && products.contains(&product))
        .map(|(_, _, chip)| chip)
}

impl Chip {
    /// Refuses a pin that the chip does not have; `device` is for the message.
    ///
    /// # Errors
    /// [`LineError::NoPin`], with the pins that it has.
    pub fn check(&self, pin: Pin, device: &str) -> Result<(), LineError> {
        match pin {
            Pin::Gpio(number) if !self.gpios.contains(&number) => {
                let has: Vec<String> = self.gpios.iter().map(|gpio| format!("GPIO{gpio}")).collect();
                Err(LineError::NoPin {
                    device: device.to_owned(),
                    chip: self.name,
                    pin: pin.to_string(),
                    has: has.join(", "),
                })
            }
            Pin::Gpio(_) | Pin::VolumeUp | Pin::VolumeDown | Pin::MutePlayback | Pin::MuteRecord => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chips_are_known_by_their_numbers_and_other_devices_are_not() {
        for (id, name) in [
            ((0x0d8c, 0x000c), "CM108, CM109 or CM119"),
            ((0x0d8c, 0x0012), "CM108B"),
            ((0x0d8c, 0x013a), "CM119A"),
            ((0x0d8c, 0x6a00), "CM119 re-programmed by N1KDO or NHRC"),
            ((0x0c76, 0x1607), "SSS1621 or SSS1623"),
            ((0x1209, 0x7388), "AIOC"),
        ] {
            assert_eq!(chip(id.0, id.1).unwrap().name, name);
        }
        for id in [(0x046d, 0xc31c), (0x0d8c, 0x0010), (0x1209, 0x7389), (0x0012, 0x0d8c)] {
            assert_eq!(chip(id.0, id.1), None, "{id:04x?}");
        }
    }

    #[test]
    fn a_pin_that_the_chip_does_not_have_is_refused_with_those_that_it_has() {
        let cm108b = chip(0x0d8c, 0x0012).unwrap();
        let text = cm108b.check(Pin::Gpio(2), "0d8c:0012 Fob").unwrap_err().to_string();
        assert!(
            text.contains("CM108B") && text.contains("GPIO2") && text.contains("GPIO1, GPIO3, GPIO4"),
            "{text}"
        );
        for pin in [Pin::Gpio(3), Pin::VolumeDown, Pin::MuteRecord] {
            assert!(cm108b.check(pin, "").is_ok());
        }
        assert!(chip(0x0c76, 0x1605).unwrap().check(Pin::Gpio(3), "").is_err());
        assert!(chip(0x0d8c, 0x0013).unwrap().check(Pin::Gpio(8), "").is_ok());
    }
}
