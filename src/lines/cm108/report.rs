//! What the bytes of a CM108's reports mean. Pure.
//!
//! ```text
//! to the chip    00 00 DATA MASK 00     report number, mode (bits 7:6 must be 0), levels, which pins are outputs, unused
//! from the chip  KEYS GPIO .. ..        KEYS: 01 volume up, 02 volume down, 04 mute playback, 08 mute record
//! ```
//!
//! Bit `n - 1` belongs to GPIO `n`; there 1 is a high pin. A bit of the keys is 1 while its pin is pulled *low*.

use std::fmt;

use crate::config::{HidBit, Polarity};

/// A report to the chip. With fewer bytes the kernel refuses it (EPIPE).
pub type OutputReport = [u8; 5];

/// A pin of the chip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// GPIO 1 to 8.
    Gpio(u8),
    /// `VOL_UP`
    VolumeUp,
    /// `VOL_DN`
    VolumeDown,
    /// `MUTE_PLAY`
    MutePlayback,
    /// `MUTE_REC`
    MuteRecord,
}

impl From<HidBit> for Pin {
    fn from(bit: HidBit) -> Self {
        match bit {
            HidBit::VolumeUp => Self::VolumeUp,
            HidBit::VolumeDown => Self::VolumeDown,
            HidBit::MutePlayback => Self::MutePlayback,
            HidBit::MuteRecord => Self::MuteRecord,
            HidBit::Gpio(number) => Self::Gpio(number),
        }
    }
}

impl fmt::Display for Pin {
    /// As the data sheet names it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gpio(number) => write!(f, "GPIO{number}"),
            Self::VolumeUp => f.write_str("VOL_UP"),
            Self::VolumeDown => f.write_str("VOL_DN"),
            Self::MutePlayback => f.write_str("MUTE_PLAY"),
            Self::MuteRecord => f.write_str("MUTE_REC"),
        }
    }
}

/// The level of a pin in a report from the chip, without a report number; `None`: the report is too short to tell.
#[must_use]
pub fn level(report: &[u8], pin: Pin) -> Option<Polarity> {
    let pulled_low = |bit: u8| Some(if report.first()? & bit == 0 { Polarity::High } else { Polarity::Low });
    match pin {
        Pin::VolumeUp => pulled_low(0x01),
        Pin::VolumeDown => pulled_low(0x02),
        Pin::MutePlayback => pulled_low(0x04),
        Pin::MuteRecord => pulled_low(0x08),
        Pin::Gpio(number) => {
            let bit = mask(number);
            Some(if report.get(1)? & bit == 0 { Polarity::Low } else { Polarity::High })
        }
    }
}

/// The outputs of the chip as they were last written: each report sets all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outputs {
    data: u8,
    mask: u8,
}

impl Outputs {
    /// Makes GPIO `number` an output at this level; the others stay as they are.
    pub fn set(&mut self, number: u8, level: Polarity) {
        let bit = mask(number);
        self.mask |= bit;
        match level {
            Polarity::High => self.data |= bit,
            Polarity::Low => self.data &= !bit,
        }
    }

    /// The report that sets them.
    #[must_use]
    pub fn report(self) -> OutputReport {
        [0, 0, self.data, self.mask, 0]
    }
}

/// The bit of a GPIO; none for a number that no chip has.
fn mask(number: u8) -> u8 {
    match number {
        1..=8 => 1 << (number - 1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ptt_on_gpio_3_and_4_is_written_as_the_data_sheet_says() {
        for (number, high, low) in
            [(3, [0, 0, 4, 4, 0], [0, 0, 0, 4, 0]), (4, [0, 0, 8, 8, 0], [0, 0, 0, 8, 0])]
        {
            let mut outputs = Outputs::default();
            outputs.set(number, Polarity::High);
            assert_eq!(outputs.report(), high);
            outputs.set(number, Polarity::Low);
            assert_eq!(outputs.report(), low);
        }
    }

    #[test]
    fn a_key_bit_is_a_pin_pulled_low_and_a_gpio_bit_is_a_high_pin() {
        assert_eq!(level(&[0x02, 0, 0, 0], Pin::VolumeDown), Some(Polarity::Low));
        assert_eq!(level(&[0xfd, 0, 0, 0], Pin::VolumeDown), Some(Polarity::High));
        assert_eq!(level(&[0x01, 0], Pin::VolumeUp), Some(Polarity::Low));
        assert_eq!(level(&[0x04, 0], Pin::MutePlayback), Some(Polarity::Low));
        assert_eq!(level(&[0x08, 0], Pin::MuteRecord), Some(Polarity::Low));
        assert_eq!(level(&[0, 0x04], Pin::Gpio(3)), Some(Polarity::High));
        assert_eq!(level(&[0xff, 0xfb], Pin::Gpio(3)), Some(Polarity::Low));
    }

    #[test]
    fn a_report_that_is_too_short_tells_nothing() {
        assert_eq!(level(&[], Pin::VolumeDown), None);
        assert_eq!(level(&[0xff], Pin::Gpio(1)), None);
    }

    proptest! {
        #[test]
        fn setting_one_pin_leaves_the_others_alone(first in 1..=8_u8, second in 1..=8_u8, high in any::<bool>()) {
            let level = if high { Polarity::High } else { Polarity::Low };
            let mut outputs = Outputs::default();
            outputs.set(first, Polarity::High);
            outputs.set(second, level);
            let [number, mode, data, mask, end] = outputs.report();
            prop_assert_eq!((number, mode & 0xc0, end), (0, 0, 0));
            prop_assert_eq!(mask, (1 << (first - 1)) | (1 << (second - 1)));
            prop_assert_eq!(data & (1 << (second - 1)) != 0, high);
            prop_assert!(first == second || data & (1 << (first - 1)) != 0);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..70), number in any::<u8>()) {
            let _level = level(&bytes, Pin::Gpio(number));
        }
    }
}
