//! Memory for packets that wait: one block, taken at start, in pieces of equal size.
//!
//! Two streams fill and leave it in turns, so a ring would be held up by its oldest packet. Chains of pieces have no
//! such order, and no hole is ever too small.

/// Bytes of a piece. A usual packet of speech has 40 to 200.
const PIECE: usize = 64;

/// Ends a chain.
const NONE: u32 = u32::MAX;

/// A packet's place. Not `Copy`: what is given back cannot be read again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slot {
    first: u32,
    len: usize,
}

/// The memory. Never grows.
#[derive(Debug)]
pub(super) struct PacketStore {
    bytes: Box<[u8]>,
    /// Next piece of the same packet, or of the free list.
    next: Box<[u32]>,
    free: u32,
    /// Pieces in the free list, and those behind `fresh`.
    left: usize,
    /// Pieces from here on have never been used: memory that is not needed is not touched.
    fresh: u32,
}

impl PacketStore {
    /// Room for `bytes` of packets.
    pub(super) fn new(bytes: usize) -> Self {
        let pieces = bytes.div_ceil(PIECE).min(NONE as usize - 1);
        Self {
            bytes: vec![0; pieces * PIECE].into_boxed_slice(),
            next: vec![0; pieces].into_boxed_slice(),
            free: NONE,
            left: pieces,
            fresh: 0,
        }
    }

    /// Keeps a copy of `packet`; `None` when there is no room.
    pub(super) fn put(&mut self, packet: &[u8]) -> Option<Slot> {
        if packet.len().div_ceil(PIECE) > self.left {
            return None;
        }
        let mut first = NONE;
        // From the last piece to the first, so that each knows the one behind it.
        for part in packet.chunks(PIECE).rev() {
            let piece = self.take_piece();
            self.piece_mut(piece).iter_mut().zip(part).for_each(|(to, from)| *to = *from);
            self.link(piece, first);
            first = piece;
        }
        Some(Slot { first, len: packet.len() })
    }

    /// Copies a packet into `out` and frees its memory; the part of `out` that it fills.
    pub(super) fn take<'a>(&mut self, slot: Slot, out: &'a mut [u8]) -> &'a [u8] {
        let len = slot.len.min(out.len());
        let mut piece = slot.first;
        for part in out.get_mut(..len).unwrap_or_default().chunks_mut(PIECE) {
            part.iter_mut().zip(self.piece_mut(piece)).for_each(|(to, from)| *to = *from);
            piece = self.after(piece);
        }
        self.free(slot);
        out.get(..len).unwrap_or_default()
    }

    /// Frees a packet's memory.
    #[expect(clippy::needless_pass_by_value, reason = "a slot that was freed must be gone")]
    pub(super) fn free(&mut self, slot: Slot) {
        let mut piece = slot.first;
        for _ in 0..slot.len.div_ceil(PIECE) {
            let behind = self.after(piece);
            self.link(piece, self.free);
            self.free = piece;
            self.left += 1;
            piece = behind;
        }
    }

    fn take_piece(&mut self) -> u32 {
        self.left = self.left.saturating_sub(1);
        if self.free == NONE {
            self.fresh += 1;
            return self.fresh - 1;
        }
        let piece = self.free;
        self.free = self.after(piece);
        piece
    }

    fn piece_mut(&mut self, piece: u32) -> &mut [u8] {
        let start = piece as usize * PIECE;
        self.bytes.get_mut(start..start + PIECE).unwrap_or_default()
    }

    fn after(&self, piece: u32) -> u32 {
        self.next.get(piece as usize).copied().unwrap_or(NONE)
    }

    fn link(&mut self, piece: u32, behind: u32) {
        if let Some(next) = self.next.get_mut(piece as usize) {
            *next = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_full_store_refuses_and_has_room_again_when_packets_leave() {
        let mut store = PacketStore::new(4 * PIECE);
        let large = store.put(&[1; 3 * PIECE]).unwrap();
        let small = store.put(&[2; 10]).unwrap();
        assert_eq!(store.put(&[3]), None);
        store.free(large);
        let other = store.put(&[4; 2 * PIECE + 1]).unwrap();
        let mut out = [0; 1_000];
        assert_eq!(store.take(small, &mut out), [2; 10]);
        assert_eq!(store.take(other, &mut out), [4; 2 * PIECE + 1]);
        assert_eq!(store.left, 4);
    }

    proptest! {
        #[test]
        fn packets_come_back_as_they_were_put_whatever_the_order(
            steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>(), 1_usize..400), 1..200),
        ) {
            let mut store = PacketStore::new(40 * PIECE);
            let mut kept: Vec<(Slot, Vec<u8>)> = Vec::new();
            for (n, (put, which, len)) in (0_u8..=255).cycle().zip(steps) {
                if put {
                    let packet = vec![n; len];
                    if let Some(slot) = store.put(&packet) {
                        kept.push((slot, packet));
                    }
                } else if !kept.is_empty() {
                    let (slot, packet) = kept.remove(which.index(kept.len()));
                    let mut out = [0; 400];
                    prop_assert_eq!(store.take(slot, &mut out), packet);
                }
            }
            for (slot, _) in kept {
                store.free(slot);
            }
            prop_assert_eq!(store.left, 40);
        }
    }
}
