use super::*;

fn space() -> Keyspace {
    let mut space = Keyspace::new(2, 1);
    space.set_clock(1_000_000);
    space
}

#[test]
fn an_expired_key_is_gone_for_every_access_and_is_recorded_as_removed() {
    let mut space = space();
    space.changes.record_effects = true;
    let mut keys = space.keys(0);
    keys.put(b"a", Value::string(b"1"));
    keys.set_expiry(b"a", Some(1500));
    assert_eq!(keys.expiry(b"a"), Some(Some(1500)));
    space.set_clock(1_499_999);
    assert!(space.keys(0).exists(b"a"));
    space.set_clock(1_500_000);
    assert!(!space.keys(0).exists(b"a"));
    assert_eq!(space.database(0).len(), 0);
    assert_eq!(space.changes.removals.len(), 1);
    assert_eq!(space.stats.expired, 1);
}

#[test]
fn active_expiry_removes_what_is_due_in_slices_and_nothing_else() {
    let mut space = space();
    let mut keys = space.keys(1);
    for i in 0..5000i64 {
        let key = format!("key:{i}");
        keys.put(key.as_bytes(), Value::string(b"x"));
        keys.set_expiry(key.as_bytes(), Some(if i % 2 == 0 { 2000 } else { 900_000 }));
    }
    assert_eq!(space.next_expiry(), Some(2000));
    space.set_clock(3_000_000);
    let mut slices = 0;
    while space.expire_some(200) {
        slices += 1;
        assert!(slices < 1000);
    }
    assert!(slices > 5, "one slice did it all");
    assert_eq!(space.database(1).len(), 2500);
    assert_eq!(space.next_expiry(), Some(900_000));
}

#[test]
fn overwriting_forgets_the_expiry_unless_it_is_kept() {
    let mut space = space();
    let mut keys = space.keys(0);
    keys.put(b"a", Value::string(b"1"));
    keys.set_expiry(b"a", Some(5000));
    keys.put_keeping_expiry(b"a", Value::string(b"2"));
    assert_eq!(keys.expiry(b"a"), Some(Some(5000)));
    keys.put(b"a", Value::string(b"3"));
    assert_eq!(keys.expiry(b"a"), Some(None));
    assert_eq!(space.next_expiry(), None);
}

#[test]
fn scan_visits_all_that_stays_while_others_come_and_go() {
    let mut space = space();
    for i in 0..3000 {
        space.keys(0).put(format!("stay:{i}").as_bytes(), Value::string(b"x"));
    }
    let (mut cursor, mut seen, mut round) = (0, std::collections::HashSet::new(), 0);
    loop {
        cursor = space.database(0).scan(cursor, 10, &mut |entry| {
            seen.insert(entry.key().to_vec());
        });
        for i in 0..20 {
            space.keys(0).put(format!("come:{round}:{i}").as_bytes(), Value::string(b"x"));
            space.keys(0).take(format!("come:{}:{i}", round - 3).as_bytes());
        }
        round += 1;
        if cursor == 0 {
            break;
        }
    }
    assert!((0..3000).all(|i| seen.contains(format!("stay:{i}").as_bytes())));
}

#[test]
fn a_lazy_flush_gives_memory_back_in_slices() {
    let mut space = space();
    for i in 0..5000 {
        space.keys(0).put(format!("key:{i}").as_bytes(), Value::string(b"x"));
    }
    let limits = crate::structures::set::Limits::default();
    let mut set = crate::structures::set::Set::new();
    (0..3000).for_each(|i| assert!(set.add(format!("member:{i}").as_bytes(), &limits)));
    space.keys(0).put(b"set", Value::Set(set));
    assert_eq!(space.flush(0, true), 5001);
    assert!(space.database(0).is_empty() && space.has_garbage());
    let mut slices = 1;
    while space.free_some(500) {
        slices += 1;
    }
    assert!((12..40).contains(&slices), "{slices} slices");
    assert!(!space.has_garbage());
}
