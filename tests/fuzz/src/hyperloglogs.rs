//! Strings that say they are HyperLogLogs, sparse and dense.

use super::payloads::Client;

/// The input is the string, header completed where it is too short for one of its own.
pub fn run(data: &[u8]) {
    let mut client = Client::new(1);
    client.line("PFADD other a b c");
    let mut dense = b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    dense.resize(16 + 12288, data.first().copied().unwrap_or_default());
    let tail = dense.len() - data.len().min(12288);
    dense[tail..].copy_from_slice(&data[data.len() - data.len().min(12288)..]);
    for value in [data.to_vec(), [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80", data].concat(), dense] {
        client.run(&[b"SET", b"k", &value]);
        for line in [
            "PFCOUNT k",
            "PFCOUNT k other",
            "PFMERGE into k other",
            "PFDEBUG DECODE k",
            "PFDEBUG GETREG k",
            "PFADD k x y z",
            "PFCOUNT k",
            "PFDEBUG TODENSE k",
            "PFCOUNT k",
        ] {
            assert!(!client.line(line).is_empty(), "{line}");
        }
    }
    assert_eq!(client.line("PING"), b"+PONG\r\n");
}

/// Both forms as a server makes them, and the sparse one without its header.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut client = Client::new(1);
    for number in 0..40 {
        client.line(&format!("PFADD sparse {number}"));
    }
    let reply = client.line("GET sparse");
    let start = reply.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let sparse = reply[start..reply.len() - 2].to_vec();
    vec![sparse[16..].to_vec(), sparse, b"\x7f\xff\x40\x00\x80\xfc\x00".to_vec()]
}
