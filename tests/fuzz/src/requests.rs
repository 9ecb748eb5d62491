//! Requests as bytes of a socket: however they are cut, the parser finds the same requests or the same fault, and the
//! engine answers and goes on.

use cachelet::catalog;
use cachelet::engine::{Engine, Setup};
use cachelet::resp::{Parsed, Parser};

/// What a parser made of bytes handed to it in pieces: each request's arguments, and the fault that ended it.
fn parse(pieces: &[&[u8]]) -> (Vec<Vec<Vec<u8>>>, Option<String>) {
    const MOST: usize = 1 << 20;
    let (mut parser, mut kept, mut found) = (Parser::default(), Vec::new(), Vec::new());
    for piece in pieces {
        kept.extend_from_slice(piece);
        let mut at = 0;
        loop {
            match parser.next(&kept[at..], MOST, true) {
                Ok(Parsed::Incomplete) => break,
                Ok(Parsed::Nothing(taken)) => at += taken,
                Ok(Parsed::Request(taken)) => {
                    assert!(taken > 0 && at + taken <= kept.len());
                    found.push(parser.args(&kept[at..]).iter_from(0).map(<[u8]>::to_vec).collect());
                    at += taken;
                }
                Err(fault) => return (found, Some(format!("{:?}", String::from_utf8_lossy(fault.as_ref())))),
            }
        }
        kept.drain(..at);
    }
    (found, None)
}

/// The first byte says where the rest is cut.
pub fn run(data: &[u8]) {
    let Some((cut, bytes)) = data.split_first() else { return };
    let size = 1 + usize::from(*cut) % 17;
    let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
    let (whole, cut) = (parse(&[bytes]), parse(&pieces));
    assert_eq!(whole, cut, "cut every {size} bytes");

    let setup = Setup { seed: 1, now_us: 1_700_000_000_000_000, ..Setup::default() };
    let mut engine = Engine::new(catalog::table(), setup);
    engine.configure("proto-max-bulk-len", &[b"1mb"]).expect("a limit");
    let id = engine.open(false);
    for piece in pieces {
        engine.receive(id, piece);
        engine.sent(id, engine.output(id).len());
    }
    engine.close(id);
    super::serves_the_next(&mut engine);
}

/// Requests of both kinds, and what is nearly one.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[u8]; 6] = [
        b"\x05*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n12\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
        b"\x00PING\r\nSET a \"x\\x41\\n\" \r\n'b c' d\n\r\n",
        b"\x01*0\r\n*-1\r\n*1\r\n$4\r\nQUIT\r\n",
        b"\x03*2\r\n$4\r\nECHO\r\n$0\r\n\r\nHELLO 3\r\n",
        b"\x10*1048577\r\n",
        b"\x02*1\r\n$1048577\r\n*1\r\n:1\r\n",
    ];
    texts.map(<[u8]>::to_vec).to_vec()
}
