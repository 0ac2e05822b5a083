//! System calls.

use crate::ast::{Arg, ArgKind, Call};
use crate::diagnostics::Diagnostic;
use crate::suggest::nearest;
use crate::symbols;

/// The system calls and how many arguments each takes.
const CALLS: [(&str, usize); 32] = [
    ("accept", 3),
    ("bind", 3),
    ("cap_set", 3),
    ("close", 1),
    ("connect", 3),
    ("epoll_create", 1),
    ("epoll_ctl", 4),
    ("epoll_wait", 4),
    ("fcntl", 3),
    ("getsockopt", 5),
    ("ioctl", 3),
    ("listen", 2),
    ("open", 2),
    ("pipe", 1),
    ("poll", 3),
    ("psp_rx_assoc", 2),
    ("psp_tx_assoc", 2),
    ("read", 3),
    ("readv", 3),
    ("recv", 4),
    ("recvfrom", 6),
    ("recvmsg", 3),
    ("send", 4),
    ("sendfile", 4),
    ("sendmsg", 3),
    ("sendto", 6),
    ("setsockopt", 5),
    ("shutdown", 2),
    ("socket", 3),
    ("splice", 6),
    ("write", 3),
    ("writev", 3),
];

/// Every name.
pub(crate) fn call_names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|(name, ..)| *name)
}

/// An unknown call, a wrong number of arguments, an impossible result.
pub(crate) fn call(call: &Call, diagnostics: &mut Vec<Diagnostic>) {
    let name = &call.name.node;
    let span = call.name.span;
    match CALLS.iter().find(|(known, _)| known == name) {
        None => {
            let mut fault = Diagnostic::new("unknown-call", format!("`{name}` is not a system call"), span);
            let near = nearest(name, CALLS.iter().map(|(known, _)| *known));
            fault.help = near.map(|near| format!("did you mean `{near}`?"));
            diagnostics.push(fault);
        }
        // fcntl and ioctl may go without their third argument; open with a mode.
        Some((known, count)) => {
            let least = if matches!(*known, "fcntl" | "ioctl") { 2 } else { *count };
            let most = if *known == "open" { 3 } else { *count };
            if !(least..=most).contains(&call.args.len()) {
                let plural = if *count == 1 { "" } else { "s" };
                let message = format!("`{name}` takes {count} argument{plural}, not {}", call.args.len());
                diagnostics.push(Diagnostic::new("arguments", message, span));
            }
        }
    }
    errno(call, diagnostics);
}

fn errno(call: &Call, diagnostics: &mut Vec<Diagnostic>) {
    let Some(errno) = &call.errno else { return };
    if !errno.node.starts_with('$') && symbols::errno(&errno.node).is_none() {
        let message = format!("`{}` is not an errno", errno.node);
        let mut fault = Diagnostic::new("unknown-errno", message, errno.span);
        let names = symbols::names().filter(|name| symbols::errno(name).is_some());
        fault.help = nearest(&errno.node, names).map(|near| format!("did you mean `{near}`?"));
        diagnostics.push(fault);
    }
    if !matches!(&call.result, Arg { kind: ArgKind::Num(num), .. } if !num.names.is_empty() || num.offset == -1) {
        let fault = Diagnostic::new("errno", "an errno goes with the result -1", call.result.span);
        diagnostics.push(fault.expecting(["`-1`"]).also(errno.span, "the errno"));
    }
}
