//! Against a model of single bits; what transcripts do not see: effects, limits, long strings.

use super::scan;
use crate::bytes::Rng;
use crate::commands::testing::Bench;

/// Bytes that are mostly plain, so that searches run far.
fn plain(rng: &mut Rng, length: usize) -> Vec<u8> {
    let base = [0, 0xff, 0x55][rng.below(3)];
    (0..length).map(|_| if rng.below(20) == 0 { rng.next_u64() as u8 } else { base }).collect()
}

type Operator = (&'static str, fn(u8, u8) -> u8);

fn bit(bytes: &[u8], position: u64) -> bool {
    bytes[(position >> 3) as usize] & 0x80 >> (position & 7) != 0
}

#[test]
fn counting_and_finding_agree_with_single_bits() {
    let mut rng = Rng::new(7);
    for _ in 0..3000 {
        let length = 1 + rng.below(70);
        let bytes = plain(&mut rng, length);
        let first = rng.below(length * 8) as u64;
        let last = first + rng.below(length * 8 - first as usize) as u64;
        let inside = || first..=last;
        let count = inside().filter(|&at| bit(&bytes, at)).count() as u64;
        assert_eq!(scan::count_between(&bytes, first, last), count);
        for wanted in [false, true] {
            let position = inside().find(|&at| bit(&bytes, at) == wanted);
            assert_eq!(scan::find(&bytes, first, last, wanted), position, "{bytes:?} {first}..={last}");
        }
    }
}

#[test]
fn fields_agree_with_single_bits() {
    let mut rng = Rng::new(11);
    let mut bench = Bench::new(1);
    let mut model = [false; 80 * 8];
    bench.run("SETBIT k 639 0");
    for _ in 0..3000 {
        let bits = 1 + rng.below(63);
        let offset = rng.below(model.len() - bits);
        let value = rng.next_u64() >> (64 - bits);
        let field = &mut model[offset..offset + bits];
        let old = field.iter().fold(0, |number, &bit| number << 1 | bit as u64);
        field.iter_mut().rev().enumerate().for_each(|(at, bit)| *bit = value >> at & 1 == 1);
        let reply = bench.run(&format!("BITFIELD k SET u{bits} {offset} {value} GET u{bits} {offset}"));
        assert_eq!(reply, format!("*2\r\n:{old}\r\n:{value}\r\n"));
        let signed = (value << (64 - bits)) as i64 >> (64 - bits);
        assert_eq!(bench.run(&format!("BITFIELD_RO k GET i{bits} {offset}")), format!("*1\r\n:{signed}\r\n"));
    }
}

#[test]
fn a_command_that_changes_nothing_has_no_effect() {
    let mut bench = Bench::new(1);
    let dirty = |bench: &mut Bench, line: &str| {
        bench.run(line);
        (bench.changes.dirty, bench.events())
    };
    let setbit = || "setbit k".to_owned();
    assert_eq!(dirty(&mut bench, "SETBIT k 7 0"), (1, setbit()));
    assert_eq!(dirty(&mut bench, "SETBIT k 7 0"), (0, String::new()));
    assert_eq!(dirty(&mut bench, "SETBIT k 7 1"), (1, setbit()));
    assert_eq!(dirty(&mut bench, "BITFIELD k GET u8 0"), (0, String::new()));
    assert_eq!(dirty(&mut bench, "BITFIELD k SET u8 0 1"), (0, String::new()));
    assert_eq!(dirty(&mut bench, "BITFIELD k SET u8 0 2 SET u8 0 2 SET u8 0 3"), (2, setbit()));
    assert_eq!(dirty(&mut bench, "BITFIELD k OVERFLOW FAIL SET u8 0 256"), (0, String::new()));
    // The string grows all the same: whoever repeats the command must see that.
    assert_eq!(dirty(&mut bench, "BITFIELD k OVERFLOW FAIL SET u8 40 256"), (1, String::new()));
    assert_eq!(dirty(&mut bench, "BITOP NOT d k"), (1, "set d".to_owned()));
    assert_eq!(dirty(&mut bench, "BITOP NOT d missing"), (1, "del d".to_owned()));
    assert_eq!(dirty(&mut bench, "BITOP NOT d missing"), (0, String::new()));
}

#[test]
fn no_bit_lies_past_the_longest_string() {
    let mut bench = Bench::new(1);
    bench.space.limits.bulk = 10;
    let far = "-ERR bit offset is not an integer or out of range\r\n";
    assert_eq!(bench.run("SETBIT k 79 1"), ":0\r\n");
    for line in ["SETBIT k 80 1", "GETBIT k 80", "BITFIELD k GET u8 80", "BITFIELD k SET u8 #10 1"] {
        assert_eq!(bench.run(line), far, "{line}");
    }
    // A field may begin at the last bit and reach over it.
    assert_eq!(bench.run("BITFIELD k SET i64 79 -1 GET i64 79"), "*2\r\n:-9223372036854775808\r\n:-1\r\n");
}

#[test]
fn operators_on_long_strings_agree_with_single_bytes() {
    let mut rng = Rng::new(3);
    let mut bench = Bench::new(1);
    for _ in 0..200 {
        let strings: Vec<Vec<u8>> = (0..1 + rng.below(4))
            .map(|_| {
                let length = rng.below(200);
                plain(&mut rng, length)
            })
            .collect();
        let names: Vec<String> = (0..strings.len()).map(|index| format!("s{index}")).collect();
        for (name, bytes) in names.iter().zip(&strings) {
            bench.run_args(&[b"SET", name.as_bytes(), bytes]);
        }
        let longest = strings.iter().map(Vec::len).max().unwrap_or(0);
        let operators: [Operator; 3] = [("AND", |a, b| a & b), ("OR", |a, b| a | b), ("XOR", |a, b| a ^ b)];
        for (operator, work) in operators {
            bench.run(&format!("BITOP {operator} d {}", names.join(" ")));
            let at = |bytes: &Vec<u8>, index: usize| bytes.get(index).copied().unwrap_or(0);
            let wanted: Vec<u8> = (0..longest)
                .map(|index| strings.iter().map(|bytes| at(bytes, index)).reduce(work).unwrap_or(0))
                .collect();
            let mut reply = format!("${longest}\r\n").into_bytes();
            reply.extend(wanted);
            reply.extend(b"\r\n");
            let null = longest == 0;
            assert_eq!(bench.run_args(&[b"GET", b"d"]), if null { b"$-1\r\n".to_vec() } else { reply });
        }
    }
}
