//! Segments ahead of RCV.NXT as Linux holds them: a red-black tree in sequence order, whose shape shows. Of two segments that a third one
//! overlaps or follows, the one that stands higher is met first, and that may end the search ([`super::reports`]).
//!
//! Balance is kept as in every textbook: a red node has black children, and every way down meets as many black ones.

use crate::seq::SeqNum;
use alloc::vec::Vec;

/// Segments that are held; a peer that sends more in pieces hears of fewer duplicates.
pub(crate) const MOST_SEGMENTS: usize = 64;

/// The two sides of a node.
pub(crate) const LEFT: usize = 0;
pub(crate) const RIGHT: usize = 1;

/// A segment, or several that were appended to each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Held {
    pub(crate) seq: SeqNum,
    /// The number behind it. A FIN has one.
    pub(crate) end: SeqNum,
    pub(crate) fin: bool,
    /// Octets of text that can be appended.
    pub(crate) room: u32,
}

/// A node, or none.
pub(crate) type Link = Option<u8>;

#[derive(Debug, Clone, PartialEq)]
struct Node {
    held: Held,
    parent: Link,
    children: [Link; 2],
    red: bool,
}

/// The tree. Nodes are named by their index, which they keep until a node is removed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SegmentTree {
    nodes: Vec<Node>,
    free: Vec<u8>,
    root: Link,
}

impl SegmentTree {
    pub(crate) const fn root(&self) -> Link {
        self.root
    }

    pub(crate) fn is_full(&self) -> bool {
        self.nodes.len() - self.free.len() == MOST_SEGMENTS
    }

    pub(crate) fn held(&self, node: u8) -> Held {
        self.node(node).held
    }

    pub(crate) fn set(&mut self, node: u8, held: Held) {
        self.node_mut(node).held = held;
    }

    pub(crate) fn child(&self, node: u8, side: usize) -> Link {
        self.node(node).children[side]
    }

    /// The first segment (`LEFT`) or the last one (`RIGHT`).
    pub(crate) fn outermost(&self, side: usize) -> Link {
        self.root.map(|root| self.outermost_below(root, side))
    }

    /// The segment behind `node`.
    pub(crate) fn next(&self, node: u8) -> Link {
        if let Some(right) = self.child(node, RIGHT) {
            return Some(self.outermost_below(right, LEFT));
        }
        let mut at = node;
        while let Some(parent) = self.node(at).parent {
            if self.side(at, parent) == LEFT {
                return Some(parent);
            }
            at = parent;
        }
        None
    }

    /// A new node below `parent`, where there is none yet, or at the root.
    pub(crate) fn insert(&mut self, held: Held, parent: Link, side: usize) -> u8 {
        let node = Node { held, parent, children: [None; 2], red: true };
        let new = self.free.pop().unwrap_or(self.nodes.len() as u8);
        match self.nodes.get_mut(usize::from(new)) {
            Some(free) => *free = node,
            None => self.nodes.push(node),
        }
        self.hang(parent, side, Some(new));
        self.balance_red(new);
        new
    }

    /// Removes a node. Another one may have its name then, but none that stands before it.
    pub(crate) fn remove(&mut self, node: u8) {
        let mut gone = node;
        if let [Some(_), Some(right)] = self.node(node).children {
            gone = self.outermost_below(right, LEFT);
            self.set(node, self.held(gone));
        }
        let Node { parent, children: [left, right], red, .. } = *self.node(gone);
        let side = parent.map_or(LEFT, |parent| self.side(gone, parent));
        let child = left.or(right);
        self.hang(parent, side, child);
        match child {
            // An only child is red.
            Some(child) => self.paint(child, false),
            None if !red => self.balance_black(parent, side),
            None => {}
        }
        self.free.push(gone);
    }

    fn node(&self, node: u8) -> &Node {
        &self.nodes[usize::from(node)]
    }

    fn node_mut(&mut self, node: u8) -> &mut Node {
        &mut self.nodes[usize::from(node)]
    }

    fn outermost_below(&self, node: u8, side: usize) -> u8 {
        let mut at = node;
        while let Some(child) = self.child(at, side) {
            at = child;
        }
        at
    }

    fn side(&self, node: u8, parent: u8) -> usize {
        usize::from(self.child(parent, RIGHT) == Some(node))
    }

    fn is_red(&self, node: Link) -> bool {
        node.is_some_and(|node| self.node(node).red)
    }

    fn paint(&mut self, node: u8, red: bool) {
        self.node_mut(node).red = red;
    }

    /// Makes `child` the child of `parent` on `side`, or the root.
    fn hang(&mut self, parent: Link, side: usize, child: Link) {
        match parent {
            Some(parent) => self.node_mut(parent).children[side] = child,
            None => self.root = child,
        }
        if let Some(child) = child {
            self.node_mut(child).parent = parent;
        }
    }

    /// `node` goes down to `side`, and its child on the other side takes its place.
    fn rotate(&mut self, node: u8, side: usize) {
        let Some(rising) = self.child(node, 1 - side) else { return };
        let parent = self.node(node).parent;
        let of_parent = parent.map_or(LEFT, |parent| self.side(node, parent));
        self.hang(Some(node), 1 - side, self.child(rising, side));
        self.hang(parent, of_parent, Some(rising));
        self.hang(Some(rising), side, Some(node));
    }

