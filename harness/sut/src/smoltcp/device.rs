//! A device of two queues.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;
use std::collections::VecDeque;

/// Datagrams that arrive and that leave.
pub(super) struct Queues {
    pub(super) arriving: VecDeque<Vec<u8>>,
    pub(super) leaving: VecDeque<Vec<u8>>,
    pub(super) mtu: usize,
}

impl Queues {
    pub(super) fn new(mtu: usize) -> Self {
        Self { arriving: VecDeque::new(), leaving: VecDeque::new(), mtu }
    }
}

pub(super) struct Received(Vec<u8>);
pub(super) struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, octets: usize, write: F) -> R {
        let mut datagram = vec![0; octets];
        let result = write(&mut datagram);
        self.0.push_back(datagram);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        Some((Received(self.arriving.pop_front()?), Sending(&mut self.leaving)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.leaving))
    }
}
