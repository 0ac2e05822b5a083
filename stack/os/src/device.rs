//! Devices of this machine that carry the stack's octets: a TUN device, or a packet socket on an Ethernet interface.
//!
//! A TUN device is made for as long as it is open, or attached to when somebody made it before; it is never made persistent.
//! An interface is only listened to: its addresses, routes and flags are left alone.

use crate::ethernet::Mac;
use crate::vnet;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::libc;
use nix::net::if_::if_nametoindex;
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockType, SockaddrLike as _, bind, socket};
use nix::sys::stat::Mode;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// The longest frame: a datagram of 65,535 octets in its Ethernet header, or one more of IPv6's fixed header.
pub const LONGEST: usize = 65_535 + 40 + 14;
/// Octets that the kernel may hold for a packet socket.
const RECEIVE_BUFFER: libc::c_int = 8 << 20;
/// `PACKET_IGNORE_OUTGOING` of Linux 4.20.
const PACKET_IGNORE_OUTGOING: libc::c_int = 23;
/// `PACKET_VNET_HDR` of Linux 2.6.27.
const PACKET_VNET_HDR: libc::c_int = 15;

mod requests {
    #![allow(missing_docs, reason = "the macros leave no place for them")]
    #![allow(unreachable_pub, reason = "the macros make public functions")]
    use nix::libc;

    nix::ioctl_write_ptr_bad!(tun_set_iff, nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()), libc::ifreq);
    nix::ioctl_read_bad!(get_mtu, libc::SIOCGIFMTU, libc::ifreq);
    nix::ioctl_read_bad!(get_mac, libc::SIOCGIFHWADDR, libc::ifreq);
}

use requests::{get_mac, get_mtu, tun_set_iff};

/// Why a device cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {errno}{hint}")]
pub struct DeviceError {
    /// What was tried.
    pub what: String,
    /// What the kernel said.
    pub errno: Errno,
    hint: &'static str,
}

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// The kernel has it.
    Yes,
    /// It has no room at present.
    Full,
    /// It refused it: the interface is down, or the frame too long.
    Refused,
}

/// An open device.
#[derive(Debug)]
pub struct Device {
    fd: OwnedFd,
    name: String,
    /// Of the interface, on Ethernet.
    mac: Option<Mac>,
}

impl Device {
    /// Attaches to the TUN device of this name, making it if there is none.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn tun(name: &str) -> Result<Self, DeviceError> {
        let path = "/dev/net/tun";
        let fd = open(path, OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
            .map_err(|errno| failed(path.to_owned(), errno))?;
        let mut request = request(name)?;
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short;
        // SAFETY: TUNSETIFF reads and writes one `ifreq`, which `request` is.
        unsafe { tun_set_iff(fd.as_raw_fd(), &raw const request) }
            .map_err(|errno| failed(format!("TUN device {name}"), errno))?;
        Ok(Self { fd, name: name.to_owned(), mac: None })
    }

