//! Addresses of an interface, and which neighbour a datagram goes to (RFC 1122 3.3.1.1, RFC 4861 5.2).

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

/// An address and the length of the prefix that its link shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    /// The host's address.
    pub address: IpAddr,
    /// Bits of the prefix.
    pub prefix: u8,
}

/// Why a text is no address with prefix. The caller is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address with prefix length, e.g. 192.0.2.1/24 or 2001:db8::1/64")]
pub struct BadAddress(String);

impl FromStr for InterfaceAddress {
    type Err = BadAddress;

    fn from_str(text: &str) -> Result<Self, BadAddress> {
        let bad = || BadAddress(text.to_owned());
        let (address, prefix) = text.split_once('/').ok_or_else(bad)?;
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let prefix: u8 = prefix.parse().map_err(|_| bad())?;
        if prefix > if address.is_ipv4() { 32 } else { 128 } {
            return Err(bad());
        }
        Ok(Self { address, prefix })
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl InterfaceAddress {
    /// Whether `other` is on this address's link.
    #[must_use]
    pub fn covers(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(ours), IpAddr::V4(other)) => {
                let host = 32 - u32::from(self.prefix);
                (ours.to_bits() ^ other.to_bits()).checked_shr(host).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(other)) => {
                let host = 128 - u32::from(self.prefix);
                (ours.to_bits() ^ other.to_bits()).checked_shr(host).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Where datagrams go: neighbours on the link directly, everything else by a gateway.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// Own addresses; their prefixes are on the link.
    pub addresses: Vec<InterfaceAddress>,
    /// At most one of each family is used, the first.
    pub gateways: Vec<IpAddr>,
}

impl Routes {
    /// The neighbour that datagrams to `destination` are handed to. `None`: there is no route.
    #[must_use]
    pub fn next_hop(&self, destination: IpAddr) -> Option<IpAddr> {
        let link_local = matches!(destination, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if link_local || self.addresses.iter().any(|address| address.covers(destination)) {
            return Some(destination);
        }
        self.gateways.iter().copied().find(|gateway| gateway.is_ipv4() == destination.is_ipv4())
    }

    /// Whether `address` is the host's own.
    #[must_use]
    pub fn is_ours(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|ours| ours.address == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("192.0.2.1")]
    #[case("192.0.2.1/33")]
    #[case("2001:db8::1/129")]
    #[case("host/8")]
    fn bad_addresses_are_refused(#[case] text: &str) {
        assert_eq!(text.parse::<InterfaceAddress>(), Err(BadAddress(text.to_owned())));
    }

    #[rstest]
    #[case("192.0.2.77", Some("192.0.2.77"))]
    #[case("198.51.100.1", Some("192.0.2.254"))]
    #[case("2001:db8::5", Some("2001:db8::5"))]
    #[case("2001:db8:1::5", None)]
    #[case("fe80::5", Some("fe80::5"))]
    fn next_hop_is_the_neighbour_or_the_gateway(#[case] destination: &str, #[case] hop: Option<&str>) {
        let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
        let routes = Routes {
            addresses: ["192.0.2.1/24", "2001:db8::1/64"].map(|text| text.parse().expect("an address")).to_vec(),
            gateways: vec![ip("192.0.2.254")],
        };
        assert_eq!(routes.next_hop(ip(destination)), hop.map(ip));
    }

    #[rstest]
    #[case("0.0.0.0/0", "255.1.2.3", true)]
    #[case("192.0.2.1/32", "192.0.2.1", true)]
    #[case("192.0.2.1/32", "192.0.2.2", false)]
    #[case("::/0", "2001:db8::1", true)]
    #[case("::/0", "192.0.2.1", false)]
    fn prefixes_of_any_length_cover(#[case] ours: &str, #[case] other: &str, #[case] covered: bool) {
        let ours: InterfaceAddress = ours.parse().expect("an address");
        assert_eq!(ours.covers(other.parse().expect("an address")), covered);
    }
}
