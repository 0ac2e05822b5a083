//! Proportional rate reduction (RFC 6937). In its slow-start part the window is rebuilt by a segment more than what arrived
//! only on ACKs that show no new loss, as RFC 9937 and Linux have it.

/// Variables of RFC 6937 3. All octets; a window that counts segments keeps multiples of the segment size.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Proportional {
    /// RecoverFS, the window before.
    pub(crate) prior: u32,
    /// prr_delivered
    delivered: u32,
    /// prr_out
    pub(crate) out: u32,
}

/// One ACK during a reduction.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrived {
    pub(crate) ssthresh: u32,
    /// pipe
    pub(crate) in_flight: u32,
    /// DeliveredData
    pub(crate) delivered: u32,
    /// SND.UNA advanced and nothing more was found lost.
    pub(crate) safe: bool,
    pub(crate) smss: u32,
    /// The unit of the window: one octet, or a segment.
    pub(crate) unit: u32,
}

impl Proportional {
    pub(crate) const fn new(prior: u32) -> Self {
        Self { prior, delivered: 0, out: 0 }
    }

    /// The window after an ACK.
    pub(crate) fn arrived(&mut self, ack: &Arrived) -> u32 {
        let unit = ack.unit.max(1);
        let ssthresh = ack.ssthresh / unit * unit;
        self.delivered = self.delivered.saturating_add(ack.delivered);
        let mut more = if ack.in_flight > ssthresh {
            let share = u64::from(ssthresh / unit) * u64::from(self.delivered / unit);
            let units = share.div_ceil(u64::from((self.prior / unit).max(1))) as u32;
            units.saturating_mul(unit).saturating_sub(self.out)
        } else {
            let conserved = self.delivered.saturating_sub(self.out).max(ack.delivered);
            let limit = if ack.safe { conserved + ack.smss } else { conserved };
            limit.min(ssthresh - ack.in_flight)
        };
        if self.out == 0 {
            // The first segment of a recovery goes out whatever the numbers say.
            more = more.max(ack.smss);
        }
        ack.in_flight.saturating_add(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends what the window admits, and returns how many segments that were.
    fn play(prr: &mut Proportional, pipe: &mut u32, ssthresh: u32, delivered: u32, safe: bool) -> u32 {
        *pipe -= delivered;
        let ack = Arrived { ssthresh, in_flight: *pipe, delivered, safe, smss: 1, unit: 1 };
        let sent = prr.arrived(&ack) - *pipe;
        prr.out += sent;
        *pipe += sent;
        sent
    }

    #[test]
    fn one_loss_of_a_hundred_halves_by_sending_on_every_second_ack() {
        // RFC 6937 4, first example: RecoverFS 20, ssthresh 10, one segment lost.
        let mut prr = Proportional::new(20);
        let mut pipe = 19;
        let sent: u32 = (0..19).map(|_| play(&mut prr, &mut pipe, 10, 1, false)).sum();
        assert_eq!(sent, 10, "ssthresh / RecoverFS of what arrived");
        assert_eq!(pipe, 10, "and the flight ends at ssthresh");
    }

    #[test]
    fn heavy_losses_rebuild_the_window_from_below_without_bursts() {
        // RFC 6937 4, second example: of 20 segments 15 are lost, the pipe falls below ssthresh at once.
        let mut prr = Proportional::new(20);
        let mut pipe = 5;
        let sent: u32 = (0..4).map(|_| play(&mut prr, &mut pipe, 10, 1, false)).sum();
        assert_eq!((sent, pipe), (4, 5), "as much as arrives, no more");
        assert_eq!(play(&mut prr, &mut pipe, 10, 1, true), 2, "one more on an ACK that shows no loss");
        assert_eq!(pipe, 6);
    }

    #[test]
    fn first_ack_sends_one_segment() {
        let mut prr = Proportional::new(20_000);
        let ack = Arrived { ssthresh: 10_000, in_flight: 19_000, delivered: 0, safe: false, smss: 1000, unit: 1 };
        assert_eq!(prr.arrived(&ack), 20_000);
    }

    #[test]
    fn window_of_segments_rounds_up_to_whole_ones() {
        let mut prr = Proportional::new(10_000);
        let mut ack = Arrived { ssthresh: 7000, in_flight: 8000, delivered: 3000, safe: false, smss: 1000, unit: 1000 };
        // ceil(3 * 7 / 10) = 3 segments of which none was sent.
        assert_eq!(prr.arrived(&ack), 11_000);
        ack.unit = 1;
        let mut prr = Proportional::new(10_000);
        assert_eq!(prr.arrived(&ack), 10_100);
    }
}
