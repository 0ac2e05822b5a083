//! Scripts that are no part of the specs: what the command line, and the runners of other tools, say about them.

use crate::args::{Compat, SelectArgs};
use halfopen_script::ast::{OptionLine, Script, Span, Spanned};
use halfopen_script::test::Family;
use halfopen_script::{Variant, families, variants, variants_over};

/// What the command line says about scripts from disk.
#[derive(Debug, Clone, Default)]
pub struct Foreign {
    /// Whose command line such scripts are used to.
    compat: Option<Compat>,
    /// `SYMBOL=VALUE`, whatever the script says.
    definitions: Vec<String>,
    /// Families to run a script in that fixes none.
    families: Vec<Family>,
}

impl Foreign {
    /// Reads the arguments.
    pub fn new(args: &SelectArgs) -> Self {
        let families = args.family.iter().map(|family| (*family).into()).collect();
        Self { compat: args.compat, definitions: args.define.clone(), families }
    }

    /// What `check` is told: symbols.
    pub fn symbols(compat: Option<Compat>, definitions: &[String]) -> Self {
        Self { compat, definitions: definitions.to_vec(), families: Vec::new() }
    }

    /// The tests that a script of this path stands for.
    pub fn variants(&self, script: &Script, path: &str) -> Vec<Variant> {
        match self.compat {
            Some(Compat::Packetdrill) => variants_over(script, &packetdrill_families(script, path)),
            None if families(script).is_none() && !self.families.is_empty() => variants_over(script, &self.families),
            None => variants(script),
        }
    }

    /// Whether [`Self::prepare`] would change anything.
    pub fn changes(&self) -> bool {
        self.compat.is_some() || !self.definitions.is_empty()
    }

    /// Has the option lines of a script followed by those that stand on the command line: the last one counts.
    pub fn prepare(&self, script: &mut Script, family: Family) {
        if self.compat == Some(Compat::Packetdrill) {
            as_packetdrill_runs(script, family);
        }
        self.definitions.iter().for_each(|definition| script.define(definition));
    }
}

/// Families in which packetdrill's own runner (`run_all.py`) runs a script: all three, unless the name ends in `v4.pkt` or `v6.pkt`. A
/// script that names its family itself is run in that one only.
fn packetdrill_families(script: &Script, path: &str) -> Vec<Family> {
    let header = script.header.fields.iter().any(|field| field.key.node == "family");
    let option = script.options.iter().any(|line| line.name.node == "ip_version");
    match families(script) {
        Some(own) if header || option => own,
        Some(_) | None if path.ends_with("v6.pkt") => vec![Family::V6],
        Some(_) | None if path.ends_with("v4.pkt") => vec![Family::V4, Family::V4Mapped],
        Some(_) | None => vec![Family::V4, Family::V4Mapped, Family::V6],
    }
}

/// The command line of packetdrill's own runner: scripts rely on it, e.g. on the Fast Open cookie that Linux makes of these addresses and
/// the key that the scripts set. Its MTU for IPv6, 1520, and its netmask are our defaults too.
fn packetdrill(family: Family) -> [(&'static str, &'static str); 7] {
    let (local, gateway, remote) = match family {
        Family::V4 | Family::V4Mapped => ("192.168.0.1", "192.168.0.1", "192.0.2.1"),
        Family::V6 => ("fd3d:a0b:17d6::1", "fd3d:a0b:17d6:8888::1", "fd3d:fa7b:d17d::1"),
    };
    let cookie = match family {
        Family::V4 | Family::V4Mapped => "TFO_COOKIE=3021b9d889017eeb",
        Family::V6 => "TFO_COOKIE=c1d1e9742a47a9bc",
    };
    let (level, name) = match family {
        Family::V4 => ("CMSG_LEVEL_IP=SOL_IP", "CMSG_TYPE_RECVERR=IP_RECVERR"),
        Family::V4Mapped | Family::V6 => ("CMSG_LEVEL_IP=SOL_IPV6", "CMSG_TYPE_RECVERR=IPV6_RECVERR"),
    };
    [
        ("local_ip", local),
        ("gateway_ip", gateway),
        ("remote_ip", remote),
        ("define", cookie),
        // Its runner gives this one for IPv4 only, so that scripts with it cannot run over IPv6 there; here ICMP has one word for both.
        ("define", "CODE=host_unreachable"),
        ("define", level),
        ("define", name),
    ]
}

