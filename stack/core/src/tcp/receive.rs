//! RECEIVE call (RFC 9293 3.10.3), with the errors and the urgent octet of sockets (RFC 6093).

use super::emit;
use super::state::State;
use super::tcb::Tcb;
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::socket::RecvFlags;

impl Tcb {
    /// Sequence number of the next octet that the user reads.
    pub(crate) fn next_unread(&self) -> SeqNum {
        self.rcv.nxt.minus(u32::from(self.rcv.fin)).minus(self.incoming.len() as u32)
    }

    /// Octets between the user and the urgent octet, which is the one before RCV.UP. `None`: nothing is urgent ahead.
    pub(crate) fn urgent_mark(&self) -> Option<usize> {
        let octet = self.rcv.up?.minus(1);
        let unread = self.next_unread();
        octet.ge(unread).then(|| unread.distance(octet) as usize)
    }

    /// Whether the next octet is the urgent one, which is not part of the stream unless the user asked for that.
    pub(crate) fn urgent_is_next(&self) -> bool {
        self.urgent_mark() == Some(0) && !self.user.options.oob_inline && self.incoming.len() > 0
    }

    /// Octets up to the urgent one, where reading stops so that the user can find it.
    pub(crate) fn readable_to_mark(&self) -> usize {
        match self.urgent_mark() {
            Some(mark) if !self.user.options.oob_inline => mark.min(self.incoming.len()),
            Some(_) | None => self.incoming.len(),
        }
    }

    /// Whether a reader should be woken (Linux's `tcp_stream_is_readable`): `SO_RCVLOWAT` is there, or no more than a segment
    /// fits into the window, so that waiting for more would be in vain.
    pub(crate) fn is_worth_reading(&self) -> bool {
        let readable = self.incoming.len() - usize::from(self.urgent_is_next());
        readable >= self.user.options.rcv_lowat as usize || (readable > 0 && self.rcv.wnd() <= self.delayed_ack.full)
    }

    /// Whether no more text will come.
    pub(crate) const fn at_end(&self) -> bool {
        self.rcv.fin || self.user.shut_read || matches!(self.state(), State::Closed)
    }

    /// Hands text to the user. How many octets; 0 is the end.
    pub(crate) fn receive(&mut self, to: &mut [u8], flags: RecvFlags, fx: &mut Fx<'_>) -> Result<usize, Errno> {
        if flags.oob {
            return self.receive_urgent(to, flags);
        }
        if to.is_empty() && self.incoming.len() > 0 {
            return Ok(0);
        }
        let mut skipped = usize::from(self.urgent_is_next());
        if !flags.peek {
            self.incoming.consume(core::mem::take(&mut skipped), &mut fx.host.rings);
        }
        let mut readable = self.incoming.len() - skipped;
        if let Some(mark) = self.urgent_mark()
            && mark > 0
        {
            // Reading stops at the mark, so that the user can find it.
            readable = readable.min(mark);
        }
        if readable == 0 {
            self.rcv.fin_waits &= flags.peek;
            return self.nothing_to_receive(fx);
        }
        let len = readable.min(to.len());
        let state = self.state();
        fx.cite_in(rules::RECEIVE_DATA, state);
        let read = if flags.trunc { len } else { self.incoming.peek(skipped, &mut to[..len]) };
        if !flags.peek {
            self.incoming.consume(read, &mut fx.host.rings);
            self.tune_reading(fx);
            self.tell_window(fx);
            if self.incoming.len() == 0 {
                self.all_read(fx);
            }
        }
        Ok(read)
    }

    /// An error stays unread behind the peer's FIN: the end of the text comes first.
    fn nothing_to_receive(&mut self, fx: &mut Fx<'_>) -> Result<usize, Errno> {
        if !self.rcv.fin
            && let Some(error) = self.user.error.take()
        {
            return Err(error);
        }
        if self.at_end() {
            if self.state() == State::CloseWait {
                fx.cite(rules::RECEIVE_CLOSE_WAIT_EMPTY);
            }
            return Ok(0);
        }
        Err(Errno::EAGAIN)
    }

    /// `MSG_OOB`: the one urgent octet.
    fn receive_urgent(&mut self, to: &mut [u8], flags: RecvFlags) -> Result<usize, Errno> {
        if self.user.options.oob_inline {
            return Err(Errno::EINVAL);
        }
        let Some(mark) = self.urgent_mark().filter(|_| !self.rcv.up_read) else { return Err(Errno::EINVAL) };
        let Some(octet) = self.incoming.at(mark) else { return Err(Errno::EAGAIN) };
        if let Some(first) = to.first_mut() {
            *first = octet;
        }
        if !flags.peek {
            self.rcv.up_read = true;
        }
        Ok(to.len().min(1))
    }

    /// After reading: the peer hears of a window that was too small to use before.
    fn tell_window(&mut self, fx: &mut Fx<'_>) {
        let wanted = !(self.user.shut_read && fx.config().shut_reading_resets);
        if wanted && self.state().may_receive_text() && self.window_update_due(fx.config()) {
            fx.cite_in(rules::RECEIVE_ACK, self.state());
            emit::ack(self, fx);
        }
    }
}
