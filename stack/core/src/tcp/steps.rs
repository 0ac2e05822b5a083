//! How many elements the loops over what a connection holds have looked at: what a fuzzer asks bounds of (SegmentSmack).
//!
//! Counted with debug assertions only; without them this is nothing, and takes neither time nor memory. The counts lie where the elements do, so
//! that a connection that holds nothing is as small as ever, and begin anew with them.

#[cfg(debug_assertions)]
use core::sync::atomic::{AtomicU32, Ordering};

/// Looks at elements of one collection, modulo 2^32. Equal to any other: it is no part of what a connection is.
#[derive(Debug, Default)]
pub(crate) struct Steps(#[cfg(debug_assertions)] AtomicU32);

impl Steps {
    pub(crate) const fn new() -> Self {
        Self(
            #[cfg(debug_assertions)]
            AtomicU32::new(0),
        )
    }

    /// So many elements were looked at.
    #[cfg(debug_assertions)]
    pub(crate) fn add(&self, elements: usize) {
        self.0.fetch_add(elements as u32, Ordering::Relaxed);
    }

    /// So many elements were looked at.
    #[cfg(not(debug_assertions))]
    pub(crate) const fn add(&self, _elements: usize) {}

    /// All that were looked at.
    #[cfg(debug_assertions)]
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    /// All that were looked at.
    #[cfg(not(debug_assertions))]
    pub(crate) const fn count(&self) -> u32 {
        0
    }
}

impl Clone for Steps {
    fn clone(&self) -> Self {
        let new = Self::new();
        new.add(self.count() as usize);
        new
    }
}

impl PartialEq for Steps {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Steps {}
