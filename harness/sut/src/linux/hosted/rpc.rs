//! What harness and host say to each other over their socket: a length of four octets, then JSON.

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Setup, SutError};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// What the harness wants; each is answered by one [`Answer`] other than `Returned`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    Start(Start),
    Call(SysCall),
    Command(String),
    TcpInfo(i32),
    Snapshot,
    Finish,
}

/// The stack of the next test.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub(super) profile: String,
    pub(super) local: (IpAddr, u8),
    pub(super) gateway: IpAddr,
    pub(super) mtu: u32,
    pub(super) seed: u64,
}

impl Start {
    pub(super) fn new(setup: &Setup, profile: &str) -> Self {
        Self {
            profile: profile.to_owned(),
            local: setup.local,
            gateway: setup.gateway,
            mtu: setup.mtu,
            seed: setup.seed,
        }
    }
}

/// What the host says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Done,
    Reply(Reply),
    Info(Vec<(String, i64)>),
    Lines(Vec<String>),
    Refused(SutError),
    /// Unasked: the pending call returned, at this time of `CLOCK_MONOTONIC` in nanoseconds.
    Returned {
        at: i64,
        reply: Reply,
    },
}

/// One end.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    read: Vec<u8>,
}

impl Connection {
    pub(super) const fn new(stream: UnixStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(super) fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        let mut octets = vec![0; 4];
        serde_json::to_writer(&mut octets, message)?;
        let length = (octets.len() - 4) as u32;
        octets[..4].copy_from_slice(&length.to_ne_bytes());
        self.stream.write_all(&octets)
    }

    /// The next message, if it comes within that many nanoseconds.
    ///
    /// # Errors
    /// The other end has gone, or says what cannot be understood.
    pub(super) fn receive<T: DeserializeOwned>(&mut self, nanoseconds: i64) -> io::Result<Option<T>> {
        loop {
            if let Some((length, rest)) = self.read.split_first_chunk::<4>() {
                let length = u32::from_ne_bytes(*length) as usize;
                if rest.len() >= length {
                    let message = serde_json::from_slice(&rest[..length])?;
                    self.read.drain(..4 + length);
                    return Ok(Some(message));
                }
            }
            let mut fds = [PollFd::new(self.stream.as_fd(), PollFlags::POLLIN)];
            match ppoll(&mut fds, Some(TimeSpec::nanoseconds(nanoseconds)), None) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(errno) => return Err(errno.into()),
            }
            let mut room = [0; 1 << 16];
            match self.stream.read(&mut room)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.read.extend_from_slice(&room[..length]),
            }
        }
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_arrive_whole_and_in_order() {
        let (a, b) = UnixStream::pair().expect("a pair");
        let (mut a, mut b) = (Connection::new(a), Connection::new(b));
        let call = SysCall::Send { fd: 3, data: vec![7; 30_000], flags: 0, to: None };
        a.send(&Request::Call(call.clone())).expect("sent");
        a.send(&Request::Finish).expect("sent");
        let got: Option<Request> = b.receive(0).expect("whole");
        assert!(matches!(got, Some(Request::Call(got)) if got == call));
        assert!(matches!(b.receive(0).expect("whole"), Some(Request::Finish)));
        assert!(b.receive::<Request>(1_000_000).expect("nothing wrong").is_none());
        drop(a);
        assert!(b.receive::<Request>(0).is_err());
    }
}
