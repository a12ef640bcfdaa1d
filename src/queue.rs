//! Bounded queues between threads: a fixed-capacity ring of heapless, one producer, one consumer.
//!
//! Sending and receiving are wait-free and never allocate. When the queue is full the item comes back to the
//! sender, who drops and counts it: nobody ever waits.

use heapless::spsc::Queue;
pub use heapless::spsc::{Consumer, Producer};

/// Makes a queue that holds `N - 1` items and lives as long as the process.
///
/// A gateway makes its few queues once at start-up; they are leaked on purpose, because threads that outlive a
/// scope need `'static` ends and the ring must not be freed under a real-time thread.
#[must_use]
pub fn channel<T: 'static, const N: usize>() -> (Producer<'static, T>, Consumer<'static, T>) {
    Box::leak(Box::new(Queue::<T, N>::new())).split()
}
