//! Descriptors that the process really has, for sockets that it has not: each is an eventfd, so that its number is taken and
//! libc's `close` works on it.

use halfopen_sut::epoll::Epoll;
use nix::libc::{self, c_int};
use std::collections::BTreeMap;

/// What a descriptor stands for.
#[derive(Debug)]
pub(crate) enum Object {
    Socket(Socket),
    Epoll(Epoll),
}

/// A socket of the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Socket {
    /// The stack's descriptor.
    pub(crate) fd: i32,
    /// `TCP_INQ`: `recvmsg` says how much is left.
    pub(crate) inq: bool,
}

/// Objects by live descriptor.
#[derive(Debug, Default)]
pub(crate) struct Descriptors(BTreeMap<c_int, Object>);

impl Descriptors {
    /// Opens a descriptor for `object`; an errno number when the process may have no more.
    pub(crate) fn open(&mut self, object: Object) -> Result<c_int, i32> {
        let live = crate::memory::eventfd()?;
        self.0.insert(live, object);
        Ok(live)
    }

    /// Forgets a descriptor. The caller closes it.
    pub(crate) fn remove(&mut self, live: c_int) -> Option<Object> {
        self.0.remove(&live)
    }

    /// The stack's socket behind a descriptor, or the errno number.
    pub(crate) fn socket(&self, live: c_int) -> Result<Socket, i32> {
        match self.0.get(&live) {
            Some(Object::Socket(socket)) => Ok(*socket),
            Some(Object::Epoll(_)) => Err(libc::ENOTSOCK),
            None => Err(libc::EBADF),
        }
    }

    pub(crate) fn socket_mut(&mut self, live: c_int) -> Option<&mut Socket> {
        match self.0.get_mut(&live)? {
            Object::Socket(socket) => Some(socket),
            Object::Epoll(_) => None,
        }
    }

    pub(crate) fn epoll_mut(&mut self, live: c_int) -> Result<&mut Epoll, i32> {
        match self.0.get_mut(&live) {
            Some(Object::Epoll(epoll)) => Ok(epoll),
            Some(Object::Socket(_)) => Err(libc::EINVAL),
            None => Err(libc::EBADF),
        }
    }

    pub(crate) fn is_ours(&self, live: c_int) -> bool {
        self.0.contains_key(&live)
    }

    pub(crate) fn epolls_mut(&mut self) -> impl Iterator<Item = &mut Epoll> {
        self.0.values_mut().filter_map(|object| match object {
            Object::Epoll(epoll) => Some(epoll),
            Object::Socket(_) => None,
        })
    }
}
