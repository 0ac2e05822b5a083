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
        OWED.take().unwrap_or_else(|| {
            self.with(|world| {
                world.pass(1);
                world.clock()
            })
        })
    }

    /// Makes a call on the stack's descriptors, and waits for its end.
    pub(crate) fn call(&self, call: &SysCall) -> Outcome<(i64, Vec<u8>)> {
        let reply = match self.with(|world| world.call(call)) {
            Reply::Pending => self.wait(),
            done @ Reply::Done { .. } => done,
        };
        match reply {
            Reply::Done { value: -1, errno, .. } => Err(errno),
            Reply::Done { value, data, .. } => Ok((value, data)),
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
