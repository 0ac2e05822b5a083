//! Option lines.

use crate::ast::Spanned;
use crate::diagnostics::Diagnostic;
use crate::suggest::nearest;

/// What the value of an option is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// None is needed.
    Flag,
    Number,
    Text,
    /// One of `ipv4`, `ipv6`, `ipv4-mapped-ipv6`.
    IpVersion,
}

/// The options of packetdrill, of both its dialects.
const OPTIONS: [(&str, Kind); 42] = [
    ("bind_port", Kind::Number),
    ("code_command", Kind::Text),
    ("code_format", Kind::Text),
    ("code_sockopt", Kind::Text),
    ("connect_port", Kind::Number),
    ("debug", Kind::Flag),
    ("define", Kind::Text),
    ("dry_run", Kind::Flag),
    ("gateway_ip", Kind::Text),
    ("init_scripts", Kind::Text),
    ("ip_version", Kind::IpVersion),
    ("is_anyip", Kind::Flag),
    ("local_ip", Kind::Text),
    ("local_linux_ip", Kind::Text),
    ("mss", Kind::Number),
    ("mtu", Kind::Number),
    ("netmask_ip", Kind::Text),
    ("non_fatal", Kind::Text),
    ("persistent_tun_dev", Kind::Flag),
    ("psp_udp_port", Kind::Number),
    ("remote_ip", Kind::Text),
    ("send_omit_free", Kind::Flag),
    ("so_filename", Kind::Text),
    ("so_flags", Kind::Text),
    ("speed", Kind::Text),
    ("strict_segments", Kind::Flag),
    ("tcp_md5_secret", Kind::Text),
    ("tcp_ts_ecr_scaled", Kind::Flag),
    ("tcp_ts_tick_usecs", Kind::Number),
    ("tolerance_percent", Kind::Text),
    ("tolerance_usecs", Kind::Number),
    ("tun_dev", Kind::Text),
    ("udp_encapsulation", Kind::Text),
    ("udp_encaps", Kind::Text),
    ("verbose", Kind::Flag),
    ("wire_client", Kind::Flag),
    ("wire_client_dev", Kind::Text),
    ("wire_server", Kind::Flag),
    ("wire_server_at", Kind::Text),
    ("wire_server_dev", Kind::Text),
    ("wire_server_ip", Kind::Text),
    ("wire_server_port", Kind::Number),
];

/// Every name, without the dashes.
pub(crate) fn option_names() -> impl Iterator<Item = &'static str> {
    OPTIONS.iter().map(|(name, _)| *name)
}

/// An option that does not exist, or whose value does not fit it.
pub(crate) fn option_line(name: &Spanned<String>, value: Option<&Spanned<String>>) -> Option<Diagnostic> {
    let Some((_, kind)) = OPTIONS.iter().find(|(known, _)| *known == name.node) else {
        let mut fault = Diagnostic::new("unknown-option", format!("`--{}` is not an option", name.node), name.span);
        let near = nearest(&name.node, OPTIONS.iter().map(|(known, _)| *known));
        fault.help = near.map(|near| format!("did you mean `--{near}`?"));
        return Some(fault);
    };
    let wants = match kind {
        Kind::Flag => return None,
        Kind::Number => "a number",
        Kind::Text => "a value",
        Kind::IpVersion => "`ipv4`, `ipv6` or `ipv4-mapped-ipv6`",
    };
    let Some(value) = value else {
        let fault = Diagnostic::new("option-value", format!("`--{}` needs a value", name.node), name.span);
        return Some(fault.expecting([format!("`--{}=` and {wants}", name.node)]));
    };
    let fits = match kind {
        Kind::Number => value.node.parse::<u64>().is_ok(),
        Kind::IpVersion => matches!(value.node.as_str(), "ipv4" | "ipv6" | "ipv4-mapped-ipv6"),
        Kind::Flag | Kind::Text => true,
    };
    let message = || format!("`{}` does not fit `--{}`", value.node, name.node);
    (!fits).then(|| Diagnostic::new("option-value", message(), value.span).expecting([wants]))
}