    /// A red node may have a red parent.
    fn balance_red(&mut self, new: u8) {
        let mut node = new;
        while let Some(mut parent) = self.node(node).parent.filter(|parent| self.node(*parent).red) {
            // The root is black, so that a red node has a parent.
            let Some(above) = self.node(parent).parent else { break };
            let side = self.side(parent, above);
            let uncle = self.child(above, 1 - side);
            if let Some(uncle) = uncle.filter(|uncle| self.node(*uncle).red) {
                self.paint(parent, false);
                self.paint(uncle, false);
                self.paint(above, true);
                node = above;
                continue;
            }
            if self.side(node, parent) != side {
                self.rotate(parent, side);
                (node, parent) = (parent, node);
            }
            self.paint(parent, false);
            self.paint(above, true);
            self.rotate(above, 1 - side);
        }
        if let Some(root) = self.root {
            self.paint(root, false);
        }
    }

    /// The ways down from `parent` to `side` meet one black node less than others.
    fn balance_black(&mut self, mut parent: Link, mut side: usize) {
        while let Some(above) = parent {
            let Some(mut sibling) = self.child(above, 1 - side) else { return };
            if self.node(sibling).red {
                self.paint(sibling, false);
                self.paint(above, true);
                self.rotate(above, side);
                let Some(other) = self.child(above, 1 - side) else { return };
                sibling = other;
            }
            if !self.is_red(self.child(sibling, 1 - side)) {
                let Some(inner) = self.child(sibling, side).filter(|inner| self.node(*inner).red) else {
                    self.paint(sibling, true);
                    if self.node(above).red {
                        self.paint(above, false);
                        return;
                    }
                    parent = self.node(above).parent;
                    side = parent.map_or(LEFT, |parent| self.side(above, parent));
                    continue;
                };
                self.paint(inner, false);
                self.paint(sibling, true);
                self.rotate(sibling, 1 - side);
                sibling = inner;
            }
            self.paint(sibling, self.node(above).red);
            self.paint(above, false);
            if let Some(outer) = self.child(sibling, 1 - side) {
                self.paint(outer, false);
            }
            self.rotate(above, side);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use alloc::vec;

    fn held(seq: u32) -> Held {
        Held { seq: SeqNum(seq), end: SeqNum(seq + 1), fin: false, room: 0 }
    }

    /// Puts `seq` where it belongs.
    fn insert(tree: &mut SegmentTree, seq: u32) {
        let (mut parent, mut side, mut at) = (None, LEFT, tree.root());
        while let Some(node) = at {
            side = usize::from(seq > tree.held(node).seq.0);
            (parent, at) = (at, tree.child(node, side));
        }
        tree.insert(held(seq), parent, side);
    }

    fn find(tree: &SegmentTree, seq: u32) -> Link {
        let mut at = tree.outermost(LEFT);
        while let Some(node) = at.filter(|node| tree.held(*node).seq.0 != seq) {
            at = tree.next(node);
        }
        at
    }

    fn numbers(tree: &SegmentTree) -> Vec<u32> {
        let (mut all, mut at) = (Vec::new(), tree.outermost(LEFT));
        while let Some(node) = at {
            all.push(tree.held(node).seq.0);
            at = tree.next(node);
        }
        all
    }

    /// Black nodes on every way down, which are as many on each.
    fn black(tree: &SegmentTree, at: Link) -> u32 {
        let Some(node) = at else { return 0 };
        let below: Vec<u32> = [LEFT, RIGHT].map(|side| black(tree, tree.child(node, side))).into();
        assert_eq!(below[0], below[1], "below {:?}", tree.held(node));
        for child in tree.node(node).children.into_iter().flatten() {
            assert_eq!(tree.node(child).parent, at);
            assert!(!(tree.node(node).red && tree.node(child).red), "two red nodes");
        }
        below[0] + u32::from(!tree.node(node).red)
    }

    #[test]
    fn random_changes_keep_order_and_balance() {
        for seed in 0..if cfg!(miri) { 4 } else { 300 } {
            let mut random = Random::new(seed);
            let (mut tree, mut all) = (SegmentTree::default(), vec![]);
            for _ in 0..200 {
                let seq = random.next_u32() % 100;
                match find(&tree, seq) {
                    Some(node) => tree.remove(node),
                    None if tree.is_full() => continue,
                    None => insert(&mut tree, seq),
                }
                match all.binary_search(&seq) {
                    Ok(at) => _ = all.remove(at),
                    Err(at) => all.insert(at, seq),
                }
                assert_eq!(numbers(&tree), all, "seed {seed}");
                assert!(!tree.is_red(tree.root()), "seed {seed}");
                black(&tree, tree.root());
            }
        }
    }

    #[test]
    fn the_tree_turns_as_it_grows_and_shrinks() {
        let mut tree = SegmentTree::default();
        let root = |tree: &SegmentTree| tree.root().map(|root| tree.held(root).seq.0);
        let mut roots = vec![];
        for seq in 1..=8 {
            insert(&mut tree, seq);
            roots.push(root(&tree).unwrap());
        }
        assert_eq!(roots, [1, 1, 2, 2, 2, 2, 2, 4]);
        for (seq, expected) in [(4, 5), (5, 6), (1, 6), (2, 6), (3, 7)] {
            tree.remove(find(&tree, seq).unwrap());
            assert_eq!(root(&tree), Some(expected), "without {seq}");
        }
    }
}
