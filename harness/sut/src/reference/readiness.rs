//! What `poll` and epoll say of a socket.

use super::numbers::*;
use crate::epoll::Seen;
use halfopen_stack::Stack;

/// The bits of `poll` for a socket, of those that were asked for.
pub(super) fn ready(stack: &Stack, fd: i32, events: i16) -> i16 {
    let Ok(readiness) = stack.readiness(fd) else { return POLLNVAL };
    // Errors and hang-ups are told whether asked for or not.
    let table = [
        (readiness.readable, (POLLIN | POLLRDNORM) & events),
        (readiness.writable, (POLLOUT | POLLWRNORM) & events),
        (readiness.priority, POLLPRI & events),
        (readiness.rdhup, POLLRDHUP & events),
        (readiness.error, POLLERR),
        (readiness.hangup, POLLHUP),
    ];
    table.iter().filter(|(is, _)| *is).fold(0, |all, (_, bits)| all | bits)
}

/// What a socket is like, for epoll.
pub(super) fn seen(stack: &Stack, fd: i32) -> Seen {
    let events = POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM | POLLPRI | POLLRDHUP;
    let received = stack
        .tcp_info(fd)
        .map_or(0, |info| info.iter().find(|(name, _)| *name == "tcpi_bytes_received").map_or(0, |(_, octets)| octets));
    Seen { ready: u32::from(ready(stack, fd, events).cast_unsigned()), received, errors: 0 }
}
