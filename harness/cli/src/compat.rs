//! What other tools give scripts that do not say it themselves.

use halfopen_script::ast::{OptionLine, Script, Span, Spanned};
use halfopen_script::test::Family;

/// Addresses and symbols that packetdrill's own runner puts on the command line, as option lines: scripts rely on them, e.g. on
/// the Fast Open cookie that Linux makes of these addresses and the key that the scripts set.
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
        ("define", "CODE=host_unreachable"),
        ("define", level),
        ("define", name),
    ]
}

/// Puts packetdrill's own command line before the option lines of a script, which go before it.
pub fn as_packetdrill_runs(script: &mut Script, family: Family) {
    let plain = |text: &str| Spanned { node: text.to_owned(), span: Span::default() };
    let line = |(name, value): (&str, &str)| OptionLine { name: plain(name), value: Some(plain(value)) };
    let own = std::mem::take(&mut script.options);
    script.options = packetdrill(family).into_iter().map(line).chain(own).collect();
}
