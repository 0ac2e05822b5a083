//! `sendmsg` and `recvmsg` with their buffers and control data.

use super::clock::Clock;
use halfopen_engine::call::{Control, Part, Reply, Room, Target};
use nix::errno::Errno;
use nix::libc::{self, c_int};
use nix::sys::socket::{SockaddrLike as _, SockaddrStorage};
use std::ptr::null_mut;

/// Parts lie this far apart: no two on one page.
const PAGE: usize = 4096;

/// What a call sends. With MSG_ZEROCOPY the kernel sends these very octets, later too, so they outlive the call.
#[derive(Debug)]
pub(super) struct Buffers {
    octets: Vec<u8>,
    /// Where each part begins (`None`: NULL), and its octets.
    parts: Vec<(Option<usize>, usize)>,
}

impl Buffers {
    pub(super) fn new(parts: &[Part]) -> Self {
        let (mut octets, mut places) = (Vec::new(), Vec::new());
        for part in parts {
            if part.null {
                places.push((None, part.data.len()));
                continue;
            }
            places.push((Some(octets.len()), part.data.len()));
            octets.extend(&part.data);
            // At least one octet between two parts, or the kernel would take them for one.
            octets.resize((octets.len() + 1).next_multiple_of(PAGE), 0);
        }
        Self { octets, parts: places }
    }

    fn vector(&self) -> Vec<libc::iovec> {
        let base = |at: Option<usize>| at.map_or(null_mut(), |at| self.octets[at..].as_ptr().cast_mut().cast());
        self.parts.iter().map(|&(at, iov_len)| libc::iovec { iov_base: base(at), iov_len }).collect()
    }
}

/// `sendmsg`; on what is no socket `writev`.
pub(super) fn send(
    fd: c_int,
    buffers: &Buffers,
    flags: c_int,
    to: Option<Target>,
    control: &[Control],
    socket: bool,
) -> Reply {
    let mut vector = buffers.vector();
    if !socket {
        // SAFETY: the vector's parts live in `buffers`, or are null, which the kernel refuses.
        return returned(unsafe { libc::writev(fd, vector.as_ptr(), vector.len() as c_int) });
    }
    let mut address = to.map(|to| match to {
        Target::Address(address) => SockaddrStorage::from(address),
        Target::Unspecified => unspecified(),
    });
    // SAFETY: `msghdr` is plain data for which all zeros is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    if let Some(address) = &mut address {
        header.msg_namelen = if to == Some(Target::Unspecified) { IPV4_ADDRESS } else { address.len() };
        header.msg_name = std::ptr::from_mut(address).cast();
    }
    (header.msg_iov, header.msg_iovlen) = (vector.as_mut_ptr(), vector.len() as _);
    // Control data is aligned to eight octets.
    let mut words = laid_out(control);
    if !words.is_empty() {
        (header.msg_control, header.msg_controllen) = (words.as_mut_ptr().cast(), (8 * words.len()) as _);
    }
    // SAFETY: the header's pointers lead to the address, the vector and the control data, which live until the call returns; what the kernel
    // reads after that it has pinned.
    returned(unsafe { libc::sendmsg(fd, &raw const header, flags | libc::MSG_NOSIGNAL) })
}

/// Octets of `struct sockaddr_in`.
const IPV4_ADDRESS: libc::socklen_t = size_of::<libc::sockaddr_in>() as libc::socklen_t;

/// An address of the family AF_UNSPEC.
pub(super) fn unspecified() -> SockaddrStorage {
    // SAFETY: `sockaddr_in` is plain data for which all zeros is a value.
    let mut address: libc::sockaddr_in = unsafe { std::mem::zeroed() };
    address.sin_family = libc::AF_INET as libc::sa_family_t;
    // SAFETY: `address` is a valid `sockaddr_in` of that many octets.
    let storage = unsafe { SockaddrStorage::from_raw((&raw const address).cast(), Some(IPV4_ADDRESS)) };
    let mut storage = storage.expect("the family is AF_INET");
    // SAFETY: the storage holds a `sockaddr`, whose first member is the family; zero is AF_UNSPEC.
    unsafe { (*std::ptr::from_mut(&mut storage).cast::<libc::sockaddr>()).sa_family = libc::AF_UNSPEC as _ };
    storage
}

/// `connect` to AF_UNSPEC.
pub(super) fn disconnect(fd: c_int) -> Reply {
    let address = unspecified();
    // SAFETY: the address has at least that many octets.
    returned(unsafe { libc::connect(fd, std::ptr::from_ref(&address).cast(), IPV4_ADDRESS) } as isize)
}

