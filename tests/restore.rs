//! Damaged payloads with a right checksum, restored into a running engine: an error, or a value that everything may be
//! done with. Nothing may trap, and what commands say about the value has to agree.

#[path = "fuzz/src/payloads.rs"]
#[allow(dead_code)]
mod payloads;

use cachelet::bytes::Rng;

#[test]
fn a_damaged_payload_is_an_error_or_a_value_like_any() {
    let (mut restored, mut refused) = (0, 0);
    for seed in 0..12 {
        let (mut client, mut rng) = (payloads::Client::new(seed), Rng::new(seed));
        let bodies = payloads::bodies(&mut client, &mut rng);
        for round in 0..400 {
            let mut body = bodies[rng.below(bodies.len())].clone();
            for _ in 0..1 + rng.below(3) {
                let at = if round % 2 == 0 { rng.below(body.len()) } else { rng.below(body.len().min(32)) };
                match rng.below(5) {
                    0 => body.truncate(at.max(1)),
                    1 => body[at] = [0, 1, 0x7F, 0x80, 0xFE, 0xFF][rng.below(6)],
                    2 => body.insert(at, rng.next_u64() as u8),
                    3 => body[0] = rng.below(26) as u8,
                    _ => body[at] ^= 1 << rng.below(8),
                }
            }
            if payloads::restore(&mut client, &mut rng, &body) {
                restored += 1;
            } else {
                refused += 1;
            }
        }
        assert_eq!(client.line("PING"), b"+PONG\r\n");
    }
    assert!(restored > 300 && refused > 1000, "{restored} {refused}");
}
