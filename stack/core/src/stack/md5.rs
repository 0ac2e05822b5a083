//! `TCP_MD5SIG`: keys of signatures (RFC 2385).

use super::Stack;
use super::sockets::Kind;
use crate::errno::Errno;
use crate::socket::{Md5Key, Shared};
use crate::tcp::md5::MOST_KEY;
use core::net::IpAddr;

impl Stack {
    /// `TCP_MD5SIG`: the key for segments to and from `peer`; an empty one ends signing. It holds for all that has the
    /// socket's local port and this peer, connections of a listener included, and from now on.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a key of more than 80 octets, or an address of the other family; `ENOENT` for the end of what
    /// was not begun.
    pub fn set_md5_key(&mut self, fd: i32, peer: IpAddr, key: &[u8]) -> Result<(), Errno> {
        let socket = self.sockets.socket_mut(fd)?;
        if key.len() > MOST_KEY || !socket.takes(peer) {
            return Err(Errno::EINVAL);
        }
        let keys = &mut Shared::make_mut(&mut socket.options).md5_keys.get_or_insert_default().0;
        let before = keys.len();
        keys.retain(|known| known.peer != peer);
        if key.is_empty() && keys.len() == before {
            return Err(Errno::ENOENT);
        }
        if !key.is_empty() {
            keys.push(Md5Key { peer, key: key.to_vec() });
        }
        if matches!(socket.kind, Kind::Listening(_) | Kind::Connected { .. })
            && let Some(local) = socket.local
        {
            self.host.md5_keys.set(local.port(), peer, key);
        }
        Ok(())
    }

    /// A socket listens on `port`: its keys are the port's from now on.
    pub(super) fn take_port_with_keys(&mut self, fd: i32, port: u16) {
        self.host.md5_keys.clear(port);
        let keys = self.sockets.socket(fd).ok().and_then(|socket| Some(&socket.options.md5_keys.as_ref()?.0));
        for Md5Key { peer, key } in keys.into_iter().flatten() {
            self.host.md5_keys.set(port, *peer, key);
        }
    }

    /// A socket opens a connection from `port` to `peer`: its key is theirs from now on.
    pub(super) fn open_with_key(&mut self, fd: i32, port: u16, peer: IpAddr) {
        let keys = self.sockets.socket(fd).ok().and_then(|socket| Some(&socket.options.md5_keys.as_ref()?.0));
        let key = keys.into_iter().flatten().find(|key| key.peer == peer);
        self.host.md5_keys.set(port, peer, key.map_or(&[], |key| &key.key));
    }
}
