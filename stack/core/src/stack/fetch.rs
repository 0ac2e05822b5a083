//! A connection on its way into the cache.
//!
//! One of 100,000 lies in main memory, a dozen lines of it. An event that reads them as it comes to them waits for one after the
//! other; asked for together they arrive in little more time than the first.

use super::connection::Connection;
use core::hint::black_box;
use core::ptr::from_ref;

/// What is read of a part of a connection: the value, the part's address and its size.
type Word = (u64, usize, usize);

fn word<T>(part: &T, value: impl Into<u64>) -> Word {
    (value.into(), from_ref(part).addr(), size_of::<T>())
}

impl Connection {
    /// Reads a word of each line, to no other end than to have it.
    pub(super) fn fetch(&self) {
        black_box(self.words().into_iter().fold(0, |sum, (value, ..)| sum ^ value));
    }

    /// A word of each line, or nearly so, in the order in which the compiler has laid out the parts.
    fn words(&self) -> [Word; 14] {
        let tcb = &self.tcb;
        [
            word(&tcb.outgoing, tcb.outgoing.len() as u64),
            word(&tcb.incoming, tcb.incoming.size()),
            word(&tcb.snd.iss, tcb.snd.iss.0),
            word(&tcb.congestion.cwnd, tcb.congestion.cwnd),
            word(&tcb.recovery.duplicates, tcb.recovery.duplicates),
            word(&tcb.user, tcb.user.closed),
            word(&tcb.tuple.local, tcb.tuple.local.port()),
            word(&tcb.delayed_ack, tcb.delayed_ack.full),
            word(&tcb.receive_tuning, tcb.receive_tuning.is_some()),
            word(&tcb.path, tcb.path.is_some()),
            word(&tcb.totals.segs_in, tcb.totals.segs_in),
            word(&tcb.totals.bytes_received, tcb.totals.bytes_received),
            word(&tcb.account, tcb.account.is_some()),
            word(&self.serial, self.serial),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::host::Host;
    use crate::seq::SeqNum;
    use crate::stack::connection::Owner;
    use crate::tcp::tcb::{Origin, Tcb, Tuple};
    use alloc::collections::BTreeSet;
    use core::net::SocketAddr;

    /// Octets of a line, as on nearly all machines.
    const LINE: usize = 64;

    /// Which line a field lies in is the compiler's choice: who adds some may have to choose other words.
    #[test]
    fn nearly_every_line_has_a_word() {
        let host = Host::new(Config::rfc9293(), 1);
        let local: SocketAddr = "192.0.2.1:80".parse().unwrap();
        let tuple = Tuple { local, remote: local };
        let tcb = Tcb::on(&host, tuple, Origin::Active, SeqNum(0), host.default_options.clone());
        let connection = Connection::new(tcb, Owner::Nobody);
        let start = from_ref(&connection).addr();
        let line = |at: usize| (at - start) / LINE;
        let words = connection.words().into_iter();
        let within_one = words.filter(|(_, at, octets)| line(*at) == line(at + octets - 1));
        let lines: BTreeSet<usize> = within_one.map(|(_, at, _)| line(at)).collect();
        let all = size_of::<Connection>() / LINE;
        assert!(lines.len() + 2 >= all, "of {all} lines only these have a word: {lines:?}");
    }
}
