//! The TUN device that is the SUT's only way to the world.

use super::environment;
use super::netlink::{Message, Netlink, family_bits};
use halfopen_engine::sut::{Setup, SutError};
use halfopen_script::test::Family;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;
use nix::sys::uio::writev;
use std::io::IoSlice;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::time::Duration;

/// Name of the device; scripts' commands say `dev tun0`.
pub(super) const NAME: &str = "tun0";

/// VIRTIO_NET_HDR_GSO_TCPV4 and VIRTIO_NET_HDR_GSO_TCPV6
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const IFA_F_NODAD: u32 = 0x02;
const IFA_FLAGS: u16 = 8;
const RTNH_F_ONLINK: u32 = 4;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const VETH_INFO_PEER: u16 = 1;

nix::ioctl_write_ptr_bad!(tun_set_iff, nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()), libc::ifreq);
nix::ioctl_write_int_bad!(tun_set_offload, nix::request_code_write!(b'T', 208, size_of::<libc::c_uint>()));
nix::ioctl_write_int_bad!(tun_set_persist, nix::request_code_write!(b'T', 203, size_of::<libc::c_int>()));

/// An open TUN device.
#[derive(Debug)]
pub(super) struct Tun {
    fd: OwnedFd,
    /// Interface index.
    pub(super) index: u32,
    /// Datagrams pass with a header of the device before them.
    offload: bool,
    /// See [`Setup::train`].
    train: Option<u16>,
}

/// Checksums, TCP segmentation over IPv4 and IPv6, also with ECN: TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6, TUN_F_TSO_ECN.
const OFFLOADS: libc::c_int = 1 | 2 | 4 | 8;