    /// Listens on the Ethernet interface of this name.
    ///
    /// # Errors
    /// What the kernel refuses, or an interface that is no Ethernet.
    pub fn ethernet(name: &str) -> Result<Self, DeviceError> {
        let index = if_nametoindex(name).map_err(|errno| failed(format!("interface {name}"), errno))?;
        let fd = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
            .map_err(|errno| failed("packet socket".to_owned(), errno))?;
        set(&fd, libc::SOL_PACKET, PACKET_VNET_HDR, 1)?;
        set(&fd, libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)?;
        // Root of a user namespace makes do with what net.core.rmem_max allows.
        set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER)
            .or_else(|_| set(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER))?;
        bind(fd.as_raw_fd(), &link_address(index)).map_err(|errno| failed(format!("listening on {name}"), errno))?;
        let mac = hardware_address(name)?;
        Ok(Self { fd, name: name.to_owned(), mac: Some(mac) })
    }

    /// The interface's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The hardware address that the host has on Ethernet: the interface's own with one bit turned over, so that the kernel at
    /// our end takes nothing of ours for its own. Absent on TUN.
    #[must_use]
    pub fn host_mac(&self) -> Option<Mac> {
        self.mac.map(|Mac(mut octets)| {
            octets[0] |= 2;
            octets[1] ^= 0x40;
            Mac(octets)
        })
    }

    /// The interface's MTU.
    ///
    /// # Errors
    /// The interface has gone.
    pub fn mtu(&self) -> Result<usize, DeviceError> {
        let mut request = request(&self.name)?;
        let any = datagram_socket()?;
        // SAFETY: SIOCGIFMTU reads the name of one `ifreq` and writes its `ifru_mtu`.
        unsafe { get_mtu(any.as_raw_fd(), &raw mut request) }
            .map_err(|errno| failed(format!("MTU of {}", self.name), errno))?;
        // SAFETY: that is the member which the call wrote.
        Ok(unsafe { request.ifr_ifru.ifru_mtu }.unsigned_abs() as usize)
    }

    /// Reads one frame (Ethernet) or datagram (TUN) into the front of `room`. `None`: there is none at present.
    ///
    /// # Errors
    /// The device has gone.
    pub fn read(&mut self, room: &mut [u8]) -> Result<Option<usize>, Errno> {
        loop {
            let mut header = [0; vnet::HEADER];
            let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(room)];
            match nix::sys::uio::readv(&self.fd, &mut parts) {
                Ok(length) => {
                    let length = length.saturating_sub(vnet::HEADER);
                    if vnet::complete(header, &mut room[..length]) {
                        return Ok(Some(length));
                    }
                }
                Err(Errno::EAGAIN) => return Ok(None),
                // An interface that goes down says so once; when it is up again frames come again.
                Err(Errno::EINTR | Errno::ENETDOWN) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Writes one frame, given as header (empty on TUN) and payload.
    ///
    /// # Errors
    /// The device has gone.
    pub fn write(&mut self, header: &[u8], payload: &[u8]) -> Result<Written, Errno> {
        let nothing = [0; vnet::HEADER];
        let parts = [IoSlice::new(&nothing), IoSlice::new(header), IoSlice::new(payload)];
        loop {
            return match nix::sys::uio::writev(&self.fd, &parts) {
                Ok(_) => Ok(Written::Yes),
                Err(Errno::EAGAIN) => Ok(Written::Full),
                Err(Errno::EINTR) => continue,
                // EIO is TUN's word for an interface that is down.
                Err(Errno::EIO | Errno::ENETDOWN | Errno::ENOBUFS | Errno::EMSGSIZE | Errno::EINVAL) => {
                    Ok(Written::Refused)
                }
                Err(errno) => Err(errno),
            };
        }
    }
}

impl AsFd for Device {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn hardware_address(name: &str) -> Result<Mac, DeviceError> {
    let mut request = request(name)?;
    let any = datagram_socket()?;
    // SAFETY: SIOCGIFHWADDR reads the name of one `ifreq` and writes its `ifru_hwaddr`.
    unsafe { get_mac(any.as_raw_fd(), &raw mut request) }
        .map_err(|errno| failed(format!("hardware address of {name}"), errno))?;
    // SAFETY: that is the member which the call wrote.
    let address = unsafe { request.ifr_ifru.ifru_hwaddr };
    if address.sa_family != libc::ARPHRD_ETHER {
        return Err(DeviceError { what: name.to_owned(), errno: Errno::EPROTOTYPE, hint: ": it is no Ethernet" });
    }
    Ok(Mac(std::array::from_fn(|i| address.sa_data[i].cast_unsigned())))
}

/// Any socket will do to ask about interfaces.
fn datagram_socket() -> Result<OwnedFd, DeviceError> {
    socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)
        .map_err(|errno| failed("socket".to_owned(), errno))
}

fn request(name: &str) -> Result<libc::ifreq, DeviceError> {
    // SAFETY: `ifreq` is plain data for which all zeros is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.is_empty() || name.len() >= request.ifr_name.len() {
        return Err(failed(format!("`{name}` as the name of an interface"), Errno::EINVAL));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    Ok(request)
}

fn set(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> Result<(), DeviceError> {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: each of these options reads one int, which `value` is.
    let result = unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    Errno::result(result).map(drop).map_err(|errno| failed(format!("option {name} of a packet socket"), errno))
}

fn link_address(index: u32) -> LinkAddr {
    // SAFETY: `sockaddr_ll` is plain data for which all zeros is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index.cast_signed();
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a valid `sockaddr_ll` of `length` octets.
    unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }.expect("the family is AF_PACKET")
}

#[expect(clippy::wildcard_enum_match_arm, reason = "errnos are an open set")]
fn failed(what: String, errno: Errno) -> DeviceError {
    let hint = match errno {
        Errno::EPERM => ": it needs CAP_NET_ADMIN and CAP_NET_RAW in this network namespace (root, or `unshare -rn`)",
        Errno::ENODEV | Errno::ENXIO => ": there is no such interface in this network namespace",
        Errno::ENOENT => ": load the module `tun`, in a container give it the device",
        Errno::EBUSY => ": another process has it",
        _ => "",
    };
    DeviceError { what, errno, hint }
}
