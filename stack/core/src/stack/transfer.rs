//! Calls that move octets: `recv` and `send`.

use super::Stack;
use super::sockets::{Early, Kind};
use crate::errno::Errno;
use crate::rules;
use crate::socket::{RecvFlags, SendFlags, Shutdown};
use crate::time::Instant;

impl Stack {
    /// RECEIVE (RFC 9293 3.10.3): up to `to.len()` octets. 0 is the end of the peer's text.
    ///
    /// # Errors
    /// `EBADF`; `ENOTCONN` without connection; `EAGAIN` when there is nothing yet, or `connect` waits for text; the connection's error, once;
    /// `EINVAL` with `oob` when nothing is urgent.
    pub fn recv(&mut self, now: Instant, fd: i32, to: &mut [u8], flags: RecvFlags) -> Result<usize, Errno> {
        match self.sockets.socket(fd)?.kind {
            Kind::Fresh | Kind::Listening(_) => {
                let socket = self.sockets.socket_mut(fd)?;
                if socket.deferred.is_some() {
                    return Err(Errno::EAGAIN);
                }
                self.host.cite(rules::RECEIVE_CLOSED);
                let socket = self.sockets.socket_mut(fd)?;
                if flags.oob && matches!(socket.kind, Kind::Fresh) {
                    return Err(Errno::EINVAL);
                }
                match socket.error.take() {
                    Some(error) => Err(error),
                    None if matches!(socket.early, Early::Shut(Shutdown::Read | Shutdown::Both))
                        && matches!(socket.kind, Kind::Fresh) =>
                    {
                        Ok(0)
                    }
                    None => Err(Errno::ENOTCONN),
                }
            }
            Kind::Connected { id, .. } => self.with(id, now, |tcb, fx| tcb.receive(to, flags, fx)),
        }
    }

    /// SEND (RFC 9293 3.10.2): takes as much of `data` as the send queue has room for. How much it took.
    ///
    /// # Errors
    /// `EBADF`; `EPIPE` without connection or after `shutdown`; `EAGAIN` without room, or before the connection is
    /// established; the connection's error, once.
    pub fn send(&mut self, now: Instant, fd: i32, data: &[u8], flags: SendFlags) -> Result<usize, Errno> {
        if let Some(remote) = &self.sockets.socket(fd)?.deferred {
            let remote = **remote;
            return self.send_deferred(now, fd, data, remote);
        }
        match self.sockets.socket(fd)?.kind {
            Kind::Fresh | Kind::Listening(_) => {
                self.host.cite(rules::SEND_CLOSED);
                Err(self.sockets.socket_mut(fd)?.error.take().unwrap_or(Errno::EPIPE))
            }
            Kind::Connected { id, .. } => self.with(id, now, |tcb, fx| tcb.send(data, flags, fx)),
        }
    }
}