impl Tun {
    /// Makes the device in the calling thread's namespace. Unless the test wants offloads the kernel sends whole
    /// datagrams of at most the MTU with full checksums.
    pub(super) fn create(offload: bool, train: Option<u16>) -> Result<Self, SutError> {
        let path = "/dev/net/tun";
        let fd = open(path, OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| environment(path, errno))?;
        // SAFETY: `ifreq` is plain data for which all zeros is a value.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(NAME.bytes()) {
            *to = from as libc::c_char;
        }
        let header = if offload { libc::IFF_VNET_HDR } else { 0 };
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | header) as libc::c_short;
        // SAFETY: TUNSETIFF reads and writes one `ifreq`, which `request` is.
        unsafe { tun_set_iff(fd.as_raw_fd(), &request) }.map_err(|errno| environment("TUNSETIFF tun0", errno))?;
        // A persistent device goes with its namespace; otherwise close() would remove it, and wait 20 ms for that.
        // SAFETY: TUNSETPERSIST takes its argument as a number.
        unsafe { tun_set_persist(fd.as_raw_fd(), 1) }.map_err(|errno| environment("TUNSETPERSIST tun0", errno))?;
        if offload {
            // SAFETY: TUNSETOFFLOAD takes its argument as a number.
            unsafe { tun_set_offload(fd.as_raw_fd(), OFFLOADS) }
                .map_err(|errno| environment("TUNSETOFFLOAD tun0", errno))?;
        }
        let index = if_nametoindex(NAME).map_err(|errno| environment("index of tun0", errno))?;
        Ok(Self { fd, index, offload, train })
    }

    /// Brings the device and the loopback up, with the addresses, MTU and route of the test.
    pub(super) fn configure(&self, setup: &Setup) -> Result<(), SutError> {
        let netlink = Netlink::open()?;
        let (local, prefix) = setup.local;
        let (family, _) = family_bits(local);
        netlink.request("lo up", link(1))?;
        let up = link(self.index).attribute(libc::IFLA_MTU, &setup.mtu.to_ne_bytes());
        netlink.request(&format!("tun0 up with an MTU of {}", setup.mtu), up)?;
        let address = Message::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
            .octets(&[family, prefix, 0, 0])
            .word(self.index)
            .address(libc::IFA_LOCAL, local)
            .address(libc::IFA_ADDRESS, local)
            .attribute(IFA_FLAGS, &IFA_F_NODAD.to_ne_bytes());
        netlink.request(&format!("address {local}/{prefix} of tun0"), address)?;
        let (remote, prefix) = setup.remote;
        let network = masked(remote, prefix);
        // Only for a gateway elsewhere: one on the link may even be the SUT itself, as in packetdrill's own runner.
        let elsewhere = masked(setup.gateway, setup.local.1) != masked(local, setup.local.1);
        let route = Message::new(libc::RTM_NEWROUTE, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
            .octets(&[family, prefix, 0, 0])
            .octets(&[libc::RT_TABLE_MAIN, libc::RTPROT_STATIC, libc::RT_SCOPE_UNIVERSE, libc::RTN_UNICAST])
            .word(if elsewhere { RTNH_F_ONLINK } else { 0 })
            .address(libc::RTA_DST, network)
            .address(libc::RTA_GATEWAY, setup.gateway)
            .attribute(libc::RTA_OIF, &self.index.to_ne_bytes());
        netlink.request(&format!("route {network}/{prefix} via {}", setup.gateway), route)?;
        if setup.family == Family::V6 { wait_until_local(&netlink, local) } else { Ok(()) }
    }

    /// Hands the kernel a datagram as if it came over the wire. The kernel has dealt with it when this returns.
    pub(super) fn inject(&self, datagram: &[u8]) -> Result<(), SutError> {
        let header = self.header(datagram);
        let parts = [IoSlice::new(&header[..if self.offload { header.len() } else { 0 }]), IoSlice::new(datagram)];
        loop {
            match writev(&self.fd, &parts) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(Errno::EINVAL) => {
                    return Err(SutError::Unsupported(
                        "a TUN device takes no datagram whose first octet has neither IP version 4 nor 6".to_owned(),
                    ));
                }
                Err(errno) => return Err(environment("injecting through tun0", errno)),
            }
        }
    }

    /// The device's own header: nothing is left to do, or the datagram is a train of segments.
    fn header(&self, datagram: &[u8]) -> [u8; 10] {
        // virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset, in the host's order.
        let mut header = [0; 10];
        let Some(mss) = self.train.filter(|mss| text_of(datagram) > usize::from(*mss)) else { return header };
        let [_, kind, ..] = &mut header;
        *kind = if datagram[0] >> 4 == 4 { GSO_TCPV4 } else { GSO_TCPV6 };
        header[4..6].copy_from_slice(&mss.to_ne_bytes());
        header
    }

    /// The next datagram in the device's queue; `None` when there is none.
    pub(super) fn read(&self, room: &mut [u8]) -> Option<usize> {
        nix::unistd::read(&self.fd, room).ok()
    }

    /// Waits until there is something to read, or for so long.
    pub(super) fn await_readable(&self, most: Duration) {
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        // A signal or a fault ends the wait early, which whoever reads the clock sees.
        let _ = ppoll(&mut fds, Some(TimeSpec::from_duration(most)), None);
    }

    /// Empties the device's queue. What is in it was captured on its way in.
    pub(super) fn drain(&self) {
        // One octet of room: the rest of the datagram is thrown away.
        let mut room = [0; 1];
        while nix::unistd::read(&self.fd, &mut room).is_ok() {}
    }

    /// The descriptor, to be closed by somebody else.
    pub(super) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

/// Brings an interface up with an MTU.
pub(super) fn up(index: u32, mtu: u32) -> Result<(), SutError> {
    let up = link(index).attribute(libc::IFLA_MTU, &mtu.to_ne_bytes());
    Netlink::open()?.request(&format!("interface {index} up with an MTU of {mtu}"), up)
}

