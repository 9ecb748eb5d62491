//! Sorting that is compiled once. The standard library's sorts are fast and large, 6 to 9 KB for each type and order;
//! where few things are sorted, or comparing them is most of the work, their indices are sorted instead, by a call
//! for each comparison.

use std::cmp::Ordering;

/// Sorts indices; `compare` must tell any two apart for the result to be decided by it. O(n log n).
pub fn sort_indices(indices: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    indices.sort_unstable_by(|&a, &b| compare(a, b));
}

/// Sorts `items`; those that compare the same stay in their order. O(n log n), and a word of memory for each.
pub fn sort_by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let mut from: Vec<usize> = (0..items.len()).collect();
    sort_indices(&mut from, &mut |a, b| compare(&items[a], &items[b]).then(a.cmp(&b)));
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
            let (mut ours, mut theirs) = (items.clone(), items);
            sort_by_key(&mut ours, |item| item.0);
            theirs.sort_by_key(|item| item.0);
            assert_eq!(ours, theirs);
        }
    }
}
