//! Sorting of which only a part is looked at: Bentley and McIlroy's quicksort ("Engineering a Sort Function", 1993),
//! left alone where no wanted place is. It is not stable, and replies show how: where Redis sorts this way, equal
//! elements come in the same order here.

use std::cmp::Ordering;
use std::ops::Range;

/// Up to this many elements are sorted by insertion.
const FEW: usize = 6;

/// From this many on the pivot is the middle of nine elements, not of three.
const MANY: usize = 41;

/// Brings the elements of the places `wanted` to where sorting all of `items` would. Expected O(n + m log m) for m
/// wanted places, never more than O(n log n).
pub fn partial_sort<T>(items: &mut [T], wanted: Range<usize>, order: &mut impl FnMut(&T, &T) -> Ordering) {
    let halvings = items.len().checked_ilog2().unwrap_or(0) as usize;
    sort(items, 0, &wanted, order, 16 + 4 * halvings);
}

/// Sorts `items`, the first of which is at place `start` of the whole. After `budget` partitions a heap takes
/// over: only an order made up to hurt gets there.
fn sort<T>(
    mut items: &mut [T],
    mut start: usize,
    wanted: &Range<usize>,
    order: &mut impl FnMut(&T, &T) -> Ordering,
    mut budget: usize,
) {
    loop {
        if items.len() <= FEW {
            for end in 1..items.len() {
                let mut at = end;
                while at > 0 && order(&items[at - 1], &items[at]) == Ordering::Greater {
                    items.swap(at - 1, at);
                    at -= 1;
                }
            }
            return;
        }
        if budget == 0 {
            return heap_sort(items, order);
        }
        budget -= 1;
        let (less, greater) = partition(items, order);
        let length = items.len();
        let is_wanted = |start: usize, count: usize| count > 1 && start < wanted.end && wanted.start < start + count;
        let (low, rest) = items.split_at_mut(less);
        if is_wanted(start, less) {
            sort(low, start, wanted, order, budget);
        }
        let behind = start + length - greater;
        if !is_wanted(behind, greater) {
            return;
        }
        let equal = rest.len() - greater;
        (items, start) = (&mut rest[equal..], behind);
    }
}

/// Sorts by a heap: O(n log n) whatever the order is.
fn heap_sort<T>(items: &mut [T], order: &mut impl FnMut(&T, &T) -> Ordering) {
    let length = items.len();
    for step in (0..length + length / 2).rev() {
        // First the heap is built from its last parent on; then its top goes behind what is left of it, again and again.
        let (mut at, end) = if step >= length { (step - length, length) } else { (0, step) };
        if step < length {
            items.swap(0, step);
        }
        loop {
            let mut child = 2 * at + 1;
            if child + 1 < end && order(&items[child], &items[child + 1]) == Ordering::Less {
                child += 1;
            }
            if child >= end || order(&items[at], &items[child]) != Ordering::Less {
                break;
            }
            items.swap(at, child);
            at = child;
        }
    }
}

/// Brings what is less than a pivot to the front and what is greater to the end; how many of each there are.
fn partition<T>(items: &mut [T], order: &mut impl FnMut(&T, &T) -> Ordering) -> (usize, usize) {
    let last = items.len() - 1;
    let pivot = pivot(items, order);
    items.swap(0, pivot);
    // Elements equal to the pivot gather at both ends: before `equal_low` and behind `equal_high`.
    let (mut equal_low, mut low) = (1, 1);
    let (mut equal_high, mut high) = (last, last);
    loop {
        while low <= high {
            match order(&items[low], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(equal_low, low);
                    equal_low += 1;
                }
                Ordering::Less => {}
            }
            low += 1;
        }
        while low <= high {
            match order(&items[high], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(high, equal_high);
                    equal_high -= 1;
                }
                Ordering::Greater => {}
            }
            high -= 1;
        }
        if low > high {
            break;
        }
        items.swap(low, high);
        low += 1;
        high -= 1;
    }
    let (less, greater) = (low - equal_low, equal_high - high);
    exchange(items, 0, low, equal_low.min(less));
    exchange(items, low, items.len(), greater.min(last - equal_high));
    (less, greater)
}

/// Exchanges the `count` elements from `start` on with those before `end`.
fn exchange<T>(items: &mut [T], start: usize, end: usize, count: usize) {
    (0..count).for_each(|offset| items.swap(start + offset, end - count + offset));
}

/// Where the pivot of more than [`FEW`] elements is.
fn pivot<T>(items: &[T], order: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
    let (length, middle) = (items.len(), items.len() / 2);
    match length {
        7 => middle,
        8..MANY => median(items, [0, middle, length - 1], order),
        _ => {
            let far = length / 8;
            let low = median(items, [0, far, 2 * far], order);
            let center = median(items, [middle - far, middle, middle + far], order);
            let high = median(items, [length - 1 - 2 * far, length - 1 - far, length - 1], order);
            median(items, [low, center, high], order)
        }
    }
}

/// Which of three places holds the element in the middle; among equal ones the choice is part of the order.
fn median<T>(items: &[T], [a, b, c]: [usize; 3], order: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
    let mut compare = |one: usize, other: usize| order(&items[one], &items[other]);
    if compare(a, b) == Ordering::Less {
        match () {
            () if compare(b, c) == Ordering::Less => b,
            () if compare(a, c) == Ordering::Less => c,
            () => a,
        }
    } else {
        match () {
            () if compare(b, c) == Ordering::Greater => b,
            () if compare(a, c) == Ordering::Less => a,
            () => c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Rng;

    #[test]
    fn wanted_places_hold_what_sorting_would_put_there() {
        let mut rng = Rng::new(4);
        for _ in 0..2000 {
            let (length, values) = (rng.below(300), 1 + rng.below(400));
            let mut items: Vec<(usize, usize)> = (0..length).map(|index| (rng.below(values), index)).collect();
            let mut sorted: Vec<usize> = items.iter().map(|item| item.0).collect();
            sorted.sort();
            let start = rng.below(length + 1);
            let end = start + rng.below(length - start + 1);
            partial_sort(&mut items, start..end, &mut |a, b| a.0.cmp(&b.0));
            let held: Vec<usize> = items[start..end].iter().map(|item| item.0).collect();
            assert_eq!(held, sorted[start..end]);
            items.sort_by_key(|item| item.1);
            assert!(items.iter().enumerate().all(|(index, item)| item.1 == index), "nothing is lost or doubled");
        }
    }

    #[test]
    fn an_order_made_up_to_hurt_does_not() {
        // McIlroy's adversary: a value is decided only when it is compared, always so that it is of least use.
        let length = 20_000;
        let (mut values, mut solid, mut candidate, mut compared) = (vec![usize::MAX; length], 0, 0, 0u64);
        let mut items: Vec<usize> = (0..length).collect();
        partial_sort(&mut items, 0..length, &mut |&a: &usize, &b: &usize| {
            compared += 1;
            if values[a] == usize::MAX && values[b] == usize::MAX {
                let decided = if a == candidate { a } else { b };
                values[decided] = solid;
                solid += 1;
            }
            if values[a] == usize::MAX {
                candidate = a;
            } else if values[b] == usize::MAX {
                candidate = b;
            }
            values[a].cmp(&values[b])
        });
        assert!(compared < 4_000_000, "{compared} comparisons");
    }
}
