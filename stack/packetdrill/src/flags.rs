//! `--so_flags`: which stack, by words separated by commas.

use halfopen_script::test::Family;
use halfopen_stack::config::Config;

/// What the words said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flags {
    /// Name of the profile, `linux` when none is given: scripts for packetdrill were written for Linux.
    pub(crate) profile: String,
    pub(crate) config: Config,
    pub(crate) seed: u64,
    /// The family that `socket(AF_INET6)` means. `None`: IPv6.
    pub(crate) family: Option<Family>,
}

impl Flags {
    /// Reads the words.
    ///
    /// # Errors
    /// A sentence about the first word that means nothing.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut flags = Self { profile: "linux".to_owned(), config: Config::linux(), seed: 1, family: None };
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is no NAME=VALUE"))?;
            match name {
                "profile" => {
                    flags.config = match value {
                        "linux" => Config::linux(),
                        "rfc9293" => Config::rfc9293(),
                        "rfc793" => Config::rfc793(),
                        _ => return Err(format!("no profile is named `{value}`; there are linux, rfc9293, rfc793")),
                    };
                    value.clone_into(&mut flags.profile);
                }
                "seed" => flags.seed = value.parse().map_err(|_| format!("seed `{value}` is no number"))?,
                "family" => {
                    flags.family = Some(match value {
                        "ipv4" => Family::V4,
                        "ipv6" => Family::V6,
                        "ipv4-mapped-ipv6" => Family::V4Mapped,
                        _ => return Err(format!("no family is named `{value}`; they are named as by --ip_version")),
                    });
                }
                _ => return Err(format!("no flag is named `{name}`; there are profile, seed, family")),
            }
        }
        Ok(flags)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_choose_the_stack() {
        let default = Flags::parse("").expect("no words");
        assert_eq!((default.profile.as_str(), default.seed, default.family), ("linux", 1, None));
        let chosen = Flags::parse("profile=rfc793,seed=7,family=ipv4-mapped-ipv6").expect("known words");
        assert_eq!(chosen.config, Config::rfc793());
        assert_eq!((chosen.seed, chosen.family), (7, Some(Family::V4Mapped)));
    }

    #[test]
    fn unknown_words_are_named() {
        for (text, named) in [("linux", "`linux`"), ("profile=bsd", "`bsd`"), ("seed=x", "`x`"), ("speed=1", "`speed`")]
        {
            let fault = Flags::parse(text).expect_err(text);
            assert!(fault.contains(named), "{fault}");
        }
    }
}
