//! One [`World`] between packetdrill's two threads: one runs the script, the other makes the calls that block.
//!
//! A call blocks in a futex, so that packetdrill sees its thread asleep. When the call ends, its thread may run much later
//! than the script's, which can have moved the clock on by then; so the thread is told the time of the call's end the next time
//! it asks for the time.

use crate::flags::Flags;
use crate::preload;
use crate::world::World;
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::Micros;
use nix::libc::c_int;
use std::cell::Cell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Real time without any call from outside after which a call that blocks moves the clock itself: then packetdrill waits for
/// its end, and nobody else will. packetdrill waits for one second.
const IDLE: Duration = Duration::from_millis(300);

/// Real time that the thread of a call that has ended gets to take packetdrill's lock, which the other thread wants as well.
const COURTESY: Duration = Duration::from_millis(2);

thread_local! {
    /// The time that this thread is to see next.
    static OWED: Cell<Option<Micros>> = const { Cell::new(None) };
}

/// A world and who waits for it.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    changed: Condvar,
}

/// A call's value, or an errno number.
pub(crate) type Outcome<T> = Result<T, i32>;

impl Shared {
    pub(crate) fn new(flags: Flags) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(World::new(flags)), changed: Condvar::new() })
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the world. Who waits looks again.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        world.activity += 1;
        let result = act(&mut world);
        drop(world);
        self.changed.notify_all();
        result
    }

    /// The time, after a call that blocked the time of its end.
    pub(crate) fn clock(&self) -> Micros {
        let owed = OWED.take();
        self.with(|world| match owed {
            Some(at) => {
                world.ended = false;
                at
            }
            None => {
                world.pass(1);
                world.clock()
            }
        })
    }

    /// Lets time pass, and a call that ends meanwhile end for packetdrill too before its script goes on.
    pub(crate) fn sleep(&self, micros: Micros) {
        self.settle();
        self.with(|world| world.pass(micros));
        self.settle();
    }

    /// Waits for the thread of a call that has ended. packetdrill sleeps without its lock, so the thread can finish.
    fn settle(&self) {
        let mut world = self.lock();
        if !world.ended {
            return;
        }
        while world.ended {
            let (guard, timeout) = self.changed.wait_timeout(world, IDLE).unwrap_or_else(PoisonError::into_inner);
            world = guard;
            if timeout.timed_out() {
                world.ended = false;
            }
        }
        let asleep = self.changed.wait_timeout_while(world, COURTESY, |_| true);
        drop(asleep.unwrap_or_else(PoisonError::into_inner));
    }

    /// Makes a call on the stack's descriptors, and waits for its end.
    pub(crate) fn call(&self, call: &SysCall) -> Outcome<(i64, Vec<u8>)> {
        let reply = match self.with(|world| world.call(call)) {
            Reply::Pending => self.wait(),
            done @ (Reply::Done { .. } | Reply::Message { .. }) => done,
        };
        match reply {
            Reply::Done { value: -1, errno, .. } => Err(errno),
            Reply::Done { value, data, .. } | Reply::Message { value, data, .. } => Ok((value, data)),
            Reply::Pending => unreachable!("a call that has ended"),
        }
    }

    fn wait(&self) -> Reply {
        let mut world = self.lock();
        loop {
            if let Some((at, reply)) = world.take_returned() {
                OWED.set(Some(at));
                return reply;
            }
            let seen = world.activity;
            let (guard, timeout) = self.changed.wait_timeout(world, IDLE).unwrap_or_else(PoisonError::into_inner);
            world = guard;
            if timeout.timed_out() && world.activity == seen {
                world.pass_until_returned();
            }
        }
    }

    /// The stack's descriptor of a socket.
    pub(crate) fn socket(&self, live: c_int) -> Outcome<i32> {
        self.with(|world| world.descriptors.socket(live)).map(|socket| socket.fd)
    }

    /// Opens a live descriptor; it is found by [`preload`] too.
    pub(crate) fn open(self: &Arc<Self>, object: crate::descriptors::Object) -> Outcome<c_int> {
        let live = self.with(|world| world.descriptors.open(object))?;
        preload::register(live, self);
        Ok(live)
    }
}