/// Makes a veth pair and brings both ends up. Index and hardware address of the first.
pub(super) fn veth_pair(first: &str, second: &str, mtu: u32) -> Result<(u32, [u8; 6]), SutError> {
    // ifinfomsg: nothing is asked of the peer but its name.
    let peer = Message::part().octets(&[0; 16]).attribute(libc::IFLA_IFNAME, second.as_bytes()).into_octets();
    let data = Message::part().attribute(VETH_INFO_PEER, &peer).into_octets();
    let kind = Message::part().attribute(IFLA_INFO_KIND, b"veth").attribute(IFLA_INFO_DATA, &data).into_octets();
    let pair = Message::new(libc::RTM_NEWLINK, libc::NLM_F_CREATE | libc::NLM_F_EXCL)
        .octets(&[0; 16])
        .attribute(libc::IFLA_IFNAME, first.as_bytes())
        .attribute(libc::IFLA_LINKINFO, &kind);
    Netlink::open()?.request("a veth pair", pair)?;
    let index = |name: &str| if_nametoindex(name).map_err(|errno| environment(&format!("index of {name}"), errno));
    up(index(first)?, mtu)?;
    up(index(second)?, mtu)?;
    Ok((index(first)?, hardware_address(first)?))
}

/// The hardware address of an interface of the calling thread's namespace.
fn hardware_address(name: &str) -> Result<[u8; 6], SutError> {
    let bad = || SutError::Environment(format!("{name} has no hardware address"));
    let addresses = nix::ifaddrs::getifaddrs().map_err(|errno| environment("getifaddrs", errno))?;
    let mut links = addresses.filter(|address| address.interface_name == name).filter_map(|address| address.address);
    links.find_map(|address| address.as_link_addr().and_then(|link| link.addr())).ok_or_else(bad)
}

/// An RTM_NEWLINK that brings an interface up.
fn link(index: u32) -> Message {
    // ifinfomsg: family, pad, type, index, flags, mask of flags.
    let up = libc::IFF_UP as u32;
    Message::new(libc::RTM_NEWLINK, 0).word(0).word(index).word(up).word(up)
}

/// The kernel makes an IPv6 address local in a work queue, even without duplicate address detection.
fn wait_until_local(netlink: &Netlink, address: IpAddr) -> Result<(), SutError> {
    for _ in 0..100_000 {
        if netlink.is_local(address)? {
            return Ok(());
        }
        super::pause(50_000);
    }
    Err(SutError::Environment(format!("{address} of tun0 did not become local within five seconds")))
}

/// Octets of text in a TCP segment without extension headers; 0 for anything else.
fn text_of(datagram: &[u8]) -> usize {
    let (header, protocol) = match datagram.first().map(|first| first >> 4) {
        Some(4) => (usize::from(datagram[0] & 0xf) * 4, datagram.get(9)),
        Some(6) => (40, datagram.get(6)),
        _ => return 0,
    };
    let offset = datagram.get(header + 12).map_or(0, |octet| usize::from(octet >> 4) * 4);
    if protocol == Some(&6) { datagram.len().saturating_sub(header + offset) } else { 0 }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(&[0x45, 0, 0, 0, 0, 0, 0, 0, 0, 6], 20)]
    #[case(&[0x60, 0, 0, 0, 0, 0, 6], 40)]
    fn text_is_what_lies_behind_both_headers(#[case] start: &[u8], #[case] header: usize) {
        let mut datagram = start.to_vec();
        datagram.resize(header + 24 + 7, 0);
        datagram[header + 12] = 0x60;
        assert_eq!(text_of(&datagram), 7);
        datagram[start.len() - 1] = 58;
        assert_eq!(text_of(&datagram), 0, "no TCP");
        assert_eq!(text_of(&[]), 0);
    }

    #[rstest]
    #[case("192.0.2.1", 24, "192.0.2.0")]
    #[case("192.0.2.1", 0, "0.0.0.0")]
    #[case("192.0.2.1", 32, "192.0.2.1")]
    #[case("2001:db8:1::1", 32, "2001:db8::")]
    #[case("2001:db8::1", 0, "::")]
    fn networks_have_no_host_bits(#[case] address: &str, #[case] prefix: u8, #[case] network: &str) {
        let parse = |text: &str| -> IpAddr { text.parse().expect("an address") };
        assert_eq!(masked(parse(address), prefix), parse(network));
    }
}