/// `recvmsg`; on what is no socket `readv`.
pub(super) fn receive(fd: c_int, rooms: &[Room], control: usize, flags: c_int, socket: bool) -> Reply {
    let mut buffers: Vec<Vec<u8>> = rooms.iter().map(|room| vec![0; if room.null { 0 } else { room.len }]).collect();
    let base = |room: &Room, buffer: &mut Vec<u8>| if room.null { null_mut() } else { buffer.as_mut_ptr().cast() };
    let pairs = rooms.iter().zip(&mut buffers);
    let mut vector: Vec<libc::iovec> =
        pairs.map(|(room, buffer)| libc::iovec { iov_base: base(room, buffer), iov_len: room.len }).collect();
    // Control data is aligned to eight octets.
    let mut room = vec![0u64; control.div_ceil(8)];
    // SAFETY: `msghdr` is plain data for which all zeros is a value.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (vector.as_mut_ptr(), vector.len() as _);
    if control > 0 {
        (header.msg_control, header.msg_controllen) = (room.as_mut_ptr().cast(), control as _);
    }
    let length = if socket {
        // SAFETY: the header's pointers lead to the vector, whose buffers have as many octets as it says, and to `control` octets.
        unsafe { libc::recvmsg(fd, &raw mut header, flags) }
    } else {
        // SAFETY: the vector's buffers have as many octets as it says, or are null, which the kernel refuses.
        unsafe { libc::readv(fd, vector.as_ptr(), vector.len() as c_int) }
    };
    if length < 0 {
        return Reply::errno(Errno::last_raw());
    }
    let mut data = buffers.concat();
    // MSG_TRUNC tells how much there was, and on TCP copies nothing.
    let copied = if flags & libc::MSG_TRUNC == 0 { length.cast_unsigned().min(data.len()) } else { 0 };
    data.truncate(copied);
    let octets: Vec<u8> = room.iter().flat_map(|word| word.to_ne_bytes()).collect();
    let control = elements(&octets[..(header.msg_controllen as usize).min(octets.len())]);
    Reply::Message { value: length as i64, data, flags: header.msg_flags, control }
}

fn returned(value: isize) -> Reply {
    if value < 0 { Reply::errno(Errno::last_raw()) } else { Reply::value(value as i64) }
}

/// Octets of `struct cmsghdr`.
const HEADER: usize = 16;

/// Control data as the kernel takes it.
fn laid_out(control: &[Control]) -> Vec<u64> {
    let mut octets = Vec::new();
    for element in control {
        octets.extend((HEADER + element.data.len()).to_ne_bytes());
        octets.extend(element.level.to_ne_bytes());
        octets.extend(element.kind.to_ne_bytes());
        octets.extend(&element.data);
        octets.resize(octets.len().next_multiple_of(8), 0);
    }
    octets.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().expect("eight octets"))).collect()
}

/// The elements of control data.
fn elements(mut octets: &[u8]) -> Vec<Control> {
    let mut list = Vec::new();
    while let Some(header) = octets.first_chunk::<HEADER>() {
        let length = usize::from_ne_bytes(header[..8].try_into().expect("eight octets"));
        let Some(data) = octets.get(HEADER..length) else { break };
        let word = |at: usize| i32::from_ne_bytes(header[at..at + 4].try_into().expect("four octets"));
        list.push(Control { level: word(8), kind: word(12), data: data.to_vec() });
        octets = octets.get(length.next_multiple_of(8)..).unwrap_or_default();
    }
    list
}

/// Puts the kernel's times on the clock of the test.
pub(super) fn on_clock(reply: &mut Reply, clock: &Clock) {
    let Reply::Message { control, .. } = reply else { return };
    let stamps = |element: &&mut Control| (element.level, element.kind) == (libc::SOL_SOCKET, libc::SCM_TIMESTAMPING);
    for element in control.iter_mut().filter(stamps) {
        for time in element.data.chunks_exact_mut(16) {
            let word = |at: usize| i64::from_ne_bytes(time[at..at + 8].try_into().expect("eight octets"));
            let realtime = word(0) * 1_000_000_000 + word(8);
            if realtime == 0 {
                continue;
            }
            let at = clock.realtime(realtime);
            time[..8].copy_from_slice(&at.div_euclid(1_000_000).to_ne_bytes());
            time[8..].copy_from_slice(&(at.rem_euclid(1_000_000) * 1000).to_ne_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_on_pages_of_their_own() {
        let part = |len| Part { data: vec![7; len], null: false };
        let null = Part { data: vec![0; 9], null: true };
        let buffers = Buffers::new(&[part(1), part(0), null, part(PAGE), part(2)]);
        let places: Vec<_> = buffers.parts.iter().map(|(at, len)| (at.map(|at| at / PAGE), *len)).collect();
        assert_eq!(places, [(Some(0), 1), (Some(1), 0), (None, 9), (Some(2), PAGE), (Some(4), 2)]);
        assert!(buffers.vector()[2].iov_base.is_null());
    }

    #[test]
    fn control_data_is_taken_apart() {
        let list =
            [Control { level: 6, kind: 36, data: vec![1, 2, 3, 4] }, Control { level: 1, kind: 37, data: vec![5; 8] }];
        let octets: Vec<u8> = laid_out(&list).iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(octets[..8], 20u64.to_ne_bytes(), "the length has the header in it, and no padding");
        assert_eq!(octets[8..20], [6i32.to_ne_bytes(), 36i32.to_ne_bytes(), [1, 2, 3, 4]].concat());
        assert_eq!(elements(&octets), list);
        assert_eq!(elements(&octets[..30]).len(), 1, "what is cut off is none");
    }
}
