//! The rows were answered by a redis-server on x86-64.

use super::*;

fn sum(current: &str, increment: &str) -> String {
    match add_decimal(current.as_bytes(), increment.as_bytes()) {
        Ok(text) => String::from_utf8(text).unwrap(),
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn sums_have_the_digits_of_a_long_double() {
    for (current, increment, expected) in [
        ("0.1", "0.2", "0.3"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("3", "1.1", "4.1"),
        ("-1.5", "1.5", "0"),
        ("-0", "-0", "0"),
        ("0", "-1e-20", "0"),
        ("0", "1e-17", "0.00000000000000001"),
        ("0", "5e-18", "0"),
        ("0", "5.1e-18", "0.00000000000000001"),
        ("0", "1.5e-17", "0.00000000000000002"),
        ("0", "0.99999999999999999999", "1"),
        ("-0.99999999999999999999", "0", "-1"),
        ("0", "0.000003814697265625", "0.00000381469726562"),
        ("0", "0.000011444091796875", "0.00001144409179688"),
        // The tie between two numbers of 64 bits goes to the even one; a digit far behind breaks it.
        ("0", "18446744073709551617", "18446744073709551616"),
        ("0", "18446744073709551619", "18446744073709551620"),
        ("0", "18446744073709551617.000000000000000000000000000000000000001", "18446744073709551618"),
        ("18446744073709551616", "1", "18446744073709551616"),
        ("18446744073709551618", "1", "18446744073709551620"),
        ("18446744073709551616", "1.0000001", "18446744073709551618"),
        ("9223372036854775807", "1", "9223372036854775808"),
        ("-9223372036854775808", "0.5", "-9223372036854775807.5"),
        ("18446744073709551615", "0", "18446744073709551615"),
        ("18446744073709551616", "-0.1", "18446744073709551616"),
        ("1e18", "0.5", "1000000000000000000.5"),
        ("1e22", "1025", "10000000000000000001024"),
        ("0x10", "0X1.8p1", "19"),
        ("0x123456789abcdef8000000001", "0", "90144042682896312367377809408"),
    ] {
        assert_eq!(sum(current, increment), expected, "{current} + {increment}");
    }
}

#[test]
fn texts_that_are_no_number_are_refused_on_their_side() {
    let long = format!("0.{}", "0".repeat(MAX_TEXT - 1));
    for text in [
        "",
        " 1",
        "1 ",
        "+",
        "-",
        ".",
        "--1",
        "+-1",
        "1.2.3",
        "1,5",
        "1_0",
        "0b1",
        "abc",
        "e1",
        "1e",
        "1e+",
        "1e5.5",
        "0x",
        "0x.",
        "0x.p1",
        "0x1p",
        "0x1p+",
        "nan",
        "-nan",
        "NaN(1)",
        "infinit",
        "1\0",
        "1e5000",
        "-1e4933",
        "1.2e4932",
        "1e-4952",
        "1.8e-4951",
        "0x1p16384",
        "0x1.ffffffffffffffffp16383",
        "0x1p-16446",
        "1e99999999999999999999",
        &long,
    ] {
        assert_eq!(sum(text, "0"), "Current", "{text}");
        assert_eq!(sum("0", text), "Increment", "{text}");
        assert_eq!(sum(text, text), "Current", "{text}");
    }
}

#[test]
fn the_ends_of_the_range() {
    for text in ["+5", "5.", "+5.0", "005", "5e0", "50E-1", "0x5", "0xap-1", "0.05e00000000000000000000002"] {
        assert_eq!(sum(text, "0"), "5", "{text}");
    }
    for text in
        ["0e99999", "0x0p99999", "1.9e-4951", "3.6e-4951", "0x1p-16445", "0x1.8p-16446", "0e-99999", &long_zero()]
    {
        assert_eq!(sum(text, "0"), "0", "{text}");
    }
    for (current, increment) in [("inf", "1"), ("1", "-Infinity"), ("inf", "-inf"), ("1.1e4932", "1.1e4932")] {
        assert_eq!(sum(current, increment), "NotFinite");
    }
    let greatest = sum("0x1.fffffffffffffffep16383", "0");
    assert_eq!((greatest.len(), &greatest[..22]), (4933, "1189731495357231765021"));
    assert_eq!(greatest, sum(&greatest, "1e4800"));
    assert_eq!(sum(&greatest, &format!("-{greatest}")), "0");
    assert_eq!(sum(&format!("1{}e-4000", "0".repeat(4000)), "1"), "2");
    assert_eq!(sum(&format!("0.{}1e4001", "0".repeat(4000)), "1"), "2");
}

fn long_zero() -> String {
    "0".repeat(MAX_TEXT)
}

#[test]
fn the_big_and_the_fast_way_agree() {
    let mut rng = crate::bytes::Rng::new(7);
    for _ in 0..2000 {
        let digits = rng.next_u64() >> 11;
        // Small enough never to be a tie, which the 1 behind would break.
        let power = rng.below(24) as i64 - 20;
        // Zeros in front do not change the value, zeros within the digits take the long way.
        let short = format!("{digits}e{power}");
        let long = format!("{digits}.{}1e{power}", "0".repeat(60));
        assert_eq!(sum(&short, "0"), sum(&long, "0"), "{short}");
    }
}

#[test]
fn small_sums_agree_with_integers() {
    let mut rng = crate::bytes::Rng::new(8);
    for _ in 0..2000 {
        let mut number = || (rng.next_u64() >> 24) as i64 - (1 << 39);
        let (a, b) = (number(), number());
        assert_eq!(sum(&a.to_string(), &b.to_string()), (a + b).to_string());
        // Exact in binary: quarters.
        let quarters = |n: i64| format!("{}", n as f64 / 4.0);
        assert_eq!(sum(&quarters(a), &quarters(b)), quarters(a + b));
    }
}
