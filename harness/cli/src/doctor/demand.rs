//! What tests need of the kernel, by their text.

use halfopen_script::test::{Family, Test};
use halfopen_script::to_packetdrill;
use halfopen_sut::linux::probe::Asked;
use std::collections::BTreeSet;

/// The tests that were asked about.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    tests: Vec<Wanting>,
}

/// A test and what it needs.
#[derive(Debug, Clone)]
struct Wanting {
    id: String,
    v6: bool,
    /// Every word of it.
    words: BTreeSet<String>,
    /// `NAME`, and `NAME=VALUE` where a number is set.
    sysctls: BTreeSet<String>,
    congestion_controls: BTreeSet<String>,
}

/// What begins the name of a sysctl.
const PREFIXES: [&str; 4] = ["net.ipv4.", "net.ipv6.", "net.core.", "/proc/sys/net/"];

/// Sets the congestion control.
const CONGESTION_CONTROL: &str = "net.ipv4.tcp_congestion_control";

impl Demand {
    /// Of tests with their ids.
    pub fn new(tests: &[(String, Test)]) -> Self {
        let wanting =
            |(id, test): &(String, Test)| Wanting::new(id, test.id.family == Family::V6, &to_packetdrill(test));
        Self { tests: tests.iter().map(wanting).collect() }
    }

    /// How many.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// What to look for in the kernel.
    pub fn asked(&self) -> Asked {
        let mut sysctls = self.sysctls();
        sysctls.push("net.ipv4.tcp_ecn=3".to_owned());
        let programs = super::PROGRAMS.map(str::to_owned).to_vec();
        Asked { sysctls, congestion_controls: self.congestion_controls(), programs }
    }

    /// Every sysctl and setting.
    pub fn sysctls(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.tests.iter().flat_map(|test| &test.sysctls).collect();
        all.into_iter().cloned().collect()
    }

    /// Those that tests choose, and those that a host has at least one of.
    pub fn congestion_controls(&self) -> Vec<String> {
        let usual = ["reno", "cubic"].map(str::to_owned);
        let all: BTreeSet<String> =
            self.tests.iter().flat_map(|test| test.congestion_controls.iter().cloned()).chain(usual).collect();
        all.into_iter().collect()
    }

    /// Ids of all tests.
    pub fn all(&self) -> Vec<String> {
        self.of(|_| true)
    }

    /// Of the tests over IPv6.
    pub fn ipv6(&self) -> Vec<String> {
        self.of(|test| test.v6)
    }

    /// Of the tests with these words.
    pub fn of_words(&self, words: &[&str]) -> Vec<String> {
        self.of(|test| words.iter().all(|word| test.words.contains(*word)))
    }

    /// Of the tests that set this.
    pub fn of_sysctl(&self, setting: &str) -> Vec<String> {
        self.of(|test| test.sysctls.contains(setting))
    }

    /// Of the tests that choose this.
    pub fn of_congestion_control(&self, name: &str) -> Vec<String> {
        self.of(|test| test.congestion_controls.contains(name))
    }

    fn of(&self, wanting: impl Fn(&Wanting) -> bool) -> Vec<String> {
        self.tests.iter().filter(|test| wanting(test)).map(|test| test.id.clone()).collect()
    }
}

impl Wanting {
    fn new(id: &str, v6: bool, text: &str) -> Self {
        let mut test = Self {
            id: id.to_owned(),
            v6,
            words: BTreeSet::new(),
            sysctls: BTreeSet::new(),
            congestion_controls: BTreeSet::new(),
        };
        for line in text.lines().map(|line| line.split("//").next().unwrap_or_default()) {
            // `sysctl -e` passes over what does not exist.
            let forgiving = line.contains("sysctl -e") || line.contains("||");
            let apart = |c: char| c.is_whitespace() || "`,;()[]{}<>|&".contains(c);
            for word in line.split(apart).filter(|word| !word.is_empty()) {
                let word = word.trim_matches(['"', '\'', '\\']);
                if let Some(setting) = setting(word).filter(|_| !forgiving) {
                    test.sets(setting);
                }
                test.words.insert(word.to_owned());
            }
        }
        test
    }

    fn sets(&mut self, (name, value): (String, Option<&str>)) {
        match value {
            Some(value) if name == CONGESTION_CONTROL => {
                self.congestion_controls.insert(value.to_owned());
            }
            // A value in quotes goes on behind the blank.
            Some(value) if value.parse::<i64>().is_ok() => {
                self.sysctls.insert(format!("{name}={value}"));
            }
            Some(_) | None => {
                self.sysctls.insert(name);
            }
        }
    }
}

/// A sysctl by either of its names, with dots, and the value that it is given.
fn setting(word: &str) -> Option<(String, Option<&str>)> {
    PREFIXES.iter().find(|prefix| word.starts_with(**prefix))?;
    let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    let name = name.strip_prefix("/proc/sys/").map_or_else(|| name.to_owned(), |path| path.replace('/', "."));
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    plain.then_some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_read_from_the_commands() {
        let text = "`sysctl -q net.ipv4.tcp_ecn=3 net.ipv4.tcp_rmem=\"4096 1 2\"\nset_sysctls.py /proc/sys/net/ipv4/tcp_base_mss=512\ntc qdisc replace dev tun0 root fq\nsysctl -e -q net.ipv4.nowhere=1\nsysctl -q net.ipv4.tcp_congestion_control=dctcp`\n+0 setsockopt(3, SOL_TCP, TCP_MD5SIG, {...}, 4) = 0 // net.ipv4.of_a_comment\n";
        let test = Wanting::new("t", false, text);
        let sysctls: Vec<&str> = test.sysctls.iter().map(String::as_str).collect();
        assert_eq!(sysctls, ["net.ipv4.tcp_base_mss=512", "net.ipv4.tcp_ecn=3", "net.ipv4.tcp_rmem"]);
        assert!(test.congestion_controls.contains("dctcp"));
        let demand = Demand { tests: vec![test] };
        assert_eq!(demand.of_words(&["qdisc", "fq"]), ["t"]);
        assert_eq!(demand.of_words(&["TCP_MD5SIG"]), ["t"]);
        assert!(demand.of_words(&["qdisc", "pfifo"]).is_empty());
    }
}
