//! The table of functions, called as packetdrill calls it.
#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "the table is C's")]

mod peer;

use halfopen_packetdrill::interface::Interface;
use nix::errno::Errno;
use nix::libc::{self, c_int};
use peer::{Ends, LOCAL, Peer};
use std::ptr::{null, null_mut};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

#[test]
fn handshake_takes_the_listeners_address_and_gives_real_descriptors() {
    let peer = Peer::new("profile=linux,seed=1");
    let listener = peer.listener();
    let connection = peer.accepted(listener);
    for fd in [listener, connection] {
        // SAFETY: no pointers.
        assert!(unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0, "{fd} is open in this process");
    }
    // SAFETY: the table is alive; closing the other one is left to libc, as packetdrill does.
    unsafe {
        assert_eq!((peer.table.close)(peer.table.userdata, connection), 0);
        assert_eq!((peer.table.close)(peer.table.userdata, connection), -1, "closed is closed");
        assert_eq!(Errno::last(), Errno::EBADF);
        assert_eq!(libc::close(listener), 0);
    }
    assert_eq!(peer.segment().flags, "F.");
}

#[test]
fn clock_advances_with_each_look_with_sleep_and_to_the_next_datagram() {
    let peer = Peer::new("");
    let first = peer.now();
    assert_eq!(peer.now() - first, 1);
    // SAFETY: the table is alive.
    unsafe { (peer.table.usleep)(peer.table.userdata, 500_000) };
    assert_eq!(peer.now() - first, 500_002);

    let listener = peer.listener();
    let connection = peer.accepted(listener);
    let sent_at = peer.now();
    assert_eq!(peer.write(connection, b"text"), 4);
    let (text, again) = (peer.segment(), peer.segment());
    assert_eq!((text.payload.as_slice(), text.at), (&b"text"[..], sent_at));
    assert_eq!(again.payload, b"text", "nobody has acknowledged it");
    assert!(again.at >= text.at + 200_000, "a tail loss probe or a timeout");
    assert_eq!(peer.now(), again.at + 1, "the clock has jumped there");
}

#[test]
fn silence_is_a_datagram_of_no_octets() {
    let peer = Peer::new("");
    let _listener = peer.listener();
    let mut buffer = [0_u8; 64];
    let (mut count, mut at) = (buffer.len(), 0);
    // SAFETY: all pointers are valid.
    let result =
        unsafe { (peer.table.netdev_receive)(peer.table.userdata, buffer.as_mut_ptr().cast(), &mut count, &mut at) };
    assert_eq!((result, count), (0, 0));
}

#[test]
fn segment_for_nobody_is_reset_without_any_socket() {
    let peer = Peer::new("");
    peer.inject(Ends::default().syn());
    let reset = peer.segment();
    assert_eq!((reset.flags, reset.seq, reset.ack), ("R.", 0, 1));
    assert_eq!(reset.source, LOCAL);
}

#[test]
fn call_that_blocks_sleeps_and_is_told_when_it_ended() {
    let peer = Peer::new("");
    let listener = peer.listener();
    let connection = peer.accepted(listener);
    let (tell, told) = mpsc::channel();
    let table = Shareable(peer.table);
    let reader = thread::spawn(move || {
        let table = table;
        let Shareable(table) = table;
        let mut buffer = [0_u8; 16];
        // SAFETY: the table outlives the thread, which is joined below.
        let read = unsafe { (table.read)(table.userdata, connection, buffer.as_mut_ptr().cast(), buffer.len()) };
        tell.send(()).expect("somebody listens");
        (read, buffer, peer::now(&table))
    });
    assert_eq!(told.recv_timeout(Duration::from_millis(50)), Err(mpsc::RecvTimeoutError::Timeout), "it blocks");
    let injected_at = peer.now();
    peer.inject(peer.ends().text(b"hello"));
    // SAFETY: the table is alive.
    unsafe { (peer.table.usleep)(peer.table.userdata, 10_000_000) };
    let (read, buffer, ended_at) = reader.join().expect("it returns");
    assert_eq!((read, &buffer[..5]), (5, &b"hello"[..]));
    assert_eq!(ended_at, injected_at, "not the time at which its thread ran");
}

#[test]
fn call_that_blocks_while_nobody_else_calls_moves_the_clock_itself() {
    let peer = Peer::new("");
    let listener = peer.listener();
    let mut entry = libc::pollfd { fd: listener, events: libc::POLLIN, revents: 7 };
    let start = peer.now();
    // SAFETY: all pointers are valid.
    let ready = unsafe { (peer.table.poll)(peer.table.userdata, &mut entry, 1, 60_000) };
    assert_eq!((ready, entry.revents), (0, 0));
    assert_eq!(peer.now() - start, 60_000_000);
}

#[test]
fn preloaded_getsockopt_answers_for_the_stack_and_for_the_kernel() {
    let peer = Peer::new("");
    let listener = peer.listener();
    let connection = peer.accepted(listener);
    let mut info = [0_u8; 280];
    let mut len = info.len() as libc::socklen_t;
    // This is the crate's own `getsockopt`: it is linked before libc's.
    // SAFETY: all pointers are valid.
    let got =
        unsafe { libc::getsockopt(connection, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut len) };
    assert_eq!((got, len, info[0]), (0, 280, 1), "TCP_ESTABLISHED");
    assert_eq!(info[80], 10, "snd_cwnd");
    let (kernels, _other) = std::os::unix::net::UnixStream::pair().expect("a socket of the kernel");
    let mut kind: c_int = 0;
    let mut len = size_of::<c_int>() as libc::socklen_t;
    // SAFETY: all pointers are valid.
    let got = unsafe {
        let fd = std::os::fd::AsRawFd::as_raw_fd(&kernels);
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, (&raw mut kind).cast(), &mut len)
    };
    assert_eq!((got, kind), (0, libc::SOCK_STREAM));
}

