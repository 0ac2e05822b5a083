//! `poll`: what can be done with a descriptor without waiting.

use super::calls::{Attempt, Outcome, Role};
use super::options::Refusal;
use super::sut::Running;
use super::{PolledStack, State};
use crate::numbers::*;
use halfopen_engine::call::Reply;

impl<S: PolledStack> Running<S> {
    pub(super) fn poll(&mut self, fds: &[(i32, i16)]) -> Outcome {
        if fds.iter().any(|(_, events)| events & POLLPRI != 0) {
            return Err(Refusal::Absent("urgent data (POLLPRI)".to_owned()));
        }
        let revents: Vec<i16> = fds.iter().map(|(fd, events)| self.ready(*fd, *events)).collect();
        let value = revents.iter().filter(|revents| **revents != 0).count() as i64;
        if value == 0 {
            return Ok(Attempt::Wait);
        }
        let data = revents.iter().flat_map(|revents| revents.to_ne_bytes()).collect();
        Ok(Attempt::Done(Reply::Done { value, errno: 0, data }))
    }

    /// The bits of `poll` for a descriptor, of those that were asked for.
    fn ready(&mut self, fd: i32, events: i16) -> i16 {
        if fd < 0 {
            return 0;
        }
        let Some(descriptor) = self.descriptors.get(&fd) else { return POLLNVAL };
        let (finished, error) = (descriptor.finished || descriptor.shut_read, descriptor.error.is_some());
        let shut_write = descriptor.shut_write;
        let (read, write) = ((POLLIN | POLLRDNORM) & events, (POLLOUT | POLLWRNORM) & events);
        match descriptor.role {
            Role::Fresh => write | POLLHUP,
            Role::Listener(socket) if self.stack.status(socket).readable > 0 => read,
            Role::Listener(_) => 0,
            Role::Connection(socket) => {
                let status = self.stack.status(socket);
                let closed = status.state == State::Closed;
                let opening = status.state.is_opening();
                let table = [
                    (status.readable > 0 || finished || closed, read),
                    (!opening && (status.room > 0 || closed || shut_write), write),
                    (finished || closed, POLLRDHUP & events),
                    (error, POLLERR),
                    (closed || finished && shut_write, POLLHUP),
                ];
                table.iter().filter(|(is, _)| *is).fold(0, |all, (_, bits)| all | bits)
            }
        }
    }
}
