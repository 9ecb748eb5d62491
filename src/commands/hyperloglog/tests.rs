//! What transcripts do not see: effects, and damage met halfway.

use crate::commands::testing::Bench;

#[test]
fn counting_is_an_effect_only_when_it_writes_down_what_it_found() {
    let mut bench = Bench::new(1);
    assert_eq!(bench.run("PFADD k a b c"), ":1\r\n");
    assert_eq!((bench.changes.dirty, bench.events()), (4, "pfadd k".to_owned()));
    assert_eq!(bench.run("PFCOUNT k"), ":3\r\n");
    assert_eq!(bench.effects(), ["PFCOUNT k"]);
    assert_eq!((bench.changes.dirty, bench.events(), bench.changes.touched.len()), (1, String::new(), 1));
    assert_eq!(bench.run("PFCOUNT k"), ":3\r\n");
    assert_eq!((bench.changes.dirty, bench.effects().len()), (0, 0));
    assert_eq!(bench.run("PFADD k a"), ":0\r\n");
    assert_eq!((bench.changes.dirty, bench.events()), (0, String::new()));
    assert_eq!(bench.run("PFCOUNT k missing"), ":3\r\n");
    assert_eq!(bench.changes.dirty, 0);
    assert_eq!(bench.run("PFMERGE d k"), "+OK\r\n");
    assert_eq!((bench.changes.dirty, bench.events()), (1, "pfadd d".to_owned()));
}

#[test]
fn what_was_added_before_the_damage_counts_as_a_change() {
    let mut bench = Bench::new(1);
    let damaged = |bench: &mut Bench| {
        // Half of the registers: some elements find theirs, others do not.
        bench.run_args(&[b"SET", b"k", b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x5f\xff"]);
    };
    let corrupted = "-INVALIDOBJ Corrupted HLL object detected\r\n";
    let (mut inside, mut outside) = (String::new(), String::new());
    for number in 0..20 {
        damaged(&mut bench);
        match bench.run(&format!("PFADD k {number}")) {
            reply if reply == corrupted => outside = number.to_string(),
            _ => inside = number.to_string(),
        }
    }
    damaged(&mut bench);
    assert_eq!(bench.run(&format!("PFADD k {inside} {outside}")), corrupted);
    assert_eq!((bench.changes.dirty, bench.events()), (1, String::new()));
    assert_eq!(bench.run(&format!("PFADD k {inside} {outside}")), corrupted);
    assert_eq!(bench.changes.dirty, 0);
}

#[test]
fn the_longest_sparse_value_is_configured() {
    let mut bench = Bench::new(1);
    bench.space.limits.sparse = 24;
    bench.run("PFADD k a");
    assert_eq!(bench.run("PFDEBUG ENCODING k"), "+sparse\r\n");
    bench.run("PFADD k b c d");
    assert_eq!(bench.run("PFDEBUG ENCODING k"), "+dense\r\n");
    assert_eq!(bench.run("PFCOUNT k"), ":4\r\n");
}