#[test]
fn faults_of_the_caller_are_errno_values() {
    let peer = Peer::new("");
    let listener = peer.listener();
    let connection = peer.accepted(listener);
    peer.inject(peer.ends().text(b"hello"));
    let Interface { userdata, read, write, socket, epoll_create, splice, .. } = peer.table;
    type Call<'a> = &'a dyn Fn() -> isize;
    // SAFETY: null pointers are what is tested.
    let table: [(&str, Call<'_>, Errno); 6] = unsafe {
        [
            ("null buffer to read into", &|| read(userdata, connection, null_mut(), 10), Errno::EFAULT),
            ("null buffer to write", &|| write(userdata, connection, null(), 10), Errno::EFAULT),
            ("no descriptor", &|| read(userdata, 9999, null_mut(), 10), Errno::EBADF),
            ("size of epoll", &|| epoll_create(userdata, 0) as isize, Errno::EINVAL),
            ("what is absent", &|| splice(userdata, 0, null_mut(), 1, null_mut(), 1, 0), Errno::ENOSYS),
            ("datagram socket", &|| socket(userdata, libc::AF_INET, libc::SOCK_DGRAM, 0) as isize, Errno::ENOSYS),
        ]
    };
    for (what, call, errno) in table {
        assert_eq!((call(), Errno::last()), (-1, errno), "{what}");
    }
    let mut buffer = [0_u8; 16];
    assert_eq!(peer.read(connection, &mut buffer), 5, "the fault took nothing off the queue");
}

#[test]
fn epoll_reports_an_edge_once() {
    let peer = Peer::new("");
    let listener = peer.listener();
    let connection = peer.accepted(listener);
    let both = (libc::EPOLLIN | libc::EPOLLOUT) as u32;
    let mut event = libc::epoll_event { events: both | libc::EPOLLET as u32, u64: 77 };
    let Interface { userdata, epoll_create, epoll_ctl, epoll_wait, .. } = peer.table;
    let wait = |epfd| {
        let mut event = libc::epoll_event { events: 0, u64: 0 };
        // SAFETY: all pointers are valid.
        let count = unsafe { epoll_wait(userdata, epfd, &mut event, 1, 0) };
        (count, event.events, event.u64)
    };
    // SAFETY: all pointers are valid.
    let (epfd, added) = unsafe {
        let epfd = epoll_create(userdata, 1);
        (epfd, epoll_ctl(userdata, epfd, libc::EPOLL_CTL_ADD, connection, &mut event))
    };
    assert_eq!(added, 0);
    assert_eq!(wait(epfd), (1, libc::EPOLLOUT as u32, 77));
    assert_eq!(wait(epfd), (0, 0, 0));
    peer.inject(peer.ends().text(b"hello"));
    assert_eq!(wait(epfd), (1, both, 77));
    assert_eq!(wait(epfd), (0, 0, 0));
}

#[test]
fn recvmsg_tells_what_is_left_when_asked() {
    let peer = Peer::new("");
    let listener = peer.listener();
    let connection = peer.accepted(listener);
    let on: c_int = 1;
    let Interface { userdata, setsockopt, recvmsg, .. } = peer.table;
    // SAFETY: all pointers are valid.
    assert_eq!(unsafe { setsockopt(userdata, connection, libc::IPPROTO_TCP, 36, (&raw const on).cast(), 4) }, 0);
    peer.inject(peer.ends().text(b"hello"));
    let (mut head, mut tail) = ([0_u8; 1], [0_u8; 2]);
    let mut vector = [
        libc::iovec { iov_base: head.as_mut_ptr().cast(), iov_len: 1 },
        libc::iovec { iov_base: tail.as_mut_ptr().cast(), iov_len: 2 },
    ];
    let mut control = [0_u64; 8];
    // SAFETY: all octets zero is a message header.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = vector.as_mut_ptr();
    message.msg_iovlen = vector.len();
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: all pointers are valid.
    assert_eq!(unsafe { recvmsg(userdata, connection, &mut message, 0) }, 3);
    assert_eq!((&head, &tail), (b"h", b"el"));
    // SAFETY: the call has filled in one control message.
    let (level, kind, left) = unsafe {
        let header = libc::CMSG_FIRSTHDR(&message);
        ((*header).cmsg_level, (*header).cmsg_type, libc::CMSG_DATA(header).cast::<c_int>().read_unaligned())
    };
    assert_eq!((level, kind, left), (libc::IPPROTO_TCP, 36, 2));
}

/// The table may be used from two threads, as packetdrill does.
#[derive(Clone, Copy)]
struct Shareable(Interface);
// SAFETY: what is behind the table is behind a mutex.
unsafe impl Send for Shareable {}

#[test]
fn flags_choose_the_profile() {
    for (flags, scale) in [("profile=linux", true), ("profile=rfc793", false)] {
        let peer = Peer::new(flags);
        let _listener = peer.listener();
        peer.inject(Ends::default().syn());
        assert_eq!(peer.segment().scaled, scale, "{flags}");
    }
}
