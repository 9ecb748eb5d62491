use super::*;
use crate::keyspace::Expiry;

fn space(policy: Policy) -> Keyspace {
    let mut space = Keyspace::new(4, 7);
    space.set_clock(1_700_000_000_000_000);
    space.set_policy(policy);
    space
}

fn policy(volatile_only: bool, order: Order) -> Policy {
    Policy { volatile_only, order: Some(order) }
}

/// Puts a key into database `db`, with an expiry in so many seconds or none.
fn put(space: &mut Keyspace, db: usize, key: &str, seconds: Option<i64>) {
    let expiry = seconds.map_or(Expiry::Never, |seconds| Expiry::At(space.now() + seconds * 1000));
    space.keys(db).put_string(key.as_bytes(), b"value", expiry);
}

/// Looks for candidates `rounds` times; how often each number was one, of keys that end in one below `keys`.
fn drawn(space: &mut Keyspace, volatile: bool, rounds: usize, keys: usize) -> Vec<usize> {
    let mut counts = vec![0; keys];
    for _ in 0..rounds {
        space.offer_some(0, volatile, Order::Random);
        for candidate in std::mem::take(&mut space.eviction.pool) {
            let entry = space.databases[0].find_hash(candidate.place).expect("it is there");
            let digits: Vec<u8> = entry.key().iter().copied().filter(u8::is_ascii_digit).collect();
            counts[String::from_utf8(digits).unwrap().parse::<usize>().unwrap()] += 1;
        }
    }
    counts
}

/// Whether counts are as even as chance makes them: the sum of squares is what it should be, within five deviations.
fn even(counts: &[usize]) -> bool {
    let (count, total) = (counts.len() as f64, counts.iter().sum::<usize>() as f64);
    let mean = total / count;
    let chi: f64 = counts.iter().map(|&count| (count as f64 - mean).powi(2) / mean).sum();
    (chi - (count - 1.0)).abs() < 5.0 * (2.0 * (count - 1.0)).sqrt()
}

#[test]
fn every_key_is_as_likely_a_sample_however_keys_lie() {
    // Spread over all segments; in one segment, by a tag; half and half.
    for names in [[""; 2], ["{a}"; 2], ["", "{a}"]] {
        let mut space = space(policy(false, Order::Random));
        for i in 0..600 {
            put(&mut space, 0, &format!("{}{i}", names[i % 2]), None);
        }
        let counts = drawn(&mut space, false, 3000, 600);
        assert!(even(&counts), "{names:?}: {:?}", &counts[..50]);
    }
}

#[test]
fn every_volatile_key_is_as_likely_a_sample_whether_many_or_few_are() {
    for (share, tag) in [(1, ""), (3, ""), (40, ""), (3, "{a}"), (100, "{a}")] {
        let mut space = space(policy(true, Order::Random));
        for i in 0..100 * share {
            let (name, expiry) = if i % share == 0 { (i / share, Some(100)) } else { (i + 1000, None) };
            put(&mut space, 0, &format!("{tag}{name}"), expiry);
        }
        let counts = drawn(&mut space, true, 1000, 100);
        assert!(even(&counts), "1 of {share} {tag}: {counts:?}");
    }
}

#[test]
fn nothing_is_sampled_where_nothing_is() {
    let mut space = space(policy(true, Order::Soonest));
    assert_eq!(space.evict_one(), 0);
    put(&mut space, 2, "a", None);
    assert_eq!(space.evict_one(), 0);
    space.set_policy(Policy::default());
    assert_eq!(space.evict_one(), 0);
    space.set_policy(policy(false, Order::LeastRecent));
    assert!(space.evict_one() > 0);
    assert_eq!((space.database(2).len(), space.stats.evicted), (0, 1));
}

#[test]
fn with_as_many_samples_as_keys_the_order_is_exact_over_databases() {
    for order in [Order::LeastRecent, Order::Soonest, Order::LeastFrequent] {
        let mut space = space(policy(true, order));
        space.set_samples(64);
        space.set_frequency_limits(Some(0), Some(0));
        // The higher the number, the later it was used, the later it expires, the more often it was used.
        for i in 0..60 {
            put(&mut space, i % 3, &format!("k{i:02}"), Some(1000 + i as i64));
            for _ in 0..i {
                space.keys(i % 3).read(format!("k{i:02}").as_bytes());
            }
            space.set_clock(space.now_us() + 1_000_000);
        }
        let mut gone = Vec::new();
        space.changes.record_effects = true;
        while space.evict_one() > 0 {
            let removal = space.changes.removals.pop().expect("an effect");
            gone.push(String::from_utf8(removal.argv[1].to_vec()).unwrap());
        }
        let sorted = gone.windows(2).all(|pair| pair[0] < pair[1]);
        assert!(gone.len() == 60 && sorted, "{order:?}: {gone:?}");
    }
}

#[test]
fn what_has_expired_goes_first_and_is_no_eviction() {
    let mut space = space(policy(false, Order::LeastRecent));
    space.set_samples(64);
    put(&mut space, 0, "old", None);
    space.set_clock(space.now_us() + 5_000_000);
    put(&mut space, 0, "due", Some(1));
    space.set_clock(space.now_us() + 5_000_000);
    assert!(space.evict_one() > 0);
    assert_eq!((space.stats.expired, space.stats.evicted), (1, 0));
    assert!(space.keys(0).exists(b"old"));
}

#[test]
fn a_candidate_that_was_used_since_or_is_gone_or_stays_now_is_passed_over() {
    let mut space = space(policy(true, Order::LeastRecent));
    space.set_samples(64);
    for i in 0..8 {
        put(&mut space, 0, &format!("k{i}"), Some(1000));
        space.set_clock(space.now_us() + 1_000_000);
    }
    assert!(space.evict_one() > 0);
    assert!(!space.keys(0).exists(b"k0"));
    space.keys(0).read(b"k1");
    space.keys(0).set_expiry(b"k2", None);
    space.keys(0).delete(b"k3");
    put(&mut space, 0, "k3", None);
    let gone = |space: &mut Keyspace, key: &str| !space.keys(0).exists(key.as_bytes());
    // The pool holds what was known before: only what still holds counts.
    assert!(space.evict_one() > 0 && gone(&mut space, "k4"));
    assert!(space.evict_one() > 0 && gone(&mut space, "k5"));
    for _ in 0..3 {
        assert!(space.evict_one() > 0);
    }
    assert_eq!(space.evict_one(), 0, "k2 and k3 do not expire");
    assert_eq!(space.database(0).len(), 2);
}