/// Lines of a script that packetdrill's own runner overrides.
const OVERRIDDEN: [&str; 5] = ["ip_version", "local_ip", "gateway_ip", "remote_ip", "netmask_ip"];

/// Puts packetdrill's own command line behind the option lines of a script, as packetdrill reads the script first.
fn as_packetdrill_runs(script: &mut Script, family: Family) {
    let plain = |text: &str| Spanned { node: text.to_owned(), span: Span::default() };
    let line = |(name, value): (&str, &str)| OptionLine { name: plain(name), value: Some(plain(value)) };
    // What is overridden may even be of the other address family.
    script.options.retain(|line| !OVERRIDDEN.contains(&line.name.node.as_str()));
    script.options.extend(packetdrill(family).into_iter().map(line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_script::{Sources, parse};

    fn script(text: &str) -> Script {
        let mut sources = Sources::new();
        let file = sources.add("t.pkt", text);
        parse(&sources, file).expect("well-formed")
    }

    fn packetdrill() -> Foreign {
        Foreign { compat: Some(Compat::Packetdrill), ..Foreign::default() }
    }

    #[test]
    fn families_are_those_of_packetdrills_runner() {
        use Family::{V4, V4Mapped, V6};
        let table = [
            // option or header line       path            families
            ("", "a.pkt", vec![V4, V4Mapped, V6]),
            ("--local_ip=192.168.0.9\n", "a.pkt", vec![V4, V4Mapped, V6]),
            ("", "b-v6.pkt", vec![V6]),
            ("", "icmp-ipv6.pkt", vec![V6]),
            ("", "c-v4.pkt", vec![V4, V4Mapped]),
            ("--ip_version=ipv6\n", "d.pkt", vec![V6]),
            ("--ip_version=ipv4\n", "d-v6.pkt", vec![V4]),
            ("//: family mapped\n", "e.pkt", vec![V4Mapped]),
        ];
        for (line, path, expected) in table {
            let script = script(&format!("{line}0 < S 0:0(0) win 1000\n"));
            let found: Vec<Family> = packetdrill().variants(&script, path).iter().map(|v| v.family).collect();
            assert_eq!(found, expected, "{line}{path}");
        }
    }

    #[test]
    fn a_named_family_is_for_scripts_that_fix_none() {
        let foreign = Foreign { families: vec![Family::V4Mapped], ..Foreign::default() };
        let first = |text: &str| foreign.variants(&script(text), "a.pkt")[0].family;
        assert_eq!(first("0 < S 0:0(0) win 1000\n"), Family::V4Mapped);
        assert_eq!(first("--ip_version=ipv6\n0 < S 0:0(0) win 1000\n"), Family::V6);
    }

    #[test]
    fn the_command_line_overrides_the_script() {
        let text = "--local_ip=192.168.0.9\n--mss=1000\n--define=TFO_COOKIE=1\n0 < S 0:0(0) win 1000\n";
        for (family, local) in [(Family::V4, "192.168.0.1"), (Family::V6, "fd3d:a0b:17d6::1")] {
            let mut script = script(text);
            let foreign = Foreign { definitions: vec!["CODE=port_unreachable".into()], ..packetdrill() };
            foreign.prepare(&mut script, family);
            let value = |line: &OptionLine| line.value.as_ref().map(|value| value.node.clone()).unwrap_or_default();
            let all = |name: &str| -> Vec<String> {
                script.options.iter().filter(|line| line.name.node == name).map(value).collect()
            };
            assert_eq!(all("local_ip"), [local]);
            assert_eq!(all("mss"), ["1000"]);
            let symbols = all("define");
            assert_eq!(
                (symbols[0].as_str(), symbols.last().map(String::as_str)),
                ("TFO_COOKIE=1", Some("CODE=port_unreachable"))
            );
        }
    }
}
