//! Board profiles: what is known about a kind of wiring, built into the program.

use super::complaint::Source;

/// Profiles by name, with their texts.
const PROFILES: [(&str, &str); 3] = [
    ("pi-gpio-transistor", include_str!("../../boards/pi-gpio-transistor.toml")),
    ("pi5-gpio-transistor", include_str!("../../boards/pi5-gpio-transistor.toml")),
    ("svxspot-hat", include_str!("../../boards/svxspot-hat.toml")),
];

/// The names of all profiles.
pub fn names() -> impl Iterator<Item = &'static str> {
    PROFILES.iter().map(|(name, _)| *name)
}

/// The profile's text, named so that complaints lead to it.
pub(crate) fn source(name: &str) -> Option<Source> {
    let (name, text) = PROFILES.iter().find(|(known, _)| *known == name)?;
    Some(Source { name: format!("boards/{name}.toml (built in)"), text: (*text).to_owned() })
}

/// What a profile says about itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// One line.
    pub title: String,
    /// How radio and board are joined, for a person with a soldering iron.
    pub wiring: String,
    /// Where the facts come from.
    pub source: String,
    /// Labels of GPIO chips that make it fit.
    #[serde(default)]
    pub chips: Vec<String>,
    /// Parts of ALSA card ids that make it fit.
    #[serde(default)]
    pub cards: Vec<String>,
}

/// What the profile `name` says about itself.
#[must_use]
pub fn about(name: &str) -> Option<About> {
    #[derive(serde::Deserialize)]
    struct Profile {
        about: About,
    }
    let (_, text) = PROFILES.iter().find(|(known, _)| *known == name)?;
    toml::from_str::<Profile>(text).ok().map(|profile| profile.about)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_tells_about_itself() {
        for name in names() {
            let about = about(name).unwrap_or_else(|| panic!("{name} has no complete [about]"));
            assert!(!about.chips.is_empty() || !about.cards.is_empty(), "{name} fits nothing");
        }
    }
}
