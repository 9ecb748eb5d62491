//! Sorting that is compiled once. The standard library's sorts are fast and large, 6 to 9 KB for each type and order;
//! here indices are sorted instead, with a call for each comparison, and the items follow.

use super::partial_sort::partial_sort;
use std::cmp::Ordering;
use std::ops::Range;

/// Sorts indices as far as the places `wanted` go, see [`partial_sort`]. To sort them all `compare` must tell any two apart for
/// the result to be decided by it.
pub fn sort_indices(
    indices: &mut [usize],
    wanted: Range<usize>,
    mut compare: &mut dyn FnMut(&usize, &usize) -> Ordering,
) {
    if wanted.len() == indices.len() {
        // A tenth faster than ours, and here it is compiled for the one time.
        return indices.sort_unstable_by(compare);
    }
    partial_sort(indices, wanted, &mut compare);
}

/// Sorts `items`; those that compare the same stay in their order. O(n log n), and a word of memory for each.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let mut from: Vec<usize> = (0..items.len()).collect();
    let wanted = 0..from.len();
    sort_indices(&mut from, wanted, &mut |&a, &b| compare(&items[a], &items[b]).then(a.cmp(&b)));
    follow(items, from);
}

/// [`partial_sort`] of items of any type, for a part of them that is not the whole.
pub fn sort_part<T>(items: &mut [T], wanted: Range<usize>, compare: impl Fn(&T, &T) -> Ordering) {
    let mut from: Vec<usize> = (0..items.len()).collect();
    sort_indices(&mut from, wanted, &mut |&a, &b| compare(&items[a], &items[b]));
    follow(items, from);
}

/// Brings the item of each index in `from` to where the index stands.
fn follow<T>(items: &mut [T], mut from: Vec<usize>) {
    // Along each cycle of the permutation an item moves to where the one before it was.
    for start in 0..from.len() {
        let mut at = start;
        loop {
            let next = std::mem::replace(&mut from[at], at);
            if next == start {
                break;
            }
            items.swap(at, next);
            at = next;
        }
    }
}

/// [`sort_by`] what is computed of each item, anew for each comparison.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |a, b| key(a).cmp(&key(b)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Rng;

    #[test]
    fn items_are_sorted_and_equal_ones_keep_their_order() {
        let mut rng = Rng::new(3);
        for length in (0..60).chain([1000]) {
            let values = 1 + rng.below(length + 1);
            let items: Vec<(usize, Box<usize>)> = (0..length).map(|at| (rng.below(values), Box::new(at))).collect();
            let (mut ours, mut theirs) = (items.clone(), items.clone());
            sort_by_key(&mut ours, |item| item.0);
            theirs.sort_by_key(|item| item.0);
            assert_eq!(ours, theirs);
            let wanted = 0..rng.below(length.max(1));
            (ours, theirs) = (items.clone(), items);
            sort_part(&mut ours, wanted.clone(), |a, b| a.0.cmp(&b.0));
            partial_sort(&mut theirs, wanted, &mut |a, b| a.0.cmp(&b.0));
            assert_eq!(ours, theirs, "items go the ways of their indices");
        }
    }
}
