//! The receive window: its size, its scale, and when it moves (RFC 9293 3.8.6, RFC 7323 2).

use super::tcb::{Origin, Tcb};
use crate::config::Config;
use crate::socket::Options;

/// Largest shift count (RFC 7323 2.3).
pub(crate) const MAX_SHIFT: u8 = 14;

/// Octets of receive buffer, all of which can be offered.
pub(crate) fn buffer(options: &Options, config: &Config) -> u32 {
    let octets = options.rcv_buf.unwrap_or_else(|| config.window_of_buffer(config.tcp_rmem[1]));
    if options.window_clamp > 0 { octets.min(options.window_clamp) } else { octets }
}

/// The shift count to offer: the smallest with which the largest buffer that this socket can have is expressible.
pub(crate) fn scale(options: &Options, config: &Config) -> u8 {
    let mut largest = match options.rcv_buf {
        Some(octets) => octets,
        None => config.tcp_rmem[2].max(config.tcp_rmem[1]),
    };
    if options.window_clamp > 0 {
        largest = largest.min(options.window_clamp);
    }
    let mut shift = 0;
    while shift < MAX_SHIFT && largest >> shift > u32::from(u16::MAX) {
        shift += 1;
    }
    shift
}

impl Tcb {
    /// Sets the first window, which goes out unscaled on the SYN.
    pub(crate) fn open_window(&mut self, config: &Config) {
        let octets = self.incoming.size();
        // Whether segments will have timestamps nobody knows when the SYN goes out.
        let options = if self.origin == Origin::Active { 0 } else { self.timestamps.octets() };
        let segment = self.rcv.mss.saturating_sub(options).max(1);
        // Linux takes the whole of it for offered, whatever the field can say: no update tells of the rest, the next segment does.
        let octets = match config.initial_window_in_segments {
            true if octets > segment => octets - octets % segment,
            true => octets,
            false => octets.min(u32::from(u16::MAX)),
        };
        self.rcv.edge = self.rcv.nxt.plus(octets.min(u32::from(u16::MAX) << self.rcv.shift));
    }

    /// How far right the edge may be: what the buffer holds and the window field can say.
    fn room(&self, config: &Config) -> u32 {
        self.incoming.room().min(self.most_window(config)).min(u32::from(u16::MAX) << self.rcv.shift)
    }

    /// What `tcp_app_win` leaves of the buffer as it was at first: the rest is the application's. One that has grown is all window.
    fn most_window(&self, config: &Config) -> u32 {
        let size = self.incoming.size();
        let segment = self.rcv.mss.saturating_sub(self.timestamps.octets());
        if config.tcp_app_win == 0 || size != buffer(&self.user.options, config) || size <= 2 * segment {
            return size;
        }
        let share = if size > 4 * segment { size.checked_shr(config.tcp_app_win).unwrap_or(0) } else { 0 };
        // At least a segment, but two stay.
        size - share.max(segment).min(size - 2 * segment)
    }

    /// The least movement of the edge that is worth telling: `min(Fr * RCV.BUFF, Eff.snd.MSS)` with Fr = 1/2
    /// (RFC 9293 3.8.6.2.2).
    fn worthwhile(&self) -> u32 {
        (self.incoming.size() / 2).min(self.rcv.mss).max(1)
    }

    /// Moves the right edge if the buffer allows a worthwhile step; never to the left (SHLD-14).
    pub(crate) fn advance_edge(&mut self, config: &Config) {
        let current = self.rcv.wnd();
        let room = self.room(config);
        if room > current && room - current >= self.worthwhile() {
            self.rcv.edge = self.rcv.nxt.plus(room);
        }
    }

    /// SEG.WND for the next segment: the window as the peer will read it. A scaled field is rounded up, because rounding
    /// down would move the edge that was offered before to the left; what is offered is what is accepted. Once the buffer
    /// is full beyond its size it is rounded down, lest single octets move the edge on for ever (RFC 7323 2.4).
    pub(crate) fn window_field(&mut self, syn: bool, config: &Config) -> u16 {
        if syn {
            return self.rcv.wnd().min(u32::from(u16::MAX)) as u16;
        }
        self.advance_edge(config);
        let shift = self.rcv.shift;
        let full = self.incoming.len() as u32 > self.incoming.size();
        let field = if full { self.rcv.wnd() >> shift } else { self.rcv.wnd().div_ceil(1 << shift) };
        let field = field.min(u32::from(u16::MAX));
        let offered = field << shift;
        if offered > self.rcv.wnd() {
            self.rcv.edge = self.rcv.nxt.plus(offered);
        }
        field as u16
    }

    /// After the user has read: whether the peer should hear of the new window at once. It should when the window was too
    /// small for a segment and is not any more, or has at least doubled.
    pub(crate) fn window_update_due(&self, config: &Config) -> bool {
        let current = self.rcv.wnd();
        let room = self.room(config);
        room > current && room - current >= self.worthwhile() && (current < self.worthwhile() || room / 2 >= current)
    }
}
