//! The functions of the table, by kind. Each finds the world behind the table's `userdata`.

mod clock;
mod link;
pub(crate) mod options;
mod readiness;
mod sockets;
mod transfer;

use crate::interface::Interface;
use crate::preload;
use crate::shared::Shared;
use nix::libc::c_void;
use std::sync::Arc;

/// The world that a table belongs to.
///
/// # Safety
/// `userdata` is that of a table made by [`table`] whose `free` was not called.
unsafe fn shared(userdata: *mut c_void) -> Arc<Shared> {
    let pointer = userdata.cast_const().cast::<Shared>();
    // SAFETY: the pointer came from `Arc::into_raw`, and the table still holds that reference.
    unsafe {
        Arc::increment_strong_count(pointer);
        Arc::from_raw(pointer)
    }
}

/// The table for a world.
pub(crate) fn table(world: Arc<Shared>) -> Interface {
    Interface {
        userdata: Arc::into_raw(world).cast_mut().cast(),
        free,
        socket: sockets::socket,
        bind: sockets::bind,
        listen: sockets::listen,
        accept: sockets::accept,
        connect: sockets::connect,
        read: transfer::read,
        readv: transfer::readv,
        recv: transfer::recv,
        recvfrom: transfer::recvfrom,
        recvmsg: transfer::recvmsg,
        write: transfer::write,
        writev: transfer::writev,
        send: transfer::send,
        sendto: transfer::sendto,
        sendmsg: transfer::sendmsg,
        fcntl: options::fcntl,
        ioctl: options::ioctl,
        close: sockets::close,
        shutdown: sockets::shutdown,
        getsockopt: options::getsockopt,
        setsockopt: options::setsockopt,
        poll: readiness::poll,
        netdev_send: link::netdev_send,
        netdev_receive: link::netdev_receive,
        usleep: clock::usleep,
        gettimeofday: clock::gettimeofday,
        epoll_create: readiness::epoll_create,
        epoll_ctl: readiness::epoll_ctl,
        epoll_wait: readiness::epoll_wait,
        pipe: transfer::pipe,
        splice: transfer::splice,
    }
}

/// Gives the world up. Descriptors that are open stay so: whoever uses the table closes what it was given.
///
/// # Safety
/// As [`shared`]; the table is not used again.
unsafe extern "C" fn free(userdata: *mut c_void) {
    // SAFETY: the reference that the table held.
    let world = unsafe { Arc::from_raw(userdata.cast_const().cast::<Shared>()) };
    preload::forget_all(&world);
}
