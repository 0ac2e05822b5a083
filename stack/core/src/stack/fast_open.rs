//! Fast Open as sockets have it: `MSG_FASTOPEN`, and `connect` with `TCP_FASTOPEN_CONNECT` (RFC 7413 4.2.1, Appendix A).

use super::Stack;
use super::sockets::Kind;
use crate::errno::Errno;
use crate::socket::SendFlags;
use crate::tcp::State;
use crate::tcp::fast_open::{self, Opening};
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use alloc::boxed::Box;
use core::net::SocketAddr;

impl Stack {
    /// `sendto` with `MSG_FASTOPEN`: opens a connection to `remote` with what of `data` the SYN may carry. How much that
    /// is; the rest is for `send` once the connection is established.
    ///
    /// # Errors
    /// Those of [`Stack::connect`]; `EINPROGRESS` when the SYN carries nothing, because the peer has given no cookie yet;
    /// `EOPNOTSUPP` when the choices do not have the client's side; `EALREADY` while the connection is being opened. On
    /// one that is open this is [`Stack::send`].
    pub fn send_fast_open(&mut self, now: Instant, fd: i32, data: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
        self.see(now);
        if self.host.config.tcp_fastopen & fast_open::CLIENT == 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        match self.sockets.socket(fd)?.kind {
            Kind::Fresh | Kind::Listening(_) => {}
            Kind::Connected { .. } => {
                let state = self.connection_of(fd).map_or(State::Closed, |connection| connection.tcb.state());
                if matches!(state, State::SynSent | State::SynReceived) {
                    return Err(Errno::EALREADY);
                }
                return self.send(now, fd, data, SendFlags::default());
            }
        }
        match self.open(now, fd, remote, Some(data))? {
            0 => Err(Errno::EINPROGRESS),
            taken => Ok(taken),
        }
    }

    /// A caller that blocks waits with text for the connection that its Fast Open has begun: the ACK of the SYN,ACK goes
    /// with it.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn await_handshake(&mut self, fd: i32) -> Result<(), Errno> {
        if let Kind::Connected { id, .. } = self.sockets.socket(fd)?.kind
            && let Some(connection) = self.connections.get_mut(&id)
        {
            connection.tcb.user.write_pending = true;
        }
        Ok(())
    }

    /// Forgets what was learnt of destinations: cookies, segment sizes, losses (`ip tcp_metrics flush`).
    pub fn forget_destinations(&mut self) {
        self.host.fast_open_cache.forget();
    }

    /// The first `send` after a `connect` that waited for it.
    pub(super) fn send_deferred(
        &mut self,
        now: Instant,
        fd: i32,
        data: &[u8],
        remote: SocketAddr,
    ) -> Result<usize, Errno> {
        match self.open(now, fd, remote, Some(data))? {
            0 => Err(Errno::EINPROGRESS),
            taken => Ok(taken),
        }
    }

    /// Whether `connect` waits for text: a cookie is at hand, or none is needed.
    pub(super) fn defers(&mut self, now: Instant, fd: i32, remote: SocketAddr) -> Result<bool, Errno> {
        let socket = self.sockets.socket(fd)?;
        if !socket.takes(remote.ip()) {
            return Err(Errno::EAFNOSUPPORT);
        }
        let asked = remote;
        let remote = super::address::on_the_wire(remote);
        self.check_remote(remote, now)?;
        let socket = self.sockets.socket(fd)?;
        let no_cookie = socket.options.fast_open_no_cookie;
        let bound = socket.local.map(|local| local.ip()).filter(|address| !address.is_unspecified());
        let Some(address) = bound.or_else(|| self.host.address_for(remote.ip())) else { return Ok(false) };
        let tuple = Tuple { local: SocketAddr::new(address, 0), remote };
        let waits = matches!(fast_open::opening(&self.host, tuple, no_cookie, now), Opening::Text { .. });
        if waits {
            self.sockets.socket_mut(fd)?.deferred = Some(Box::new(asked));
        }
        Ok(waits)
    }
}
