use super::*;

const MAX: usize = 512 << 20;

fn all(input: &[u8], step: usize) -> Result<Vec<Vec<Vec<u8>>>, String> {
    let (mut parser, mut found, mut start, mut end) = (Parser::default(), Vec::new(), 0, 0);
    while end < input.len() {
        end = (end + step).min(input.len());
        loop {
            let bytes = &input[start..end];
            match parser.next(bytes, MAX, true)? {
                Parsed::Incomplete => break,
                Parsed::Nothing(taken) => start += taken,
                Parsed::Request(taken) => {
                    found.push(parser.args(bytes).iter_from(0).map(<[u8]>::to_vec).collect());
                    start += taken;
                }
            }
        }
    }
    Ok(found)
}

#[test]
fn the_same_requests_however_the_bytes_are_cut() {
    let input =
        b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n*0\r\n\r\nset \"a\\x41\\n\" 'b\\'c' \r\n*-1\r\n*1\r\n$12\r\nabc\r\ndefghij\r\n";
    let whole = all(input, input.len()).unwrap();
    assert_eq!(whole.len(), 3);
    assert_eq!(whole[1], [b"set".to_vec(), b"aA\n".to_vec(), b"b'c".to_vec()]);
    assert_eq!(whole[2], [b"abc\r\ndefghij".to_vec()]);
    for step in 1..input.len() {
        assert_eq!(all(input, step).unwrap(), whole, "{step} bytes a time");
    }
}

#[test]
fn breaches_are_named_as_redis_names_them() {
    for (input, text) in [
        ("*1\r\n:1\r\n", "expected '$', got ':'"),
        ("*x\r\n", "invalid multibulk length"),
        ("*2147483648\r\n", "invalid multibulk length"),
        ("*1\r\n$-1\r\n", "invalid bulk length"),
        ("*1\r\n$536870913\r\n", "invalid bulk length"),
        ("get \"a\r\n", "unbalanced quotes in request"),
        ("get \"a\"b\r\n", "unbalanced quotes in request"),
    ] {
        assert_eq!(all(input.as_bytes(), 1), Err(format!("ERR Protocol error: {text}")), "{input}");
    }
    let long = "x".repeat(MAX_LINE + 1);
    assert!(all(long.as_bytes(), 999).unwrap_err().contains("too big inline request"));
    assert!(all(format!("*{long}").as_bytes(), 999).unwrap_err().contains("too big mbulk count string"));
    assert!(all(format!("*1\r\n${long}").as_bytes(), 999).unwrap_err().contains("too big bulk count string"));
}

#[test]
fn before_auth_only_small_requests() {
    let mut parser = Parser::default();
    assert!(parser.next(b"*11\r\n", MAX, false).unwrap_err().contains("unauthenticated multibulk length"));
    assert!(Parser::default()
        .next(b"*1\r\n$16385\r\n", MAX, false)
        .unwrap_err()
        .contains("unauthenticated bulk length"));
}

#[test]
fn random_bytes_never_trap() {
    let mut rng = crate::bytes::Rng::new(11);
    let alphabet = b"*$0123456789\r\n\r\n\"' \\xab-";
    for _ in 0..20000 {
        let bytes: Vec<u8> = (0..rng.below(40)).map(|_| alphabet[rng.below(alphabet.len())]).collect();
        let whole = all(&bytes, 40);
        if let (Ok(whole), Ok(pieces)) = (whole, all(&bytes, 1)) {
            assert_eq!(whole, pieces);
        }
    }
}

#[test]
fn an_empty_line_counts_behind_a_length_that_came_in_two_parts() {
    let mut parser = Parser::default();
    let request = b"*1\r\n$1\r\na\r\n";
    assert_eq!(parser.next(&request[..7], 100, true), Ok(Parsed::Incomplete));
    assert_eq!(parser.next(request, 100, true), Ok(Parsed::Request(request.len())));
    assert_eq!(parser.next(b"\n*1\r\n", 100, true), Ok(Parsed::Nothing(1)));
}
