//! Bounded queues between threads: a fixed-capacity ring of heapless, one producer, one consumer.
//!
//! Sending and receiving are wait-free and never allocate. When the queue is full the item comes back to the
//! sender, who drops and counts it: nobody ever waits. The ends do not carry the capacity in their type, so that
//! only the place that makes a queue has to know it.

use heapless::spsc::{self, Queue};

/// The end that sends.
pub struct Producer<'a, T>(Box<dyn Sends<T> + Send + 'a>);

/// The end that receives.
pub struct Consumer<'a, T>(Box<dyn Receives<T> + Send + 'a>);

impl<T> Producer<'_, T> {
    /// Sends an item.
    ///
    /// # Errors
    ///
    /// The item itself, when the queue is full.
    pub fn enqueue(&mut self, item: T) -> Result<(), T> {
        self.0.enqueue(item)
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T> Consumer<'_, T> {
    /// Takes the oldest item.
    pub fn dequeue(&mut self) -> Option<T> {
        self.0.dequeue()
    }

    /// Looks at the oldest item and leaves it there.
    #[must_use]
    pub fn peek(&self) -> Option<&T> {
        self.0.peek()
    }

    /// How many items wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Makes a queue that holds `N - 1` items and lives as long as the process.
///
/// A gateway makes its few queues once at start-up; they are leaked on purpose, because threads that outlive a
/// scope need `'static` ends and the ring must not be freed under a real-time thread.
#[must_use]
pub fn channel<T: Send + 'static, const N: usize>() -> (Producer<'static, T>, Consumer<'static, T>) {
    let (producer, consumer) = Box::leak(Box::new(Queue::<T, N>::new())).split();
    (Producer(Box::new(producer)), Consumer(Box::new(consumer)))
}

trait Sends<T> {
    fn enqueue(&mut self, item: T) -> Result<(), T>;
    fn len(&self) -> usize;
}

impl<T, const N: usize> Sends<T> for spsc::Producer<'_, T, N> {
    fn enqueue(&mut self, item: T) -> Result<(), T> {
        spsc::Producer::enqueue(self, item)
    }

    fn len(&self) -> usize {
        spsc::Producer::len(self)
    }
}

trait Receives<T> {
    fn dequeue(&mut self) -> Option<T>;
    fn peek(&self) -> Option<&T>;
    fn len(&self) -> usize;
}

impl<T, const N: usize> Receives<T> for spsc::Consumer<'_, T, N> {
    fn dequeue(&mut self) -> Option<T> {
        spsc::Consumer::dequeue(self)
    }

    fn peek(&self) -> Option<&T> {
        spsc::Consumer::peek(self)
    }

    fn len(&self) -> usize {
        spsc::Consumer::len(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_gives_the_item_back() {
        let (mut sender, mut receiver) = channel::<u8, 3>();
        assert_eq!((sender.enqueue(1), sender.enqueue(2), sender.enqueue(3)), (Ok(()), Ok(()), Err(3)));
        assert_eq!(receiver.dequeue(), Some(1));
        assert_eq!(sender.enqueue(4), Ok(()));
        assert_eq!((receiver.peek(), receiver.len(), sender.len()), (Some(&2), 2, 2));
    }

    #[test]
    fn items_arrive_in_another_thread_in_order() {
        let (mut sender, mut receiver) = channel::<u32, 8>();
        let reader = std::thread::Builder::new().spawn(move || {
            let mut next = 0;
            while next < 1_000 {
                match receiver.dequeue() {
                    Some(item) => {
                        assert_eq!(item, next);
                        next += 1;
                    }
                    None => std::thread::yield_now(),
                }
            }
            assert!(receiver.is_empty());
        });
        for item in 0..1_000 {
            while sender.enqueue(item).is_err() {
                std::thread::yield_now();
            }
        }
        reader.unwrap().join().unwrap();
    }
}
