//! Ephemeral ports (RFC 6056): the simple hash-based selection of its section 3.3.3.
//!
//! The search starts at an offset that depends on the destination and a secret, moved on by a counter, so that ports to one
//! destination follow each other while an outsider cannot tell the next one.

use super::isn::Secret;
use core::net::{IpAddr, SocketAddr};

/// Label of port offsets in [`Secret::hash`].
const PORT: u8 = 2;

/// The first port of `range` (first and last) that `is_free` accepts, from the offset on and round the range once. `remote`
/// is `None` for a port that is chosen before there is a destination. `None`: all are taken.
pub(crate) fn ephemeral(
    secret: &Secret,
    counter: &mut u32,
    range: (u16, u16),
    local: IpAddr,
    remote: Option<SocketAddr>,
    mut is_free: impl FnMut(u16) -> bool,
) -> Option<u16> {
    let (first, last) = range;
    let count = u32::from(last) - u32::from(first) + 1;
    let remote = remote.unwrap_or(SocketAddr::new(local, 0));
    let offset = secret.hash(PORT, SocketAddr::new(local, 0), remote) as u32;
    for _ in 0..count {
        let port = first + (offset.wrapping_add(*counter) % count) as u16;
        *counter = counter.wrapping_add(1);
        if is_free(port) {
            return Some(port);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use alloc::vec::Vec;

    #[test]
    fn every_port_of_the_range_is_found_once_and_then_none() {
        let secret = Secret::draw(&mut Random::new(7));
        let local = IpAddr::from([192, 0, 2, 1]);
        let remote = SocketAddr::from(([198, 51, 100, 1], 80));
        let (mut counter, mut taken) = (0, Vec::new());
        while let Some(port) =
            ephemeral(&secret, &mut counter, (5000, 5009), local, Some(remote), |port| !taken.contains(&port))
        {
            taken.push(port);
        }
        taken.sort_unstable();
        assert_eq!(taken, (5000..=5009).collect::<Vec<u16>>());
    }
}
